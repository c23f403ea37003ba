//! [`WakeUps`] on SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use hookline_domain::{
    kernel::port::PortError,
    outbound::{EndpointKey, MAX_WAKE_UP_DELAY, Pool, WakeUp, WakeUps},
};

use crate::failure;

const PORT: &str = "wake-up queue";

/// [`WakeUps`] on two SQS standard queues, one for each pool: one `SendMessage` for each wake-up. An endpoint is a message group,
/// which makes the queues fair
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).
#[derive(Debug, Clone)]
pub struct SqsWakeUps {
    client: Client,
    fast: String,
    slow: String,
}

impl SqsWakeUps {
    pub(crate) fn new(client: Client, fast: impl Into<String>, slow: impl Into<String>) -> Self {
        Self {
            client,
            fast: fast.into(),
            slow: slow.into(),
        }
    }
}

/// Delay in whole seconds, rounded up: a wake-up that comes too early finds nothing that is due.
fn delay_seconds(delay: Duration) -> i32 {
    let delay = delay.min(MAX_WAKE_UP_DELAY);
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

impl WakeUps for SqsWakeUps {
    async fn send(&self, endpoint: &EndpointKey, pool: Pool, delay: Duration) -> Result<(), PortError> {
        let url = match pool {
            Pool::Fast => &self.fast,
            Pool::Slow => &self.slow,
        };
        let wake_up = WakeUp {
            endpoint: endpoint.clone(),
        };
        self.client
            .send_message()
            .queue_url(url)
            .message_group_id(endpoint.id.as_str())
            .delay_seconds(delay_seconds(delay))
            .message_body(wake_up.body())
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }
}

//! [`Jobs`] on SQS.

use aws_sdk_sqs::Client;
use hookline_domain::{
    catalogue::jobs::{Job, Jobs},
    kernel::port::PortError,
};
use hookline_tables::message_group;
use jiff::SignedDuration;

use crate::failure::{self, Ours};

const PORT: &str = "job queue";

/// Longest delay of SQS, in seconds
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const MAX_DELAY_SECONDS: i64 = 900;

/// [`Jobs`] on an SQS standard queue: one `SendMessage` for each job. A store is a message group, as on the event queue.
#[derive(Debug, Clone)]
pub struct SqsJobs {
    client: Client,
    url: Option<String>,
}

/// A job has to be sent, and no queue is configured.
#[derive(Debug, thiserror::Error)]
#[error("SYNC_QUEUE_URL is not set")]
struct NoQueueError;

impl Ours for NoQueueError {}

impl SqsJobs {
    pub(crate) fn new(client: Client, url: Option<String>) -> Self {
        Self { client, url }
    }
}

impl Jobs for SqsJobs {
    async fn send(&self, job: &Job, delay: SignedDuration) -> Result<(), PortError> {
        let url = self
            .url
            .as_deref()
            .ok_or_else(|| failure::of_ours(PORT, NoQueueError))?;
        let body = serde_json::to_string(job).map_err(|error| failure::of_ours(PORT, error))?;
        let seconds = delay.as_secs().clamp(0, MAX_DELAY_SECONDS);
        self.client
            .send_message()
            .queue_url(url)
            .message_group_id(message_group(&job.store))
            .delay_seconds(i32::try_from(seconds).unwrap_or(0))
            .message_body(body)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }
}

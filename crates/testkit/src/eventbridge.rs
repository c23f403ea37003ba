//! EventBridge beside this process: a bus, and a rule that sends its events to a queue.

use std::time::Duration;

use aws_sdk_eventbridge::types::Target;
use hookline_aws::{Aws, Timeouts};
use serde_json::Value;
use tokio::time::Instant;

use crate::ministack::Ministack;

const BUS: &str = "listeners";

/// An EventBridge process with one bus and a rule for our events of one type. Killed on drop; ends when this process dies.
#[derive(Debug)]
pub struct EventBridge {
    process: Ministack,
    bus: String,
    queue_url: String,
}

impl EventBridge {
    /// Type of the events that the rule sends to the queue.
    pub const DETAIL_TYPE: &str = "custom.noted";

    /// Starts the process and creates bus, queue and rule.
    ///
    /// # Panics
    /// If `LOCAL_SHOPIFY_PYTHON` does not name the emulators' Python.
    pub async fn start() -> Self {
        let process = Ministack::start("events,sqs").await;
        let events = aws_sdk_eventbridge::Client::new(&process.config);
        let sqs = aws_sdk_sqs::Client::new(&process.config);
        let bus = events.create_event_bus().name(BUS).send().await.unwrap();
        let bus = bus.event_bus_arn.unwrap();
        let queue_url = sqs.create_queue().queue_name("listener").send().await.unwrap();
        let queue_url = queue_url.queue_url.unwrap();
        let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let attributes = sqs
            .get_queue_attributes()
            .queue_url(&queue_url)
            .attribute_names(arn.clone());
        let attributes = attributes.send().await.unwrap().attributes.unwrap();
        events
            .put_rule()
            .event_bus_name(BUS)
            .name("noted")
            .event_pattern(format!(
                r#"{{"source":["hookline.shopify"],"detail-type":["{}"]}}"#,
                Self::DETAIL_TYPE
            ))
            .send()
            .await
            .unwrap();
        let target = Target::builder().id("listener").arn(&attributes[&arn]).build().unwrap();
        events
            .put_targets()
            .event_bus_name(BUS)
            .rule("noted")
            .targets(target)
            .send()
            .await
            .unwrap();
        Self {
            process,
            bus,
            queue_url,
        }
    }

    /// The adapters, configured as in the fan-out function.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.process.config.clone(), Timeouts::Queue)
    }

    /// ARN of the bus.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// Receives the next `count` events of the queue, in the form of EventBridge. This emulator gives each the time at which
    /// it was posted.
    pub async fn receive(&self, count: usize) -> Vec<Value> {
        let sqs = aws_sdk_sqs::Client::new(&self.process.config);
        let deadline = Instant::now() + Duration::from_secs(15);
        let mut events = Vec::new();
        while events.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} events arrived", events.len());
            let received = sqs
                .receive_message()
                .queue_url(&self.queue_url)
                .max_number_of_messages(10)
                .wait_time_seconds(1)
                .send()
                .await
                .unwrap();
            for message in received.messages.unwrap_or_default() {
                events.push(serde_json::from_str(message.body().unwrap()).unwrap());
                let receipt = message.receipt_handle.unwrap();
                let deletion = sqs.delete_message().queue_url(&self.queue_url);
                deletion.receipt_handle(receipt).send().await.unwrap();
            }
        }
        events
    }
}

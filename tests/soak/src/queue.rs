//! The event queue and its dead letters, as Lambda's poller and a person with a console see them.

use anyhow::Context;
use hyper::Method;
use serde_json::{Value, json};

use crate::wire::Wire;

/// Time for which messages are hidden while the harness reads them.
const INSPECTION_VISIBILITY_SECONDS: u32 = 3_600;

/// One queue.
#[derive(Debug, Clone)]
pub struct Queue {
    wire: Wire,
    endpoint: String,
    url: String,
}

/// One copy of a message that has been received.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub receipt: String,
    pub body: String,
    pub receives: u32,
}

impl Message {
    /// Id of the delivery, from the first line of the message.
    pub fn delivery(&self) -> Option<String> {
        let header: Value = serde_json::from_str(self.body.lines().next()?).ok()?;
        Some(header["delivery_id"].as_str()?.to_owned())
    }
}

impl Queue {
    pub fn new(wire: Wire, endpoint: &str, url: &str) -> Self {
        Self {
            wire,
            endpoint: endpoint.to_owned(),
            url: url.to_owned(),
        }
    }

    /// Name, with which its ARN ends.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    async fn call(&self, operation: &str, mut request: Value) -> anyhow::Result<Value> {
        request["QueueUrl"] = self.url.clone().into();
        let target = format!("AmazonSQS.{operation}");
        self.wire.json(Method::POST, &self.endpoint, &target, &request).await
    }

    /// Receives up to `batch` messages, at most ten; waits at most one second for them.
    pub async fn receive(&self, batch: usize) -> anyhow::Result<Vec<Message>> {
        self.receive_for(
            json!({"MaxNumberOfMessages": batch, "WaitTimeSeconds": 1, "MessageSystemAttributeNames": ["All"]}),
        )
        .await
    }

    /// Receives all messages, which are hidden afterwards.
    pub async fn take_all(&self) -> anyhow::Result<Vec<Message>> {
        let mut all = Vec::new();
        loop {
            let some = self
                .receive_for(json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": INSPECTION_VISIBILITY_SECONDS}))
                .await?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some);
        }
    }

    async fn receive_for(&self, request: Value) -> anyhow::Result<Vec<Message>> {
        let response = self.call("ReceiveMessage", request).await?;
        let messages = response["Messages"].as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .map(|message| {
                let text = |name: &str| {
                    message[name]
                        .as_str()
                        .map(str::to_owned)
                        .with_context(|| format!("no {name}"))
                };
                let receives = &message["Attributes"]["ApproximateReceiveCount"];
                Ok(Message {
                    id: text("MessageId")?,
                    receipt: text("ReceiptHandle")?,
                    body: text("Body")?,
                    receives: receives.as_str().and_then(|count| count.parse().ok()).unwrap_or(0),
                })
            })
            .collect()
    }

    pub async fn send(&self, body: &str) -> anyhow::Result<()> {
        self.call("SendMessage", json!({"MessageBody": body})).await?;
        Ok(())
    }

    pub async fn delete(&self, message: &Message) -> anyhow::Result<()> {
        self.call("DeleteMessage", json!({"ReceiptHandle": message.receipt}))
            .await?;
        Ok(())
    }

    /// Makes a message visible again after this many seconds. Does nothing if that has happened by itself, because it was
    /// handled for longer than its visibility timeout.
    pub async fn change_visibility(&self, message: &Message, seconds: u32) -> anyhow::Result<()> {
        let request = json!({"ReceiptHandle": message.receipt, "VisibilityTimeout": seconds});
        match self.call("ChangeMessageVisibility", request).await {
            Err(problem) if problem.to_string().contains("MessageNotInflight") => Ok(()),
            changed => changed.map(|_| ()),
        }
    }

    /// Number of messages, visible or hidden.
    pub async fn len(&self) -> anyhow::Result<u64> {
        let response = self
            .call("GetQueueAttributes", json!({"AttributeNames": ["All"]}))
            .await?;
        let count = |name: &str| -> anyhow::Result<u64> {
            let text = response["Attributes"][name]
                .as_str()
                .with_context(|| format!("no {name}"))?;
            Ok(text.parse()?)
        };
        Ok(count("ApproximateNumberOfMessages")?
            + count("ApproximateNumberOfMessagesNotVisible")?
            + count("ApproximateNumberOfMessagesDelayed")?)
    }
}

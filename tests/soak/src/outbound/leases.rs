//! Leases on outboxes and what is left in them, read and ended by handwritten calls.

use std::collections::BTreeSet;

use anyhow::Context;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::wire::Wire;

/// Partitions of the endpoints' items.
const SHARDS: u8 = 16;

/// Seconds by which an ended lease has passed: the sweep looks for those that have passed by ten.
const PASSED_BY_SECONDS: i64 = 11;

/// The outboxes' table.
#[derive(Debug)]
pub struct Leases {
    pub wire: Wire,
    pub dynamodb: String,
}

impl Leases {
    async fn call(&self, operation: &str, mut request: Value) -> anyhow::Result<Value> {
        if request.get("RequestItems").is_none() {
            request["TableName"] = "outboxes".into();
        }
        let target = format!("DynamoDB_20120810.{operation}");
        self.wire.json(Method::POST, &self.dynamodb, &target, &request).await
    }

    async fn query(&self, partition: &str, more: &Value) -> anyhow::Result<Value> {
        let mut request = json!({
            "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": partition}}, "ConsistentRead": true,
        });
        if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
            request.extend(more.clone());
        }
        self.call("Query", request).await
    }

    /// The endpoints' items.
    async fn items(&self) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        for shard in 0..SHARDS {
            let page = self.query(&format!("due#{shard}"), &json!({})).await?;
            items.extend(page["Items"].as_array().context("no Items")?.iter().cloned());
        }
        Ok(items)
    }

    /// Nonce of the lease on an endpoint's outbox, if somebody holds it.
    pub async fn nonce(&self, endpoint: &str) -> anyhow::Result<Option<String>> {
        let items = self.items().await?;
        let item = items.iter().find(|item| item["sk"]["S"] == endpoint);
        Ok(item.and_then(|item| item["nonce"]["S"].as_str()).map(str::to_owned))
    }

    /// Endpoints whose outboxes an invocation holds.
    pub async fn held(&self, request_id: &str) -> anyhow::Result<BTreeSet<String>> {
        let prefix = format!("{request_id}/");
        let items = self.items().await?;
        let is_held = |item: &&Value| {
            let nonce = item["nonce"]["S"].as_str();
            nonce.is_some_and(|nonce| nonce.starts_with(&prefix))
        };
        let held = items.iter().filter(is_held);
        Ok(held
            .filter_map(|item| item["sk"]["S"].as_str().map(str::to_owned))
            .collect())
    }

    /// Number of messages of these events, at most 100, that are not recorded as sent.
    pub async fn unrecorded(&self, endpoint: &str, events: &[String]) -> anyhow::Result<usize> {
        if events.is_empty() {
            return Ok(0);
        }
        let keys: Vec<Value> = events
            .iter()
            .map(|event| json!({"pk": {"S": endpoint}, "sk": {"S": event}}))
            .collect();
        let request = json!({"RequestItems": {"messages": {"Keys": keys, "ConsistentRead": true}}});
        let found = self.call("BatchGetItem", request).await?;
        let found = found["Responses"]["messages"].as_array().context("no Responses")?;
        let sent = found.iter().filter(|record| record["fate"]["S"] == "sent").count();
        Ok(events.len() - sent)
    }

    /// Ends the leases of an invocation, as the time does after which they lapse.
    pub async fn end(&self, request_id: &str) -> anyhow::Result<()> {
        let prefix = format!("{request_id}/");
        let passed = Timestamp::now().as_microsecond() - PASSED_BY_SECONDS * 1_000_000;
        for item in self.items().await? {
            if !item["nonce"]["S"]
                .as_str()
                .is_some_and(|nonce| nonce.starts_with(&prefix))
            {
                continue;
            }
            let request = json!({
                "Key": {"pk": item["pk"], "sk": item["sk"]}, "UpdateExpression": "SET until_us = :passed",
                "ConditionExpression": "nonce = :nonce",
                "ExpressionAttributeValues": {":nonce": item["nonce"], ":passed": {"N": passed.to_string()}},
            });
            match self.call("UpdateItem", request).await {
                // Released since.
                Err(problem) if problem.to_string().contains("ConditionalCheckFailed") => {}
                ended => drop(ended?),
            }
        }
        Ok(())
    }

    /// Number of entries of an endpoint's outbox, at most a page.
    pub async fn waiting(&self, endpoint: &str) -> anyhow::Result<u64> {
        let page = self
            .query(&format!("{endpoint}#0"), &json!({"Select": "COUNT", "Limit": 1_000}))
            .await?;
        page["Count"].as_u64().context("no Count")
    }

    /// Endpoints whose outboxes are held, or are to be looked at again.
    pub async fn restless(&self) -> anyhow::Result<Vec<String>> {
        let items = self.items().await?;
        let restless = items
            .iter()
            .filter(|item| item.get("nonce").is_some() || item.get("next_us").is_some());
        Ok(restless
            .filter_map(|item| item["sk"]["S"].as_str().map(str::to_owned))
            .collect())
    }
}

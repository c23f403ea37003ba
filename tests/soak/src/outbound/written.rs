//! Content of the tables at the end: verdicts, and records of messages.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{accounts::Record, endpoints::Watched, events::Events};
use crate::wire::Wire;

/// Codes of attempts whose answers did not come.
const UNANSWERED: [&str; 2] = ["timed_out", "closed"];

/// Verdicts and records of one endpoint, by the places of their events.
#[derive(Debug, Default)]
pub struct Written {
    pub verdicts: HashMap<u32, String>,
    pub records: HashMap<u32, Record>,
}

/// Reads what is written of each endpoint, in their order.
pub async fn read(wire: &Wire, dynamodb: &str, endpoints: &[Watched], events: &Events) -> anyhow::Result<Vec<Written>> {
    let mut written: Vec<Written> = endpoints.iter().map(|_| Written::default()).collect();
    let names: Vec<(String, String)> = endpoints
        .iter()
        .map(|one| (one.key.to_string(), one.plan.id()))
        .collect();
    let of_events = json!({"TableName": "events", "ProjectionExpression": "sk, targets"});
    wire.scan_each(dynamodb, of_events, |item| {
        let Some(place) = item["sk"]["S"].as_str().and_then(|id| events.place(id)) else {
            return;
        };
        let verdicts = &item["targets"]["M"]["endpoints"]["M"];
        for ((key, _), written) in names.iter().zip(&mut written) {
            if let Some(verdict) = verdicts[key]["S"].as_str() {
                written.verdicts.insert(place, verdict.to_owned());
            }
        }
    })
    .await?;
    let of_messages = json!({"TableName": "messages", "ProjectionExpression": "pk, sk, fate, attempts"});
    wire.scan_each(dynamodb, of_messages, |item| {
        let endpoint = names.iter().position(|(_, id)| item["pk"]["S"] == id.as_str());
        let place = item["sk"]["S"].as_str().and_then(|id| events.place(id));
        if let (Some(endpoint), Some(place)) = (endpoint, place) {
            written[endpoint].records.insert(place, record(&item));
        }
    })
    .await?;
    Ok(written)
}

fn record(item: &Value) -> Record {
    let attempts: Value = serde_json::from_str(item["attempts"]["S"].as_str().unwrap_or("[]")).unwrap_or_default();
    let codes = attempts.as_array().into_iter().flatten();
    let codes = codes.filter_map(|attempt| attempt["code"].as_str());
    Record {
        fate: item["fate"]["S"].as_str().map(str::to_owned),
        unanswered: codes.filter(|code| UNANSWERED.contains(code)).count(),
    }
}

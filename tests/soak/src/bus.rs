//! The event bus: the boundary plays EventBridge
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>).

use anyhow::Context;
use serde_json::{Value, json};

use crate::witness::Witness;

/// Accepts the entries of a `PutEvents` request, or all but every other one of them; returns the response.
pub fn put_events(request: &Value, partial: bool, witness: &Witness) -> anyhow::Result<Value> {
    let entries = request["Entries"].as_array().context("no entries")?;
    let mut failed = 0;
    let mut results = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        if partial && at.is_multiple_of(2) {
            failed += 1;
            results.push(json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "injected by the soak test"}));
        } else {
            witness.posted(entry);
            results.push(json!({"EventId": format!("00000000-0000-4000-8000-{at:012}")}));
        }
    }
    Ok(json!({"FailedEntryCount": failed, "Entries": results}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_entry_is_reported_in_its_place_and_not_seen() {
        let detail = |id: &str| {
            let event = json!({
                "id": id, "type": "order.created", "timestamp": "2026-11-29T10:04:52Z", "data": {"id": "7"},
                "store": {"source": "shopify", "id": "a"}, "subject": {"kind": "order", "id": "7", "version": null},
            });
            json!({"Detail": event.to_string()})
        };
        let request = json!({"Entries": [detail("evt_1"), detail("evt_2")]});
        let witness = Witness::default();
        let response = put_events(&request, true, &witness).unwrap();
        assert_eq!(response["FailedEntryCount"], 1);
        assert_eq!(response["Entries"][0]["ErrorCode"], "ThrottlingException");
        assert_eq!(witness.seen().posted_ids().into_iter().collect::<Vec<_>>(), ["evt_2"]);
        put_events(&request, false, &witness).unwrap();
        assert_eq!((witness.seen().posted.len(), witness.seen().posts), (2, 3));
    }
}

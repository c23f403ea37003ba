//! Endpoints, and what the fan-out function has kept for them: as much of the tables as the dispatcher needs. What it removes
//! stays, so that each invocation finds the same. In the format of `crates/tables`, where the functions do not write it
//! themselves.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::rows::STORE;

/// Path of the endpoints, which take everything at once.
pub const HOOK: &str = "/hook";

/// Secret and key of all endpoints, as KMS opens them, in base64: those of the specification's examples.
const OPENED: &str = concat!(
    "eyJzZWNyZXQiOiJ3aHNlY19aR1ZtWjJocGFtdHNiVzV2Y0hGeWMzUjFkbmQ0ZVhwN2ZIMStmNENCZ29N",
    "PSIsImtleSI6Indoc2tfbldHeG5lLzlXbUM2aEVyMGt1d3N4RVJKeFdsN01ta1pjRHVzQXh5dWYyQT0ifQ=="
);

/// Health of an endpoint that has proven itself and has ten messages at once.
const HEALTH: &str = r#"{"successes":3,"at_once":10,"mean_ms":40,"reset_at":"2026-11-15T00:00:00Z"}"#;

/// Content of the tables.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    /// Number of the store's endpoints.
    endpoints: usize,
    /// Events by their keys.
    events: BTreeMap<(String, String), Value>,
    /// Entries of outboxes by their partitions and keys.
    entries: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Kept {
    /// Endpoints of the store, with nothing kept for them.
    pub fn endpoints(count: usize) -> Self {
        Self(Mutex::new(Tables {
            endpoints: count,
            ..Tables::default()
        }))
    }

    /// Owner and id of an endpoint, as in a wake-up.
    pub fn endpoint(nth: usize) -> String {
        format!("{} {}", owner(), id(nth))
    }

    /// Answers an operation; `None` if it has nothing to do with endpoints. `host` is the stub's own.
    ///
    /// # Errors
    /// If a request has not the form of its operation.
    pub fn answer(&self, operation: &str, body: &[u8], host: &str) -> anyhow::Result<Option<Value>> {
        let request: Value = serde_json::from_slice(body)?;
        let table = request["TableName"].as_str().unwrap_or_default();
        let mut tables = self.lock();
        Ok(match (operation, table) {
            ("Decrypt", _) => Some(json!({
                "KeyId": "arn:aws:kms:eu-west-1:123456789012:key/endpoint", "Plaintext": OPENED,
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            })),
            ("UpdateItem", "outboxes") => Some(json!({"Attributes": {"health": {"S": HEALTH}}})),
            ("GetItem", "endpoints") => {
                let item = item(request["Key"]["sk"]["S"].as_str().context("the key has no id")?, host);
                Some(json!({ "Item": item }))
            }
            ("Query", "endpoints") => {
                let is_of_store = values(&request).any(|value| value == owner());
                let count = if is_of_store { tables.endpoints } else { 0 };
                let items: Vec<Value> = (0..count).map(|nth| item(&id(nth), host)).collect();
                Some(json!({"Count": items.len(), "Items": items}))
            }
            ("Query", "outboxes") => {
                // The look after the release, which asks for one, finds nothing.
                let looks = request["Limit"] == 1;
                let entries = values(&request).find_map(|pk| tables.entries.get(pk));
                let items: Vec<_> = (entries.into_iter().flat_map(BTreeMap::values))
                    .filter(|_| !looks)
                    .collect();
                Some(json!({"Count": items.len(), "Items": items}))
            }
            ("BatchGetItem", _) => Some(tables.find(&request)),
            ("BatchWriteItem", _) => {
                tables.put(&request)?;
                Some(json!({"UnprocessedItems": {}}))
            }
            ("BatchExecuteStatement", _) => {
                tables.insert(&request)?;
                None
            }
            _ => None,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// Events of a `BatchGetItem`. No message has a record.
    fn find(&self, request: &Value) -> Value {
        let mut responses = Map::new();
        for (table, keys) in request["RequestItems"].as_object().into_iter().flatten() {
            let keys = keys["Keys"].as_array().into_iter().flatten();
            let found = keys.filter_map(|key| self.events.get(&key_of(key)?).filter(|_| table == "events"));
            responses.insert(table.clone(), found.cloned().collect());
        }
        json!({"Responses": responses, "UnprocessedKeys": {}})
    }

    /// Keeps the entries of a `BatchWriteItem`, the first time.
    fn put(&mut self, request: &Value) -> anyhow::Result<()> {
        for write in request["RequestItems"]["outboxes"].as_array().into_iter().flatten() {
            let item = &write["PutRequest"]["Item"];
            if item.is_null() {
                continue;
            }
            let (pk, sk) = key_of(item).context("an entry has no key")?;
            let entries = self.entries.entry(pk).or_default();
            if entries.len() < super::ENTRIES {
                entries.insert(sk, item.clone());
            }
        }
        Ok(())
    }

    /// Keeps the events of a batch of `INSERT`s, as many as there are entries of one endpoint.
    fn insert(&mut self, request: &Value) -> anyhow::Result<()> {
        for statement in request["Statements"].as_array().into_iter().flatten() {
            let text = statement["Statement"].as_str().context("a statement has no text")?;
            if self.events.len() >= super::ENTRIES || !text.starts_with(r#"INSERT INTO "events""#) {
                continue;
            }
            // `VALUE {'pk': ?, …}`: every other part between quotes is a name.
            let names = text.split('\'').skip(1).step_by(2);
            let values = statement["Parameters"]
                .as_array()
                .context("a statement has no values")?;
            let item: Map<String, Value> = names.map(str::to_owned).zip(values.iter().cloned()).collect();
            let item = Value::Object(item);
            self.events.insert(key_of(&item).context("an event has no key")?, item);
        }
        Ok(())
    }
}

fn owner() -> String {
    format!("shopify#{STORE}")
}

fn id(nth: usize) -> String {
    format!("ep_01M8KC7FD03QH5TX988ZJ0T{nth:03}")
}

fn values(request: &Value) -> impl Iterator<Item = &str> {
    let values = request["ExpressionAttributeValues"].as_object().into_iter();
    values.flat_map(Map::values).filter_map(|value| value["S"].as_str())
}

fn key_of(item: &Value) -> Option<(String, String)> {
    Some((
        item["pk"]["S"].as_str()?.to_owned(),
        item["sk"]["S"].as_str()?.to_owned(),
    ))
}

/// An endpoint's item.
fn item(id: &str, host: &str) -> Value {
    let settings = json!({
        "url": format!("http://{host}{HOOK}"), "description": "", "types": ["*"], "conditions": [], "ordering": "none",
        "when_paused": "queue", "format": "full", "signatures": "v1", "timeout_seconds": 10, "max_in_flight": 10,
        "max_per_second": null, "keep_days": 7, "disable_after_days": 5,
    });
    let secrets = json!([{"sealed": "c2VhbGVk", "public_key": "whpk_", "created_at": "2026-11-14T15:04:53Z"}]);
    let at = json!({"N": "1794668693106000"});
    json!({
        "pk": {"S": owner()}, "sk": {"S": id}, "revision": {"N": "1"}, "settings": {"S": settings.to_string()},
        "state": {"S": "active"}, "since_us": at, "reset_us": at, "created_us": at, "pool": {"S": "fast"},
        "secrets": {"S": secrets.to_string()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_inserted_and_put_is_found_again() {
        let kept = Kept::endpoints(1);
        let ask = |operation, request: Value| {
            kept.answer(operation, request.to_string().as_bytes(), "localhost:1")
                .unwrap()
        };
        let key = json!({"pk": {"S": "s"}, "sk": {"S": "evt_1"}});
        let insert = json!({"Statements": [{
            "Statement": r#"INSERT INTO "events" VALUE {'pk': ?, 'sk': ?, 'type': ?}"#,
            "Parameters": [{"S": "s"}, {"S": "evt_1"}, {"S": "product.updated"}],
        }]});
        assert_eq!(ask("BatchExecuteStatement", insert), None, "answered as any other");
        let get = json!({"RequestItems": {"events": {"Keys": [key]}, "messages": {"Keys": [key]}}});
        let found = ask("BatchGetItem", get).unwrap();
        assert_eq!(found["Responses"]["events"][0]["type"]["S"], "product.updated");
        assert_eq!(found["Responses"]["messages"], json!([]));
        let entry = json!({"pk": {"S": "ep_1#0"}, "sk": {"S": "1#evt_1#0"}});
        let put = json!({"RequestItems": {"outboxes": [{"PutRequest": {"Item": entry}}]}});
        ask("BatchWriteItem", put);
        let query = |limit| {
            json!({
                "TableName": "outboxes", "Limit": limit, "ExpressionAttributeValues": {":pk": {"S": "ep_1#0"}},
            })
        };
        assert_eq!(ask("Query", query(100)).unwrap()["Items"], json!([entry]));
        assert_eq!(ask("Query", query(1)).unwrap()["Items"], json!([]), "nothing is left");
    }

    #[test]
    fn endpoints_are_those_of_the_store() {
        let kept = Kept::endpoints(3);
        let count = |pk: &str| {
            let query = json!({"TableName": "endpoints", "ExpressionAttributeValues": {":pk": {"S": pk}}});
            let answer = kept
                .answer("Query", query.to_string().as_bytes(), "localhost:1")
                .unwrap();
            answer.unwrap()["Count"].clone()
        };
        assert_eq!((count(&owner()), count("*")), (json!(3), json!(0)));
    }
}

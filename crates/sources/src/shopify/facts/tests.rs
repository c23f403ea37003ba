mod customer;
mod money;
mod order;
mod payment;
mod shipment;

use hookline_domain::kernel::ids::{DeliveryId, DeliveryKey, Topic as TopicName};
use serde_json::{Value, json};

use super::*;
use crate::shopify::{Topic, interpret};

/// Sample body of a topic.
fn sample(topic: Topic) -> Value {
    let path = format!(
        "{}/../../events/shopify/{}.json",
        env!("CARGO_MANIFEST_DIR"),
        topic.function()
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The sample with other fields, by their JSON pointers.
fn changed(topic: Topic, fields: &[(&str, Value)]) -> Value {
    let mut body = sample(topic);
    for (pointer, value) in fields {
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    }
    body
}

fn read(topic: Topic, body: &Value) -> Result<Event, InterpretError> {
    interpret(&Delivery {
        key: DeliveryKey {
            store: "shopify#juniper-and-oak.myshopify.com".parse().unwrap(),
            topic: TopicName::new(topic.name()).unwrap(),
            id: DeliveryId::new("1").unwrap(),
        },
        endpoint: None,
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: None,
        received_at: Timestamp::UNIX_EPOCH,
        body: body.to_string().into_bytes(),
    })
}

fn fact_of(topic: Topic, body: &Value) -> Fact {
    match read(topic, body) {
        Ok(Event::Fact(fact)) => *fact,
        other => panic!("{}: {other:?}", topic.name()),
    }
}

/// Types of what a body announces.
fn types(topic: Topic, body: &Value) -> Vec<String> {
    let announces = fact_of(topic, body).announces;
    announces.iter().map(|announced| announced.kind.to_string()).collect()
}

/// The one announcement of a body.
fn only(topic: Topic, body: &Value) -> Announcement {
    let mut announces = fact_of(topic, body).announces;
    assert_eq!(announces.len(), 1, "{announces:?}");
    announces.remove(0)
}

/// Data as subscribers read it.
fn json_of(announced: &Announcement) -> Value {
    serde_json::to_value(&announced.data).unwrap()
}

fn told(at: &str) -> Identity {
    super::at(at.parse().unwrap())
}

#[test]
fn time_that_tells_an_event_apart_is_required() {
    for (topic, name) in [
        (Topic::OrdersUpdated, "updated_at"),
        (Topic::OrdersFulfilled, "updated_at"),
        (Topic::OrderTransactionsCreate, "created_at"),
        (Topic::RefundsCreate, "created_at"),
        (Topic::FulfillmentsUpdate, "updated_at"),
        (Topic::CustomersUpdate, "updated_at"),
    ] {
        let mut body = sample(topic);
        body.as_object_mut().unwrap().remove(name);
        let problem = read(topic, &body).unwrap_err().to_string();
        assert!(problem.ends_with(&format!(" at {name}: expected a time")), "{problem}");
        body[name] = json!("yesterday, said Wren");
        let problem = read(topic, &body).unwrap_err().to_string();
        assert!(
            problem.contains(&format!(" at {name}: ")) && !problem.contains("Wren"),
            "{problem}"
        );
    }
}

//! The catalog of events: JSON Schema and sample of each type, from docs/events.

use hookline_events::EventType;
use serde_json::Value;

use super::TypePattern;

/// Files of a type: its name in docs/events, JSON Schema and sample.
type Files = (&'static str, &'static str, &'static str);

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// Files of every type; the last are those of the operator's own.
        const FILES: &[Files] = &[$((
            $name,
            include_str!(concat!("../../../../docs/events/schemas/", $name, ".json")),
            include_str!(concat!("../../../../docs/events/samples/", $name, ".json")),
        )),*];
    };
}

files![
    "product.created",
    "product.updated",
    "product.deleted",
    "inventory.updated",
    "collection.created",
    "collection.updated",
    "collection.deleted",
    "order.created",
    "order.updated",
    "order.fulfilled",
    "order.cancelled",
    "order.paid",
    "payment.completed",
    "payment.failed",
    "payment.refunded",
    "shipping.label_created",
    "shipping.tracking_updated",
    "shipping.delivered",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "checkout.completed",
    "store.connected",
    "store.disconnected",
    "privacy.customer_redacted",
    "endpoint.failing",
    "endpoint.disabled",
    "endpoint.recovered",
    "message.exhausted",
    "delivery.received",
    "custom",
];

fn files(kind: &EventType) -> &'static Files {
    let name = match kind {
        EventType::Known(text) => text,
        EventType::Custom(_) => "custom",
    };
    FILES
        .iter()
        .find(|(each, ..)| *each == name)
        .expect("a test finds the files of every type")
}

fn read(file: &str) -> Value {
    serde_json::from_str(file).expect("a test reads every file")
}

/// JSON Schema of a type. Any type of the operator's own has that of all of them.
#[must_use]
pub fn schema(kind: &EventType) -> Value {
    read(files(kind).1)
}

/// Sample of a type. Any type of the operator's own has that of all of them.
#[must_use]
pub fn sample(kind: &EventType) -> Value {
    read(files(kind).2)
}

/// JSON Schemas of the types that a pattern selects, for [`EndpointSettings::check`](super::EndpointSettings::check).
#[must_use]
pub fn schemas(pattern: &TypePattern) -> Vec<Value> {
    let custom = EventType::Custom("custom.x".to_owned());
    let own = match pattern {
        TypePattern::All => true,
        TypePattern::Family(beginning) => beginning.starts_with("custom."),
        TypePattern::One(kind) => matches!(kind, EventType::Custom(_)),
    };
    let known = EventType::ALL.iter().filter(|kind| pattern.selects(kind.as_str()));
    known.chain(own.then_some(&custom)).map(schema).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_schema_and_a_sample_of_its_own() {
        let custom = EventType::Custom("custom.noted".to_owned());
        for kind in EventType::ALL.iter().chain([&custom]) {
            assert!(schema(kind).is_object(), "{kind}");
            let named = sample(kind)["type"].as_str().unwrap().to_owned();
            assert!(
                named == kind.as_str() || named.starts_with("custom."),
                "{kind}: {named}"
            );
        }
    }

    #[test]
    fn pattern_selects_the_schemas_of_its_types() {
        let count = |text: &str| schemas(&text.parse().unwrap()).len();
        assert_eq!(
            (
                count("product.updated"),
                count("product.*"),
                count("custom.a.*"),
                count("custom.a")
            ),
            (1, 3, 1, 1)
        );
        assert_eq!(count("*"), EventType::ALL.len() + 1);
    }
}

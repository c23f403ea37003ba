//! Contract suite of [`Bus`]. The port only posts, so the test itself reads what arrives.

use hookline_domain::{
    memory,
    outbound::{Bus, BusEvent},
};

use crate::builders::store;

/// Events, more than one request takes, in bytes and in number.
pub fn events() -> Vec<BusEvent> {
    let event = |nth: usize| {
        let mut event = memory::event(&store("demo"), nth);
        event.session_id = Some("x".repeat(nth % 4 * 30_000));
        BusEvent {
            source: "hookline.shopify".to_owned(),
            detail_type: event.kind.to_string(),
            detail: serde_json::to_string(&event).unwrap(),
            time: event.timestamp,
        }
    };
    (0..24).map(event).collect()
}

/// Posts [`events`]; afterwards exactly these must be on the bus.
pub async fn post_all(bus: &impl Bus) {
    assert!(bus.post(&[]).await.is_empty());
    let outcomes = bus.post(&events()).await;
    assert_eq!(outcomes.len(), events().len());
    for outcome in outcomes {
        outcome.unwrap();
    }
}

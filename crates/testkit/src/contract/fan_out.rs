//! Contract suite of [`FanOut`]. The port only sends, so the test itself reads what arrives.

use hookline_domain::{catalogue::fan_out::FanOut, memory};
use hookline_events::Event;

use crate::builders::store;

/// Events of two stores, more than one message takes.
pub fn events() -> Vec<Event> {
    let event = |nth: usize| {
        let mut event = memory::event(&store(["demo", "other"][nth % 2]), nth);
        event.session_id = Some("crème 🏕 \u{FFFE}\n".repeat(1_000));
        event
    };
    (0..40).map(event).collect()
}

/// Sends [`events`]; afterwards exactly these must be in the queue.
pub async fn send_all(fan_out: &impl FanOut) {
    for name in ["demo", "other"] {
        let of_store = |event: &Event| event.store.id.starts_with(name);
        let events: Vec<Event> = events().into_iter().filter(of_store).collect();
        fan_out.send(&store(name), &events).await.unwrap();
        fan_out.send(&store(name), &[]).await.unwrap();
    }
}

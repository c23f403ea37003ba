//! Contract suite of [`WakeUps`]. The port only sends, so the test itself reads what arrives.

use std::time::Duration;

use hookline_domain::outbound::{EndpointKey, MAX_WAKE_UP_DELAY, Pool, WakeUps};

/// Wake-ups of endpoints of one store and of all stores, in both pools.
pub fn wake_ups() -> Vec<(EndpointKey, Pool, Duration)> {
    let longest_id = format!("ep_{}", "z".repeat(32));
    let wake_ups = [
        ("* ep_1".to_owned(), Pool::Fast, Duration::ZERO),
        (
            format!("shopify#demo.myshopify.com {longest_id}"),
            Pool::Slow,
            Duration::ZERO,
        ),
        (
            "shopify#demo.myshopify.com ep_2".to_owned(),
            Pool::Slow,
            Duration::from_nanos(1),
        ),
        (
            "shopify#demo.myshopify.com ep_2".to_owned(),
            Pool::Fast,
            Duration::from_millis(4_001),
        ),
        ("* ep_1".to_owned(), Pool::Slow, MAX_WAKE_UP_DELAY),
    ];
    let parsed = wake_ups.map(|(endpoint, pool, delay)| (endpoint.parse().unwrap(), pool, delay));
    parsed.into()
}

/// Sends [`wake_ups`]; afterwards exactly these must be in the queues.
pub async fn send_all(port: &impl WakeUps) {
    for (endpoint, pool, delay) in wake_ups() {
        port.send(&endpoint, pool, delay).await.unwrap();
    }
}

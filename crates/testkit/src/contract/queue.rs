//! Contract suite of [`EventQueue`]. The port only sends, so the test itself reads what arrives.

use hookline_domain::{
    delivery::queue::EventQueue,
    kernel::ids::{StoreKey, StoreName},
};

use crate::builders::store;

/// Messages that must arrive byte for byte, the largest of `largest` bytes.
pub fn messages(largest: usize) -> Vec<String> {
    let words = "crème brûlée 🔥 ";
    let large = words.repeat(largest / words.len());
    let filler = "x".repeat(largest - large.len());
    vec![
        "{}".to_owned(),
        "{\"a\":1}\n<p>\u{1F525} 南部鉄瓶 \u{5d0}\u{300}</p>\r\n\ttab \"quoted\" \\ & %20 +\n".to_owned(),
        "\u{FFFD}\u{E000}\u{10FFFF}".to_owned(),
        large + &filler,
    ]
}

/// Stores of [`messages`]: two stores take turns, the second with the longest possible name.
pub fn stores() -> impl Iterator<Item = StoreKey> {
    let mut longest = store("other");
    longest.store = StoreName::new("s".repeat(255)).unwrap();
    [store("demo"), longest].into_iter().cycle()
}

/// Sends [`messages`]; afterwards exactly these must be in the queue.
pub async fn send_all(queue: &impl EventQueue, largest: usize) {
    for (message, store) in messages(largest).into_iter().zip(stores()) {
        queue.send(&store, message).await.unwrap();
    }
}

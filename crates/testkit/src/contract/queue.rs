//! What every [`EventQueue`] does. What arrives is read by the test, for the port only sends.

use hookline_domain::queue::EventQueue;

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

/// Sends [`messages`]; all of them, and no others, must then be in the queue.
pub async fn send_all(queue: &impl EventQueue, largest: usize) {
    for message in messages(largest) {
        queue.send(message).await.unwrap();
    }
}

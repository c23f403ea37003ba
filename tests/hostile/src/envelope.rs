//! Every queue message that decodes gives a delivery that survives a round trip through the envelope.

use hookline_domain::delivery::envelope::{self, MESSAGE_LIMIT};

pub(crate) fn envelope(data: &[u8]) {
    let message = String::from_utf8_lossy(data);
    let delivery = match envelope::decode(&message) {
        Ok(delivery) => delivery,
        Err(problem) => {
            assert!(problem.to_string().len() < 120, "{problem}");
            return;
        }
    };
    let key = delivery.key.to_string();
    assert_eq!(key.split('#').count(), 4, "{key}");
    assert!(
        delivery.observed_at().as_microsecond()
            <= delivery.triggered_at.unwrap_or(delivery.received_at).as_microsecond()
    );
    match envelope::encode(&delivery) {
        Ok(encoded) => {
            assert!(encoded.len() <= MESSAGE_LIMIT);
            assert!(encoded.chars().all(sqs_accepts), "SQS would reject it");
            assert_eq!(envelope::decode(&encoded).unwrap(), delivery);
        }
        Err(too_large) => assert!(too_large.bytes > MESSAGE_LIMIT),
    }
}

/// Returns true for characters that SQS accepts
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>): the complement of
/// the envelope's own list.
fn sqs_accepts(c: char) -> bool {
    !matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}

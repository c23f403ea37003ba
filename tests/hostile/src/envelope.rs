//! A queue message that decodes is a delivery that encodes to a message that decodes to the same delivery.

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
        Ok(again) => {
            assert!(again.len() <= MESSAGE_LIMIT);
            assert!(again.chars().all(sqs_takes), "SQS would refuse it");
            assert_eq!(envelope::decode(&again).unwrap(), delivery);
        }
        Err(too_large) => assert!(too_large.bytes > MESSAGE_LIMIT),
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>, said the other way round
/// from how the envelope says it.
fn sqs_takes(c: char) -> bool {
    !matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}

use proptest::prelude::*;

use super::*;
use crate::memory;

fn delivery(body: Vec<u8>) -> Delivery {
    Delivery {
        key: DeliveryKey {
            store: "shopify#demo.myshopify.com".parse().unwrap(),
            topic: Topic::new("products/update").unwrap(),
            id: DeliveryId::new("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043").unwrap(),
        },
        endpoint: None,
        event_id: Some(EventId::new("98880550-7158-44d4-b7cd-2c97c8a091b5").unwrap()),
        api_version: "2026-07".into(),
        triggered_at: Some("2026-11-14T15:04:53.106482937Z".parse().unwrap()),
        received_at: "2026-11-14T15:04:53.4Z".parse().unwrap(),
        body,
    }
}

/// Specification of `is_accepted_by_sqs`, character by character.
fn sqs_accepts(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

proptest! {
    #[test]
    fn text_is_accepted_if_each_of_its_characters_is(
        text in "[\u{0}-\u{20}]{0,2}[ -~é—日，\u{EFFF}-\u{F001}\u{FFF0}-\u{FFFD}😀]{0,40}[\u{FFFD}-\u{FFFF}]{0,2}a?",
    ) {
        prop_assert_eq!(is_accepted_by_sqs(&text), text.chars().all(sqs_accepts), "{:?}", text);
    }

    #[test]
    fn any_bytes_survive_a_round_trip(body: Vec<u8>) {
        let delivery = delivery(body);
        let message = encode(&delivery).unwrap();
        prop_assert!(message.chars().all(sqs_accepts));
        prop_assert_eq!(decode(&message).unwrap(), delivery);
    }

    #[test]
    fn any_text_survives_a_round_trip(body: String) {
        let delivery = delivery(body.into_bytes());
        prop_assert_eq!(decode(&encode(&delivery).unwrap()).unwrap(), delivery);
    }

    #[test]
    fn no_message_panics(message: String) {
        drop(decode(&message));
    }
}

#[test]
fn characters_that_sqs_rejects_are_sent_as_base64() {
    let message = encode(&delivery("{\"title\":\"\u{FFFE}\"}".into())).unwrap();
    assert!(message.contains("\"encoding\":\"base64\""));
    let message = encode(&delivery("{\"title\":\"Café\"}\n".into())).unwrap();
    assert!(message.ends_with("\n{\"title\":\"Café\"}\n"));
}

#[test]
fn message_above_the_limit_is_rejected() {
    assert!(encode(&delivery(noise(MESSAGE_LIMIT * 3 / 4 - 1200))).is_ok());
    assert!(encode(&delivery(noise(MESSAGE_LIMIT * 3 / 4))).is_err());
}

#[test]
fn errors_name_the_part_that_is_not_ours() {
    assert!(matches!(decode("hello"), Err(EnvelopeError::NoBody)));
    assert!(matches!(decode("{}\n{}"), Err(EnvelopeError::Header(_))));
    let later = encode(&delivery(vec![]))
        .unwrap()
        .replace("\"hookline\":1", "\"hookline\":2");
    assert!(matches!(decode(&later), Err(EnvelopeError::Format(2))));
    let broken = encode(&delivery(vec![0xFF])).unwrap() + "!";
    assert!(matches!(decode(&broken), Err(EnvelopeError::Base64(_))));
}

/// Bytes that cannot be compressed.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(bytes).collect()
}

fn words(bytes: usize) -> Vec<u8> {
    let words = (0..).flat_map(|n: u32| format!("word{n} ").into_bytes());
    words.take(bytes).collect()
}

#[test]
fn message_above_one_billing_unit_is_compressed() {
    let small = encode(&delivery(words(COMPRESSED_ABOVE - 600))).unwrap();
    assert!(small.contains("\"encoding\":\"text\""));
    let body = words(COMPRESSED_ABOVE);
    let large = encode(&delivery(body.clone())).unwrap();
    assert!(
        large.contains("\"encoding\":\"zstd\"") && large.len() < COMPRESSED_ABOVE / 2,
        "{}",
        large.len()
    );
    assert!(large.chars().all(sqs_accepts));
    assert_eq!(decode(&large).unwrap(), delivery(body));
}

#[test]
fn incompressible_body_is_not_compressed() {
    let body = noise(2 * COMPRESSED_ABOVE);
    let digits: Vec<u8> = body.iter().map(|byte| b' ' + byte % 95).collect();
    for body in [body, digits] {
        let message = encode(&delivery(body.clone())).unwrap();
        assert!(!message.contains("\"encoding\":\"zstd\""), "{}", &message[..300]);
        assert_eq!(decode(&message).unwrap(), delivery(body));
    }
}

#[test]
fn body_too_large_for_a_message_is_compressed_and_pointed_to() {
    let delivery = delivery(noise(900 * 1024));
    let Packed::Large { body, why } = pack(&delivery, MESSAGE_LIMIT) else {
        panic!("{MESSAGE_LIMIT} bytes held it");
    };
    assert!(why.bytes > MESSAGE_LIMIT && why.limit == MESSAGE_LIMIT);
    let attempt = Attempt::new();
    let message = point(&delivery, attempt);
    assert!(message.len() < 600, "{message}");
    assert!(matches!(decode(&message), Err(EnvelopeError::Elsewhere)));
    let Envelope::Pointer(pointer) = open(&message).unwrap() else {
        panic!("{message}");
    };
    let key = pointer.body_key();
    assert_eq!((&key.delivery, key.attempt), (&delivery.key, attempt));
    assert_eq!(pointer.with(&body).unwrap(), delivery);
}

#[test]
fn limit_is_the_queues() {
    let delivery = delivery(noise(100 * 1024));
    assert!(matches!(pack(&delivery, MESSAGE_LIMIT), Packed::Message(_)));
    assert!(matches!(pack(&delivery, 100 * 1024), Packed::Large { .. }));
}

#[test]
fn message_that_decompresses_above_the_body_limit_is_rejected() {
    let bomb = compression::compress(&vec![b' '; BODY_LIMIT + 1]);
    let delivery = delivery(vec![]);
    let message = first_line(&delivery, Encoding::Zstd, None, None) + &BASE64_STANDARD.encode(bomb);
    assert!(matches!(
        open(&message),
        Err(EnvelopeError::Zstd(DecompressError::TooLong { .. }))
    ));
}

#[test]
fn pointer_names_an_attempt_and_nothing_else() {
    let message = point(&delivery(vec![]), Attempt::new());
    let line: serde_json::Value = serde_json::from_str(&message).unwrap();
    let mut lost = line.clone();
    lost.as_object_mut().unwrap().remove("attempt");
    assert!(matches!(open(&format!("{lost}\n")), Err(EnvelopeError::NoAttempt)));
    for text in [
        "",
        "../other",
        "bodies/shopify.other/x/6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01",
    ] {
        let mut forged = line.clone();
        forged["attempt"] = text.into();
        assert!(
            matches!(open(&format!("{forged}\n")), Err(EnvelopeError::Header(_))),
            "{text}"
        );
    }
}

fn sealed() -> SealedBody {
    memory::sealed_body(b"text", memory::noon())
}

#[test]
fn sealed_body_goes_along_and_nothing_that_packs_the_delivery_again_has_it() {
    let delivery = delivery(b"{\"id\":1}".to_vec());
    let Packed::Message(message) = pack_sealed(&delivery, Some(&sealed()), MESSAGE_LIMIT) else {
        panic!("it is short");
    };
    let (envelope, opened) = open_sealed(&message).unwrap();
    assert_eq!((envelope, opened), (Envelope::Whole(delivery.clone()), Some(sealed())));
    let again = encode(&decode(&message).unwrap()).unwrap();
    assert_eq!(again, encode(&delivery).unwrap());
    assert!(!again.contains("sealed"));
    let pointer = point_sealed(&delivery, Some(&sealed()), Attempt::new());
    assert_eq!(open_sealed(&pointer).unwrap().1, Some(sealed()));
}

#[test]
fn unreadable_sealed_body_counts_as_absent_and_one_counts_towards_the_limit() {
    let delivery = delivery(vec![]);
    let Packed::Message(message) = pack_sealed(&delivery, Some(&sealed()), MESSAGE_LIMIT) else {
        panic!("it is short");
    };
    let other = message.replace(&sealed().text(), "AAAA");
    assert_eq!(open_sealed(&other).unwrap().1, None);
    assert!(matches!(
        pack_sealed(&delivery, Some(&sealed()), message.len() - 1),
        Packed::Large { .. }
    ));
}

#[test]
fn message_without_a_sealed_body_is_what_it_always_was() {
    let line = encode(&delivery(b"{}".to_vec())).unwrap();
    assert_eq!(
        line,
        concat!(
            r#"{"hookline":1,"source":"shopify","store":"demo.myshopify.com","topic":"products/update","#,
            r#""delivery_id":"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043","event_id":"98880550-7158-44d4-b7cd-2c97c8a091b5","#,
            r#""api_version":"2026-07","triggered_at":"2026-11-14T15:04:53.106482937Z","#,
            r#""received_at":"2026-11-14T15:04:53.4Z","encoding":"text"}"#,
            "\n{}"
        )
    );
}

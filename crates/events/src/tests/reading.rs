//! Events that others wrote: later versions, unknown fields and types, amounts, session ids.

use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::sample;
use crate::{Data, Event, EventId, EventType, Money, ReadError, Resource, session_id};

fn order_with(change: impl FnOnce(&mut Value)) -> Result<Event, ReadError> {
    let mut value = sample(&EventType::ORDER_CREATED);
    change(&mut value);
    Event::read(&serde_json::to_vec(&value).unwrap())
}

#[test]
fn later_version_is_told_apart_from_a_malformed_event() {
    let later = order_with(|event| {
        event["version"] = json!(2);
        event["data"] = json!("of another shape");
    });
    assert!(matches!(later, Err(ReadError::Version(2))), "{later:?}");
    let far = order_with(|event| event["version"] = json!(u64::MAX));
    assert!(matches!(far, Err(ReadError::Version(u64::MAX))), "{far:?}");
    for version in [json!(0), json!(-1), json!(1.5), json!("1"), Value::Null] {
        let shape = order_with(|event| event["version"] = version);
        assert!(matches!(shape, Err(ReadError::Shape(_))), "{shape:?}");
    }
}

#[test]
fn unknown_type_is_told_apart_from_a_malformed_event() {
    let unknown = order_with(|event| event["type"] = json!("article.updated"));
    assert!(
        matches!(&unknown, Err(ReadError::Type(kind)) if kind == "article.updated"),
        "{unknown:?}"
    );
    let none = order_with(|event| event["type"] = Value::Null);
    assert!(matches!(none, Err(ReadError::Shape(_))), "{none:?}");
}

#[test]
fn unknown_fields_are_skipped() {
    let plain = order_with(|_| {}).unwrap();
    let grown = order_with(|event| {
        event["weather"] = json!("rain");
        event["data"]["gift"] = json!(true);
        event["data"]["lines"][0]["weight"] = json!({"grams": 210});
        event["store"]["region"] = json!("eu");
    });
    assert_eq!(grown.unwrap(), plain);
}

#[test]
fn bytes_that_are_no_json_are_refused() {
    for bytes in [&b""[..], b"{", b"null", b"[]", b"\xff", b"\"evt\"", b"{}"] {
        let shape = Event::read(bytes);
        assert!(matches!(shape, Err(ReadError::Shape(_))), "{bytes:?}: {shape:?}");
    }
}

#[test]
fn amounts_keep_the_decimals_that_the_source_sent() {
    for (amount, currency) in [
        ("500", "JPY"),
        ("1.250", "KWD"),
        ("48.00", "EUR"),
        ("0.10", "USD"),
        ("-3.5", "USD"),
        ("99999999999999.999", "KWD"),
    ] {
        let event = order_with(|event| {
            event["data"]["totals"]["total"] = json!({"amount": amount, "currency": currency});
        });
        let event = event.unwrap();
        let Data::Order(order) = &event.data else {
            panic!("{event:?}")
        };
        let money = Money {
            amount: amount.parse().unwrap(),
            currency: currency.to_owned(),
        };
        assert_eq!(order.totals.total, Some(money));
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(written["data"]["totals"]["total"]["amount"], amount);
    }
}

#[test]
fn order_without_lines_is_an_order() {
    let event = order_with(|event| event["data"]["lines"] = json!([])).unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap()["data"]["lines"], json!([]));
}

#[test]
fn session_id_is_at_most_128_visible_ascii_characters() {
    let longest = "s".repeat(128);
    for text in ["s", "chat_7Q2M9K", "~!\"{}", longest.as_str()] {
        assert_eq!(session_id(text).as_deref(), Some(text));
    }
    let longer = "s".repeat(129);
    for text in [
        "",
        longer.as_str(),
        "a\nb",
        "a\r\nb",
        "a b",
        " a",
        "a\t",
        "a\0",
        "a\u{7f}",
        "größe",
        "\u{202e}a",
    ] {
        assert_eq!(session_id(text), None, "{text:?}");
    }
}

#[test]
fn every_type_has_a_resource_and_a_sentence() {
    for kind in EventType::ALL {
        assert_ne!(kind.resource(), Resource::Custom, "{kind}");
        assert!(kind.meaning().ends_with('.'), "{kind}");
        assert_eq!(kind.as_str().parse(), Ok(kind.clone()));
    }
    assert!(EventType::PRODUCT_DELETED.is_deletion());
    let own: EventType = "custom.deleted".parse().unwrap();
    assert!(!own.is_deletion(), "its data is any object");
}

#[test]
fn types_of_the_operators_own_are_small_letters_digits_underscores_and_dots() {
    let longest = format!("custom.{}", "a".repeat(64));
    for text in ["custom.a", "custom.back_in_stock.v2", longest.as_str()] {
        assert_eq!(text.parse(), Ok(EventType::Custom(text.to_owned())));
    }
    let longer = format!("custom.{}", "a".repeat(65));
    for text in [
        "custom",
        "custom.",
        "custom.A",
        "custom.a b",
        "custom.ä",
        "custom.a\n",
        "Custom.a",
        "product",
        "product.lost",
        "product.created ",
        "",
        longer.as_str(),
    ] {
        assert!(text.parse::<EventType>().is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_either_refused_as_a_type_or_is_its_text(text in any::<String>()) {
        if let Ok(kind) = text.parse::<EventType>() {
            assert_eq!(kind.as_str(), text);
        }
    }

    #[test]
    fn own_types_are_read_back(name in "[a-z0-9_.]{1,64}") {
        let text = format!("custom.{name}");
        let kind: EventType = text.parse().unwrap();
        assert_eq!(serde_json::from_value::<EventType>(json!(kind)).unwrap(), kind);
        assert_eq!(kind.resource(), Resource::Custom);
    }

    #[test]
    fn any_text_is_either_refused_as_an_id_or_is_its_text(
        text in "(evt_[0-9A-Za-z]{25,27}|.*)",
    ) {
        if let Ok(id) = text.parse::<EventId>() {
            assert_eq!(id.as_str(), text);
        }
    }

    #[test]
    fn ids_are_read_back_and_sort_by_time(
        early in -1_000_000_i64..4_102_444_800_000, later in 1..10_000_i64, parts in any::<[String; 2]>(),
    ) {
        let at = |millis| jiff::Timestamp::from_millisecond(millis).unwrap();
        let parts = parts.each_ref().map(String::as_str);
        let id = EventId::new(at(early), &parts);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(serde_json::from_value::<EventId>(json!(id)).unwrap(), id);
        assert!(EventId::first_of(at(early)) <= id);
        if early >= 0 {
            assert!(id < EventId::first_of(at(early + later)));
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in any::<Vec<u8>>()) {
        assert!(Event::read(&bytes).is_err());
    }
}

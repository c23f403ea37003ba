use hookline_events::{CustomData, Data};
use serde_json::json;

use super::*;
use crate::memory;

const LIMIT: usize = 1024 * 1024;

fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

fn event(nth: usize, note: &str) -> Event {
    let mut event = memory::event(&store(), nth);
    let data = json!({ "note": note });
    event.data = Data::Custom(CustomData(data.as_object().unwrap().clone()));
    event
}

fn opened(message: &str) -> Vec<Event> {
    let events = open(message).unwrap().events.into_iter();
    events.map(|event| event.unwrap().event).collect()
}

#[test]
fn events_survive_a_round_trip_in_one_message() {
    let events: Vec<Event> = (0..10).map(|nth| event(nth, "a\nb \u{FFFE}\u{FFFF} 🏕")).collect();
    let messages = pack(&store(), &events, LIMIT);
    assert_eq!(messages.len(), 1);
    assert_eq!(open(&messages[0]).unwrap().store, store());
    assert_eq!(opened(&messages[0]), events);
    assert!(!messages[0].contains(['\u{FFFE}', '\u{FFFF}']), "SQS refuses them");
}

#[test]
fn messages_are_as_few_as_fit_and_none_exceeds_the_limit() {
    let events: Vec<Event> = (0..50).map(|nth| event(nth, &"x".repeat(47 * 1024))).collect();
    let messages = pack(&store(), &events, LIMIT);
    assert!(messages.iter().all(|message| message.len() <= LIMIT));
    assert_eq!(messages.len(), 3);
    let read: Vec<Event> = messages.iter().flat_map(|message| opened(message)).collect();
    assert_eq!(read, events);
    let exact = pack(&store(), &events[..2], LIMIT)[0].len();
    assert_eq!(pack(&store(), &events[..2], exact).len(), 1);
    assert_eq!(pack(&store(), &events[..2], exact - 1).len(), 2);
    assert!(pack(&store(), &[], LIMIT).is_empty());
}

#[test]
fn line_is_what_listeners_get_with_fields_of_later_senders() {
    let json = serde_json::to_string(&event(0, "")).unwrap();
    let json = json.replacen('{', r#"{"mood":"new",  "#, 1);
    let message = format!("{{\"hookline_events\":1,\"store\":\"{}\"}}\n{json}\n", store());
    let opened = open(&message).unwrap();
    assert_eq!(opened.events[0].as_ref().unwrap().json, json);
}

#[test]
fn unreadable_event_holds_up_no_other() {
    let message = pack(
        &store(),
        &[event(0, ""), event(1, ""), event(2, ""), event(3, "")],
        LIMIT,
    )
    .remove(0);
    let mut lines: Vec<String> = message.lines().map(str::to_owned).collect();
    lines[1] = lines[1].replace(r#""version":1"#, r#""version":2"#);
    lines[2] = "{}".to_owned();
    lines[3] = lines[3].replace("demo.myshopify.com", "other.myshopify.com");
    lines.push(serde_json::to_string(&event(5, &"x".repeat(MAX_DATA_BYTES))).unwrap());
    lines.push(format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_EVENT_BYTES)));
    let unknown = serde_json::to_string(&event(7, "")).unwrap();
    lines.push(unknown.replace("custom.noted", "weather.changed"));
    let text = lines.join("\n");
    let results = open(&text).unwrap().events;
    let errors: Vec<_> = results.into_iter().map(Result::err).collect();
    assert_eq!(errors[0], Some(EventError::Version(2)));
    assert_eq!(errors[1], Some(EventError::Shape { line: 3 }));
    assert_eq!(errors[2], Some(EventError::OtherStore { line: 4 }));
    assert_eq!(errors[3], None);
    assert!(matches!(
        errors[4],
        Some(EventError::TooLarge {
            line: 6,
            of: "of data",
            ..
        })
    ));
    assert!(matches!(
        errors[5],
        Some(EventError::TooLarge {
            line: 7,
            of: "in all",
            ..
        })
    ));
    assert_eq!(errors[6], Some(EventError::Type { line: 8 }));
}

#[test]
fn message_without_events_of_ours_is_refused() {
    let header = |format: u32| format!(r#"{{"hookline_events":{format},"store":"{}"}}"#, store());
    for (text, expected) in [
        (String::new(), EventMessageError::Header),
        ("not ours".to_owned(), EventMessageError::Header),
        (
            r#"{"hookline":1,"source":"shopify","store":"x"}"#.to_owned() + "\n{}",
            EventMessageError::Header,
        ),
        (
            r#"{"hookline_events":1,"store":"no store"}"#.to_owned() + "\n{}",
            EventMessageError::Header,
        ),
        (header(2) + "\n{}", EventMessageError::Format(2)),
        (header(1), EventMessageError::Empty),
        (header(1) + "\n\n", EventMessageError::Empty),
    ] {
        assert_eq!(open(&text).unwrap_err(), expected, "{text}");
    }
}

fn sealed(nth: u8, bytes: usize) -> SealedBody {
    let parts = crate::delivery::sealed::SealedParts {
        wrapped_key: &[nth],
        nonce: &[0; 12],
        text: &vec![nth; bytes],
    };
    SealedBody::new(memory::noon(), &parts)
}

#[test]
fn sealed_bodies_are_beside_their_events_and_in_none_of_them() {
    let events: Vec<Event> = (0..3).map(|nth| event(nth, "")).collect();
    let bodies = SealedBodies::from([
        (events[0].id.clone(), sealed(0, 10)),
        (events[2].id.clone(), sealed(2, 10)),
    ]);
    let message = pack_sealed(&store(), &events, &bodies, LIMIT).remove(0);
    let opened = open(&message).unwrap();
    assert_eq!(opened.sealed, bodies);
    for event in opened.events {
        assert!(!event.unwrap().json.contains(&sealed(0, 10).text()[20..]));
    }
    let garbled = message.replace(&sealed(2, 10).text(), "AAAA");
    assert_eq!(open(&garbled).unwrap().sealed.len(), 1);
}

#[test]
fn messages_with_sealed_bodies_keep_the_limit_and_one_that_does_not_fit_is_left_out() {
    let events: Vec<Event> = (0..40).map(|nth| event(nth, &"x".repeat(1000 * nth))).collect();
    let bodies: SealedBodies = (0..40)
        .map(|nth| (events[usize::from(nth)].id.clone(), sealed(nth, 15_000)))
        .collect();
    for limit in [60_000, 61_000, 100_000, LIMIT] {
        let messages = pack_sealed(&store(), &events, &bodies, limit);
        assert!(messages.iter().all(|message| message.len() <= limit), "{limit}");
        let read: Vec<Event> = messages.iter().flat_map(|message| opened(message)).collect();
        assert_eq!(read, events);
        let kept: usize = messages.iter().map(|message| open(message).unwrap().sealed.len()).sum();
        assert_eq!(kept, 40);
    }
    let messages = pack_sealed(&store(), &events, &bodies, 50_000);
    let kept: usize = messages.iter().map(|message| open(message).unwrap().sealed.len()).sum();
    assert!((1..40).contains(&kept) && messages.iter().all(|message| message.len() <= 50_000));
}

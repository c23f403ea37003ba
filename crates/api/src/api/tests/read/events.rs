//! Events that are kept.

use hookline_domain::{
    memory,
    outbound::{BusVerdict, EventLog, KeptEvent, SubjectKey},
};
use hookline_events::{Cause, Event};

use super::*;

const LIST: &str = "GET /api/stores/{store}/events";
const DETAILS: &str = "GET /api/stores/{store}/events/{id}";

/// Event of a product, a type and a delivery, `nth` seconds after noon.
fn kept(nth: usize, kind: &str, delivery: &str) -> KeptEvent {
    let mut event = memory::event(&key(STORE), nth);
    event.kind = kind.parse().unwrap();
    event.subject.kind = "product".to_owned();
    event.changed = Some(vec!["inventory".to_owned()]);
    event.cause = Some(Cause {
        topic: "inventory_levels/update".to_owned(),
        delivery_id: Some(delivery.to_owned()),
        received_at: noon(),
    });
    KeptEvent {
        json: serde_json::to_string(&event).unwrap(),
        store: key(STORE),
        id: event.id,
        kind: event.kind,
        subject: SubjectKey {
            kind: event.subject.kind,
            id: event.subject.id,
        },
        cause: Some(delivery.parse().unwrap()),
        at: event.timestamp,
        accepted_at: noon(),
        expires_at: noon() + SignedDuration::from_hours(24),
        verdicts: hookline_domain::outbound::Verdicts::new(),
        bus: BusVerdict::Queued,
        bus_error: Some("throttled".to_owned()),
    }
}

async fn fixture() -> StatusFixture {
    let fixture = demo_fixture().await;
    let events: Vec<KeptEvent> = (0..6)
        .map(|nth| kept(nth, ["custom.noted", "custom.stock.low"][nth % 2], ["a", "b"][nth / 3]))
        .collect();
    fixture.events.keep(&events).await;
    fixture
}

async fn listed(fixture: &StatusFixture, query: &[(&str, &str)]) -> (Vec<String>, Value) {
    let (status, page) = fixture.request(LIST, query, Some(&viewer_of_all())).await;
    assert_eq!(status, 200, "{page}");
    let subjects = page["events"].as_array().unwrap().iter();
    let subjects = subjects.map(|event| event["subject"]["id"].as_str().unwrap().to_owned());
    (subjects.collect(), page)
}

#[tokio::test]
async fn events_are_paged_newest_first() {
    let fixture = fixture().await;
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let (subjects, page) = listed(&fixture, &[("limit", "4"), ("before", &before)]).await;
        seen.extend(subjects);
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut before),
            None => break,
        }
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1", "0"]);
    let (_, page) = listed(&fixture, &[("limit", "1")]).await;
    let newest = &page["events"][0];
    assert_eq!(
        (&newest["type"], &newest["changed"], &newest["cause"]["delivery_id"]),
        (&json!("custom.stock.low"), &json!(["inventory"]), &json!("b"))
    );
    assert_eq!(newest["timestamp"], "2026-11-21T12:00:05Z");
}

#[tokio::test]
async fn parameters_select_type_subject_cause_and_time() {
    let fixture = fixture().await;
    for (query, expected) in [
        (vec![("type", "custom.noted")], vec!["4", "2", "0"]),
        (vec![("type", "custom.stock.*")], vec!["5", "3", "1"]),
        (vec![("type", "product.*")], vec![]),
        (vec![("subject", "product#2")], vec!["2"]),
        (vec![("cause", "a")], vec!["2", "1", "0"]),
        (vec![("from", "2026-11-21T12:00:04Z")], vec!["5", "4"]),
        (vec![("cause", "b"), ("type", "custom.noted")], vec!["4"]),
        (
            vec![("type", ""), ("subject", ""), ("from", "2026-11-21T12:00:05Z")],
            vec!["5"],
        ),
    ] {
        assert_eq!(listed(&fixture, &query).await.0, expected, "{query:?}");
    }
}

#[tokio::test]
async fn malformed_parameter_is_refused_by_name() {
    let fixture = fixture().await;
    for (name, text) in [
        ("type", "weather.changed"),
        ("type", "prod*"),
        ("subject", "788"),
        ("cause", "a b"),
        ("from", "yesterday"),
        ("before", "evt_1"),
        ("limit", "201"),
    ] {
        let (status, body) = fixture.request(LIST, &[(name, text)], Some(&viewer_of_all())).await;
        assert_eq!(status, 400, "{name}");
        assert!(body["error"].as_str().unwrap().contains(name), "{body}");
    }
}

#[tokio::test]
async fn details_have_payload_targets_and_cause() {
    let fixture = fixture().await;
    let details = async |id: &str| {
        let path = [("store", STORE), ("id", id)];
        let request = request_for(DETAILS, &path, &[], "", Some(&viewer_of_all()));
        let response = fixture.api.answer(request).await;
        (response.status().as_u16(), value(&response))
    };
    let event = kept(3, "custom.stock.low", "b");
    let (status, body) = details(event.id.as_str()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["payload"], serde_json::from_str::<Value>(&event.json).unwrap());
    assert_eq!(
        body["targets"],
        json!([{"target": "bus", "verdict": "queued", "error": "throttled"}])
    );
    assert_eq!(
        (&body["cause"]["delivery_id"], &body["store"]),
        (&json!("b"), &json!(STORE))
    );
    let unknown = kept(9, "custom.noted", "a").id;
    assert_eq!(details(unknown.as_str()).await.0, 404);
    assert_eq!(details("evt_1").await.0, 400);
}

#[tokio::test]
async fn event_of_a_later_version_is_listed_and_shown_as_it_was_sent() {
    let fixture = demo_fixture().await;
    let mut later = kept(1, "custom.noted", "a");
    later.json = later.json.replace(r#""version":1,"#, r#""version":2,"#);
    assert!(Event::read(later.json.as_bytes()).is_err());
    fixture.events.keep(std::slice::from_ref(&later)).await;
    let (_, page) = listed(&fixture, &[]).await;
    let summary = &page["events"][0];
    assert_eq!(
        (&summary["changed"], &summary["cause"]["delivery_id"]),
        (&json!(["inventory"]), &json!("a"))
    );
    let path = [("store", STORE), ("id", later.id.as_str())];
    let response = fixture
        .api
        .answer(request_for(DETAILS, &path, &[], "", Some(&viewer_of_all())))
        .await;
    assert_eq!(
        value(&response)["payload"],
        serde_json::from_str::<Value>(&later.json).unwrap()
    );
}

#[tokio::test]
async fn event_of_another_store_is_not_found() {
    let fixture = fixture().await;
    let event = kept(3, "custom.stock.low", "b");
    let path = [("store", "other.myshopify.com"), ("id", event.id.as_str())];
    let response = fixture
        .api
        .answer(request_for(DETAILS, &path, &[], "", Some(&viewer_of_all())))
        .await;
    assert_eq!(response.status(), 404);
}

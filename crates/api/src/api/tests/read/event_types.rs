//! The catalog of events.

use hookline_events::{Event, EventType, schema};

use super::*;

const DETAILS: &str = "GET /api/event-types/{type}";

async fn details_of(kind: &str) -> (u16, Value) {
    let request = request_for(DETAILS, &[("type", kind)], &[], "", Some(&viewer_of_all()));
    let response = demo_fixture().await.api.answer(request).await;
    (response.status().as_u16(), value(&response))
}

#[tokio::test]
async fn every_type_is_listed_and_has_its_schema_and_sample() {
    let (status, list) = demo_fixture()
        .await
        .request("GET /api/event-types", &[], Some(&viewer_of_all()))
        .await;
    assert_eq!(status, 200);
    let listed: Vec<&str> = list["event_types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["type"].as_str().unwrap())
        .collect();
    let known = EventType::ALL.iter().map(EventType::as_str).chain(["custom.*"]);
    assert_eq!(listed, known.collect::<Vec<_>>());
    for (kind, summary) in listed.iter().zip(list["event_types"].as_array().unwrap()) {
        let (status, details) = details_of(kind).await;
        assert_eq!(status, 200, "{kind}");
        for (name, value) in summary.as_object().unwrap() {
            assert_eq!(details[name], *value, "{kind}");
        }
        let sample = Event::from_value(details["sample"].clone()).unwrap();
        assert_eq!(details["schema"], schema::of(&sample.kind), "{kind}");
        if *kind != "custom.*" {
            assert_eq!(sample.kind.as_str(), *kind);
        }
    }
}

#[tokio::test]
async fn every_type_of_the_operators_own_has_one_schema() {
    let (status, details) = details_of("custom.back_in_stock").await;
    assert_eq!((status, &details["type"]), (200, &json!("custom.*")));
    assert_eq!(details["schema"]["title"], "custom");
}

#[tokio::test]
async fn unknown_type_is_answered_with_404_and_where_to_look() {
    for kind in ["order.lost", "custom", "custom.A", ""] {
        let (status, body) = details_of(kind).await;
        assert_eq!(status, 404, "{kind}");
        assert!(
            body["error"].as_str().unwrap().contains("GET /api/event-types"),
            "{body}"
        );
    }
}

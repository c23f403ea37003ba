//! Tests of messages: listed, explained, sent again.

use super::*;

#[tokio::test]
async fn messages_are_listed_explained_and_sent_again() {
    let world = World::new().await;
    let id = world.created(OWN).await;
    let endpoint = endpoint_key(Scope::Store(key(STORE)), &id);
    let sent = world.message(0, &endpoint, Some(MessageFate::Sent)).await;
    let failed = world.message(1, &endpoint, Some(MessageFate::Exhausted)).await;
    let open = world.message(2, &endpoint, None).await;
    let events = async |query: &[(&str, &str)]| {
        let list = world.get(&format!("{OWN}/{{endpoint}}/messages"), &id, query).await;
        let messages = list["messages"].as_array().unwrap().clone();
        let ids: Vec<String> = messages
            .iter()
            .map(|one| one["event"].as_str().unwrap().to_owned())
            .collect();
        (ids, list["next"].clone())
    };
    assert_eq!(events(&[]).await, (vec![failed.clone(), sent.clone()], Value::Null));
    let (first, next) = events(&[("limit", "1")]).await;
    assert_eq!(first, std::slice::from_ref(&failed));
    assert_eq!(
        events(&[("cursor", next.as_str().unwrap())]).await.0,
        std::slice::from_ref(&sent)
    );
    assert_eq!(events(&[("fate", "sent")]).await.0, std::slice::from_ref(&sent));
    let act = async |action: &str, event: &str, body: Value| {
        let call = Call {
            route: format!("POST {OWN}/{{endpoint}}/{action}"),
            endpoint: &id,
            event,
            body: body.to_string(),
            ..Call::default()
        };
        world.call(call, &principal_of(STORE, Role::Admin)).await
    };
    let (status, retried, _) = act("messages/{event}/retry", &failed, json!({})).await;
    assert_eq!((status, &retried["message"]["run"]), (202, &json!(1)), "{retried}");
    assert_eq!(
        act("messages/{event}/retry", &open, json!({})).await.0,
        409,
        "it was never tried"
    );
    assert_eq!(events(&[("fate", "open")]).await.0, std::slice::from_ref(&failed));
    let range = json!({"from": noon(), "to": noon() + SignedDuration::from_hours(1), "only": "all", "dry_run": true});
    let (status, replayed, _) = act("replay", "", range).await;
    assert_eq!(
        (status, replayed),
        (202, json!({"queued": 2, "events": 3, "next": null}))
    );
    let read = async |route: &str, event: &str| {
        let call = Call {
            route: format!("GET {route}"),
            endpoint: &id,
            event,
            ..Call::default()
        };
        world.call(call, &viewer_of_all()).await
    };
    let (status, message, _) = read(&format!("{OWN}/{{endpoint}}/messages/{{event}}"), &open).await;
    assert_eq!((status, &message["sentence"]), (200, &json!("Waits to be sent.")));
    assert_eq!(message["store"], json!(StoreLabel::from(&key(STORE))));
    let (status, why, _) = read("/api/stores/{store}/events/{id}/why", &sent).await;
    assert_eq!(
        (status, &why["endpoints"][0]["fate"], &why["bus"]["verdict"]),
        (200, &json!("sent"), &json!("off"))
    );
    let status = world.get(&format!("{OWN}/{{endpoint}}/status"), &id, &[]).await;
    assert_eq!(
        (&status["queue"]["messages"], &status["breaker"]),
        (&json!(1), &json!("closed"))
    );
}

#[tokio::test]
async fn why_hides_endpoints_of_all_stores_from_those_of_one() {
    let world = World::new().await;
    let id = world.created(ALL).await;
    let event = world.message(0, &endpoint_key(Scope::All, &id), None).await;
    for (principal, count) in [(viewer_of_all(), 1), (principal_of(STORE, Role::Admin), 0)] {
        let call = Call {
            route: "GET /api/stores/{store}/events/{id}/why".to_owned(),
            event: &event,
            ..Call::default()
        };
        let (_, why, _) = world.call(call, &principal).await;
        assert_eq!(why["endpoints"].as_array().unwrap().len(), count, "{principal:?}");
    }
}

#[tokio::test]
async fn test_of_an_endpoint_of_all_stores_names_the_store() {
    let world = World::new().await;
    let id = world.created(ALL).await;
    let test = async |body| world.admin(&format!("POST {ALL}/{{endpoint}}/test"), &id, &body).await;
    assert_eq!(test(json!({"type": "product.updated"})).await.0, 400);
    let (status, tested) = test(json!({"type": "product.updated", "store": STORE})).await;
    assert_eq!(
        (status, &tested["waiting"]),
        (200, &json!(true)),
        "nobody posts here: {tested}"
    );
    let entry = world.outboxes.entries(&endpoint_key(Scope::All, &id)).remove(0);
    let kept = world.events.find(&key(STORE), &entry.key.event).await.unwrap().unwrap();
    assert_eq!(kept.kind.as_str(), "product.updated");
}

#[tokio::test]
async fn words_of_a_refusal_are_for_admins_of_the_owner_and_on_no_list() {
    let world = World::new().await;
    let id = world.created(OWN).await;
    let endpoint = endpoint_key(Scope::Store(key(STORE)), &id);
    let failed = world.message(1, &endpoint, Some(MessageFate::Exhausted)).await;
    let read = async |role: Role, route: &str, event: &str| {
        let call = Call {
            route: format!("GET {route}"),
            endpoint: &id,
            event,
            ..Call::default()
        };
        let (status, body, _) = world.call(call, &principal_of(STORE, role)).await;
        assert_eq!(status, 200, "{body}");
        body
    };
    let detail = format!("{OWN}/{{endpoint}}/messages/{{event}}");
    let of_admin = read(Role::Admin, &detail, &failed).await["attempts"][0].clone();
    assert_eq!(of_admin["excerpt"], "no such sku");
    let mut of_viewer = read(Role::Viewer, &detail, &failed).await["attempts"][0].clone();
    assert_eq!(of_viewer["excerpt"].take(), Value::Null);
    assert_eq!(of_viewer["request_headers"], of_admin["request_headers"]);
    let id_header = json!({"name": "webhook-id", "value": failed});
    assert_eq!(of_viewer["request_headers"][0], id_header);
    for (route, event) in [
        (format!("{OWN}/{{endpoint}}/messages"), ""),
        ("/api/stores/{store}/events/{id}/why".to_owned(), &*failed),
    ] {
        let text = read(Role::Admin, &route, event).await.to_string();
        assert!(
            text.contains("\"status\":500") && !text.contains("no such sku"),
            "{text}"
        );
    }
}

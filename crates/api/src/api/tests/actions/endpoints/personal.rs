//! Personal data of endpoints: who decides about it, and proof.

use super::*;

#[tokio::test]
async fn only_an_admin_of_all_stores_decides_about_personal_data() {
    let world = World::new().await;
    let (of_store, of_all) = (principal_of(STORE, Role::Admin), principal(Role::Admin, Reach::All));
    let create = async |who: &Principal| {
        let call = Call {
            route: format!("POST {OWN}"),
            body: settings(json!({"personal": "contact"})).to_string(),
            ..Call::default()
        };
        world.call(call, who).await
    };
    let (status, refused, _) = create(&of_store).await;
    assert_eq!(status, 403, "{refused}");
    assert!(
        refused["error"].as_str().unwrap().contains("admin of all stores"),
        "{refused}"
    );
    let (status, created, _) = create(&of_all).await;
    assert_eq!(status, 201, "{created}");
    let id = created["endpoint"]["id"].as_str().unwrap();
    let patch = async |change: Value, who: &Principal| {
        let call = Call {
            route: format!("PATCH {OWN}/{{endpoint}}"),
            endpoint: id,
            body: json!({"settings": change}).to_string(),
            if_match: Some("*"),
            ..Call::default()
        };
        world.call(call, who).await.0
    };
    assert_eq!(patch(json!({"personal": "full"}), &of_store).await, 403);
    assert_eq!(
        patch(json!({"url": "https://other.example.com/hook"}), &of_store).await,
        403
    );
    assert_eq!(patch(json!({"description": "ours"}), &of_store).await, 200);
    assert_eq!(patch(json!({"personal": "full"}), &of_all).await, 200);
    assert_eq!(
        patch(json!({"personal": "none"}), &of_store).await,
        200,
        "less is anybody's"
    );
    assert_eq!(patch(json!({"personal": "contact"}), &of_store).await, 403);
}

#[tokio::test]
async fn challenge_is_left_to_the_dispatcher_and_not_shown() {
    let world = World::new().await;
    let id = world.created(OWN).await;
    let route = format!("POST {OWN}/{{endpoint}}/verify");
    let viewer = Call {
        route: route.clone(),
        endpoint: &id,
        body: "{}".to_owned(),
        ..Call::default()
    };
    assert_eq!(world.call(viewer, &viewer_of_all()).await.0, 403);
    let (status, seen) = world.admin(&route, &id, &json!({})).await;
    assert_eq!((status, &seen["proven_at"]), (200, &Value::Null), "{seen}");
    assert_eq!(world.wake_ups.take().len(), 1);
    let key = format!("shopify#{STORE} {id}").parse().unwrap();
    let endpoint = EndpointRecords::read(&world.endpoints, &key).await.unwrap().unwrap();
    let challenge = endpoint.proof.challenge.unwrap().text;
    assert_eq!(challenge.len(), 32);
    assert!(!seen.to_string().contains(&challenge));
}

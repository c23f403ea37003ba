use serde_json::json;

use super::*;

fn told(topic: Topic, body: &Value) -> Option<Result<Event, InterpretError>> {
    told_by_events(topic, body.to_string().as_bytes())
}

fn product(action: &str, variables: &Value) -> Value {
    json!({
        "topic": "Product", "action": action, "handle": "catalogue",
        "fields_changed": {"added": [], "updated": [
            "product[id: 'gid://shopify/Product/7'].variants[id: 'gid://shopify/ProductVariant/456'].price"
        ], "removed": []},
        "query_variables": variables,
    })
}

fn id(id: &str) -> EntityId {
    EntityId::new(id).unwrap()
}

fn problem(topic: Topic, body: &Value) -> String {
    told(topic, body).unwrap().unwrap_err().to_string()
}

#[test]
fn what_has_changed_is_told_by_the_querys_variable() {
    let variables = json!({"productId": "gid://shopify/Product/788032119674292923", "variantsId": "gid://shopify/ProductVariant/456"});
    let changed = Event::ProductChanged(id("788032119674292923"));
    for (topic, action) in [(Topic::ProductsUpdate, "update"), (Topic::ProductsCreate, "create")] {
        assert_eq!(told(topic, &product(action, &variables)), Some(Ok(changed.clone())));
    }
    let deleted = Event::ProductDeleted(id("788032119674292923"));
    assert_eq!(
        told(Topic::ProductsDelete, &product("delete", &variables)),
        Some(Ok(deleted))
    );
}

#[test]
fn each_topic_has_a_variable_of_its_own() {
    for (topic, resource, action, variables, event) in [
        (
            Topic::CollectionsUpdate,
            "Collection",
            "update",
            json!({"collectionId": "gid://shopify/Collection/1", "productsId": "gid://shopify/Product/2"}),
            Event::CollectionChanged(id("1")),
        ),
        (
            Topic::CollectionsDelete,
            "Collection",
            "delete",
            json!({"collectionId": "gid://shopify/Collection/1"}),
            Event::CollectionDeleted(id("1")),
        ),
        (
            Topic::InventoryLevelsUpdate,
            "InventoryLevel",
            "update",
            json!({"inventoryLevelId": "gid://shopify/InventoryLevel/3?inventory_item_id=4"}),
            Event::StockChanged(id("4")),
        ),
        (
            Topic::OrdersCreate,
            "Order",
            "create",
            json!({"orderId": "gid://shopify/Order/5", "customerId": "gid://shopify/Customer/6"}),
            Event::OrderCreated(id("5")),
        ),
    ] {
        let body = json!({"topic": resource, "action": action, "query_variables": variables});
        assert_eq!(told(topic, &body), Some(Ok(event)));
    }
}

#[test]
fn without_a_variable_the_changed_fields_tell_or_the_result() {
    let changed = |id| Some(Ok(Event::ProductChanged(id)));
    let mut body = product("update", &json!({}));
    assert_eq!(told(Topic::ProductsUpdate, &body), changed(id("7")));
    // As they were before 16 September 2026.
    body["fields_changed"] = json!(["product[id: 'gid://shopify/Product/8'].title"]);
    assert_eq!(told(Topic::ProductsUpdate, &body), changed(id("8")));
    body["fields_changed"] = Value::Null;
    body["data"] = json!({"product": {"id": "gid://shopify/Product/9"}, "shop": {"id": "gid://shopify/Shop/1"}});
    assert_eq!(told(Topic::ProductsUpdate, &body), changed(id("9")));
    // Of two, neither: the wrong one would be as likely.
    let two = json!({"a": "gid://shopify/Product/1", "b": "gid://shopify/Product/2"});
    let body = json!({"topic": "Product", "action": "update", "query_variables": two});
    let problem = problem(Topic::ProductsUpdate, &body);
    assert!(
        problem.ends_with(" at query_variables: expected the one id of what has changed"),
        "{problem}"
    );
}

#[test]
fn what_is_kept_elsewhere_is_told_by_what_is_left() {
    let mut stub = json!({
        "payload_url": "https://example.com/secret", "payload_size_bytes": 2_000_000, "expires_at": "2026-11-22T00:00:00Z",
        "query_variables": {"productId": "gid://shopify/Product/1"},
    });
    assert_eq!(
        told(Topic::ProductsUpdate, &stub),
        Some(Ok(Event::ProductChanged(id("1"))))
    );
    assert!(
        problem(Topic::ProductsDelete, &stub).contains(" at action: "),
        "a deletion says so itself"
    );
    stub["query_variables"] = Value::Null;
    let problem = problem(Topic::ProductsUpdate, &stub);
    assert!(
        problem.contains(" at query_variables: ") && !problem.contains("secret"),
        "{problem}"
    );
}

#[test]
fn a_signed_body_of_another_topic_is_not_taken_for_this_one() {
    let variables = json!({"productId": "gid://shopify/Product/1", "collectionId": "gid://shopify/Collection/1"});
    let body = product("update", &variables);
    assert!(problem(Topic::ProductsDelete, &body).contains(" at action: "));
    assert!(problem(Topic::ProductsCreate, &body).contains(" at action: "));
    assert!(problem(Topic::CollectionsUpdate, &body).contains(" at topic: "));
    for missing in ["topic", "action"] {
        let mut unnamed = body.clone();
        unnamed.as_object_mut().unwrap().remove(missing);
        assert!(
            problem(Topic::ProductsUpdate, &unnamed).contains(missing),
            "a body says what it is"
        );
    }
    let mut named = body.clone();
    named["topic"] = json!(7);
    assert!(problem(Topic::ProductsUpdate, &named).contains(" at topic: "));
}

#[test]
fn ids_that_are_none_are_not_taken_for_ids() {
    for text in [
        "788032119674292923",
        "gid://shopify/Product/",
        "gid://shopify/Product/x1",
        "gid://shopify/Product/99999999999999999999",
        "gid://shopify/ProductVariant/1",
        "gid://elsewhere/Product/1",
    ] {
        let body = json!({"topic": "Product", "action": "update", "query_variables": {"productId": text}});
        assert!(
            problem(Topic::ProductsUpdate, &body).contains(" at query_variables: "),
            "{text}"
        );
    }
    for variables in [json!([]), json!("x"), json!(1)] {
        let body = json!({"topic": "Product", "action": "update", "query_variables": variables});
        assert!(
            problem(Topic::ProductsUpdate, &body).contains(" at query_variables: expected "),
            "{body}"
        );
    }
}

#[test]
fn classic_bodies_and_topics_that_events_lack_are_none_of_this() {
    let classic = json!({"id": 1, "title": "Kettle", "handle": "kettle", "updated_at": "2026-11-14T10:04:52-05:00"});
    assert!(told(Topic::ProductsUpdate, &classic).is_none());
    let events = json!({"topic": "App", "action": "uninstalled", "query_variables": {}});
    assert!(told(Topic::AppUninstalled, &events).is_none());
    for body in ["", "[]", "null", "[1, 2, 3]"] {
        assert!(
            told_by_events(Topic::ProductsUpdate, body.as_bytes()).is_none(),
            "{body}"
        );
    }
}

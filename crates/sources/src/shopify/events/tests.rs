use hookline_domain::kernel::ids::EntityId;
use serde_json::json;

use super::*;

fn interpreted(topic: Topic, body: &Value) -> Option<Result<Event, InterpretError>> {
    interpret_events(topic, body.to_string().as_bytes())
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
    interpreted(topic, body).unwrap().unwrap_err().to_string()
}

#[test]
fn id_is_read_from_the_variable_of_the_query() {
    let variables = json!({"productId": "gid://shopify/Product/788032119674292923", "variantsId": "gid://shopify/ProductVariant/456"});
    let changed = Event::ProductChanged(id("788032119674292923"));
    for (topic, action) in [(Topic::ProductsUpdate, "update"), (Topic::ProductsCreate, "create")] {
        assert_eq!(
            interpreted(topic, &product(action, &variables)),
            Some(Ok(changed.clone()))
        );
    }
    let deleted = Event::ProductDeleted(id("788032119674292923"));
    assert_eq!(
        interpreted(Topic::ProductsDelete, &product("delete", &variables)),
        Some(Ok(deleted))
    );
}

#[test]
fn each_topic_has_its_own_variable() {
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
            Event::Fact(Box::new(Fact::bare("order", id("5")))),
        ),
    ] {
        let body = json!({"topic": resource, "action": action, "query_variables": variables});
        assert_eq!(interpreted(topic, &body), Some(Ok(event)));
    }
}

#[test]
fn id_is_read_from_changed_fields_or_the_result_without_a_variable() {
    let changed = |id| Some(Ok(Event::ProductChanged(id)));
    let mut body = product("update", &json!({}));
    assert_eq!(interpreted(Topic::ProductsUpdate, &body), changed(id("7")));
    // The format before 16 September 2026.
    body["fields_changed"] = json!(["product[id: 'gid://shopify/Product/8'].title"]);
    assert_eq!(interpreted(Topic::ProductsUpdate, &body), changed(id("8")));
    body["fields_changed"] = Value::Null;
    body["data"] = json!({"product": {"id": "gid://shopify/Product/9"}, "shop": {"id": "gid://shopify/Shop/1"}});
    assert_eq!(interpreted(Topic::ProductsUpdate, &body), changed(id("9")));
    // Two ids are refused: either could be the wrong one.
    let two = json!({"a": "gid://shopify/Product/1", "b": "gid://shopify/Product/2"});
    let body = json!({"topic": "Product", "action": "update", "query_variables": two});
    let problem = problem(Topic::ProductsUpdate, &body);
    assert!(
        problem.ends_with(" at query_variables: expected the one id of what has changed"),
        "{problem}"
    );
}

#[test]
fn id_is_read_from_a_body_with_a_payload_url() {
    let mut stub = json!({
        "payload_url": "https://example.com/secret", "payload_size_bytes": 2_000_000, "expires_at": "2026-11-22T00:00:00Z",
        "query_variables": {"productId": "gid://shopify/Product/1"},
    });
    assert_eq!(
        interpreted(Topic::ProductsUpdate, &stub),
        Some(Ok(Event::ProductChanged(id("1"))))
    );
    assert!(
        problem(Topic::ProductsDelete, &stub).contains(" at action: "),
        "the body itself says that it is a deletion"
    );
    stub["query_variables"] = Value::Null;
    let problem = problem(Topic::ProductsUpdate, &stub);
    assert!(
        problem.contains(" at query_variables: ") && !problem.contains("secret"),
        "{problem}"
    );
}

#[test]
fn signed_body_of_another_topic_is_refused() {
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
            "the body names its topic"
        );
    }
    let mut named = body.clone();
    named["topic"] = json!(7);
    assert!(problem(Topic::ProductsUpdate, &named).contains(" at topic: "));
}

#[test]
fn malformed_ids_are_refused() {
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
fn classic_bodies_and_topics_without_events_are_not_interpreted() {
    let classic = json!({"id": 1, "title": "Kettle", "handle": "kettle", "updated_at": "2026-11-14T10:04:52-05:00"});
    assert!(interpreted(Topic::ProductsUpdate, &classic).is_none());
    let events = json!({"topic": "App", "action": "uninstalled", "query_variables": {}});
    assert!(interpreted(Topic::AppUninstalled, &events).is_none());
    for body in ["", "[]", "null", "[1, 2, 3]"] {
        assert!(
            interpret_events(Topic::ProductsUpdate, body.as_bytes()).is_none(),
            "{body}"
        );
    }
}

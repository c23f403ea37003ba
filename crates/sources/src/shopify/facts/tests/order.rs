//! Orders, and the chat sessions that they name.

use super::*;

#[test]
fn new_order_is_announced_with_money_lines_and_its_chat_session() {
    let fact = fact_of(Topic::OrdersCreate, &sample(Topic::OrdersCreate));
    assert_eq!((fact.kind, fact.id.as_str()), ("order", "820982911946154601"));
    let [created, checkout, paid] = fact.announces.as_slice() else {
        panic!("{fact:?}")
    };
    assert_eq!(created.kind, EventType::ORDER_CREATED);
    assert_eq!(created.identity, told("2026-11-14T16:31:08Z"));
    assert_eq!(created.session_id.as_deref(), Some("chat_3PfJ7mQ2kV8s"));
    assert_eq!(created.related.customer, Some(reference(115_310_627_314_723_969)));
    let usd = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let line = json!({"id": "487817672276298571", "product_id": "446547597538216369", "variant_id": "128746556277994597",
        "title": "Ember Pocket Stove, Mk II", "sku": "NF-EPS-RAW", "quantity": 1, "price": usd("34.00")});
    assert_eq!(
        json_of(created),
        json!({"id": "820982911946154601", "name": "#1042", "financial_status": "paid",
            "totals": {"total": usd("42.00"), "subtotal": usd("34.00"), "shipping": usd("8.00"), "tax": usd("0.00"),
                "discounts": usd("0.00")},
            "lines": [line.clone()], "created_at": "2026-11-14T16:31:08Z", "updated_at": "2026-11-14T16:31:09Z",
            "test": true, "truncated": false})
    );
    assert_eq!(checkout.kind, EventType::CHECKOUT_COMPLETED);
    assert_eq!(checkout.identity, created.identity);
    assert_eq!(checkout.session_id, created.session_id);
    assert_eq!(checkout.related.order, Some(reference(820_982_911_946_154_601)));
    assert_eq!(
        json_of(checkout),
        json!({"id": "820982911946154601", "order_name": "#1042", "total": usd("42.00"), "lines": [line],
            "truncated": false})
    );
    assert_eq!((&paid.kind, &paid.identity), (&EventType::ORDER_PAID, &Identity::First));
}

#[test]
fn order_that_is_not_paid_or_has_no_session_announces_neither() {
    let unpaid = changed(
        Topic::OrdersCreate,
        &[("/financial_status", json!("pending")), ("/note_attributes", json!([]))],
    );
    assert_eq!(types(Topic::OrdersCreate, &unpaid), ["order.created"]);
    assert_eq!(types(Topic::OrdersUpdated, &unpaid), ["order.updated"]);
    let updated = sample(Topic::OrdersUpdated);
    assert_eq!(types(Topic::OrdersUpdated, &updated), ["order.updated", "order.paid"]);
}

#[test]
fn session_id_that_is_none_is_ignored() {
    let session = |name: &str, value: Value| {
        let attributes = json!([{"name": "colour", "value": "red"}, {"name": name, "value": value}]);
        let body = changed(Topic::OrdersCreate, &[("/note_attributes", attributes)]);
        let announces = fact_of(Topic::OrdersCreate, &body).announces;
        let is_checkout = announces.iter().any(|each| each.kind == EventType::CHECKOUT_COMPLETED);
        assert_eq!(is_checkout, announces[0].session_id.is_some());
        announces[0].session_id.clone()
    };
    let longest = "s".repeat(128);
    assert_eq!(session("session_id", json!(longest)), Some(longest));
    assert_eq!(session("sessionId", json!("abc")), Some("abc".into()));
    for value in [
        json!("s".repeat(129)),
        json!("a\nb"),
        json!("a b"),
        json!("é"),
        json!(""),
        json!(5),
        Value::Null,
        json!(["a"]),
    ] {
        assert_eq!(session("session_id", value.clone()), None, "{value}");
    }
    for name in ["Session_id", "session", "sessionid"] {
        assert_eq!(session(name, json!("abc")), None);
    }
    // The first that is one counts.
    let two = json!([{"name": "session_id", "value": ""}, {"name": "sessionId", "value": "b"},
        {"name": "session_id", "value": "c"}]);
    let body = changed(Topic::OrdersCreate, &[("/note_attributes", two)]);
    let found = fact_of(Topic::OrdersCreate, &body).announces[0].session_id.clone();
    assert_eq!(found.as_deref(), Some("b"));
}

#[test]
fn order_without_lines_is_announced_and_one_without_a_state_is_not() {
    let empty = changed(
        Topic::OrdersUpdated,
        &[("/line_items", json!([])), ("/customer", Value::Null)],
    );
    let announced = &fact_of(Topic::OrdersUpdated, &empty).announces[0];
    assert_eq!(json_of(announced)["lines"], json!([]));
    assert_eq!(announced.related, Related::default());
    // Its chat is finished nevertheless.
    let ordered = changed(Topic::OrdersCreate, &[("/line_items", json!([]))]);
    let checkout = &fact_of(Topic::OrdersCreate, &ordered).announces[1];
    assert_eq!(checkout.kind, EventType::CHECKOUT_COMPLETED);
    assert_eq!(json_of(checkout)["lines"], Value::Null);
    // Fields of a subscription that counts orders only.
    let body =
        json!({"id": 5, "updated_at": "2026-11-14T11:31:09-05:00", "admin_graphql_api_id": "gid://shopify/Order/5"});
    for topic in [
        Topic::OrdersCreate,
        Topic::OrdersUpdated,
        Topic::OrdersFulfilled,
        Topic::OrdersCancelled,
    ] {
        assert_eq!(fact_of(topic, &body), Fact::bare("order", "5".parse().unwrap()));
    }
}

#[test]
fn states_of_one_second_differ_by_their_content() {
    let identity = |body: &Value| fact_of(Topic::OrdersUpdated, body).announces[0].identity.clone();
    let first = identity(&sample(Topic::OrdersUpdated));
    let Identity::Told { at, apart } = &first else {
        panic!("{first:?}")
    };
    assert_eq!((*at, apart.len()), ("2026-11-14T17:02:40Z".parse().unwrap(), 32));
    // What is not read makes no difference, not even in an order of fields.
    let note = changed(
        Topic::OrdersUpdated,
        &[("/note", json!("changed")), ("/email", json!("a@b.example"))],
    );
    assert_eq!(identity(&note), first);
    for change in [
        ("/financial_status", json!("refunded")),
        ("/line_items/0/quantity", json!(2)),
        ("/customer/id", json!(7)),
        ("/note_attributes/1/value", json!("another")),
    ] {
        assert_ne!(identity(&changed(Topic::OrdersUpdated, &[change])), first);
    }
}

#[test]
fn order_announces_only_what_its_body_shows() {
    let fulfilled = sample(Topic::OrdersFulfilled);
    assert_eq!(types(Topic::OrdersFulfilled, &fulfilled), ["order.fulfilled"]);
    let announced = only(Topic::OrdersFulfilled, &fulfilled);
    assert_eq!(announced.identity, told("2026-11-14T20:20:12Z"));
    let cancelled = sample(Topic::OrdersCancelled);
    let announced = only(Topic::OrdersCancelled, &cancelled);
    assert_eq!(announced.identity, told("2026-11-14T18:31:01Z"));
    assert_eq!(json_of(&announced)["cancel_reason"], "customer");
    // Bodies of all topics have one shape, and no topic is signed.
    for other in [Topic::OrdersCreate, Topic::OrdersUpdated] {
        for topic in [Topic::OrdersFulfilled, Topic::OrdersCancelled] {
            assert_eq!(
                types(topic, &sample(other)),
                [""; 0],
                "{} as {}",
                other.name(),
                topic.name()
            );
        }
    }
    assert_eq!(types(Topic::OrdersCancelled, &fulfilled), [""; 0]);
    assert_eq!(types(Topic::OrdersFulfilled, &cancelled), [""; 0]);
}

#[test]
fn order_without_lines_in_yen_with_a_broken_session_is_announced_as_it_is() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../events/shopify/hostile/order-without-lines.json"
    );
    let body: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let announced = only(Topic::OrdersCreate, &body);
    assert_eq!(
        (announced.kind.clone(), announced.session_id.clone()),
        (EventType::ORDER_CREATED, None)
    );
    let order = json_of(&announced);
    assert_eq!(order["totals"]["total"], json!({"amount": "4200", "currency": "JPY"}));
    assert_eq!(order["lines"], json!([]));
}

use hookline_domain::kernel::ids::{DeliveryId, DeliveryKey, Topic as TopicName};
use serde_json::{Value, json};

use super::*;
use crate::shopify::{Topic, interpret};

/// Sample body of a topic.
fn sample(topic: Topic) -> Value {
    let path = format!(
        "{}/../../events/shopify/{}.json",
        env!("CARGO_MANIFEST_DIR"),
        topic.function()
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The sample with other fields, by their JSON pointers.
fn changed(topic: Topic, fields: &[(&str, Value)]) -> Value {
    let mut body = sample(topic);
    for (pointer, value) in fields {
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    }
    body
}

fn read(topic: Topic, body: &Value) -> Result<Event, InterpretError> {
    interpret(&Delivery {
        key: DeliveryKey {
            store: "shopify#juniper-and-oak.myshopify.com".parse().unwrap(),
            topic: TopicName::new(topic.name()).unwrap(),
            id: DeliveryId::new("1").unwrap(),
        },
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: None,
        received_at: Timestamp::UNIX_EPOCH,
        body: body.to_string().into_bytes(),
    })
}

fn fact_of(topic: Topic, body: &Value) -> Fact {
    match read(topic, body) {
        Ok(Event::Fact(fact)) => *fact,
        other => panic!("{}: {other:?}", topic.name()),
    }
}

/// Types of what a body announces.
fn types(topic: Topic, body: &Value) -> Vec<String> {
    let announces = fact_of(topic, body).announces;
    announces.iter().map(|announced| announced.kind.to_string()).collect()
}

/// The one announcement of a body.
fn only(topic: Topic, body: &Value) -> Announcement {
    let mut announces = fact_of(topic, body).announces;
    assert_eq!(announces.len(), 1, "{announces:?}");
    announces.remove(0)
}

/// Data as subscribers read it.
fn json_of(announced: &Announcement) -> Value {
    serde_json::to_value(&announced.data).unwrap()
}

fn told(at: &str) -> Identity {
    super::at(at.parse().unwrap())
}

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
fn amounts_keep_the_decimals_that_they_have() {
    for (amount, currency) in [("500", "JPY"), ("12.345", "KWD"), ("0.00", "USD"), ("-3.5", "EUR")] {
        let set = json!({"shop_money": {"amount": amount, "currency_code": currency},
            "presentment_money": {"amount": "1.00", "currency_code": "GBP"}});
        let expected = json!({"amount": amount, "currency": currency});
        let body = changed(
            Topic::OrdersCreate,
            &[("/total_price_set", set.clone()), ("/line_items/0/price_set", set)],
        );
        let order = json_of(&fact_of(Topic::OrdersCreate, &body).announces[0]);
        assert_eq!(order["totals"]["total"], expected);
        assert_eq!(order["lines"][0]["price"], expected);
        // Without the set: in the shop's currency.
        let mut plain = changed(
            Topic::OrdersCreate,
            &[
                ("/total_price", json!(amount)),
                ("/currency", json!(currency)),
                ("/line_items/0/price", json!(amount)),
                ("/line_items/0/price_set", Value::Null),
            ],
        );
        plain.as_object_mut().unwrap().remove("total_price_set");
        let order = json_of(&fact_of(Topic::OrdersCreate, &plain).announces[0]);
        assert_eq!(order["totals"]["total"], expected);
        assert_eq!(order["lines"][0]["price"], expected);
        let paid = changed(
            Topic::OrderTransactionsCreate,
            &[("/amount", json!(amount)), ("/currency", json!(currency))],
        );
        assert_eq!(
            json_of(&only(Topic::OrderTransactionsCreate, &paid))["amount"],
            expected
        );
    }
    let odd = changed(
        Topic::OrdersCreate,
        &[("/total_price_set/shop_money/amount", json!({"a": 1}))],
    );
    let problem = read(Topic::OrdersCreate, &odd).unwrap_err().to_string();
    assert!(
        problem.contains(" at total_price_set.shop_money.amount: expected a decimal number"),
        "{problem}"
    );
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
fn sale_or_capture_that_is_settled_is_a_payment() {
    let topic = Topic::OrderTransactionsCreate;
    let paid = only(topic, &sample(topic));
    assert_eq!(paid.kind, EventType::PAYMENT_COMPLETED);
    assert_eq!(paid.identity, told("2026-11-14T16:31:07Z"));
    assert_eq!(paid.related.order, Some(reference(820_982_911_946_154_601)));
    assert_eq!(
        json_of(&paid),
        json!({"id": "120560818172775361", "amount": {"amount": "42.00", "currency": "USD"}, "gateway": "bogus",
            "kind": "sale", "test": true, "truncated": false})
    );
    for (kind, status, expected) in [
        ("sale", "failure", Some("payment.failed")),
        ("capture", "error", Some("payment.failed")),
        ("capture", "success", Some("payment.completed")),
        ("sale", "pending", None),
        ("authorization", "success", None),
        ("refund", "success", None),
        ("void", "success", None),
        ("Sale", "success", None),
    ] {
        let body = changed(
            topic,
            &[
                ("/kind", json!(kind)),
                ("/status", json!(status)),
                ("/error_code", json!("card_declined")),
            ],
        );
        let found = types(topic, &body);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{kind} {status}");
        if expected == Some("payment.failed") {
            assert_eq!(json_of(&only(topic, &body))["error_code"], "card_declined");
        }
    }
}

#[test]
fn refund_has_its_sum_and_lines_whatever_is_known_of_its_order() {
    let topic = Topic::RefundsCreate;
    let refund = only(topic, &sample(topic));
    assert_eq!(refund.identity, told("2026-11-21T14:14:30Z"));
    assert_eq!(refund.related.order, Some(reference(820_982_911_946_154_601)));
    let usd = json!({"amount": "34.00", "currency": "USD"});
    assert_eq!(
        json_of(&refund),
        json!({"id": "890088186047892421", "amount": usd, "gateway": "bogus", "kind": "refund", "test": true, "truncated": false,
            "lines": [{"line_id": "487817672276298571", "quantity": 1, "amount": usd}]})
    );
    let with = |transactions: Value| changed(topic, &[("/transactions", transactions)]);
    let amount = |transactions: Value| json_of(&only(topic, &with(transactions)))["amount"].clone();
    let one = |amount: &str, currency: Value| json!({"kind": "refund", "status": "success", "amount": amount, "currency": currency});
    let failed = json!({"kind": "refund", "status": "failure", "amount": "9.00", "currency": "USD"});
    assert_eq!(
        amount(json!([one("75.00", json!("USD")), failed, one("10.5", json!("USD"))])),
        json!({"amount": "85.50", "currency": "USD"})
    );
    // Shopify's own sample has no currency; the lines have one only.
    assert_eq!(
        amount(json!([one("5", Value::Null)])),
        json!({"amount": "5", "currency": "USD"})
    );
    assert_eq!(
        amount(json!([one("5", json!("USD")), one("5", json!("EUR"))])),
        Value::Null
    );
    assert_eq!(amount(json!([])), Value::Null, "goods came back, and no money is told");
    assert_eq!(types(topic, &with(json!([failed]))), [""; 0]);
    let foreign = changed(
        topic,
        &[
            ("/transactions/0/currency", Value::Null),
            (
                "/refund_line_items/0/subtotal_set/presentment_money/currency_code",
                json!("EUR"),
            ),
        ],
    );
    let refund = json_of(&only(topic, &foreign));
    assert_eq!(refund["amount"], Value::Null);
    assert_eq!(refund["lines"][0]["amount"], usd);
    let mut bare = changed(topic, &[("/refund_line_items", Value::Null), ("/order_id", json!(1))]);
    bare.as_object_mut().unwrap().remove("transactions");
    assert_eq!(only(topic, &bare).related.order, Some(reference(1)));
}

#[test]
fn first_label_and_every_change_of_a_shipment_are_announced() {
    let created = only(Topic::FulfillmentsCreate, &sample(Topic::FulfillmentsCreate));
    assert_eq!(created.kind, EventType::SHIPPING_LABEL_CREATED);
    assert_eq!(created.identity, Identity::First);
    let shipment = json_of(&created);
    assert_eq!(shipment["tracking_numbers"], json!(["01905012345678"]));
    assert_eq!(
        shipment["tracking_urls"],
        json!(["https://parcels.example.com/redirect?pno=01905012345678"])
    );
    assert_eq!(shipment["carrier"], "DPD");
    assert_eq!(shipment["lines"][0]["title"], "Ember Pocket Stove, Mk II");
    let updated = sample(Topic::FulfillmentsUpdate);
    assert_eq!(
        types(Topic::FulfillmentsUpdate, &updated),
        ["shipping.label_created", "shipping.tracking_updated"]
    );
    let fact = fact_of(Topic::FulfillmentsUpdate, &updated);
    assert_eq!((fact.kind, fact.id.as_str()), ("fulfillment", "255858046420123471"));
    assert!(matches!(&fact.announces[1].identity, Identity::Told { apart, .. } if apart.len() == 32));
    let untracked: Vec<(&str, Value)> = [
        "/tracking_number",
        "/tracking_numbers",
        "/tracking_url",
        "/tracking_urls",
    ]
    .map(|pointer| (pointer, Value::Null))
    .into();
    let with =
        |more: (&'static str, Value)| changed(Topic::FulfillmentsCreate, &[untracked.clone(), vec![more]].concat());
    for (status, expected) in [
        (json!("label_purchased"), 1),
        (json!("label_printed"), 1),
        (json!("confirmed"), 0),
        (Value::Null, 0),
    ] {
        let body = with(("/shipment_status", status));
        assert_eq!(types(Topic::FulfillmentsCreate, &body).len(), expected, "{body}");
    }
    let one = with(("/tracking_number", json!("1Z")));
    assert_eq!(
        json_of(&only(Topic::FulfillmentsCreate, &one))["tracking_numbers"],
        json!(["1Z"])
    );
    let cancelled = changed(Topic::FulfillmentsUpdate, &[("/status", json!("cancelled"))]);
    assert_eq!(
        types(Topic::FulfillmentsUpdate, &cancelled),
        ["shipping.tracking_updated"]
    );
}

#[test]
fn carrier_reports_labels_and_deliveries() {
    let topic = Topic::FulfillmentEventsCreate;
    let delivered = only(topic, &sample(topic));
    assert_eq!(delivered.kind, EventType::SHIPPING_DELIVERED);
    assert_eq!(delivered.identity, Identity::First);
    assert_eq!(
        json_of(&delivered),
        json!({"id": "255858046420123471", "shipment_status": "delivered", "truncated": false})
    );
    let fact = fact_of(topic, &sample(topic));
    assert_eq!((fact.kind, fact.id.as_str()), ("fulfillment", "255858046420123471"));
    for (status, expected) in [
        ("label_purchased", &["shipping.label_created"][..]),
        ("label_printed", &["shipping.label_created"]),
        ("in_transit", &[]),
        ("out_for_delivery", &[]),
        ("attempted_delivery", &[]),
        ("failure", &[]),
    ] {
        assert_eq!(types(topic, &changed(topic, &[("/status", json!(status))])), expected);
    }
}

#[test]
fn tracking_page_has_nothing_of_the_recipient() {
    let numbers = ["3SABC1".to_owned(), "1Z".to_owned()];
    for (url, expected) in [
        (
            "https://dpd.example/redirect.aspx?action=1&pno=3SABC1&zip=12345&lng=De",
            Some("https://dpd.example/redirect.aspx?pno=3SABC1"),
        ),
        (
            "https://post.example/track/3SABC1/NL/1234AB?mail=wren@example.com#wren",
            Some("https://post.example/track/3SABC1"),
        ),
        (
            "https://ups.example/?loc=en_US&trackNums=1Z",
            Some("https://ups.example/?trackNums=1Z"),
        ),
        ("http://ups.example?n=1Z", Some("http://ups.example/?n=1Z")),
        ("https://wren:secret@post.example/1Z", None),
        ("https://post.example/orders/authenticate?key=9d02be", None),
        ("https://post.example/track#1Z", None),
        ("javascript:alert(1Z)", None),
        ("ups.example/1Z", None),
        ("https:///1Z", None),
        ("", None),
    ] {
        let page = tracking_page(url, &numbers);
        assert_eq!(page.as_deref(), expected, "{url}");
        let again = page.as_deref().and_then(|page| tracking_page(page, &numbers));
        assert_eq!(again, page, "what is reduced stays as it is");
    }
}

#[test]
fn customer_is_announced_without_anything_of_the_person() {
    let created = only(Topic::CustomersCreate, &sample(Topic::CustomersCreate));
    assert_eq!(
        json_of(&created),
        json!({"id": "115310627314723969", "state": "disabled", "country": "US",
            "created_at": "2026-11-01T12:00:00Z", "updated_at": "2026-11-01T12:00:00Z"})
    );
    let updated = only(Topic::CustomersUpdate, &sample(Topic::CustomersUpdate));
    assert_eq!(
        (created.kind, updated.kind),
        (EventType::CUSTOMER_CREATED, EventType::CUSTOMER_UPDATED)
    );
    assert!(matches!(&updated.identity, Identity::Told { apart, .. } if apart.len() == 32));
    let deleted = only(Topic::CustomersDelete, &sample(Topic::CustomersDelete));
    assert_eq!(
        (deleted.kind.clone(), deleted.identity.clone()),
        (EventType::CUSTOMER_DELETED, Identity::First)
    );
    assert_eq!(json_of(&deleted), json!({"id": "115310627314723969"}));
    let counted = {
        let mut body = sample(Topic::CustomersUpdate);
        body["orders_count"] = json!(3);
        body
    };
    assert_eq!(json_of(&only(Topic::CustomersUpdate, &counted))["orders_count"], 3);
}

#[test]
fn state_of_a_customer_deletes_nobody() {
    for state in [Topic::CustomersCreate, Topic::CustomersUpdate] {
        let problem = read(Topic::CustomersDelete, &sample(state)).unwrap_err().to_string();
        assert!(
            problem.ends_with("expected nothing of what is deleted but its id"),
            "{problem}"
        );
    }
    assert!(read(Topic::CustomersUpdate, &sample(Topic::CustomersDelete)).is_err());
}

#[test]
fn time_that_tells_an_event_apart_is_required() {
    for (topic, name) in [
        (Topic::OrdersUpdated, "updated_at"),
        (Topic::OrdersFulfilled, "updated_at"),
        (Topic::OrderTransactionsCreate, "created_at"),
        (Topic::RefundsCreate, "created_at"),
        (Topic::FulfillmentsUpdate, "updated_at"),
        (Topic::CustomersUpdate, "updated_at"),
    ] {
        let mut body = sample(topic);
        body.as_object_mut().unwrap().remove(name);
        let problem = read(topic, &body).unwrap_err().to_string();
        assert!(problem.ends_with(&format!(" at {name}: expected a time")), "{problem}");
        body[name] = json!("yesterday, said Wren");
        let problem = read(topic, &body).unwrap_err().to_string();
        assert!(
            problem.contains(&format!(" at {name}: ")) && !problem.contains("Wren"),
            "{problem}"
        );
    }
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

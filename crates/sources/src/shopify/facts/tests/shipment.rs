//! Shipments.

use super::*;

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

use hookline_domain::{
    event::fact::Fact,
    kernel::ids::{DeliveryId, DeliveryKey, Topic as TopicName},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn deliver(topic: &str, body: impl Into<Vec<u8>>) -> Result<Event, InterpretError> {
    interpret(&Delivery {
        key: DeliveryKey {
            store: "shopify#demo.myshopify.com".parse().unwrap(),
            topic: TopicName::new(topic).unwrap(),
            id: DeliveryId::new("1").unwrap(),
        },
        endpoint: None,
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: None,
        received_at: Timestamp::UNIX_EPOCH,
        body: body.into(),
    })
}

fn minimal() -> Value {
    json!({"id": 788_032_119_674_292_923_u64, "title": "Kettle", "updated_at": "2026-11-14T10:04:52-05:00",
        "admin_graphql_api_id": "gid://shopify/Product/788032119674292923"})
}

fn minimal_collection() -> Value {
    let mut collection = minimal();
    collection["admin_graphql_api_id"] = json!("gid://shopify/Collection/788032119674292923");
    collection
}

fn product(changes: &Value) -> Product {
    let mut body = minimal();
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    match deliver("products/update", body.to_string()).unwrap() {
        Event::ProductUpdated(product) => *product,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ids_above_two_to_the_53_stay_exact() {
    let product = product(&json!({}));
    assert_eq!(product.id.as_str(), "788032119674292923");
    assert_eq!(product.updated_at, "2026-11-14T15:04:52Z".parse().unwrap());
}

#[test]
fn only_active_and_published_products_are_visible() {
    assert!(product(&json!({})).visible);
    assert!(product(&json!({"status": "active", "published_at": "2026-01-01T00:00:00Z"})).visible);
    assert!(!product(&json!({"status": "active", "published_at": null})).visible);
    for status in ["draft", "archived", "unlisted"] {
        assert!(!product(&json!({"status": status, "published_at": "2026-01-01T00:00:00Z"})).visible);
    }
}

#[test]
fn tags_are_split_and_empty_ones_dropped() {
    assert_eq!(
        product(&json!({"tags": "camping, stove ,, titanium"})).tags,
        ["camping", "stove", "titanium"]
    );
    assert!(product(&json!({"tags": ""})).tags.is_empty());
}

#[test]
fn variant_without_a_title_is_named_by_its_options() {
    let title = |mut variant: Value| {
        variant["id"] = json!(1);
        product(&json!({"variants": [variant]})).variants[0].title.clone()
    };
    assert_eq!(title(json!({"title": "Small", "option1": "S"})), "Small");
    for none in [json!({}), json!({"title": null}), json!({"title": " "})] {
        let mut variant = none;
        for (option, value) in [
            ("option1", json!("Small")),
            ("option2", json!("Blue")),
            ("option3", json!(null)),
        ] {
            variant[option] = value;
        }
        assert_eq!(title(variant), "Small / Blue");
    }
    assert_eq!(title(json!({"option1": "Default Title"})), "Default Title");
    assert_eq!(title(json!({})), "");
}

#[test]
fn availability_follows_policy_quantity_and_tracking_and_is_unknown_without_evidence() {
    let available = |variant: Value| {
        let mut variant = variant;
        variant["id"] = json!(1);
        product(&json!({"variants": [variant]})).variants[0]
            .stock
            .availability()
    };
    for (variant, expected) in [
        (json!({"inventory_policy": "deny", "inventory_quantity": 1}), Some(true)),
        (json!({"inventory_policy": "deny", "inventory_quantity": 0}), None),
        (json!({"inventory_policy": "deny", "inventory_quantity": -2}), None),
        (
            json!({"inventory_policy": "continue", "inventory_quantity": -3}),
            Some(true),
        ),
        (
            json!({"inventory_policy": "deny", "inventory_quantity": 0, "inventory_management": null}),
            Some(true),
        ),
        (
            json!({"inventory_policy": "deny", "inventory_quantity": 0, "inventory_management": "shopify"}),
            Some(false),
        ),
        (
            json!({"inventory_policy": "deny", "inventory_quantity": 0, "inventory_management": ""}),
            None,
        ),
        (
            json!({"inventory_policy": "deny", "inventory_quantity": -1, "inventory_management": "shopify"}),
            Some(false),
        ),
        (
            json!({"inventory_policy": "deny", "inventory_quantity": null, "inventory_management": "shopify"}),
            None,
        ),
        (
            json!({"inventory_policy": null, "inventory_quantity": 0, "inventory_management": "shopify"}),
            None,
        ),
        (
            json!({"inventory_policy": "backorder", "inventory_quantity": 0, "inventory_management": "shopify"}),
            None,
        ),
        (
            json!({"inventory_quantity": 0, "inventory_management": "shopify"}),
            None,
        ),
        (json!({"inventory_quantity": 1e30}), Some(true)),
        (json!({}), None),
    ] {
        assert_eq!(available(variant.clone()), expected, "{variant}");
    }
}

fn sample() -> Value {
    serde_json::from_str(include_str!("../../../../../events/shopify/products-update.json")).unwrap()
}

fn without(body: &Value, name: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(name);
    body
}

fn read_product(body: &Value) -> Product {
    match deliver("products/update", body.to_string()).unwrap() {
        Event::ProductUpdated(product) => *product,
        other => panic!("{other:?}"),
    }
}

#[test]
fn absent_field_is_unstated_and_null_may_be_a_value() {
    assert_eq!(read_product(&sample()).untold, Vec::<&str>::new());
    let null_means_none = ["body_html", "vendor", "product_type", "handle", "published_at", "tags"];
    let null_is_unstated = ["status", "options", "variants"];
    for name in null_means_none.into_iter().chain(null_is_unstated) {
        assert_eq!(read_product(&without(&sample(), name)).untold, [name]);
        let mut null = sample();
        null[name] = Value::Null;
        let untold: &[&str] = if null_means_none.contains(&name) { &[] } else { &[name] };
        assert_eq!(read_product(&null).untold, untold, "{name}");
    }
    let no_images = without(&without(&sample(), "image"), "images");
    assert_eq!(read_product(&no_images).untold, ["images"]);
    for one in ["image", "images"] {
        assert_eq!(
            read_product(&without(&sample(), one)).untold,
            Vec::<&str>::new(),
            "{one}"
        );
    }
    for name in ["sku", "price", "inventory_policy", "inventory_quantity"] {
        let mut body = sample();
        body["variants"][0] = without(&body["variants"][0], name);
        assert_eq!(read_product(&body).untold, [format!("variants.{name}")]);
    }
    let mut empty = sample();
    empty["variants"] = json!([]);
    empty["variant_gids"] = json!([]);
    let none = read_product(&empty);
    assert!(
        none.is_whole() && none.availability() == Some(false),
        "an empty list is a statement"
    );
    let mut odd = sample();
    odd["options"] = json!([{"name": "Size", "values": null}]);
    assert!(read_product(&odd).is_whole());
}

#[test]
fn product_published_in_the_future_is_not_visible() {
    let published = |at: &str| product(&json!({"status": "active", "published_at": at})).visible;
    assert!(published("2026-11-14T15:04:52Z"));
    assert!(!published("2026-11-14T15:04:53Z"));
    assert!(published("some day"), "a time that cannot be read hides nothing");
    let collection = |at: Value| {
        let mut body = minimal_collection();
        body["published_at"] = at;
        match deliver("collections/update", body.to_string()) {
            Ok(Event::CollectionUpdated(collection)) => collection.visible,
            other => panic!("{other:?}"),
        }
    };
    assert!(collection(json!("2026-01-01T00:00:00Z")));
    assert!(!collection(json!("2027-01-01T00:00:00Z")) && !collection(Value::Null));
}

#[test]
fn half_a_character_spoils_only_that_character() {
    let body = minimal().to_string().replace("Kettle", r"Kettle \ud83d");
    let title = |body: Vec<u8>, topic| match deliver(topic, body).unwrap() {
        Event::ProductUpdated(product) => product.title,
        Event::CollectionUpdated(collection) => collection.title,
        other => panic!("{other:?}"),
    };
    for topic in ["products/create", "products/update"] {
        assert_eq!(title(body.clone().into_bytes(), topic), "Kettle \u{fffd}");
    }
    let collection = minimal_collection().to_string().replace("Kettle", r"Kettle \ud83d");
    assert_eq!(title(collection.into_bytes(), "collections/update"), "Kettle \u{fffd}");
    let mut bytes = minimal().to_string().into_bytes();
    let at = bytes.windows(6).position(|word| word == b"Kettle").unwrap();
    bytes[at] = 0xff;
    assert!(
        deliver("products/update", bytes).is_err(),
        "which encoding it is in is for a person to see"
    );
}

#[test]
fn product_with_truncated_variants_is_incomplete() {
    let gids = json!([{"admin_graphql_api_id": "a"}, {"admin_graphql_api_id": "b"}]);
    assert!(!product(&json!({"variants": [{"id": 1}], "variant_gids": gids})).complete);
    assert!(product(&json!({"variants": [{"id": 1}, {"id": 2}], "variant_gids": gids})).complete);
}

#[test]
fn error_for_another_shape_names_the_path_and_no_value() {
    let mut body = minimal();
    body["variants"] = json!([{"id": 1, "price": {"amount": "secret"}}]);
    let problem = deliver("products/update", body.to_string()).unwrap_err().to_string();
    assert!(problem.contains(" at variants[0].price: "), "{problem}");
    assert!(!problem.contains("secret"), "{problem}");

    body["variants"] = json!([{"id": "jane@example.com"}]);
    let problem = deliver("products/update", body.to_string()).unwrap_err().to_string();
    assert_eq!(
        problem,
        "the body does not have its topic's shape at variants[0].id: expected u64"
    );

    body["variants"] = json!([{"id": 1, "price": "jane@example.com"}]);
    let problem = deliver("products/update", body.to_string()).unwrap_err().to_string();
    assert!(
        problem.contains(" at variants[0].price: ") && !problem.contains("jane"),
        "{problem}"
    );

    let problem = deliver("products/update", "{\"id\": 1, \"title\": \"x\"}")
        .unwrap_err()
        .to_string();
    assert!(problem.ends_with(" at (body): missing field `updated_at`"), "{problem}");
}

#[test]
fn error_for_invalid_json_names_the_place() {
    for body in ["", "hello", "{\"id\": 1", "[]", "{\"id\": 1} x"] {
        let problem = deliver("products/delete", body).unwrap_err();
        assert!(matches!(problem, InterpretError::Schema { .. }), "{body}: {problem}");
    }
    assert_eq!(
        deliver("products/delete", "{\"id\": }").unwrap_err().to_string(),
        "the body does not have its topic's shape at (body): not JSON at line 1, column 8"
    );
}

#[test]
fn array_is_refused() {
    let problem = deliver("products/delete", " [1]").unwrap_err().to_string();
    assert!(problem.ends_with(" at (body): expected an object"), "{problem}");
}

#[test]
fn error_quotes_neither_keys_nor_times() {
    let key = deliver("products/update", "{\"jane@example.com\": {\"smith\": }")
        .unwrap_err()
        .to_string();
    assert!(!key.contains("jane") && !key.contains("smith"), "{key}");
    let mut body = minimal();
    body["updated_at"] = json!("2026, expected jane@example.com");
    let time = deliver("products/update", body.to_string()).unwrap_err().to_string();
    assert!(time.ends_with(" at updated_at: the value does not fit"), "{time}");
}

#[test]
fn uninstall_of_another_store_is_refused() {
    let uninstall = |domain: Value| {
        deliver(
            "app/uninstalled",
            json!({"id": 1, "myshopify_domain": domain}).to_string(),
        )
    };
    // Shopify's own sample.
    assert_eq!(uninstall(Value::Null), Ok(Event::Sample));
    let unnamed = deliver("app/uninstalled", "{\"id\": 1}").unwrap_err().to_string();
    assert!(unnamed.ends_with("missing field `myshopify_domain`"), "{unnamed}");
    assert_eq!(uninstall(json!("demo.myshopify.com")), Ok(Event::AppUninstalled));
    assert_eq!(uninstall(json!("other.myshopify.com")), Err(InterpretError::OtherStore));
}

#[test]
fn unknown_topic_is_refused() {
    assert_eq!(deliver("carts/create", "{}"), Err(InterpretError::Topic));
}

proptest! {
    #[test]
    fn no_bytes_panic(body: Vec<u8>, topic in 0..Topic::ALL.len()) {
        drop(deliver(Topic::ALL[topic].name(), body));
    }
}

#[test]
fn body_with_only_an_id_leads_to_a_refetch() {
    let id = EntityId::new("788032119674292923").unwrap();
    let of = |kind: &str| format!("{{\"id\": {id}, \"admin_graphql_api_id\": \"gid://shopify/{kind}/{id}\"}}");
    let bare = format!("{{\"id\": {id}}}");
    for topic in ["products/create", "products/update"] {
        for stub in [bare.clone(), of("Product")] {
            assert_eq!(deliver(topic, stub), Ok(Event::ProductChanged(id.clone())));
        }
        assert!(deliver(topic, of("Collection")).is_err());
    }
    for topic in ["collections/create", "collections/update"] {
        for stub in [bare.clone(), of("Collection")] {
            assert_eq!(deliver(topic, stub), Ok(Event::CollectionChanged(id.clone())));
        }
        assert!(deliver(topic, of("Product")).is_err());
    }
    // A body with any other field must be a whole product.
    let problem = deliver("products/update", "{\"id\": 1, \"handle\": \"x\"}").unwrap_err();
    assert!(problem.to_string().contains("missing field `title`"), "{problem}");
    assert!(deliver("products/update", "[1]").is_err());
}

#[test]
fn state_is_not_read_as_a_deletion() {
    for topic in ["products/delete", "collections/delete"] {
        let problem = deliver(topic, minimal().to_string()).unwrap_err().to_string();
        assert!(
            problem.ends_with("expected nothing of what is deleted but its id"),
            "{problem}"
        );
        for more in [
            "\"updated_at\": \"2026-11-14T10:04:52Z\"",
            "\"handle\": null",
            "\"a\": 1",
        ] {
            assert!(
                deliver(topic, format!("{{\"id\": 1, {more}}}")).is_err(),
                "{topic} {more}"
            );
        }
    }
    // The body of a deleted collection has more fields, one of which is required.
    assert!(deliver("products/delete", "{\"id\": 1, \"published_scope\": \"web\"}").is_err());
    assert!(deliver("collections/delete", "{\"id\": 1}").is_err());
}

#[test]
fn collections_are_created_changed_and_deleted() {
    let collection = minimal_collection().to_string();
    for topic in ["collections/create", "collections/update"] {
        let event = deliver(topic, collection.as_str()).unwrap();
        assert!(matches!(event, Event::CollectionUpdated(collection) if collection.title == "Kettle"));
    }
    let deleted = "{\"id\":408372092144951419,\"published_scope\":\"web\"}";
    let id = EntityId::new("408372092144951419").unwrap();
    assert_eq!(deliver("collections/delete", deleted), Ok(Event::CollectionDeleted(id)));
}

#[test]
fn stock_names_its_item_and_an_order_names_itself() {
    let level = json!({"inventory_item_id": 271_878_346_596_884_015_u64, "location_id": 24_826_418, "available": null,
        "updated_at": "2026-11-14T10:04:52-05:00"});
    let item = EntityId::new("271878346596884015").unwrap();
    assert_eq!(
        deliver("inventory_levels/update", level.to_string()),
        Ok(Event::StockChanged(item))
    );
    let order = json!({"id": 820_982_911_946_154_508_u64, "email": ["changed"], "note": 7,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508"});
    let id = EntityId::new("820982911946154508").unwrap();
    assert_eq!(
        deliver("orders/create", order.to_string()),
        Ok(Event::Fact(Box::new(Fact::bare("order", id))))
    );
}

#[test]
fn id_of_the_customer_is_read_of_a_redaction() {
    let redact = |customer: Value| {
        let body = json!({"shop_domain": "demo.myshopify.com", "customer": customer, "orders_to_redact": []});
        deliver("customers/redact", body.to_string())
    };
    let id = EntityId::new("115310627314723969").ok();
    let of = |customer| Ok(Event::Compliance(Request::CustomerRedaction, customer));
    assert_eq!(redact(json!({"id": 115_310_627_314_723_969_u64})), of(id));
    // Without one, the request is complied with, and tells nobody.
    for customer in [
        json!({}),
        json!({"id": null}),
        json!({"id": "x"}),
        json!(null),
        json!([]),
    ] {
        assert_eq!(redact(customer), of(None));
    }
}

#[test]
fn only_the_store_is_read_of_a_compliance_request() {
    let jane = json!("jane@example.com");
    let requests = [
        (
            "customers/data_request",
            Request::CustomerData,
            json!({"customer": jane, "data_request": jane, "orders_requested": jane}),
        ),
        (
            "customers/redact",
            Request::CustomerRedaction,
            json!({"customer": jane, "orders_to_redact": jane}),
        ),
        ("shop/redact", Request::StoreRedaction, json!({})),
    ];
    for (topic, request, mut body) in requests {
        let mut refetches = |domain: Value| {
            body["shop_id"] = json!(1);
            body["shop_domain"] = domain;
            deliver(topic, body.to_string())
        };
        assert_eq!(
            refetches(json!("Demo.myshopify.com")),
            Ok(Event::Compliance(request, None))
        );
        assert_eq!(refetches(json!("other.myshopify.com")), Err(InterpretError::OtherStore));
        let problem = refetches(Value::Null).unwrap_err().to_string();
        assert!(
            problem.contains(" at shop_domain: ") && !problem.contains("jane"),
            "{problem}"
        );
    }
}

#[test]
fn state_proves_its_kind() {
    let body = |changes: Value| {
        let mut body = json!({"id": 1, "title": "Kettle", "updated_at": "2026-11-14T10:04:52-05:00"});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body.to_string()
    };
    let of = |kind: &str| json!({"admin_graphql_api_id": format!("gid://shopify/{kind}/1")});
    for proven in [
        of("Product"),
        json!({"vendor": "Nordfjell"}),
        json!({"variants": [{"id": 2}]}),
    ] {
        assert!(deliver("products/update", body(proven.clone())).is_ok(), "{proven}");
        assert!(deliver("collections/update", body(proven.clone())).is_err(), "{proven}");
    }
    for proven in [of("Collection"), json!({"sort_order": "manual"})] {
        assert!(deliver("collections/update", body(proven.clone())).is_ok(), "{proven}");
        assert!(deliver("products/update", body(proven.clone())).is_err(), "{proven}");
    }
    let mut both = of("ProductVariant");
    both["vendor"] = json!("Nordfjell");
    for neither in [json!({}), of("Order"), of("Products"), json!({"vendor": null}), both] {
        for topic in ["products/update", "collections/update"] {
            let problem = deliver(topic, body(neither.clone())).unwrap_err().to_string();
            assert!(
                problem.contains(" at admin_graphql_api_id: expected the id of a "),
                "{problem}"
            );
        }
    }
}

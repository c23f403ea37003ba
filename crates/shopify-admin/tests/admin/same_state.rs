//! A webhook and the Admin API tell the same state in different shapes: both must be read as one, or each reconciliation would
//! be a flood of events.

use hookline_domain::{
    catalogue::{document::Document, published::Published},
    delivery::Delivery,
    event::{
        Event,
        product::{Collections, Product},
    },
    kernel::ids::Kind,
    sync::vendor::Catalogue,
};
use hookline_sources::interpret;
use hookline_testkit::builders::{delivery, noon, store, version};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};

use crate::{
    products::id,
    scripted::{Script, page},
};

/// A product, as a merchant may have entered it.
#[derive(Debug, Clone)]
struct Entered {
    title: String,
    html: String,
    vendor: String,
    tags: Vec<String>,
    image: Option<u32>,
    draft: bool,
    variants: Vec<EnteredVariant>,
}

#[derive(Debug, Clone)]
struct EnteredVariant {
    sku: Option<String>,
    cents: u32,
    oversells: bool,
    tracked: bool,
    quantity: i64,
}

/// Words with what is written in different ways: accents, entities, spaces, marks.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-zA-Z0-9]{1,8}",
        Just("caf\u{e9}".to_owned()),
        Just("cafe\u{301}".to_owned()),
        Just("\u{a0}".to_owned()),
        Just("\u{200b}".to_owned()),
        Just("\u{1f3d5}\u{fe0f}".to_owned()),
    ];
    prop::collection::vec(word, 1..5).prop_map(|words| words.join(" "))
}

fn entered() -> impl Strategy<Value = Entered> {
    let variant = (
        prop::option::of("[A-Z]{2}-[0-9]{1,4}"),
        any::<u16>().prop_map(u32::from),
        any::<bool>(),
        any::<bool>(),
        -3..5_i64,
    );
    let variant = variant.prop_map(|(sku, cents, oversells, tracked, quantity)| EnteredVariant {
        sku,
        cents,
        oversells,
        tracked,
        quantity,
    });
    let html = text().prop_map(|text| format!("<p>{text} &amp; more</p><ul><li>{text}</li></ul>"));
    let image = prop::option::of(any::<u32>());
    let variants = prop::collection::vec(variant, 1..5);
    let tags = prop::collection::btree_set("[a-z]{1,6}", 0..5);
    (
        text(),
        html,
        prop_oneof![Just(String::new()), text()],
        tags,
        image,
        prop::bool::weighted(0.1),
        variants,
    )
        .prop_map(|(title, html, vendor, tags, image, draft, variants)| Entered {
            title,
            html,
            vendor,
            tags: tags.into_iter().collect(),
            image,
            draft,
            variants,
        })
}

const UPDATED: &str = "2026-11-21T11:59:00Z";
const PUBLISHED: &str = "2026-11-01T00:00:00Z";

impl Entered {
    fn options(&self) -> Value {
        let values: Vec<String> = (0..self.variants.len()).map(|n| format!("No. {n}")).collect();
        json!([{"name": "Number", "values": values}])
    }

    /// Body of `products/update`
    /// (<https://shopify.dev/docs/api/webhooks?reference=toml#list-of-topics-products/update>).
    fn webhook(&self) -> Value {
        let variant = |(n, variant): (usize, &EnteredVariant)| {
            json!({
                "id": n + 10, "title": format!("No. {n}"), "option1": format!("No. {n}"), "sku": variant.sku,
                "price": format!("{}.{:02}", variant.cents / 100, variant.cents % 100),
                "inventory_policy": if variant.oversells { "continue" } else { "deny" },
                "inventory_quantity": variant.quantity,
            })
        };
        let image = self
            .image
            .map(|version| json!({"src": format!("https://cdn.shopify.com/lamp.jpg?v={version}")}));
        json!({
            "id": 1, "admin_graphql_api_id": "gid://shopify/Product/1", "title": self.title, "body_html": self.html,
            "vendor": self.vendor, "product_type": "", "handle": "lamp", "status": if self.draft { "draft" } else { "active" },
            "published_at": PUBLISHED, "updated_at": UPDATED, "created_at": PUBLISHED, "tags": self.tags.join(", "),
            "options": self.options(), "variants": self.variants.iter().enumerate().map(variant).collect::<Vec<_>>(),
            "image": image, "images": image.iter().collect::<Vec<_>>(),
        })
    }

    /// Node of the Admin API (<https://shopify.dev/docs/api/admin-graphql/latest/objects/Product>), with tags in another
    /// order and another address of the image.
    fn node(&self) -> Value {
        let variant = |(n, variant): (usize, &EnteredVariant)| {
            json!({
                "id": format!("gid://shopify/ProductVariant/{}", n + 10), "position": n + 1, "title": format!("No. {n}"),
                "sku": variant.sku, "price": format!("{}.{:02}", variant.cents / 100, variant.cents % 100),
                "inventoryPolicy": if variant.oversells { "CONTINUE" } else { "DENY" },
                "inventoryQuantity": variant.quantity, "inventoryItem": {"tracked": variant.tracked},
            })
        };
        let media = self
            .image
            .map(|_| json!({"preview": {"image": {"url": "https://cdn.shopify.com/lamp.jpg?v=7"}}}));
        let variants: Value = self.variants.iter().enumerate().map(variant).collect();
        json!({
            "id": "gid://shopify/Product/1", "updatedAt": UPDATED, "createdAt": PUBLISHED, "publishedAt": PUBLISHED,
            "status": if self.draft { "DRAFT" } else { "ACTIVE" }, "title": self.title, "descriptionHtml": self.html,
            "vendor": self.vendor, "productType": "", "tags": self.tags.iter().rev().collect::<Vec<_>>(), "handle": "lamp",
            "options": self.options(), "featuredMedia": media, "variants": page(&variants, None),
            "collections": page(&json!([]), None),
        })
    }
}

fn product_of(event: Event) -> Product {
    match event {
        Event::ProductUpdated(product) => *product,
        other => panic!("{other:?}"),
    }
}

fn published(product: &Product) -> Published {
    let entity = store("demo").entity(Kind::Product, id(1));
    let document = Document::of_product(&entity, product.clone(), noon()).within(&Collections::new());
    Published::for_tests(version(1), &document, &product.variants)
}

async fn both(entered: &Entered) -> (Product, Product) {
    let webhook = Delivery {
        key: delivery("1"),
        endpoint: None,
        event_id: None,
        api_version: "2026-10".into(),
        triggered_at: Some(noon()),
        received_at: noon(),
        body: entered.webhook().to_string().into(),
    };
    let webhook = product_of(interpret(&webhook, None).unwrap());
    let answer = json!({"data": {"shop": {"currencyCode": "EUR"}, "nodes": [entered.node()]}});
    let script = Script::of(vec![(200, answer)]).await;
    let answered = script.admin.products(&store("demo"), &[id(1)]).await.unwrap();
    let fetched = product_of(answered.seen.into_iter().next().unwrap().event);
    (webhook, fetched)
}

proptest! {
    #![proptest_config(Config { cases: 96, ..Config::default() })]

    #[test]
    fn webhook_and_admin_api_tell_one_state(entered in entered()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut webhook, fetched) = runtime.block_on(both(&entered));
        prop_assert_eq!(webhook.created_at, fetched.created_at);
        prop_assert_eq!((webhook.visible, webhook.updated_at), (fetched.visible, fetched.updated_at));
        // The fence remembers it from the last read.
        webhook.remember(&fetched.tracking().unwrap());
        let (webhook, fetched) = (published(&webhook), published(&fetched));
        prop_assert!(webhook.changes_since(&fetched).is_empty(), "{:?}", webhook.changes_since(&fetched).names());
        prop_assert_eq!(webhook.over(&fetched).to_bytes(), fetched.to_bytes());
    }
}

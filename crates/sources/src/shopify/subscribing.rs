//! Webhook subscriptions of a store at Shopify: topics, addresses, scopes and fields.

use hookline_domain::sync::{registration, vendor::WantedSubscription};

use super::{Topic, disclosure::discloses, personal::asked_for};
use crate::{Families, Family, WholeBodies};

/// Fields that a product needs beside those of every payload: its title, and the proof that it is a product.
const NEEDED: [&str; 2] = ["title", "admin_graphql_api_id"];

/// All fields that are read of an order whose events nobody wants, and of a store that has uninstalled the app: the rest is
/// about people.
const OF_AN_ORDER: [&str; 1] = ["admin_graphql_api_id"];
const OF_AN_UNINSTALL: [&str; 1] = ["myshopify_domain"];

/// Optional fields of a product that are read.
const READ: [&str; 12] = [
    "handle",
    "body_html",
    "vendor",
    "product_type",
    "tags",
    "status",
    "published_at",
    "options",
    "variants",
    "variant_gids",
    "image",
    "images",
];

/// Way to subscribe to a topic (<https://shopify.dev/docs/apps/build/webhooks/subscribe>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribing {
    /// For one store through its Admin API, or for all stores in `shopify.app.toml`.
    ForAStore {
        /// Scope that a token needs; `None` if any token suffices.
        scope: Option<&'static str>,
        /// True if the contents of the index depend on the topic, or events of a wanted family.
        is_needed: bool,
    },
    /// In `shopify.app.toml` only, as a compliance topic
    /// (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>).
    ForTheApp,
}

/// Returns the way to subscribe to a topic. Scopes: <https://shopify.dev/docs/api/webhooks/latest>.
#[must_use]
pub fn subscribing(topic: Topic) -> Subscribing {
    let (scope, is_needed) = match topic {
        Topic::CustomersDataRequest | Topic::CustomersRedact | Topic::ShopRedact => return Subscribing::ForTheApp,
        Topic::ProductsCreate
        | Topic::ProductsUpdate
        | Topic::ProductsDelete
        | Topic::CollectionsCreate
        | Topic::CollectionsUpdate
        | Topic::CollectionsDelete => (Some("read_products"), true),
        Topic::InventoryLevelsUpdate => (Some("read_inventory"), true),
        Topic::OrdersCreate
        | Topic::OrdersUpdated
        | Topic::OrdersFulfilled
        | Topic::OrdersCancelled
        | Topic::OrderTransactionsCreate
        | Topic::RefundsCreate => (Some("read_orders"), topic != Topic::OrdersCreate),
        Topic::FulfillmentsCreate | Topic::FulfillmentsUpdate | Topic::FulfillmentEventsCreate => {
            (Some("read_fulfillments"), true)
        }
        Topic::CustomersCreate | Topic::CustomersUpdate | Topic::CustomersDelete => (Some("read_customers"), true),
        Topic::AppUninstalled => (None, true),
    };
    Subscribing::ForAStore { scope, is_needed }
}

/// Returns true if these scopes include this one. A scope to write includes the scope to read.
#[must_use]
pub fn has_scope(scopes: &[String], scope: &str) -> bool {
    let written = scope.strip_prefix("read_").map(|of| format!("write_{of}"));
    scopes
        .iter()
        .any(|held| held == scope || Some(held) == written.as_ref())
}

/// Returns the subscriptions that a store should have, given the scopes of its token and the families of events that are
/// wanted, at the receivers below `base`, as in `https://example.com/api/webhooks/receive/shopify`. `fields` limit the
/// payload of products; empty for all fields.
#[must_use]
pub fn wanted(base: &str, scopes: &[String], families: &Families, fields: &[String]) -> Vec<WantedSubscription> {
    let may = |topic: &Topic| match subscribing(*topic) {
        Subscribing::ForAStore { scope, .. } => scope.is_none_or(|scope| has_scope(scopes, scope)),
        Subscribing::ForTheApp => false,
    };
    let wanted = |topic: Topic| {
        Some(WantedSubscription {
            topic: topic.name().parse().ok()?,
            uri: address(base, topic),
            include_fields: included(topic, families, fields),
        })
    };
    let topics = Topic::ALL
        .into_iter()
        .filter(|topic| families.listen_to(topic.family()));
    topics.filter(may).filter_map(wanted).collect()
}

/// Returns the `include_fields` of a subscription, empty for the whole payload. Products have the requested fields and
/// those that they need; topics about people have only the fields that are read, whatever is requested, unless personal data is kept
/// for endpoints or all bodies are forwarded; all others are whole.
#[must_use]
pub fn included(topic: Topic, families: &Families, requested: &[String]) -> Vec<String> {
    match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate if !requested.is_empty() => {
            let needed = NEEDED.map(str::to_owned);
            registration::fields(&[&needed, requested].concat())
        }
        // Receivers seal them whole, and Shopify is to send what they seal.
        _ if families.whole_bodies() == WholeBodies::All => Vec::new(),
        // It is received whatever is wanted, because people see that an order came.
        Topic::OrdersCreate if !families.has(Family::Orders) => registration::fields(&OF_AN_ORDER.map(str::to_owned)),
        Topic::AppUninstalled => registration::fields(&OF_AN_UNINSTALL.map(str::to_owned)),
        other if families.whole_bodies() == WholeBodies::Personal && discloses(other.name()) => Vec::new(),
        other if matches!(subscribing(other), Subscribing::ForAStore { .. }) => asked_for(other),
        _ => Vec::new(),
    }
}

/// Returns the fields that the index will lack if products are sent with these fields only.
#[must_use]
pub fn left_out(requested: &[String]) -> Vec<&'static str> {
    let exists = |field: &&str| requested.is_empty() || requested.iter().any(|requested| requested.trim() == *field);
    READ.into_iter().filter(|field| !exists(field)).collect()
}

/// Address of the receiver of a topic, below `base`.
#[must_use]
pub fn address(base: &str, topic: Topic) -> String {
    format!("{}/{}", base.trim_end_matches('/'), topic.function())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://example.com/api/webhooks/receive/shopify/";

    fn topics(scopes: &[&str], families: &Families) -> Vec<String> {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let wanted = wanted(BASE, &scopes, families, &[]);
        wanted.iter().map(|wanted| wanted.topic.to_string()).collect()
    }

    #[test]
    fn store_gets_the_topics_that_its_token_may_read_and_no_compliance_topic() {
        let (none, all) = (Families::default(), Families::all());
        assert_eq!(topics(&[], &all), ["app/uninstalled"]);
        let scopes = [
            "read_products",
            "write_inventory",
            "read_orders",
            "read_fulfillments",
            "read_customers",
        ];
        let every = topics(&scopes, &all);
        for topic in Topic::ALL {
            let is_for_the_app = matches!(subscribing(topic), Subscribing::ForTheApp);
            assert_eq!(every.iter().any(|name| name == topic.name()), !is_for_the_app);
        }
        assert_eq!(topics(&["write_products"], &none), topics(&["read_products"], &none));
        assert_eq!(topics(&["read_products_listings"], &none), ["app/uninstalled"]);
    }

    #[test]
    fn store_gets_topics_of_a_family_only_if_somebody_wants_it() {
        let scopes = ["read_orders", "read_fulfillments", "read_customers"];
        assert_eq!(
            topics(&scopes, &Families::default()),
            ["orders/create", "app/uninstalled"]
        );
        for (families, its) in [
            (
                "orders",
                &["orders/updated", "orders/fulfilled", "orders/cancelled"][..],
            ),
            ("payments", &["order_transactions/create", "refunds/create"]),
            (
                "shipping",
                &[
                    "fulfillments/create",
                    "fulfillments/update",
                    "fulfillment_events/create",
                ],
            ),
            (
                "customers",
                &["customers/create", "customers/update", "customers/delete"],
            ),
        ] {
            let expected = [&["orders/create"], its, &["app/uninstalled"]].concat();
            assert_eq!(topics(&scopes, &families.parse().unwrap()), expected);
        }
    }

    /// Every family, with this word.
    fn with(word: &str) -> Families {
        format!("{},{word}", Families::all()).parse().unwrap()
    }

    #[test]
    fn topics_that_disclose_personal_data_are_whole_only_if_it_is_kept() {
        let (off, on) = (Families::all(), with("personal"));
        let all = with("bodies");
        for topic in Topic::ALL {
            let (without, with) = (included(topic, &off, &[]), included(topic, &on, &[]));
            if discloses(topic.name()) {
                assert!(!without.is_empty() && with.is_empty(), "{}", topic.name());
            } else {
                assert_eq!(without, with, "{}", topic.name());
            }
            assert!(included(topic, &all, &[]).is_empty(), "{}", topic.name());
        }
        let unwanted = Families::default();
        let without = included(Topic::OrdersCreate, &unwanted, &[]);
        let with = included(Topic::OrdersCreate, &"personal".parse().unwrap(), &[]);
        assert_eq!(without, with, "nobody wants events of orders");
    }

    #[test]
    fn products_are_sent_whole_or_with_the_fields_that_we_read() {
        let scopes = ["read_products".to_owned()];
        let none = Families::default();
        let of = |fields: &[String]| {
            let found = wanted(BASE, &scopes, &none, fields);
            found
                .into_iter()
                .find(|wanted| wanted.topic.as_str() == "products/update")
        };
        let whole = of(&[]).unwrap();
        assert_eq!(
            whole.uri,
            "https://example.com/api/webhooks/receive/shopify/products-update"
        );
        assert!(whole.include_fields.is_empty());
        assert_eq!(
            of(&["tags".to_owned()]).unwrap().include_fields,
            ["id", "updated_at", "title", "admin_graphql_api_id", "tags"]
        );
        let reduced = wanted(BASE, &scopes, &none, &["title".to_owned()]);
        let others = reduced
            .iter()
            .filter(|wanted| !wanted.topic.as_str().starts_with("products/"));
        let mut others = others.filter(|wanted| wanted.topic.as_str() != "app/uninstalled");
        assert!(others.all(|wanted| wanted.include_fields.is_empty()));
        assert_eq!(left_out(&[]), Vec::<&str>::new());
        let lacks = left_out(&["tags".to_owned()]);
        assert!(lacks.contains(&"variants") && !lacks.contains(&"tags"));
    }

    #[test]
    fn payload_about_people_is_never_sent_whole() {
        let scopes = ["read_orders", "read_fulfillments", "read_customers"].map(str::to_owned);
        for requested in [vec![], vec!["email".to_owned()]] {
            for families in [Families::default(), Families::all()] {
                for wanted in wanted(BASE, &scopes, &families, &requested) {
                    let fields = wanted.include_fields;
                    assert!(fields.contains(&"id".to_owned()), "{}: {fields:?}", wanted.topic);
                    let is_whole = |name: &str| fields.iter().any(|field| field == name);
                    for object in ["email", "customer", "default_address", "destination", "line_items"] {
                        assert!(!is_whole(object), "{}: {fields:?}", wanted.topic);
                    }
                }
            }
            let fields = |topic, families: &str| included(topic, &families.parse().unwrap(), &requested);
            let ids = ["id", "updated_at", "admin_graphql_api_id"];
            assert_eq!(fields(Topic::OrdersCreate, "customers"), ids);
            let order = fields(Topic::OrdersCreate, "orders");
            for field in [
                "total_price_set",
                "line_items.price_set",
                "note_attributes",
                "customer.id",
            ] {
                assert!(order.iter().any(|asked| asked == field), "{order:?}");
            }
            assert!(
                !order.iter().any(|asked| asked.contains("query_variables")),
                "{order:?}"
            );
            assert_eq!(
                fields(Topic::CustomersDelete, "customers"),
                ["id", "admin_graphql_api_id"]
            );
            assert_eq!(
                fields(Topic::AppUninstalled, ""),
                ["id", "updated_at", "myshopify_domain"]
            );
        }
    }
}

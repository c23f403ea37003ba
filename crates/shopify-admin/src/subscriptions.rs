//! Webhook subscriptions of a store, made through the Admin API
//! (<https://shopify.dev/docs/apps/build/webhooks/subscribe>).

use hookline_domain::{
    kernel::ids::{StoreKey, Topic},
    sync::vendor::{CatalogueError, VendorSubscription, VendorSubscriptions, WantedSubscription},
};
use serde::{Deserialize, Serialize};

use crate::{
    ShopifyAdmin,
    operation::{Operation, Page, UserError},
    response::one_line,
    tokens::Access,
};

#[derive(Serialize)]
struct List {
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListResponse {
    webhook_subscriptions: Page<SubscriptionBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionBody {
    id: String,
    topic: String,
    uri: String,
    #[serde(default)]
    include_fields: Vec<String>,
    filter: Option<String>,
}

impl Operation for List {
    const NAME: &'static str = "Subscriptions";
    const TEXT: &'static str = include_str!("../queries/subscriptions.graphql");
    type Response = ListResponse;
}

/// Input of a subscription.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    uri: &'a str,
    format: &'static str,
    /// Empty means all.
    include_fields: &'a [String],
}

impl<'a> Input<'a> {
    fn of(subscription: &'a WantedSubscription) -> Self {
        Self {
            uri: &subscription.uri,
            format: "JSON",
            include_fields: &subscription.include_fields,
        }
    }
}

#[derive(Serialize)]
struct Create<'a> {
    topic: String,
    subscription: Input<'a>,
}

#[derive(Deserialize)]
struct CreateResponse {
    #[serde(rename = "webhookSubscriptionCreate")]
    done: Option<Done>,
}

impl Operation for Create<'_> {
    const NAME: &'static str = "SubscriptionCreate";
    const TEXT: &'static str = include_str!("../queries/subscription_create.graphql");
    // A repeated request finds that the address is taken.
    const REPEATABLE: bool = true;
    type Response = CreateResponse;
}

#[derive(Serialize)]
struct Change<'a> {
    id: &'a str,
    subscription: Input<'a>,
}

#[derive(Deserialize)]
struct ChangeResponse {
    #[serde(rename = "webhookSubscriptionUpdate")]
    done: Option<Done>,
}

impl Operation for Change<'_> {
    const NAME: &'static str = "SubscriptionChange";
    const TEXT: &'static str = include_str!("../queries/subscription_change.graphql");
    type Response = ChangeResponse;
}

#[derive(Serialize)]
struct Remove<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
struct RemoveResponse {
    #[serde(rename = "webhookSubscriptionDelete")]
    done: Option<Done>,
}

impl Operation for Remove<'_> {
    const NAME: &'static str = "SubscriptionRemove";
    const TEXT: &'static str = include_str!("../queries/subscription_remove.graphql");
    type Response = RemoveResponse;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    user_errors: Vec<UserError>,
}

/// Checks the result of a mutation. The error `fine` counts as success.
fn done(done: Option<Done>, action: &str, expected: &str) -> Result<(), CatalogueError> {
    let errors = done.map(|done| done.user_errors).unwrap_or_default();
    match errors
        .iter()
        .find(|error| expected.is_empty() || !error.message.contains(expected))
    {
        None => Ok(()),
        Some(error) => Err(CatalogueError::Disagreed {
            problem: format!("the subscription was not {action}: {}", one_line(&error.message)),
        }),
    }
}

impl<A: Access> VendorSubscriptions for ShopifyAdmin<A> {
    async fn list(&self, store: &StoreKey) -> Result<Vec<VendorSubscription>, CatalogueError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.query(store, &List { after }).await?.webhook_subscriptions;
            after = page.next().map(str::to_owned);
            for body in page.nodes {
                all.push(VendorSubscription {
                    id: body.id,
                    topic: topic(&body.topic)?,
                    uri: body.uri,
                    include_fields: body.include_fields,
                    filter: body.filter.filter(|filter| !filter.is_empty()),
                });
            }
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    async fn create(&self, store: &StoreKey, subscription: &WantedSubscription) -> Result<(), CatalogueError> {
        let create = Create {
            topic: value(&subscription.topic),
            subscription: Input::of(subscription),
        };
        let answer = self.query(store, &create).await?;
        done(answer.done, "created", "already been taken")
    }

    async fn change(
        &self,
        store: &StoreKey,
        id: &str,
        subscription: &WantedSubscription,
    ) -> Result<(), CatalogueError> {
        let change = Change {
            id,
            subscription: Input::of(subscription),
        };
        let answer = self.query(store, &change).await?;
        done(answer.done, "changed", "")
    }

    async fn remove(&self, store: &StoreKey, id: &str) -> Result<(), CatalogueError> {
        let answer = self.query(store, &Remove { id }).await?;
        done(answer.done, "removed", "does not exist")
    }
}

/// Returns a topic as the schema spells it: `products/update` is `PRODUCTS_UPDATE`.
fn value(topic: &Topic) -> String {
    topic.as_str().replace('/', "_").to_uppercase()
}

/// Returns a topic of the schema as deliveries spell it. The schema does not show which underscore is the slash: the
/// topics with a receiver are known; in others it is the last one, or the one after one of the prefixes below.
fn topic(value: &str) -> Result<Topic, CatalogueError> {
    let known = hookline_sources::shopify::Topic::ALL
        .into_iter()
        .map(hookline_sources::shopify::Topic::name)
        .find(|name| name.replace('/', "_").eq_ignore_ascii_case(value));
    let name = known.map_or_else(|| slashed(&value.to_lowercase()), str::to_owned);
    Topic::new(name).map_err(|_| CatalogueError::Disagreed {
        problem: "a subscription has an invalid topic".to_owned(),
    })
}

/// Prefixes of topics with several words after the slash
/// (<https://shopify.dev/docs/api/admin-graphql/latest/enums/WebhookSubscriptionTopic>).
const BEFORE_SLASH: [&str; 4] = ["orders_", "inventory_levels_", "inventory_items_", "app_subscriptions_"];

fn slashed(value: &str) -> String {
    let after_word = BEFORE_SLASH
        .iter()
        .find_map(|word| Some((*word, value.strip_prefix(word)?)));
    match after_word {
        Some((word, rest)) => format!("{}/{rest}", word.trim_end_matches('_')),
        None => match value.rsplit_once('_') {
            Some((before, after)) => format!("{before}/{after}"),
            None => value.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back() {
        for name in [
            "products/update",
            "collections/delete",
            "inventory_levels/update",
            "orders/create",
            "orders/partially_fulfilled",
            "app/uninstalled",
        ] {
            let named: Topic = name.parse().unwrap();
            assert_eq!(topic(&value(&named)).unwrap(), named);
        }
        assert_eq!(
            value(&"inventory_levels/update".parse().unwrap()),
            "INVENTORY_LEVELS_UPDATE"
        );
    }
}

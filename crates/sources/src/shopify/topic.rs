//! Topics of Shopify that have a receiver.

use crate::Family;

/// Topic with a receiver. Its function, directory, package, binary and sample event have its name, with `-` for `/` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A product was created.
    ProductsCreate,
    /// A product was changed.
    ProductsUpdate,
    /// A product was deleted.
    ProductsDelete,
    /// A collection was created.
    CollectionsCreate,
    /// A collection was changed.
    CollectionsUpdate,
    /// A collection was deleted.
    CollectionsDelete,
    /// The stock of an inventory item changed.
    InventoryLevelsUpdate,
    /// An order was created.
    OrdersCreate,
    /// An order was changed.
    OrdersUpdated,
    /// All of an order was fulfilled.
    OrdersFulfilled,
    /// An order was cancelled.
    OrdersCancelled,
    /// A payment of an order was tried.
    OrderTransactionsCreate,
    /// Something of an order was paid back.
    RefundsCreate,
    /// Something of an order was fulfilled.
    FulfillmentsCreate,
    /// A fulfillment was changed, such as its tracking.
    FulfillmentsUpdate,
    /// A carrier reported something of a shipment.
    FulfillmentEventsCreate,
    /// A customer was created.
    CustomersCreate,
    /// A customer was changed.
    CustomersUpdate,
    /// A customer was deleted.
    CustomersDelete,
    /// The app was uninstalled.
    AppUninstalled,
    /// A customer requests the data that is stored about them.
    CustomersDataRequest,
    /// The data of a customer must be erased.
    CustomersRedact,
    /// The data of a store must be erased.
    ShopRedact,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 23] = [
        Self::ProductsCreate,
        Self::ProductsUpdate,
        Self::ProductsDelete,
        Self::CollectionsCreate,
        Self::CollectionsUpdate,
        Self::CollectionsDelete,
        Self::InventoryLevelsUpdate,
        Self::OrdersCreate,
        Self::OrdersUpdated,
        Self::OrdersFulfilled,
        Self::OrdersCancelled,
        Self::OrderTransactionsCreate,
        Self::RefundsCreate,
        Self::FulfillmentsCreate,
        Self::FulfillmentsUpdate,
        Self::FulfillmentEventsCreate,
        Self::CustomersCreate,
        Self::CustomersUpdate,
        Self::CustomersDelete,
        Self::AppUninstalled,
        Self::CustomersDataRequest,
        Self::CustomersRedact,
        Self::ShopRedact,
    ];

    /// Name, as in `X-Shopify-Topic`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProductsCreate => "products/create",
            Self::ProductsUpdate => "products/update",
            Self::ProductsDelete => "products/delete",
            Self::CollectionsCreate => "collections/create",
            Self::CollectionsUpdate => "collections/update",
            Self::CollectionsDelete => "collections/delete",
            Self::InventoryLevelsUpdate => "inventory_levels/update",
            Self::OrdersCreate => "orders/create",
            Self::OrdersUpdated => "orders/updated",
            Self::OrdersFulfilled => "orders/fulfilled",
            Self::OrdersCancelled => "orders/cancelled",
            Self::OrderTransactionsCreate => "order_transactions/create",
            Self::RefundsCreate => "refunds/create",
            Self::FulfillmentsCreate => "fulfillments/create",
            Self::FulfillmentsUpdate => "fulfillments/update",
            Self::FulfillmentEventsCreate => "fulfillment_events/create",
            Self::CustomersCreate => "customers/create",
            Self::CustomersUpdate => "customers/update",
            Self::CustomersDelete => "customers/delete",
            Self::AppUninstalled => "app/uninstalled",
            Self::CustomersDataRequest => "customers/data_request",
            Self::CustomersRedact => "customers/redact",
            Self::ShopRedact => "shop/redact",
        }
    }

    /// Function that receives the topic, as in `products-update`.
    #[must_use]
    pub const fn function(self) -> &'static str {
        match self {
            Self::ProductsCreate => "products-create",
            Self::ProductsUpdate => "products-update",
            Self::ProductsDelete => "products-delete",
            Self::CollectionsCreate => "collections-create",
            Self::CollectionsUpdate => "collections-update",
            Self::CollectionsDelete => "collections-delete",
            Self::InventoryLevelsUpdate => "inventory-levels-update",
            Self::OrdersCreate => "orders-create",
            Self::OrdersUpdated => "orders-updated",
            Self::OrdersFulfilled => "orders-fulfilled",
            Self::OrdersCancelled => "orders-cancelled",
            Self::OrderTransactionsCreate => "order-transactions-create",
            Self::RefundsCreate => "refunds-create",
            Self::FulfillmentsCreate => "fulfillments-create",
            Self::FulfillmentsUpdate => "fulfillments-update",
            Self::FulfillmentEventsCreate => "fulfillment-events-create",
            Self::CustomersCreate => "customers-create",
            Self::CustomersUpdate => "customers-update",
            Self::CustomersDelete => "customers-delete",
            Self::AppUninstalled => "app-uninstalled",
            Self::CustomersDataRequest => "customers-data-request",
            Self::CustomersRedact => "customers-redact",
            Self::ShopRedact => "shop-redact",
        }
    }

    /// Returns true if the bodies are about people. Such bodies are not archived.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        match self {
            Self::OrdersCreate
            | Self::OrdersUpdated
            | Self::OrdersFulfilled
            | Self::OrdersCancelled
            | Self::OrderTransactionsCreate
            | Self::RefundsCreate
            | Self::FulfillmentsCreate
            | Self::FulfillmentsUpdate
            | Self::FulfillmentEventsCreate
            | Self::CustomersCreate
            | Self::CustomersUpdate
            | Self::CustomersDelete
            | Self::CustomersDataRequest
            | Self::CustomersRedact
            | Self::ShopRedact => true,
            Self::ProductsCreate
            | Self::ProductsUpdate
            | Self::ProductsDelete
            | Self::CollectionsCreate
            | Self::CollectionsUpdate
            | Self::CollectionsDelete
            | Self::InventoryLevelsUpdate
            | Self::AppUninstalled => false,
        }
    }

    /// Returns the family of events that only this topic and others like it report; `None` for a topic that is
    /// received whatever is wanted.
    #[must_use]
    pub const fn family(self) -> Option<Family> {
        match self {
            Self::OrdersUpdated | Self::OrdersFulfilled | Self::OrdersCancelled => Some(Family::Orders),
            Self::OrderTransactionsCreate | Self::RefundsCreate => Some(Family::Payments),
            Self::FulfillmentsCreate | Self::FulfillmentsUpdate | Self::FulfillmentEventsCreate => {
                Some(Family::Shipping)
            }
            Self::CustomersCreate | Self::CustomersUpdate | Self::CustomersDelete => Some(Family::Customers),
            Self::ProductsCreate
            | Self::ProductsUpdate
            | Self::ProductsDelete
            | Self::CollectionsCreate
            | Self::CollectionsUpdate
            | Self::CollectionsDelete
            | Self::InventoryLevelsUpdate
            | Self::OrdersCreate
            | Self::AppUninstalled
            | Self::CustomersDataRequest
            | Self::CustomersRedact
            | Self::ShopRedact => None,
        }
    }

    /// Returns the topic as receivers know it.
    pub(super) const fn for_receivers(self) -> crate::Topic {
        crate::Topic {
            name: self.name(),
            function: self.function(),
            is_personal: self.is_personal(),
            family: self.family(),
        }
    }

    /// Returns the topic of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// Returns the topic that a function receives.
    #[must_use]
    pub fn of_function(function: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.function() == function)
    }

    /// Returns the topic that Shopify's Events name by a resource and an action, as in `Product` and `update`
    /// (<https://shopify.dev/docs/apps/build/events/delivery-structure>). Case, plural and the separator of words do not
    /// matter.
    #[must_use]
    pub fn of_events(resource: &str, action: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| {
            topic
                .name()
                .split_once('/')
                .is_some_and(|(ours, done)| same(ours, resource) && same(done, action))
        })
    }
}

/// Returns true for two words that differ in their spelling only.
fn same(ours: &str, theirs: &str) -> bool {
    /// Length in bytes that none of our names has; longer texts cost nothing.
    const LONGEST: usize = 64;
    fn letters(word: &str) -> impl Iterator<Item = u8> {
        let word = word.strip_suffix(['s', 'S']).unwrap_or(word);
        word.bytes()
            .filter(|byte| !matches!(byte, b'_' | b'-'))
            .map(|byte| byte.to_ascii_lowercase())
    }
    theirs.len() <= LONGEST && letters(ours).eq(letters(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_has_the_name_of_its_topic() {
        for topic in Topic::ALL {
            assert_eq!(topic.function(), topic.name().replace(['/', '_'], "-"));
            assert_eq!(Topic::named(topic.name()), Some(topic));
            assert_eq!(Topic::of_function(topic.function()), Some(topic));
        }
        assert_eq!(Topic::named("Products/update"), None);
    }

    #[test]
    fn topic_of_events_may_be_spelled_in_any_way() {
        for (resource, action) in [
            ("Product", "update"),
            ("product", "UPDATE"),
            ("Products", "Update"),
            ("PRODUCTS", "update"),
        ] {
            assert_eq!(Topic::of_events(resource, action), Some(Topic::ProductsUpdate));
        }
        for resource in ["InventoryLevel", "inventory_levels", "inventory-level"] {
            assert_eq!(Topic::of_events(resource, "update"), Some(Topic::InventoryLevelsUpdate));
        }
        for (resource, action) in [
            ("Product", "updated"),
            ("Product", ""),
            ("", "update"),
            ("ProductVariant", "update"),
            ("products/update", "update"),
            ("Prod uct", "update"),
            ("Customer", "updated"),
            ("Order", "update"),
        ] {
            assert_eq!(Topic::of_events(resource, action), None, "{resource} {action}");
        }
    }

    #[test]
    fn topics_of_events_are_distinct() {
        for topic in Topic::ALL {
            let (resource, action) = topic.name().split_once('/').unwrap();
            assert_eq!(Topic::of_events(resource, action), Some(topic));
        }
    }
}

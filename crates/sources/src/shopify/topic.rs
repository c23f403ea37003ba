//! The topics that have a receiver.

/// A topic. Its function, directory, package, binary and sample event bear its name, with `-` for `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A product was created.
    ProductsCreate,
    /// A product was changed.
    ProductsUpdate,
    /// A product was deleted.
    ProductsDelete,
    /// A collection was changed.
    CollectionsUpdate,
    /// The app was uninstalled.
    AppUninstalled,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ProductsCreate,
        Self::ProductsUpdate,
        Self::ProductsDelete,
        Self::CollectionsUpdate,
        Self::AppUninstalled,
    ];

    /// As in `X-Shopify-Topic`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ProductsCreate => "products/create",
            Self::ProductsUpdate => "products/update",
            Self::ProductsDelete => "products/delete",
            Self::CollectionsUpdate => "collections/update",
            Self::AppUninstalled => "app/uninstalled",
        }
    }

    /// The function that receives it, as in `products-update`.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::ProductsCreate => "products-create",
            Self::ProductsUpdate => "products-update",
            Self::ProductsDelete => "products-delete",
            Self::CollectionsUpdate => "collections-update",
            Self::AppUninstalled => "app-uninstalled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_bears_its_topics_name() {
        for topic in Topic::ALL {
            assert_eq!(topic.function(), topic.name().replace('/', "-"));
        }
    }
}

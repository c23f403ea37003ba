//! Selection of types of events: `inventory.updated`, `product.*`, or `*`.

use std::{collections::BTreeSet, fmt, str::FromStr};

use hookline_events::{EventType, Resource};

/// Beginning of the types of the operator's own.
const CUSTOM: &str = "custom.";

/// Types of events that a listener or a reader asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypePattern {
    /// All types, written `*`.
    All,
    /// All types that begin with this text, which ends with a dot; written `product.*`, or `custom.stock.*`.
    Family(String),
    /// One type.
    One(EventType),
}

/// A text that selects no type of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no type of events: give one of GET /api/event-types, as in product.updated, or product.*, or *")]
pub struct ParsePatternError(pub String);

impl TypePattern {
    /// Returns true if it selects events of this type, given as text: it may be one that this code does not know.
    #[must_use]
    pub fn selects(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Family(beginning) => kind.starts_with(beginning),
            Self::One(one) => one.as_str() == kind,
        }
    }

    /// Returns true if it selects nothing but what only the operator's endpoints get.
    #[must_use]
    pub fn is_for_operators(&self) -> bool {
        let resources = self.resources();
        !resources.is_empty() && resources.into_iter().all(Resource::is_for_operators)
    }

    /// Kinds of things that the selected events are about.
    #[must_use]
    pub fn resources(&self) -> BTreeSet<Resource> {
        match self {
            Self::All => Resource::ALL.into_iter().collect(),
            Self::One(one) => BTreeSet::from([one.resource()]),
            Self::Family(beginning) if beginning.starts_with(CUSTOM) => BTreeSet::from([Resource::Custom]),
            Self::Family(_) => {
                let selected = EventType::ALL.iter().filter(|kind| self.selects(kind.as_str()));
                selected.map(EventType::resource).collect()
            }
        }
    }
}

impl FromStr for TypePattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::All);
        }
        if let Ok(one) = text.parse() {
            return Ok(Self::One(one));
        }
        let beginning = text.strip_suffix('*').filter(|beginning| beginning.ends_with('.'));
        let is_family = |beginning: &&str| {
            let is_known = EventType::ALL.iter().any(|kind| kind.as_str().starts_with(beginning));
            // Of the operator's own types, any beginning may exist.
            is_known || format!("{beginning}x").parse::<EventType>().is_ok()
        };
        match beginning.filter(is_family) {
            Some(beginning) => Ok(Self::Family(beginning.to_owned())),
            None => Err(ParsePatternError(text.to_owned())),
        }
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Family(beginning) => write!(f, "{beginning}*"),
            Self::One(one) => one.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TypePattern {
        text.parse().unwrap()
    }

    #[test]
    fn pattern_selects_a_type_a_family_or_all() {
        for (text, selected, others) in [
            (
                "product.updated",
                vec!["product.updated"],
                vec!["product.created", "product"],
            ),
            (
                "product.*",
                vec!["product.updated", "product.restored"],
                vec!["inventory.updated", "products.a", "product"],
            ),
            ("custom.*", vec!["custom.noted", "custom.a.b"], vec!["customer.created"]),
            (
                "custom.stock.*",
                vec!["custom.stock.low", "custom.stock.a.b"],
                vec!["custom.stock", "custom.stocks.low"],
            ),
            ("custom.stock.low", vec!["custom.stock.low"], vec!["custom.stock.high"]),
            ("*", vec!["product.updated", "something.new"], vec![]),
        ] {
            let pattern = pattern(text);
            assert_eq!(pattern.to_string(), text);
            assert!(selected.iter().all(|kind| pattern.selects(kind)), "{text}");
            assert!(!others.iter().any(|kind| pattern.selects(kind)), "{text}");
        }
    }

    #[test]
    fn known_types_of_a_pattern_are_counted() {
        let selected = |text: &str| {
            let pattern = pattern(text);
            let kinds = EventType::ALL.iter();
            kinds.filter(|kind| pattern.selects(kind.as_str())).count()
        };
        assert_eq!((selected("product.created"), selected("product.*")), (1, 3));
        assert_eq!(selected("*"), EventType::ALL.len());
    }

    #[test]
    fn pattern_names_the_things_that_its_events_are_about() {
        assert_eq!(pattern("inventory.*").resources(), [Resource::Product].into());
        assert_eq!(pattern("order.created").resources(), [Resource::Order].into());
        for own in ["custom.*", "custom.stock.*", "custom.stock.low"] {
            assert_eq!(pattern(own).resources(), [Resource::Custom].into(), "{own}");
        }
        assert_eq!(pattern("*").resources().len(), Resource::ALL.len());
        for kind in EventType::ALL {
            let (family, _) = kind.as_str().split_once('.').unwrap();
            let family = pattern(&format!("{family}.*"));
            assert!(family.resources().contains(&kind.resource()), "{family}");
        }
    }

    #[test]
    fn pattern_that_can_select_nothing_is_refused() {
        for text in [
            "",
            "prod*",
            "prodct.*",
            "product",
            "product*",
            "product.",
            ".*",
            "product.updatd",
            "order.*.*",
            "*.created",
            "custom.A.*",
            "custom.stock*",
            "weather.*",
        ] {
            assert_eq!(text.parse::<TypePattern>(), Err(ParsePatternError(text.to_owned())));
        }
    }
}

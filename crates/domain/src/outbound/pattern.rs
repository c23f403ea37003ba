//! Selection of types of events: `inventory.updated`, `product.*`, or `*`.

use std::{collections::BTreeSet, fmt, str::FromStr};

use hookline_events::{EventType, Resource};

/// Beginning of the types of the operator's own.
const CUSTOM: &str = "custom";

/// Types of events that a listener asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypePattern {
    /// All types, written `*`.
    All,
    /// All types with this beginning, written `product.*`.
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
            Self::Family(family) => family_of(kind) == family,
            Self::One(one) => one.as_str() == kind,
        }
    }

    /// Kinds of things that the selected events are about.
    #[must_use]
    pub fn resources(&self) -> BTreeSet<Resource> {
        match self {
            Self::All => Resource::ALL.into_iter().collect(),
            Self::One(one) => BTreeSet::from([one.resource()]),
            Self::Family(family) if family == CUSTOM => BTreeSet::from([Resource::Custom]),
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
        let Some(family) = text.strip_suffix(".*") else {
            let one = text.parse().map_err(|_| ParsePatternError(text.to_owned()))?;
            return Ok(Self::One(one));
        };
        let is_known = family == CUSTOM || EventType::ALL.iter().any(|kind| family_of(kind.as_str()) == family);
        if is_known {
            Ok(Self::Family(family.to_owned()))
        } else {
            Err(ParsePatternError(text.to_owned()))
        }
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Family(family) => write!(f, "{family}.*"),
            Self::One(one) => one.fmt(f),
        }
    }
}

fn family_of(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(family, _)| family)
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
                vec!["inventory.updated", "products.a"],
            ),
            ("custom.*", vec!["custom.noted", "custom.a.b"], vec!["customer.created"]),
            ("*", vec!["product.updated", "something.new"], vec![]),
        ] {
            let pattern = pattern(text);
            assert_eq!(pattern.to_string(), text);
            assert!(selected.iter().all(|kind| pattern.selects(kind)), "{text}");
            assert!(!others.iter().any(|kind| pattern.selects(kind)), "{text}");
        }
    }

    #[test]
    fn pattern_names_the_things_that_its_events_are_about() {
        assert_eq!(pattern("inventory.*").resources(), [Resource::Product].into());
        assert_eq!(pattern("order.created").resources(), [Resource::Order].into());
        assert_eq!(pattern("custom.*").resources(), [Resource::Custom].into());
        assert_eq!(pattern("*").resources().len(), Resource::ALL.len());
        for kind in EventType::ALL {
            let family = pattern(&format!("{}.*", family_of(kind.as_str())));
            assert!(family.resources().contains(&kind.resource()), "{family}");
        }
    }

    #[test]
    fn pattern_that_can_select_nothing_is_refused() {
        for text in [
            "",
            "prodct.*",
            "product",
            ".*",
            "product.updatd",
            "order.*.*",
            "*.created",
        ] {
            assert_eq!(text.parse::<TypePattern>(), Err(ParsePatternError(text.to_owned())));
        }
    }
}

//! Families of events that an operator may want beside the index, and that need topics of their own.

use std::{fmt, str::FromStr};

/// Family of events, each with topics that nothing else needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Changes, fulfillment and cancellation of orders.
    Orders,
    /// Customers.
    Customers,
    /// Payments and refunds.
    Payments,
    /// Shipments.
    Shipping,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 4] = [Self::Orders, Self::Customers, Self::Payments, Self::Shipping];

    /// Name, as in the template's parameter `EventsOf`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Customers => "customers",
            Self::Payments => "payments",
            Self::Shipping => "shipping",
        }
    }
}

/// Bodies that are wanted whole, because a receiver seals them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WholeBodies {
    /// None: of what is about people, only the fields that are read.
    #[default]
    None,
    /// Those of topics with personal data that events disclose.
    Personal,
    /// All, because they are forwarded.
    All,
}

impl WholeBodies {
    /// Word among the families.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Personal => Some("personal"),
            Self::All => Some("bodies"),
        }
    }
}

/// Families that are wanted, and bodies that are wanted whole. Their text is that of the template's parameter, names with commas
/// between them, and `personal` or `bodies`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Families {
    wanted: Vec<Family>,
    whole: WholeBodies,
}

/// A text that names no family.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no family of events: name any of orders, customers, payments, shipping, with commas between them")]
pub struct ParseFamilyError(String);

impl Families {
    /// Every family.
    #[must_use]
    pub fn all() -> Self {
        Self {
            wanted: Family::ALL.into(),
            whole: WholeBodies::None,
        }
    }

    /// Bodies that are wanted whole.
    #[must_use]
    pub fn whole_bodies(&self) -> WholeBodies {
        self.whole
    }

    /// Returns true if this family is wanted.
    #[must_use]
    pub fn has(&self, family: Family) -> bool {
        self.wanted.contains(&family)
    }

    /// Returns true if somebody listens to what a topic of a family reports; `None` is a topic that is received whatever is
    /// wanted. The receivers of other topics are not deployed, and nothing subscribes to them: this decides both.
    #[must_use]
    pub fn listen_to(&self, family: Option<Family>) -> bool {
        family.is_none_or(|family| self.has(family))
    }
}

impl FromStr for Families {
    type Err = ParseFamilyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let family = |name: &str| {
            let found = Family::ALL.into_iter().find(|family| family.name() == name);
            found.ok_or_else(|| ParseFamilyError(name.to_owned()))
        };
        let (mut wanted, mut whole) = (Vec::new(), WholeBodies::None);
        for name in names {
            match [WholeBodies::Personal, WholeBodies::All]
                .into_iter()
                .find(|one| one.word() == Some(name))
            {
                Some(bodies) => whole = whole.max(bodies),
                None => wanted.push(family(name)?),
            }
        }
        Ok(Self { wanted, whole })
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.wanted.iter().map(|family| family.name());
        let names: Vec<&str> = names.chain(self.whole.word()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_read_back_from_their_text() {
        for (text, whole) in [
            ("personal,orders", WholeBodies::Personal),
            ("bodies,personal", WholeBodies::All),
            ("personal,bodies", WholeBodies::All),
            ("orders", WholeBodies::None),
        ] {
            assert_eq!(text.parse::<Families>().unwrap().whole_bodies(), whole, "{text}");
        }
        for text in [
            "",
            "personal",
            "orders,personal",
            "bodies",
            "orders,bodies",
            "orders",
            "orders,shipping",
            "customers,payments,shipping,orders",
        ] {
            assert_eq!(text.parse::<Families>().unwrap().to_string(), text);
        }
        assert_eq!(
            " orders , shipping,".parse::<Families>().unwrap().to_string(),
            "orders,shipping"
        );
        assert_eq!(
            "orders,refunds".parse::<Families>(),
            Err(ParseFamilyError("refunds".into()))
        );
        assert!("Orders".parse::<Families>().is_err());
        for family in Family::ALL {
            assert!(Families::all().has(family) && !Families::default().has(family));
            assert!(ParseFamilyError(String::new()).to_string().contains(family.name()));
        }
    }

    #[test]
    fn topics_of_a_family_are_listened_to_if_it_is_wanted() {
        let orders: Families = "orders".parse().unwrap();
        assert!(orders.listen_to(Some(Family::Orders)) && orders.listen_to(None));
        assert!(!orders.listen_to(Some(Family::Payments)));
        assert!(Families::default().listen_to(None));
    }
}

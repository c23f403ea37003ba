//! Which dead letters are meant.

use std::str::FromStr;

use clap::Args;
use hookline_domain::{
    delivery::{Delivery, ledger::Problem},
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryId, StoreKey, Topic},
    },
};
use hookline_sources::store_from_text;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// All that is said must fit. Nothing said fits everything.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only this store's: its name at Shopify, or `source:name`.
    #[arg(long, value_name = "STORE")]
    pub store: Option<Store>,
    /// Only this topic's, as in `products/update`.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<Topic>,
    /// Only those with this problem, as in `schema_mismatch`.
    #[arg(long, value_name = "CODE")]
    pub code: Option<Code>,
    /// Only those received so long ago, or longer: `90m`, `2h`, `10d`.
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Only those received since so long ago.
    #[arg(long, value_name = "AGE")]
    pub newer_than: Option<Age>,
    /// Only the delivery with this id. May be given many times.
    #[arg(long, value_name = "ID")]
    pub id: Vec<DeliveryId>,
    /// Only messages that are not ours.
    #[arg(long, conflicts_with_all = ["store", "topic", "code", "older_than", "newer_than", "id"])]
    pub not_ours: bool,
}

impl Selection {
    /// Whether a letter is meant. `delivery` is none of a message that is not ours.
    pub fn fits(&self, delivery: Option<&Delivery>, problem: Option<&Problem>, now: Timestamp) -> bool {
        let Some(delivery) = delivery else {
            return self.not_ours || self.is_everything();
        };
        let age = now.duration_since(delivery.received_at);
        !self.not_ours
            && self
                .store
                .as_ref()
                .is_none_or(|Store(store)| delivery.key.store == *store)
            && self.topic.as_ref().is_none_or(|topic| delivery.key.topic == *topic)
            && self
                .code
                .is_none_or(|Code(code)| problem.is_some_and(|problem| problem.code == code))
            && self.older_than.is_none_or(|Age(than)| age >= than)
            && self.newer_than.is_none_or(|Age(than)| age <= than)
            && (self.id.is_empty() || self.id.contains(&delivery.key.id))
    }

    fn is_everything(&self) -> bool {
        let Self {
            store,
            topic,
            code,
            older_than,
            newer_than,
            id,
            not_ours,
        } = self;
        store.is_none()
            && topic.is_none()
            && code.is_none()
            && older_than.is_none()
            && newer_than.is_none()
            && id.is_empty()
            && !not_ours
    }
}

/// A store, of Shopify unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store(pub StoreKey);

impl FromStr for Store {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        store_from_text(text).map(Self).map_err(|error| error.to_string())
    }
}

/// What sort of problem, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub ErrorCode);

impl FromStr for Code {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // Serde's message lists the names there are.
        serde_json::from_value(text.into())
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

/// How long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub SignedDuration);

impl FromStr for Age {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let unclear = |_| "not an age, as in 90m, 2h or 10d".to_owned();
        let span: Span = text.parse().map_err(unclear)?;
        span.to_duration(SpanRelativeTo::days_are_24_hours())
            .map(Self)
            .map_err(unclear)
    }
}

/// So long ago; the beginning of time if that was before it.
pub fn before_now(age: SignedDuration) -> Timestamp {
    Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        Delivery {
            key: hookline_testkit::builders::delivery("a"),
            event_id: None,
            api_version: "2026-07".to_owned(),
            triggered_at: None,
            received_at: hookline_testkit::builders::noon(),
            body: Vec::new(),
        }
    }

    fn fits(selection: &Selection) -> bool {
        let problem = Problem {
            at: hookline_testkit::builders::noon(),
            code: ErrorCode::SchemaMismatch,
            cause: None,
            message: String::new(),
        };
        let now = hookline_testkit::builders::noon_plus(7200);
        selection.fits(Some(&delivery()), Some(&problem), now)
    }

    #[test]
    fn each_part_of_a_selection_can_leave_a_letter_out() {
        let with = |change: fn(&mut Selection)| {
            let mut selection = Selection::default();
            change(&mut selection);
            fits(&selection)
        };
        assert!(with(|_| {}));
        assert!(with(|s| s.store = "Demo.myshopify.com".parse().ok()));
        assert!(!with(|s| s.store = "other.myshopify.com".parse().ok()));
        assert!(!with(|s| s.store = "square:demo.myshopify.com".parse().ok()));
        assert!(with(|s| s.topic = "products/update".parse().ok()));
        assert!(!with(|s| s.topic = "products/create".parse().ok()));
        assert!(with(|s| s.code = "schema_mismatch".parse().ok()));
        assert!(!with(|s| s.code = "index_rejected".parse().ok()));
        assert!(with(|s| s.older_than = "2h".parse().ok()));
        assert!(!with(|s| s.older_than = "121m".parse().ok()));
        assert!(with(|s| s.newer_than = "2h".parse().ok()));
        assert!(!with(|s| s.newer_than = "119m".parse().ok()));
        assert!(with(|s| s.id = vec!["b".parse().unwrap(), "a".parse().unwrap()]));
        assert!(!with(|s| s.id = vec!["b".parse().unwrap()]));
        assert!(!with(|s| s.not_ours = true));
    }

    #[test]
    fn what_is_not_ours_is_meant_only_by_itself_or_with_everything() {
        let now = hookline_testkit::builders::noon();
        let mut selection = Selection::default();
        assert!(selection.fits(None, None, now));
        selection.not_ours = true;
        assert!(selection.fits(None, None, now));
        selection = Selection {
            topic: "products/update".parse().ok(),
            ..Selection::default()
        };
        assert!(!selection.fits(None, None, now));
    }

    #[test]
    fn ages_have_days_and_problems_have_names() {
        assert_eq!("10d".parse(), Ok(Age(SignedDuration::from_hours(240))));
        assert!("ten".parse::<Age>().is_err());
        assert_eq!(ErrorCode::IndexRejected.to_string(), "index_rejected");
        assert!("oops".parse::<Code>().unwrap_err().contains("schema_mismatch"));
    }
}

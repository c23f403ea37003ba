//! Selection of dead letters.

use clap::Args;
use hookline_domain::{
    delivery::{Delivery, ledger::Problem},
    kernel::ids::{DeliveryId, Topic},
};
use jiff::Timestamp;

use crate::args::values::{Age, CodeArg, StoreArg};

/// Criteria that a dead letter must match, all of them. Without criteria, every letter matches.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only of this store: its Shopify domain, or `source:name`.
    #[arg(long, value_name = "STORE")]
    pub store: Option<StoreArg>,
    /// Only of this topic, as in `products/update`.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<Topic>,
    /// Only those with this problem, as in `schema_mismatch`.
    #[arg(long, value_name = "CODE")]
    pub code: Option<CodeArg>,
    /// Only those received at least this long ago: `90m`, `2h`, `10d`.
    #[arg(long, value_name = "AGE")]
    pub older_than: Option<Age>,
    /// Only those received at most this long ago.
    #[arg(long, value_name = "AGE")]
    pub newer_than: Option<Age>,
    /// Only the delivery with this id. May be repeated.
    #[arg(long, value_name = "ID")]
    pub id: Vec<DeliveryId>,
    /// Only messages that are not ours.
    #[arg(long, conflicts_with_all = ["store", "topic", "code", "older_than", "newer_than", "id"])]
    pub not_ours: bool,
}

impl Selection {
    /// Tests a letter. `delivery` is none for a message that is not ours.
    pub fn matches(&self, delivery: Option<&Delivery>, problem: Option<&Problem>, now: Timestamp) -> bool {
        let Some(delivery) = delivery else {
            return self.not_ours || self.is_everything();
        };
        let age = now.duration_since(delivery.received_at);
        !self.not_ours
            && self
                .store
                .as_ref()
                .is_none_or(|StoreArg(store)| delivery.key.store == *store)
            && self.topic.as_ref().is_none_or(|topic| delivery.key.topic == *topic)
            && self
                .code
                .is_none_or(|CodeArg(code)| problem.is_some_and(|problem| problem.code == code))
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

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::failure::ErrorCode;

    use super::*;

    fn delivery() -> Delivery {
        Delivery {
            key: hookline_testkit::builders::delivery("a"),
            endpoint: None,
            event_id: None,
            api_version: "2026-07".to_owned(),
            triggered_at: None,
            received_at: hookline_testkit::builders::noon(),
            body: Vec::new(),
        }
    }

    fn is_match(selection: &Selection) -> bool {
        let problem = Problem {
            at: hookline_testkit::builders::noon(),
            code: ErrorCode::SchemaMismatch,
            cause: None,
            message: String::new(),
        };
        let now = hookline_testkit::builders::noon_plus(7200);
        selection.matches(Some(&delivery()), Some(&problem), now)
    }

    #[test]
    fn every_criterion_can_exclude_a_letter() {
        let with = |change: fn(&mut Selection)| {
            let mut selection = Selection::default();
            change(&mut selection);
            is_match(&selection)
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
    fn foreign_messages_match_only_their_own_option_or_no_criteria() {
        let now = hookline_testkit::builders::noon();
        let mut selection = Selection::default();
        assert!(selection.matches(None, None, now));
        selection.not_ours = true;
        assert!(selection.matches(None, None, now));
        selection = Selection {
            topic: "products/update".parse().ok(),
            ..Selection::default()
        };
        assert!(!selection.matches(None, None, now));
    }
}

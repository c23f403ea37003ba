//! Notices: what a person should learn at once, derived from two states of a store's record.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RecordChange;
use crate::{
    event::ORDER,
    kernel::{
        advice::advice,
        ids::{DeliveryId, Topic},
    },
    store::{
        activity::DeliveryOutcome,
        status::unheard,
        stores::{Quota, Run, RunStage, RunTask, StoreRecord, Watched},
    },
};

/// Something that a person should learn at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Notice {
    /// Id, as in `demo.myshopify.com/17/error`: the same however often the notice is sent.
    pub id: String,
    /// Time of the occurrence.
    pub at: Timestamp,
    /// Kind of notice.
    pub kind: NoticeKind,
    /// Message, in a sentence.
    pub message: String,
    /// Advice, if something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The delivery, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<NoticedDelivery>,
}

/// Identifies a delivery among those of its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct NoticedDelivery {
    /// Its topic.
    pub topic: Topic,
    /// Its id.
    pub id: DeliveryId,
}

/// Kind of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// An error occurred.
    Error,
    /// A delivery is parked and needs a person.
    DeadLetter,
    /// A vendor subscription is missing, or sends to another address.
    SubscriptionLost,
    /// A vendor subscription was created again.
    SubscriptionRestored,
    /// The store has uninstalled the app.
    Uninstalled,
    /// The store has installed the app.
    Installed,
    /// An order was received.
    Order,
    /// Less than a fifth of the Admin API's quota is left.
    QuotaLow,
    /// A run through the catalog has ended.
    RunEnded,
}

/// Returns the notices that a write of a store's record causes.
#[must_use]
pub fn notices(changed: &RecordChange) -> Vec<Notice> {
    let mut collected = Collector {
        changed,
        notices: Vec::new(),
    };
    let unknown = StoreRecord::default();
    let (before, after) = (changed.before.as_ref().unwrap_or(&unknown), &changed.after);
    collected.add_deliveries();
    collected.add_errors();
    collected.add_installs(before, after);
    collected.add_subscriptions(before.watched.as_ref(), after.watched.as_ref());
    collected.add_quota(before.quota, after.quota);
    collected.add_runs(before.run.as_ref(), after.run.as_ref());
    collected.notices
}

struct Collector<'a> {
    changed: &'a RecordChange,
    notices: Vec<Notice>,
}

impl Collector<'_> {
    fn push(&mut self, kind: NoticeKind, name: &str, at: Timestamp, message: String, advice: Option<String>) {
        let id = format!("{}/{}/{name}", self.changed.store.label(), self.changed.after.seq);
        self.notices.push(Notice {
            id,
            at,
            kind,
            message,
            advice,
            delivery: None,
        });
    }

    fn add_deliveries(&mut self) {
        let changed = self.changed;
        // Oldest first, like all other notices.
        for (nth, entry) in changed.latest.iter().enumerate().rev() {
            match (entry.outcome, &entry.problem, &entry.subject) {
                (DeliveryOutcome::Parked, problem, _) => {
                    let why = problem.as_ref().map_or("it cannot be read", |(_, message)| message);
                    let message = format!("A delivery of {} cannot be applied: {why}.", entry.topic);
                    let advice = problem.as_ref().map(|(code, _)| advice(*code, None));
                    let name = format!("dead_letter/{nth}");
                    self.push(NoticeKind::DeadLetter, &name, entry.at, message, advice);
                    if let Some(notice) = self.notices.last_mut() {
                        notice.delivery = Some(NoticedDelivery {
                            topic: entry.topic.clone(),
                            id: entry.id.clone(),
                        });
                    }
                }
                (DeliveryOutcome::Noted, _, Some(order))
                    if order.kind == ORDER && creates(&entry.topic) && !entry.replay =>
                {
                    let message = format!("Order {} received.", order.id);
                    self.push(NoticeKind::Order, &format!("order/{nth}"), entry.at, message, None);
                }
                _ => {}
            }
        }
    }

    fn add_errors(&mut self) {
        let Some(error) = &self.changed.problem else { return };
        // It has a dead-letter notice already.
        let is_parked = self.changed.latest.iter().any(|entry| {
            entry.outcome == DeliveryOutcome::Parked && error.delivery_id.as_deref() == Some(entry.id.as_str())
        });
        if !is_parked {
            let (message, advice) = (sentence(&error.message), advice(error.code, error.cause));
            self.push(NoticeKind::Error, "error", error.at, message, Some(advice));
        }
    }

    fn add_installs(&mut self, before: &StoreRecord, after: &StoreRecord) {
        let Some(at) = after.uninstalled_at else { return };
        if before.enabled && !after.enabled {
            let message = "The store has uninstalled the app. Its documents leave the index.".to_owned();
            let advice = "If it is installed again, run `hookline store add`.".to_owned();
            self.push(NoticeKind::Uninstalled, "uninstalled", at, message, Some(advice));
        } else if !before.enabled && after.enabled {
            let at = after.last_event_at.map_or(at, |event| event.max(at));
            let message = "The store has installed the app again.".to_owned();
            let advice = "Resync it: webhooks report only changes from now on.".to_owned();
            self.push(NoticeKind::Installed, "installed", at, message, Some(advice));
        }
    }

    fn add_subscriptions(&mut self, before: Option<&Watched>, after: Option<&Watched>) {
        let Some(after) = after.filter(|after| before.is_none_or(|before| before.at != after.at)) else {
            return;
        };
        let known: Vec<&str> = before.into_iter().flat_map(unheard).collect();
        let lost: Vec<&str> = unheard(after).filter(|topic| !known.contains(topic)).collect();
        if !lost.is_empty() {
            let message = format!("No subscription sends us {} any longer.", lost.join(", "));
            let advice = "Run `hookline webhooks register` to create it again.".to_owned();
            self.push(NoticeKind::SubscriptionLost, "lost", after.at, message, Some(advice));
        }
        let restored: Vec<&str> = after.restored.iter().map(crate::kernel::ids::Topic::as_str).collect();
        if !restored.is_empty() {
            let message = format!(
                "The subscription to {} was missing and has been created again.",
                restored.join(", ")
            );
            let advice = "Reconcile the store to find what changed in the meantime.".to_owned();
            self.push(
                NoticeKind::SubscriptionRestored,
                "restored",
                after.at,
                message,
                Some(advice),
            );
        }
    }

    fn add_quota(&mut self, before: Option<Quota>, after: Option<Quota>) {
        let is_low = |quota: Quota| u64::from(quota.available) * 5 < u64::from(quota.maximum);
        let Some(after) = after.filter(|after| is_low(*after) && !before.is_some_and(is_low)) else {
            return;
        };
        let message = format!(
            "{} of {} points of the store's Admin API are left; {} come back each second.",
            after.available, after.maximum, after.restored_per_second
        );
        let advice =
            "Nothing to do: Hookline waits for them. Another user of the same token may be the cause.".to_owned();
        self.push(NoticeKind::QuotaLow, "quota", after.at, message, Some(advice));
    }

    fn add_runs(&mut self, before: Option<&Run>, after: Option<&Run>) {
        let ended = |run: &&Run| matches!(run.stage, RunStage::Done | RunStage::Failed);
        let Some(run) = after.filter(ended) else { return };
        if before
            .filter(ended)
            .is_some_and(|before| before.began_at == run.began_at)
        {
            return;
        }
        let what = match run.task {
            RunTask::Resync => "Resync",
            RunTask::Reconcile => "Reconciliation",
        };
        let (message, advice) = if run.stage == RunStage::Done {
            (format!("{what} finished: {} products.", run.products), None)
        } else {
            let advice = "The last error says why. Start another once that is fixed.".to_owned();
            (format!("{what} stopped."), Some(advice))
        };
        self.push(NoticeKind::RunEnded, "run", run.at, message, advice);
    }
}

/// Returns true for a topic that reports that a thing is new, in the spelling of any source: `orders/create`,
/// `order.created`. A change of an order is no new order.
fn creates(topic: &Topic) -> bool {
    topic.as_str().contains("create")
}

/// Returns a problem as a sentence.
fn sentence(problem: &str) -> String {
    let mut letters = problem.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!(
        "{}{}.",
        first.unwrap_or_default(),
        letters.as_str().trim_end_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::failure::{ErrorCode, LastError},
        live::tests::{entry, store},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn changed(before: StoreRecord, after: StoreRecord) -> RecordChange {
        RecordChange {
            store: store(),
            before: Some(before),
            after: StoreRecord { seq: 17, ..after },
            latest: Vec::new(),
            problem: None,
        }
    }

    fn kinds(changed: &RecordChange) -> Vec<(NoticeKind, String)> {
        notices(changed)
            .into_iter()
            .map(|notice| (notice.kind, notice.id))
            .collect()
    }

    fn one(kind: NoticeKind, name: &str) -> Vec<(NoticeKind, String)> {
        vec![(kind, format!("demo.myshopify.com/17/{name}"))]
    }

    /// Asserts that `before` → `after` causes exactly this notice, and `after` → `after` none.
    fn assert_notice(before: &StoreRecord, after: &StoreRecord, kind: NoticeKind, name: &str) {
        assert_eq!(kinds(&changed(before.clone(), after.clone())), one(kind, name));
        assert_eq!(kinds(&changed(after.clone(), after.clone())), []);
    }

    fn failed(delivery_id: Option<String>) -> RecordChange {
        RecordChange {
            problem: Some(LastError {
                at: at("2026-11-21T12:00:00Z"),
                code: ErrorCode::SchemaMismatch,
                cause: None,
                message: "the problem".to_owned(),
                delivery_id,
            }),
            ..changed(StoreRecord::default(), StoreRecord::default())
        }
    }

    #[test]
    fn error_of_a_parked_delivery_is_reported_only_as_dead_letter() {
        assert_eq!(kinds(&failed(None)), one(NoticeKind::Error, "error"));
        assert_eq!(notices(&failed(None))[0].message, "The problem.");
        let parked = entry(1, DeliveryOutcome::Parked);
        let mut dead = failed(Some(parked.id.to_string()));
        dead.latest = vec![entry(2, DeliveryOutcome::Applied), parked.clone()];
        assert_eq!(kinds(&dead), one(NoticeKind::DeadLetter, "dead_letter/1"));
        assert_eq!(notices(&dead)[0].delivery.as_ref().unwrap().id, parked.id);
    }

    #[test]
    fn new_order_causes_a_notice_but_its_replay_and_its_changes_do_not() {
        let mut changed = changed(StoreRecord::default(), StoreRecord::default());
        let order = crate::store::activity::ActivityEntry {
            subject: Some(crate::delivery::subject::Subject {
                kind: ORDER.to_owned(),
                id: crate::kernel::ids::EntityId::new("820982911946154508").unwrap(),
                title: None,
            }),
            topic: "orders/create".parse().unwrap(),
            ..entry(1, DeliveryOutcome::Noted)
        };
        let update = crate::store::activity::ActivityEntry {
            topic: "orders/updated".parse().unwrap(),
            ..order.clone()
        };
        let replay = crate::store::activity::ActivityEntry {
            replay: true,
            ..order.clone()
        };
        changed.latest = vec![replay, order, entry(2, DeliveryOutcome::Applied), update];
        assert_eq!(kinds(&changed), one(NoticeKind::Order, "order/1"));
    }

    #[test]
    fn install_and_uninstall_cause_notices() {
        let installed = StoreRecord::default();
        let uninstalled = installed.uninstalled(at("2026-11-21T12:00:00Z")).unwrap();
        let again = uninstalled.reinstalled(at("2026-11-21T12:00:00Z")).unwrap();
        assert_notice(&installed, &uninstalled, NoticeKind::Uninstalled, "uninstalled");
        assert_notice(&uninstalled, &again, NoticeKind::Installed, "installed");
        let redacted = uninstalled.redacted(at("2026-11-21T12:00:00Z"), at("2026-11-23T12:00:00Z"));
        assert_eq!(kinds(&changed(uninstalled, redacted.unwrap())), []);
    }

    #[test]
    fn lost_and_restored_subscriptions_cause_one_notice_each() {
        let seen = |at: &str, missing: &[&str], restored: &[&str]| {
            let topics = |topics: &[&str]| topics.iter().map(|topic| topic.parse().unwrap()).collect();
            StoreRecord {
                watched: Some(Watched {
                    missing: topics(missing),
                    restored: topics(restored),
                    ..Watched::unseen(at.parse().unwrap(), true)
                }),
                ..StoreRecord::default()
            }
        };
        let all = seen("2026-11-21T10:00:00Z", &[], &[]);
        let lost = seen("2026-11-21T11:00:00Z", &["products/update"], &[]);
        let still = seen("2026-11-21T12:00:00Z", &["products/update"], &[]);
        let back = seen("2026-11-21T13:00:00Z", &[], &["products/update"]);
        assert_notice(&all, &lost, NoticeKind::SubscriptionLost, "lost");
        assert_eq!(kinds(&changed(lost, still.clone())), []);
        assert_notice(&still, &back, NoticeKind::SubscriptionRestored, "restored");
    }

    #[test]
    fn low_quota_causes_one_notice() {
        let left = |available| StoreRecord {
            quota: Some(Quota {
                at: at("2026-11-21T12:00:00Z"),
                available,
                maximum: 1000,
                restored_per_second: 50,
            }),
            ..StoreRecord::default()
        };
        assert_notice(&left(200), &left(199), NoticeKind::QuotaLow, "quota");
        assert_eq!(kinds(&changed(left(199), left(10))), []);
        assert_eq!(kinds(&changed(left(10), left(900))), []);
    }

    #[test]
    fn end_of_a_run_causes_a_notice() {
        let run = |stage, began_at: &str| StoreRecord {
            run: Some(Run {
                task: RunTask::Resync,
                stage,
                began_at: at(began_at),
                at: at("2026-11-21T12:00:00Z"),
                products: 3,
                skipped: 0,
                bytes: None,
            }),
            ..StoreRecord::default()
        };
        let [first, second] = ["2026-11-21T11:00:00Z", "2026-11-21T11:30:00Z"];
        let reading = run(RunStage::Reading, first);
        for end in [RunStage::Done, RunStage::Failed] {
            assert_notice(&reading, &run(end, first), NoticeKind::RunEnded, "run");
            assert_notice(
                &run(RunStage::Done, first),
                &run(end, second),
                NoticeKind::RunEnded,
                "run",
            );
        }
        assert_eq!(kinds(&changed(StoreRecord::default(), reading)), []);
    }
}

//! Status of a store, as the status function returns it.

#[cfg(test)]
mod fixture;
mod silence;
mod summary;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    delivery::failed::FailedDeliverySummary,
    kernel::{advice::AdvisedError, ids::StoreKey},
    store::{
        rotation::ClientSecret,
        stores::{Counter, Hour, Quota, Reconciled, Run, StoreRecord, StoreView, Watched},
    },
};

pub(crate) use self::summary::unheard;
pub use self::{
    silence::{Reason, Silence},
    summary::{Concern, ConcernCause, SUBSCRIBE, StoreReading, StoreState, Summary},
};

/// Period after which a store without events is idle, and after which a wrong signature is no longer reported.
pub const IDLE_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Status of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Status {
    /// The source, as in `shopify`.
    pub source: String,
    /// Name of the store, as in `demo.myshopify.com`; of another source, `source:name`.
    pub store: String,
    /// True if the app is installed, as far as we have been notified.
    pub enabled: bool,
    /// Activity: whether events come.
    pub activity: Activity,
    /// Number of the latest install that this deployment knows of; from 1, and 0 if only an uninstall has come.
    pub epoch: u64,
    /// Time at which a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Time at which the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// State, in a word.
    pub state: StoreState,
    /// Explanation of the state, in a sentence or two.
    pub why: String,
    /// Everything that a person should look at, the most urgent first.
    pub reasons: Vec<Concern>,
    /// The last error.
    pub last_error: Option<AdvisedError>,
    /// The last error of each code, newest first.
    pub errors: Vec<AdvisedError>,
    /// Deliveries that have failed and are neither applied nor dismissed.
    pub failed: FailedDeliverySummary,
    /// Deliveries of the last 24 hours that took effect, in whole hours.
    pub events_24h: Events,
    /// Duplicates that receivers dropped in the last 24 hours.
    pub duplicates_dropped_24h: u64,
    /// Events of the last 24 hours that belonged to no active install.
    pub discarded_24h: u64,
    /// Requests of the last 24 hours in the store's name with a wrong signature.
    pub signature_failures_24h: u64,
    /// Time at which a request in the store's name last had a wrong signature.
    pub last_signature_failure_at: Option<Timestamp>,
    /// State of the client secret: whether the old one of two can be revoked.
    pub client_secret: ClientSecret,
    /// Deliveries that a person replayed in the last 24 hours; not among the events.
    pub replayed_24h: u64,
    /// States that were taken in the last 24 hours although the source's answer was older than its event.
    pub read_behind_24h: u64,
    /// Explanation of the silence, if no event comes.
    pub silence: Silence,
    /// True if we hold a token for its Admin API, which provides more than its webhooks.
    pub connected: bool,
    /// Currency of its prices, ISO 4217, once its Admin API has reported it.
    pub currency: Option<String>,
    /// Products indexed in part in the last 24 hours because we hold no token.
    pub partial_24h: u64,
    /// Changes that no webhook reported, found by reconciliations in the last 24 hours.
    pub missed_24h: Events,
    /// Share of missed changes by topic: missed ÷ (missed + reported).
    #[cfg_attr(feature = "json-schema", schemars(extend("additionalProperties" = {"type": "number", "minimum": 0, "maximum": 1})))]
    pub missed_rate: BTreeMap<String, f64>,
    /// Result of the last reconciliation.
    pub reconciled: Option<Reconciled>,
    /// Result of the last check of its vendor subscriptions and of our queue.
    pub watched: Option<Watched>,
    /// Progress or outcome of the last run through its catalog.
    pub run: Option<Run>,
    /// Remaining quota of its Admin API at the last call.
    pub quota: Option<Quota>,
    /// Number of times the status has been written. Live updates are numbered with it.
    pub seq: u64,
    /// The last 24 hours, oldest first and the current one last, including hours without events.
    #[cfg_attr(feature = "json-schema", schemars(length(equal = 24)))]
    pub hours: Vec<HourOfStatus>,
}

/// One hour of a store, in whole hours of UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct HourOfStatus {
    /// Start of the hour.
    pub hour: Timestamp,
    /// Deliveries that took effect, by topic.
    pub events: BTreeMap<String, u64>,
    /// Changes that no webhook reported, by topic.
    pub missed: BTreeMap<String, u64>,
    /// Duplicates that receivers dropped.
    pub duplicates: u64,
    /// Requests with a wrong signature.
    pub signature_failures: u64,
}

/// Activity of a store: whether events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "StoreActivity"))]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// The last event came less than 30 minutes ago.
    Live,
    /// No event has come for longer.
    Idle,
    /// A request in the store's name had a wrong signature less than 30 minutes ago, and no event has come since.
    /// Anybody can send such a request, so this is a reason to look, not a finding.
    Failing,
}

impl Activity {
    pub(crate) fn of(record: &StoreRecord, now: Timestamp) -> Self {
        let recent = |at: &Timestamp| now.duration_since(*at) < IDLE_AFTER;
        let failed = record.last_forged_at.filter(recent);
        if failed.is_some_and(|failed| record.last_event_at.is_none_or(|event| event <= failed)) {
            Self::Failing
        } else if record.last_event_at.as_ref().is_some_and(recent) {
            Self::Live
        } else {
            Self::Idle
        }
    }
}

/// Number of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "EventCounts"))]
pub struct Events {
    /// Total.
    pub total: u64,
    /// By topic.
    pub by_topic: BTreeMap<String, u64>,
}

impl Events {
    fn add(&mut self, topic: String, count: u64) {
        self.total += count;
        *self.by_topic.entry(topic).or_default() += count;
    }
}

/// Returns the share of missed changes by topic, for every topic with any change.
#[expect(clippy::cast_precision_loss, reason = "counts of a day are far below 2^52")]
fn missed_rates(missed: &Events, reported: &Events) -> BTreeMap<String, f64> {
    let topics = missed.by_topic.keys().chain(reported.by_topic.keys());
    let of = |events: &Events, topic: &str| events.by_topic.get(topic).copied().unwrap_or(0);
    let rate = |topic: &String| {
        let (missed, reported) = (of(missed, topic), of(reported, topic));
        (topic.clone(), missed as f64 / (missed + reported).max(1) as f64)
    };
    topics.map(rate).collect()
}

impl HourOfStatus {
    fn of(hour: Hour) -> Self {
        Self {
            hour: hour.began_at(),
            events: BTreeMap::new(),
            missed: BTreeMap::new(),
            duplicates: 0,
            signature_failures: 0,
        }
    }
}

impl Status {
    /// Returns the status of a store at `now`.
    #[must_use]
    pub fn of(store: &StoreKey, view: StoreView, now: Timestamp) -> Self {
        let StoreReading { state, why, concerns } = StoreReading::of(&view, now);
        let failed = FailedDeliverySummary::of(&view.failures, now);
        let StoreView {
            record, counts, errors, ..
        } = view;
        let mut errors: Vec<AdvisedError> = errors.into_values().map(AdvisedError::from).collect();
        errors.sort_by_key(|advised| std::cmp::Reverse(advised.error.at));
        let silence = Silence::of(&record, now);
        let mut status = Self {
            source: store.source.to_string(),
            store: store.label().into_owned(),
            enabled: record.enabled,
            activity: Activity::of(&record, now),
            epoch: record.epoch,
            last_sync_at: record.last_sync_at,
            last_event_at: record.last_event_at,
            state,
            why,
            reasons: concerns,
            last_error: errors.first().cloned(),
            errors,
            failed,
            events_24h: Events::default(),
            duplicates_dropped_24h: 0,
            discarded_24h: 0,
            signature_failures_24h: 0,
            last_signature_failure_at: record.last_forged_at,
            client_secret: ClientSecret::of(&record.rotations, record.last_event_at, now),
            replayed_24h: 0,
            read_behind_24h: 0,
            silence,
            connected: record.connected,
            currency: record.currency,
            partial_24h: 0,
            missed_24h: Events::default(),
            missed_rate: BTreeMap::new(),
            reconciled: record.reconciled,
            watched: record.watched.map(|watched| Watched {
                waiting: None,
                ..watched
            }),
            run: record.run,
            quota: record.quota,
            seq: record.seq,
            hours: Vec::new(),
        };
        let present = Hour::of(now);
        let mut hours: BTreeMap<Hour, HourOfStatus> = (0..24)
            .map(|back| present.back(back))
            .map(|hour| (hour, HourOfStatus::of(hour)))
            .collect();
        for ((hour, counter), count) in counts {
            // An hour in the future means that one of our clocks is ahead; the event has happened, so it counts.
            let Some(of_hour) = hours.get_mut(&hour.min(present)) else {
                continue;
            };
            match counter {
                Counter::Event(topic) => {
                    *of_hour.events.entry(topic.to_string()).or_default() += count;
                    status.events_24h.add(topic.into(), count);
                }
                Counter::Missed(topic) => {
                    *of_hour.missed.entry(topic.to_string()).or_default() += count;
                    status.missed_24h.add(topic.into(), count);
                }
                Counter::Partial => status.partial_24h += count,
                Counter::Duplicate => {
                    of_hour.duplicates += count;
                    status.duplicates_dropped_24h += count;
                }
                Counter::Discarded => status.discarded_24h += count,
                Counter::Forged => {
                    of_hour.signature_failures += count;
                    status.signature_failures_24h += count;
                }
                Counter::Replayed => status.replayed_24h += count,
                Counter::ReadBehind => status.read_behind_24h += count,
                // Of inbound endpoints, which show them themselves.
                Counter::Taken
                | Counter::Stale
                | Counter::Unbound
                | Counter::Ping
                | Counter::UnknownTopic
                | Counter::OtherMode
                | Counter::Unreadable
                | Counter::Elsewhere => {}
            }
        }
        status.hours = hours.into_values().collect();
        status.missed_rate = missed_rates(&status.missed_24h, &status.events_24h);
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::Topic;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn store() -> StoreKey {
        "shopify#demo.myshopify.com".parse().unwrap()
    }

    fn view(record: StoreRecord) -> StoreView {
        StoreView {
            record,
            ..StoreView::default()
        }
    }

    #[test]
    fn store_is_idle_after_thirty_minutes() {
        let record = |last: &str| StoreRecord {
            last_event_at: Some(at(last)),
            ..StoreRecord::default()
        };
        let now = at("2026-11-21T12:00:00Z");
        let activity = |record| Status::of(&store(), view(record), now).activity;
        assert_eq!(activity(record("2026-11-21T11:30:01Z")), Activity::Live);
        assert_eq!(activity(record("2026-11-21T11:30:00Z")), Activity::Idle);
        assert_eq!(activity(StoreRecord::default()), Activity::Idle);
    }

    #[test]
    fn wrong_signature_is_failing_until_an_event_comes_or_half_an_hour_passes() {
        let activity = |event: Option<&str>, forged: &str| {
            let record = StoreRecord {
                last_event_at: event.map(at),
                last_forged_at: Some(at(forged)),
                ..StoreRecord::default()
            };
            let status = Status::of(&store(), view(record), at("2026-11-21T12:00:00Z"));
            assert_eq!(
                (status.last_event_at, status.last_signature_failure_at),
                (event.map(at), Some(at(forged)))
            );
            status.activity
        };
        let [earlier, later] = ["2026-11-21T11:50:00Z", "2026-11-21T11:55:00Z"];
        assert_eq!(activity(Some(earlier), later), Activity::Failing);
        assert_eq!(activity(Some(later), earlier), Activity::Live);
        assert_eq!(activity(None, later), Activity::Failing);
        assert_eq!(activity(Some("2026-11-20T12:00:00Z"), later), Activity::Failing);
        assert_eq!(
            activity(Some("2026-11-20T12:00:00Z"), "2026-11-21T11:30:00Z"),
            Activity::Idle
        );
        assert_eq!(serde_json::to_value(Activity::Failing).unwrap(), "failing");
    }

    #[test]
    fn events_are_counted_by_topic_over_the_last_day_only() {
        let now = at("2026-11-21T12:30:00Z");
        let update = Counter::Event(Topic::new("products/update").unwrap());
        let delete = Counter::Event(Topic::new("products/delete").unwrap());
        let counted = StoreView {
            counts: [
                ((Hour::of(now), update.clone()), 3),
                ((Hour::of(now).back(23), delete), 2),
                ((Hour::of(now).back(24), update), 50),
                ((Hour::of(now), Counter::Duplicate), 4),
            ]
            .into(),
            ..StoreView::default()
        };
        let status = Status::of(&store(), counted, now);
        assert_eq!(status.events_24h.total, 5);
        assert_eq!(status.events_24h.by_topic["products/update"], 3);
        assert_eq!(status.duplicates_dropped_24h, 4);
        assert_eq!(status.hours.len(), 24);
        assert_eq!(status.hours[0].events["products/delete"], 2);
        assert_eq!(status.hours[0].hour, at("2026-11-20T13:00:00Z"));
        let present = &status.hours[23];
        assert_eq!((present.events["products/update"], present.duplicates), (3, 4));
        assert!(status.hours[1..23].iter().all(|hour| hour.events.is_empty()));
    }

    #[test]
    fn missed_changes_are_counted_by_topic_and_as_share_of_all() {
        let now = at("2026-11-21T12:30:00Z");
        let topic = |name: &str| Topic::new(name).unwrap();
        let counted = StoreView {
            counts: [
                ((Hour::of(now), Counter::Event(topic("products/update"))), 9),
                ((Hour::of(now), Counter::Event(topic("products/create"))), 4),
                ((Hour::of(now), Counter::Missed(topic("products/update"))), 1),
                ((Hour::of(now).back(3), Counter::Missed(topic("products/delete"))), 2),
                ((Hour::of(now).back(24), Counter::Missed(topic("products/delete"))), 50),
                ((Hour::of(now), Counter::Partial), 3),
            ]
            .into(),
            ..StoreView::default()
        };
        let status = Status::of(&store(), counted, now);
        assert_eq!((status.missed_24h.total, status.partial_24h), (3, 3));
        let expected = [
            ("products/create", 0.0),
            ("products/delete", 1.0),
            ("products/update", 0.1),
        ];
        let expected = expected.map(|(topic, rate)| (topic.to_owned(), rate));
        assert_eq!(status.missed_rate, expected.into());
    }

    #[test]
    fn queue_length_of_all_stores_is_in_no_status() {
        let now = at("2026-11-21T12:30:00Z");
        let watched = Watched {
            waiting: Some(4711),
            ..Watched::unseen(now, true)
        };
        let record = StoreRecord {
            watched: Some(watched),
            ..StoreRecord::default()
        };
        let status = Status::of(&store(), view(record), now);
        assert_eq!(status.silence.why, Reason::QueueStuck);
        let json = serde_json::to_string(&status).unwrap();
        assert!(!json.contains("4711") && !json.contains("waiting"), "{json}");
    }
}

//! `GET /api/stores/{store}/deliveries` and `…/{id}`: what became of a store's latest deliveries, and of one.

use hookline_domain::{
    delivery::{
        failed::{FailedDelivery, FailedDeliveryReport},
        ledger::{DeadLetter, DeliveryAction, Fate, LedgerRecord, LedgerState, actions, meaning},
    },
    kernel::{
        advice::advice,
        failure::ErrorCode,
        ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
        port::{Cause, PortError},
    },
    live::{Activity, ActivityBatch},
    store::activity::ActivityEntry,
};
use jiff::Timestamp;
use lambda_http::{Request, RequestExt};
use serde::Serialize;

use super::{limit, parameter};
use crate::guard::ApiError;

/// How many deliveries there are on a page, unless asked for otherwise.
const DELIVERIES: usize = 50;

/// The most deliveries of one page, but for those that were kept together with its last.
const DELIVERIES_LIMIT: usize = 200;

/// Among how many of a store's latest entries is looked for what a delivery met, and for how long deliveries take.
pub(super) const LOOKED_AT: usize = 500;

/// A page of deliveries, newest first.
#[derive(Debug, Serialize)]
pub(super) struct Deliveries {
    deliveries: Vec<ActivityEntry>,
    next: Option<u64>,
}

/// All that is known of one delivery.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    store: String,
    topic: Topic,
    id: DeliveryId,
    state: &'static str,
    fate: Option<&'static str>,
    claimed_at: Timestamp,
    settled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<Timestamp>,
    expires_at: Timestamp,
    event_id: Option<String>,
    problem: Option<Met>,
    meaning: String,
    /// What is remembered of it, if it has failed and is not settled.
    failed: Option<FailedDeliveryReport>,
    /// What an admin can do about it.
    actions: Vec<DeliveryAction>,
    entries: Vec<ActivityEntry>,
}

#[derive(Debug, Serialize)]
struct Met {
    at: Timestamp,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    message: String,
    /// What to do about it.
    advice: String,
}

/// The page that is asked for.
pub(super) async fn page(
    activity: &impl Activity,
    store: &StoreKey,
    request: &Request,
) -> Result<Deliveries, ApiError> {
    let before =
        match parameter(request, "before").filter(|before| !before.is_empty()) {
            Some(text) => Some(text.parse().map_err(|_| {
                ApiError::BadRequest("before is the number that `next` had on the page before".to_owned())
            })?),
            None => None,
        };
    let limit = limit(request, DELIVERIES, DELIVERIES_LIMIT)?;
    let kept = activity.latest(store, before, limit).await?;
    let entries: usize = kept.iter().map(|kept| kept.entries.len()).sum();
    // Fewer than were asked for are all there are.
    let next = if entries < limit { None } else { kept.last() };
    Ok(Deliveries {
        next: next.map(|kept| kept.seq),
        deliveries: flat(kept),
    })
}

/// The latest entries of a store, newest first.
pub(super) async fn latest(activity: &impl Activity, store: &StoreKey) -> Result<Vec<ActivityEntry>, PortError> {
    Ok(flat(activity.latest(store, None, LOOKED_AT).await?))
}

fn flat(kept: Vec<ActivityBatch>) -> Vec<ActivityEntry> {
    kept.into_iter().flat_map(|kept| kept.entries).collect()
}

/// Which delivery the request is about.
pub(super) fn named(store: StoreKey, request: &Request) -> Result<DeliveryKey, ApiError> {
    let id = request
        .path_parameters_ref()
        .and_then(|parameters| parameters.first("id"))
        .and_then(|id| DeliveryId::new(id).ok())
        .ok_or_else(|| ApiError::BadRequest("that is no delivery's id".to_owned()))?;
    let topic = parameter(request, "topic")
        .and_then(|topic| Topic::new(topic).ok())
        .ok_or_else(|| ApiError::BadRequest("say which topic: ?topic=products/update".to_owned()))?;
    Ok(DeliveryKey { store, topic, id })
}

impl Whole {
    pub(super) fn of(
        record: LedgerRecord,
        failed: Option<&FailedDelivery>,
        latest: Vec<ActivityEntry>,
        now: Timestamp,
    ) -> Self {
        let meaning = meaning(&record, failed, DeadLetter::NotLooked, now);
        let actions = actions(&record, failed, now);
        let key = record.delivery;
        let (state, lease_until) = match record.entry.state {
            _ if record.entry.expires_at <= now => ("expired", None),
            LedgerState::Claimed { lease_until, .. } => ("claimed", Some(lease_until)),
            LedgerState::Parked => ("parked", None),
            LedgerState::Done => ("done", None),
        };
        let is_meant = |entry: &ActivityEntry| entry.id == key.id && entry.topic == key.topic;
        Self {
            store: key.store.label().into_owned(),
            state,
            fate: record.fate.map(Fate::as_str),
            claimed_at: record.claimed_at,
            settled_at: record.settled_at,
            lease_until,
            expires_at: record.entry.expires_at,
            event_id: record.event_id.map(|id| id.to_string()),
            problem: record.problem.map(|problem| Met {
                at: problem.at,
                code: problem.code,
                cause: problem.cause,
                advice: advice(problem.code, problem.cause),
                message: problem.message,
            }),
            meaning,
            failed: failed.map(|failed| FailedDeliveryReport::of(failed, now)),
            actions,
            entries: latest.into_iter().filter(is_meant).collect(),
            topic: key.topic,
            id: key.id,
        }
    }
}

//! `GET /api/stores/{store}/deliveries` and `…/{id}`: outcomes of a store's latest deliveries, and of one.

use hookline_domain::{
    delivery::{
        failed::{FailedDelivery, FailedDeliveryReport},
        ledger::{DeadLetter, DeliveryAction, Fate, LedgerRecord, LedgerState, actions, explain},
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

/// Default number of deliveries on a page.
const DEFAULT_DELIVERIES_PER_PAGE: usize = 50;

/// Largest `limit` of deliveries on a page. A page is longer by those that were recorded together with its last.
const MAX_DELIVERIES_PER_PAGE: usize = 200;

/// Number of a store's latest activity entries that are searched for those of a delivery, and that the lag is computed
/// from.
pub(super) const LATEST_ENTRIES: usize = 500;

/// A page of deliveries, newest first.
#[derive(Debug, Serialize)]
pub(super) struct Deliveries {
    deliveries: Vec<ActivityEntry>,
    next: Option<u64>,
}

/// Details of one delivery.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryDetails {
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
    problem: Option<DeliveryProblem>,
    meaning: String,
    /// The failure, if the delivery has failed and is not completed.
    failed: Option<FailedDeliveryReport>,
    /// Actions that an admin can take.
    actions: Vec<DeliveryAction>,
    entries: Vec<ActivityEntry>,
}

#[derive(Debug, Serialize)]
struct DeliveryProblem {
    at: Timestamp,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    message: String,
    /// Advice for the operator.
    advice: String,
}

/// Returns the requested page.
pub(super) async fn page(
    activity: &impl Activity,
    store: &StoreKey,
    request: &Request,
) -> Result<Deliveries, ApiError> {
    let before =
        match parameter(request, "before").filter(|before| !before.is_empty()) {
            Some(text) => Some(text.parse().map_err(|_| {
                ApiError::BadRequest("before must be the value of `next` on the previous page".to_owned())
            })?),
            None => None,
        };
    let limit = limit(request, DEFAULT_DELIVERIES_PER_PAGE, MAX_DELIVERIES_PER_PAGE)?;
    let kept = activity.latest(store, before, limit).await?;
    let entries: usize = kept.iter().map(|kept| kept.entries.len()).sum();
    // Fewer than the limit: there are no more.
    let next = if entries < limit { None } else { kept.last() };
    Ok(Deliveries {
        next: next.map(|kept| kept.seq),
        deliveries: flat(kept),
    })
}

/// Returns the latest activity entries of a store, newest first.
pub(super) async fn latest(activity: &impl Activity, store: &StoreKey) -> Result<Vec<ActivityEntry>, PortError> {
    Ok(flat(activity.latest(store, None, LATEST_ENTRIES).await?))
}

fn flat(kept: Vec<ActivityBatch>) -> Vec<ActivityEntry> {
    kept.into_iter().flat_map(|kept| kept.entries).collect()
}

/// Returns the key of the delivery that the request names.
pub(super) fn delivery_key(store: StoreKey, request: &Request) -> Result<DeliveryKey, ApiError> {
    let id = request
        .path_parameters_ref()
        .and_then(|parameters| parameters.first("id"))
        .and_then(|id| DeliveryId::new(id).ok())
        .ok_or_else(|| ApiError::BadRequest("the id in the path is not a delivery id".to_owned()))?;
    let topic = parameter(request, "topic")
        .and_then(|topic| Topic::new(topic).ok())
        .ok_or_else(|| {
            ApiError::BadRequest("the topic is missing or invalid: add ?topic=products/update".to_owned())
        })?;
    Ok(DeliveryKey { store, topic, id })
}

impl DeliveryDetails {
    pub(super) fn of(
        record: LedgerRecord,
        failed: Option<&FailedDelivery>,
        latest: Vec<ActivityEntry>,
        now: Timestamp,
    ) -> Self {
        let meaning = explain(&record, failed, DeadLetter::NotLooked, now);
        let actions = actions(&record, failed, now);
        let key = record.delivery;
        let (state, lease_until) = match record.entry.state {
            _ if record.entry.expires_at <= now => ("expired", None),
            LedgerState::Claimed { lease_until, .. } => ("claimed", Some(lease_until)),
            LedgerState::Parked => ("parked", None),
            LedgerState::Done => ("done", None),
        };
        let is_of_delivery = |entry: &ActivityEntry| entry.id == key.id && entry.topic == key.topic;
        Self {
            store: key.store.label().into_owned(),
            state,
            fate: record.fate.map(Fate::as_str),
            claimed_at: record.claimed_at,
            settled_at: record.settled_at,
            lease_until,
            expires_at: record.entry.expires_at,
            event_id: record.event_id.map(|id| id.to_string()),
            problem: record.problem.map(|problem| DeliveryProblem {
                at: problem.at,
                code: problem.code,
                cause: problem.cause,
                advice: advice(problem.code, problem.cause),
                message: problem.message,
            }),
            meaning,
            failed: failed.map(|failed| FailedDeliveryReport::of(failed, now)),
            actions,
            entries: latest.into_iter().filter(is_of_delivery).collect(),
            topic: key.topic,
            id: key.id,
        }
    }
}

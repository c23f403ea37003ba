//! `GET /api/stores/{store}/deliveries` and `…/{id}`: outcomes of a store's latest deliveries, and of one.

use hookline_domain::{
    delivery::{
        failed::{FailedDelivery, FailedDeliveryReport},
        ledger::{DeadLetter, DeliveryAction, DeliveryEvents, Fate, LedgerRecord, LedgerState, actions, explain},
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
pub(super) const DEFAULT_DELIVERIES_PER_PAGE: usize = 50;

/// Largest `limit` of deliveries on a page. A page is longer by those that were recorded together with its last.
pub(super) const MAX_DELIVERIES_PER_PAGE: usize = 200;

/// Number of a store's latest activity entries that are searched for those of a delivery, and that the lag is computed
/// from.
pub(super) const LATEST_ENTRIES: usize = 500;

/// A page of deliveries, newest first.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DeliveriesResponse {
    /// Outcomes of deliveries, newest first.
    deliveries: Vec<ActivityEntry>,
    /// Value of `before` for the next page; null on the last page.
    next: Option<u64>,
}

/// Everything that is known of one delivery.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DeliveryDetails {
    /// Name of the store.
    store: String,
    /// Topic.
    topic: Topic,
    /// Id of the delivery.
    id: DeliveryId,
    /// State in the ledger.
    state: DeliveryState,
    /// Outcome; null until there is one.
    fate: Option<Fate>,
    /// Time at which a receiver last took it.
    claimed_at: Timestamp,
    /// Time of the outcome.
    settled_at: Option<Timestamp>,
    /// Time until which nobody else may claim it; only of a claimed delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<Timestamp>,
    /// Time at which the ledger forgets it.
    expires_at: Timestamp,
    /// Correlation id of the vendor.
    event_id: Option<String>,
    /// Events that it has caused, as the consumer knew when it completed the delivery. Null unless it is applied or noted.
    events: Option<DeliveryEvents>,
    /// The last problem.
    problem: Option<DeliveryProblem>,
    /// Explanation: what this means and what to do.
    meaning: String,
    /// The failure, if the delivery has failed and is not completed.
    failed: Option<FailedDeliveryReport>,
    /// Actions that an admin can take.
    actions: Vec<DeliveryAction>,
    /// Its outcomes, newest first, among the latest 500 entries of the store.
    entries: Vec<ActivityEntry>,
}

/// State of a delivery in the ledger.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum DeliveryState {
    /// A receiver has taken it, and it has no outcome yet.
    Claimed,
    /// It has its outcome.
    Done,
    /// It could not be applied as it is.
    Parked,
    /// It is older than the 7 days for which the ledger remembers it, and may be forgotten at any time.
    Expired,
}

/// Problem of a delivery.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DeliveryProblem {
    /// Time of the problem.
    at: Timestamp,
    /// Kind of the problem.
    code: ErrorCode,
    /// Class of the failure, if a table, a queue, the index or the Admin API failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// The problem as a sentence.
    message: String,
    /// Advice for the operator.
    advice: String,
}

/// Returns the requested page.
pub(super) async fn page(
    activity: &impl Activity,
    store: &StoreKey,
    request: &Request,
) -> Result<DeliveriesResponse, ApiError> {
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
    Ok(DeliveriesResponse {
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
            _ if record.entry.expires_at <= now => (DeliveryState::Expired, None),
            LedgerState::Claimed { lease_until, .. } => (DeliveryState::Claimed, Some(lease_until)),
            LedgerState::Parked => (DeliveryState::Parked, None),
            LedgerState::Done => (DeliveryState::Done, None),
        };
        let is_of_delivery = |entry: &ActivityEntry| entry.id == key.id && entry.topic == key.topic;
        Self {
            store: key.store.label().into_owned(),
            state,
            fate: record.fate,
            claimed_at: record.claimed_at,
            settled_at: record.settled_at,
            lease_until,
            expires_at: record.entry.expires_at,
            event_id: record.event_id.map(|id| id.to_string()),
            events: record.events,
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

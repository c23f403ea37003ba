//! Function `actions`: the actions of admins on a store. Each is logged with the principal.

mod listening;

use std::{borrow::Cow, marker::PhantomData, time::Duration};

use hookline_domain::{
    catalogue::{entities::Entities, fan_out::FanOut, jobs::Jobs},
    delivery::{
        archive::{ArchiveReadError, search::ArchiveSearchError},
        dead_letters::{DeadLetterPorts, DeadLetters, Letter, Pace, Removed, StoreDeadLetters},
        failed::{FailedDeliveries, FailedDelivery, Stage},
        ledger::{DeadLetter, DeliveryCompletion, Fate, Ledger, Records, explain},
        queue::TryNow,
        receive::ReceiveError,
        replay::{Replay, ReplayError, ReplayPorts, ResendError},
        retry::{RetryError, retry},
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
        port::{Clock, PortError},
        time::Pause,
    },
    outbound::{EndpointVault, ManagePorts, ResendPorts},
    store::{
        listening::Listeners,
        stores::{RunTask, StoreRecord, StoreUpdate, Stores},
    },
    sync::begin::{self, StartRunError},
};
use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request};
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(super) use self::listening::{ListenBody, ListenResponse};
use super::{
    endpoints::{EndpointActions, EndpointRoute},
    no_such_route, parse_body, publish, route,
};
use crate::guard::{ApiError, Guard};
use hookline_lambda::serve::{self, Http};

/// The name in logs.
pub(super) const SERVICE: &str = "actions";

/// Longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 4096;

/// Largest number of dead letters that one request moves.
pub(super) const MAX_MOVED_LETTERS: usize = 100;

/// Time in which one request moves dead letters: the function has a timeout, and API Gateway one of 30 s.
pub(super) const MOVE_TIME: SignedDuration = SignedDuration::from_secs(15);

/// Time after which dead letters become visible again if the function ends before it releases them; longer than its
/// timeout.
const HIDDEN_TIME: Duration = Duration::from_secs(40);

/// Ports of the function: those that replay a delivery, and those that act on failed ones, on stores and on jobs.
pub trait ActionPorts: ReplayPorts<Ledger: Ledger + Clone, Queue: TryNow> {
    /// The stores.
    type Stores: Stores + FailedDeliveries + Listeners + Clone;
    /// The job queue.
    type Jobs: Jobs;
    /// The dead letters.
    type DeadLetters: DeadLetters + Clone;
    /// Entries of idempotency keys.
    type Entities: Entities;
    /// The fan-out queue.
    type FanOut: FanOut;
    /// Sleeps between reads of a queue.
    type Pause: Pause;
    /// Ports that change endpoints and send their messages again.
    type Webhooks: ManagePorts + ResendPorts;
    /// Seals the secrets of endpoints.
    type Vault: EndpointVault;
}

/// Adapters of the function's ports.
pub struct ActionAdapters<P: ActionPorts> {
    /// The stores.
    pub stores: P::Stores,
    /// The job queue.
    pub jobs: P::Jobs,
    /// The dead letters.
    pub dead_letters: P::DeadLetters,
    /// Replays archived deliveries. Its ledger also serves the dead letters, and its queue is the one they are redriven
    /// to.
    pub replay: Replay<P>,
    /// Entries of idempotency keys, and the fan-out queue; without them, no event is published.
    pub publish: Option<(P::Entities, P::FanOut)>,
    /// Sleeps between reads of a queue.
    pub pause: P::Pause,
    /// Changes endpoints.
    pub endpoints: Option<EndpointActions<P::Webhooks, P::Vault>>,
}

/// The API of actions.
pub struct ActionsApi<P: ActionPorts> {
    pub(super) guard: Guard<P::Stores>,
    pub(super) adapters: ActionAdapters<P>,
}

/// Those of the function's ports that act on dead letters.
struct OnDeadLetters<P>(PhantomData<P>);

impl<P: ActionPorts> DeadLetterPorts for OnDeadLetters<P> {
    type Letters = P::DeadLetters;
    type Ledger = P::Ledger;
    type Failed = P::Stores;
    type Pause = P::Pause;
}

/// Requested action.
enum Action {
    Replay,
    Redrive,
    TryNow,
    Dismiss,
    Publish,
    Begin(RunTask),
    Listen,
    EndListening,
}

/// Request body that names a delivery of the store.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryBody {
    /// Topic, as in `products/update`.
    topic: Topic,
    /// Id of the delivery, or of one of its replays.
    id: DeliveryId,
}

/// Request body without fields: `{}`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct EmptyBody {}

/// Response to a replay.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ReplayResponse {
    /// Id of the replay, which is a delivery of its own.
    replay_id: DeliveryId,
}

/// Response to a redrive.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RedriveResponse {
    /// Number of dead letters that went back to the queue.
    moved: usize,
    /// Number of dead letters that should be there and were not moved.
    left: usize,
    /// True if another request is needed to move the rest.
    more: bool,
    /// Number of failed deliveries that the queue still retries.
    retrying: usize,
    /// The outcome in a sentence or two, with the time of the queue's next try.
    message: String,
}

/// Response to an action without figures.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ActionResponse {
    /// Outcome, in a sentence.
    message: Cow<'static, str>,
}

/// Response to the start of a run: `{}`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RunResponse {}

/// Pace of a redrive: without pauses, up to a time limit.
struct TimeLimit<'a, C> {
    clock: &'a C,
    ends_at: Timestamp,
}

impl<C: Clock> Pace for TimeLimit<'_, C> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn has_time(&self) -> bool {
        self.clock.now() < self.ends_at
    }

    async fn next(&mut self) {}

    fn moved(&mut self, _: Letter) {}
}

impl<P: ActionPorts> ActionsApi<P> {
    /// Creates the API over these adapters.
    pub fn new(adapters: ActionAdapters<P>) -> Self {
        Self {
            guard: Guard::new(adapters.stores.clone()),
            adapters,
        }
    }

    async fn perform(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let principal = self.guard.principal(request)?;
        if let Some(route) = EndpointRoute::of(route(request)) {
            return self.act_on_endpoints(&principal, &route, request).await;
        }
        let (action, name) = match route(request) {
            "POST /api/stores/{store}/replay" => (Action::Replay, "replay"),
            "POST /api/stores/{store}/redrive" => (Action::Redrive, "redrive"),
            "POST /api/stores/{store}/try-now" => (Action::TryNow, "try-now"),
            "POST /api/stores/{store}/dismiss" => (Action::Dismiss, "dismiss"),
            "POST /api/stores/{store}/events" => (Action::Publish, "publish"),
            "POST /api/stores/{store}/resync" => (Action::Begin(RunTask::Resync), "resync"),
            "POST /api/stores/{store}/reconcile" => (Action::Begin(RunTask::Reconcile), "reconcile"),
            "POST /api/stores/{store}/listen" => (Action::Listen, "listen"),
            "DELETE /api/stores/{store}/listen/{session}" => (Action::EndListening, "end-listening"),
            _ => return Err(no_such_route()),
        };
        let (store, record) = self.guard.admin(&principal, request).await?;
        let done = match action {
            Action::Replay => self.replay(&store, request).await,
            Action::Redrive => self.redrive(&store, request).await,
            Action::TryNow => self.try_now(&store, request).await,
            Action::Dismiss => self.dismiss(&store, request).await,
            Action::Publish => self.publish(&store, request).await,
            Action::Begin(run) => self.begin((&store, &record), run, request).await,
            Action::Listen => self.listen(&store, request).await,
            Action::EndListening => self.end_listening(&store, request).await,
        };
        let outcome = if done.is_ok() { "done" } else { "refused" };
        tracing::info!(
            service = SERVICE,
            principal = principal.id,
            action = name,
            store = &*store.label(),
            outcome,
            "action handled"
        );
        done
    }

    async fn replay(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let delivery = delivery_key(store, parse_body(request, DELIVERY_BODY, MAX_BODY_BYTES)?);
        match self.adapters.replay.again(&delivery).await {
            Ok(id) => Ok(serve::json(StatusCode::ACCEPTED, &ReplayResponse { replay_id: id })),
            // A failed delivery explains when it is retried next, and which action applies instead.
            Err(why @ (ReplayError::NotSettled | ReplayError::Parked)) => {
                let failed = self.adapters.stores.failed(&delivery).await?;
                Err(failed.map_or_else(
                    || not_replayed(why),
                    |failed| ApiError::Conflict(failed.sentence(self.now())),
                ))
            }
            Err(why) => Err(not_replayed(why)),
        }
    }

    async fn redrive(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let Some(delivery) = optional_delivery(request)?.map(|named| delivery_key(store, named)) else {
            let failures = self.adapters.stores.failures(store).await?;
            return self.move_back(store, &failures.deliveries, None).await;
        };
        let failed = self.adapters.stores.failed(&delivery).await?;
        let failed: Vec<FailedDelivery> = failed.into_iter().collect();
        self.move_back(store, &failed, Some(&delivery)).await
    }

    /// Redrives the dead letters of a store: all, or the one of a delivery.
    async fn move_back(
        &self,
        store: &StoreKey,
        failed: &[FailedDelivery],
        only: Option<&DeliveryKey>,
    ) -> Result<Response<Body>, ApiError> {
        let now = self.now();
        let retrying = |failed: &&FailedDelivery| matches!(failed.stage(now), Stage::Retrying { .. });
        let (waiting, dead): (Vec<_>, Vec<_>) = failed.iter().partition(retrying);
        let expected = dead.iter().filter(|failed| failed.stage(now) == Stage::DeadLetter);
        let expected: Vec<DeliveryKey> = expected.map(|failed| failed.delivery.clone()).collect();
        let receive = &self.adapters.replay.receive;
        let mut pace = TimeLimit {
            clock: &receive.clock,
            ends_at: now.checked_add(MOVE_TIME).unwrap_or(Timestamp::MAX),
        };
        let letters = self.letters(store);
        let done = letters
            .redrive((only, &expected), &receive.queue, MAX_MOVED_LETTERS, &mut pace)
            .await?;
        if done.moved > 0 {
            // Notifies the watchers of the store.
            self.adapters.stores.record(store, &StoreUpdate::default()).await?;
        }
        let missing = expected.iter().filter(|delivery| !done.has(delivery)).count();
        let left = done.left.max(missing);
        let response = RedriveResponse {
            moved: done.moved,
            left,
            more: !done.through,
            retrying: waiting.len(),
            message: redrive_message(done.moved, left, &waiting, now),
        };
        Ok(serve::json(StatusCode::OK, &response))
    }

    async fn try_now(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let delivery = delivery_key(store, parse_body(request, DELIVERY_BODY, MAX_BODY_BYTES)?);
        let failed = self.failed_delivery(&delivery).await?;
        let now = self.now();
        let message = match retry(&failed, &self.adapters.replay.receive.queue, now).await {
            Ok(retried) => failed.retried(retried, now),
            Err(RetryError::DeadLetter) => {
                return self
                    .move_back(store, std::slice::from_ref(&failed), Some(&delivery))
                    .await;
            }
            Err(RetryError::Expired) => return Err(ApiError::Conflict(failed.sentence(now))),
            Err(RetryError::Unavailable(failure)) => return Err(failure.into()),
        };
        let response = ActionResponse {
            message: message.into(),
        };
        Ok(serve::json(StatusCode::ACCEPTED, &response))
    }

    /// Dismisses a failed delivery for good and removes its dead letter. A message that is still in the queue is
    /// received at most once more with effect.
    async fn dismiss(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let delivery = delivery_key(store, parse_body(request, DELIVERY_BODY, MAX_BODY_BYTES)?);
        let failed = self.failed_delivery(&delivery).await?;
        let now = self.now();
        let message = match failed.stage(now) {
            Stage::Retrying { .. } => "Dismissed. The queue may still try it once; that is the last time.",
            Stage::DeadLetter => match self.letters(store).remove(&delivery).await? {
                Removed::Yes => "Dismissed. Its dead letter is removed.",
                Removed::NotFound => {
                    "Dismissed. Its dead letter was not found: it may be on its way, or already removed."
                }
            },
            Stage::Expired => "Dismissed.",
        };
        let ledger = &self.adapters.replay.receive.ledger;
        ledger
            .complete(&DeliveryCompletion::new(&delivery, Fate::Dismissed), now)
            .await?;
        self.adapters.stores.forget(&delivery).await?;
        self.adapters.stores.record(store, &StoreUpdate::default()).await?;
        tracing::info!(
            service = SERVICE,
            store = &*store.label(),
            topic = delivery.topic.as_str(),
            delivery_id = delivery.id.as_str(),
            code = %failed.problem.code,
            "dismissed a failed delivery"
        );
        let response = ActionResponse {
            message: message.into(),
        };
        Ok(serve::json(StatusCode::OK, &response))
    }

    async fn publish(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let publish = self.adapters.publish.as_ref();
        let (entities, fan_out) = publish.ok_or(ApiError::NotConfigured("FAN_OUT_QUEUE_URL"))?;
        let stores = &self.adapters.stores;
        let published = publish::custom(stores, (entities, fan_out), (store, request), self.now()).await?;
        Ok(serve::json(StatusCode::ACCEPTED, &published))
    }

    fn now(&self) -> Timestamp {
        self.adapters.replay.receive.clock.now()
    }

    fn letters<'a>(&'a self, store: &'a StoreKey) -> StoreDeadLetters<'a, OnDeadLetters<P>> {
        StoreDeadLetters {
            letters: &self.adapters.dead_letters,
            ledger: &self.adapters.replay.receive.ledger,
            failed: &self.adapters.stores,
            pause: &self.adapters.pause,
            hidden_for: HIDDEN_TIME,
            store,
        }
    }

    /// Returns the failed delivery, or a refusal if it has not failed.
    async fn failed_delivery(&self, delivery: &DeliveryKey) -> Result<FailedDelivery, ApiError> {
        if let Some(failed) = self.adapters.stores.failed(delivery).await? {
            return Ok(failed);
        }
        let record = self.adapters.replay.receive.ledger.find(delivery).await?;
        let record = record.ok_or_else(|| ApiError::NotFound(ReplayError::Unknown.to_string()))?;
        Err(ApiError::Conflict(explain(
            &record,
            None,
            DeadLetter::NotLooked,
            self.now(),
        )))
    }

    async fn begin(
        &self,
        store: (&StoreKey, &StoreRecord),
        run: RunTask,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let EmptyBody {} = parse_body(request, "{}", MAX_BODY_BYTES)?;
        let now = self.now();
        match begin::begin(&self.adapters.jobs, store, run, now).await {
            Ok(()) => Ok(serve::json(StatusCode::ACCEPTED, &RunResponse {})),
            Err(StartRunError::Unavailable(failure)) => Err(failure.into()),
            Err(refused @ (StartRunError::Uninstalled | StartRunError::NotConnected | StartRunError::Going(_))) => {
                Err(ApiError::Conflict(refused.to_string()))
            }
        }
    }
}

const DELIVERY_BODY: &str = "{\"topic\": \"products/update\", \"id\": \"…\"}";

fn delivery_key(store: &StoreKey, DeliveryBody { topic, id }: DeliveryBody) -> DeliveryKey {
    let store = store.clone();
    DeliveryKey { store, topic, id }
}

/// Returns the delivery that the request names; `None` if the body is empty.
fn optional_delivery(request: &Request) -> Result<Option<DeliveryBody>, ApiError> {
    match parse_body::<EmptyBody>(request, "{}", MAX_BODY_BYTES) {
        Ok(EmptyBody {}) => Ok(None),
        Err(_) => parse_body(request, DELIVERY_BODY, MAX_BODY_BYTES).map(Some),
    }
}

/// Describes the outcome of a redrive, in a sentence or two.
fn redrive_message(moved: usize, left: usize, waiting: &[&FailedDelivery], now: Timestamp) -> String {
    let many = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let went = match moved {
        0 => "There were no dead letters to move.".to_owned(),
        moved => format!("{} went back to the queue.", many(moved, "dead letter", "dead letters")),
    };
    let remain = match left {
        0 => String::new(),
        left => format!(" {} left: try again in a minute.", many(left, "is", "are")),
    };
    let next = waiting.iter().max_by_key(|failed| failed.dead_letter_at());
    let retried = match (waiting.len(), next) {
        (1, Some(failed)) => format!(" 1 delivery is still being retried: {}", failed.sentence(now)),
        (count, Some(failed)) => {
            let meaning = failed.sentence(now);
            format!(" {count} deliveries are still being retried. The last of them: {meaning}")
        }
        (_, None) => String::new(),
    };
    went + &remain + &retried
}

fn not_replayed(why: ReplayError) -> ApiError {
    match why {
        ReplayError::Unknown => ApiError::NotFound(why.to_string()),
        ReplayError::NotSettled | ReplayError::Parked | ReplayError::NoArchive | ReplayError::NotKept => {
            ApiError::Conflict(why.to_string())
        }
        ReplayError::NotSearched(
            ArchiveSearchError::Unavailable(failure)
            | ArchiveSearchError::Object(_, ArchiveReadError::Unavailable(failure)),
        )
        | ReplayError::NotSent(ResendError::NotReceived(ReceiveError::Unavailable(failure)))
        | ReplayError::Unavailable(failure) => failure.into(),
        ReplayError::NotSearched(why @ (ArchiveSearchError::Object(..) | ArchiveSearchError::Foreign(..))) => {
            PortError::new("archive", why).into()
        }
        ReplayError::NotSent(ResendError::NotReceived(ReceiveError::OutOfTime)) => {
            PortError::new("event queue", "out of time").into()
        }
        ReplayError::NotSent(why) => ApiError::Conflict(why.to_string()),
    }
}

impl<P: ActionPorts + 'static> Http for ActionsApi<P> {
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.perform(&request).await {
            Ok(response) => response,
            Err(error) => error.response(SERVICE),
        }
    }

    async fn afterwards(&self) {}
}

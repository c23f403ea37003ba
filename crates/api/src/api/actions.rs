//! Function `actions`: what an admin does about a store. Each is written into the log, with who did it.

use std::time::Duration;

use hookline_domain::{
    catalogue::jobs::Jobs,
    delivery::{
        archive::{ArchiveReadError, Archived, search::ArchiveSearchError},
        bodies::KeepBodies,
        dead_letters::{DeadLetters, Letter, Pace, Removed, StoreDeadLetters},
        failed::{FailedDeliveries, FailedDelivery, Stage},
        ledger::{DeadLetter, Fate, Ledger, Records, meaning},
        queue::{EventQueue, TryNow},
        receive::ReceiveError,
        replay::{Replay, ReplayError, ResendError},
        retry::{RetryError, retry},
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
        port::{Clock, PortError},
        time::Pause,
    },
    store::stores::{RunTask, StoreRecord, StoreUpdate, Stores},
    sync::begin::{self, StartRunError},
};
use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{no_such_route, route};
use crate::guard::{ApiError, Guard};
use hookline_lambda::serve::{self, Http, bytes};

/// The name in logs.
const SERVICE: &str = "actions";

/// The longest body of a request, in bytes.
const BODY_LIMIT: usize = 4096;

/// The most letters that one request moves.
const MOVED_AT_ONCE: usize = 100;

/// How long one request moves letters: the function has a time limit, and API Gateway one of 30 s.
const MOVED_FOR: SignedDuration = SignedDuration::from_secs(15);

/// How long letters are hidden from others at most, should this function end before it gives them back: longer than it may run.
const HIDDEN_FOR: Duration = Duration::from_secs(40);

/// With whom it works.
#[derive(Debug)]
pub struct ActionsPorts<S, J, D, A, L, Q, B, C, T> {
    /// The stores.
    pub stores: S,
    /// Where jobs go.
    pub jobs: J,
    /// The dead letters.
    pub dead_letters: D,
    /// Sends again what was applied; its ledger knows of the dead letters, too, and its queue takes them back.
    pub replay: Replay<A, L, Q, B, C>,
    /// Waits.
    pub pause: T,
}

/// What an admin does.
#[derive(Debug)]
pub struct ActionsApi<S, J, D, A, L, Q, B, C, T> {
    guard: Guard<S>,
    ports: ActionsPorts<S, J, D, A, L, Q, B, C, T>,
}

/// What is asked for.
enum Action {
    Replay,
    Redrive,
    TryNow,
    Dismiss,
    Begin(RunTask),
}

/// Which delivery is to be applied again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    topic: Topic,
    id: DeliveryId,
}

/// Nothing is to be said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Goes on until then.
struct Until<'a, C> {
    clock: &'a C,
    until: Timestamp,
}

impl<C: Clock> Pace for Until<'_, C> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn has_time(&self) -> bool {
        self.clock.now() < self.until
    }

    async fn next(&mut self) {}

    fn moved(&mut self, _: Letter) {}
}

impl<S, J, D, A, L, Q, B, C, T> ActionsApi<S, J, D, A, L, Q, B, C, T>
where
    S: Stores + FailedDeliveries + Clone,
    J: Jobs,
    D: DeadLetters + Clone,
    A: Archived,
    L: Ledger + Records + Clone,
    Q: EventQueue + TryNow,
    B: KeepBodies,
    C: Clock,
    T: Pause,
{
    /// Ready to act.
    pub fn new(ports: ActionsPorts<S, J, D, A, L, Q, B, C, T>) -> Self {
        Self {
            guard: Guard::new(ports.stores.clone()),
            ports,
        }
    }

    async fn done(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let principal = self.guard.principal(request)?;
        let (action, name) = match route(request) {
            "POST /api/stores/{store}/replay" => (Action::Replay, "replay"),
            "POST /api/stores/{store}/redrive" => (Action::Redrive, "redrive"),
            "POST /api/stores/{store}/try-now" => (Action::TryNow, "try-now"),
            "POST /api/stores/{store}/dismiss" => (Action::Dismiss, "dismiss"),
            "POST /api/stores/{store}/resync" => (Action::Begin(RunTask::Resync), "resync"),
            "POST /api/stores/{store}/reconcile" => (Action::Begin(RunTask::Reconcile), "reconcile"),
            _ => return Err(no_such_route()),
        };
        let (store, record) = self.guard.admin(&principal, request).await?;
        let done = match action {
            Action::Replay => self.replay(&store, request).await,
            Action::Redrive => self.redrive(&store, request).await,
            Action::TryNow => self.try_now(&store, request).await,
            Action::Dismiss => self.dismiss(&store, request).await,
            Action::Begin(run) => self.begin((&store, &record), run, request).await,
        };
        let outcome = match &done {
            Ok(_) => "done",
            Err(_) => "refused",
        };
        tracing::info!(
            service = SERVICE,
            principal = principal.id,
            action = name,
            store = &*store.label(),
            outcome,
            "an action"
        );
        done
    }

    async fn replay(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let delivery = which(store, read(request, WHICH)?);
        match self.ports.replay.again(&delivery).await {
            Ok(id) => Ok(serve::json(StatusCode::ACCEPTED, &json!({ "replay_id": id }))),
            // What has failed says when it is tried next, and what can be done instead.
            Err(why @ (ReplayError::NotSettled | ReplayError::Parked)) => {
                let failed = self.ports.stores.failed(&delivery).await?;
                Err(failed.map_or_else(
                    || not_replayed(why),
                    |failed| ApiError::Conflict(failed.meaning(self.now())),
                ))
            }
            Err(why) => Err(not_replayed(why)),
        }
    }

    async fn redrive(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let Some(delivery) = some(request)?.map(|one| which(store, one)) else {
            let failures = self.ports.stores.failures(store).await?;
            return self.move_back(store, &failures.deliveries, None).await;
        };
        let failed = self.ports.stores.failed(&delivery).await?;
        let failed: Vec<FailedDelivery> = failed.into_iter().collect();
        self.move_back(store, &failed, Some(&delivery)).await
    }

    /// Moves dead letters of a store back into the queue: all, or that of one delivery.
    async fn move_back(
        &self,
        store: &StoreKey,
        failed: &[FailedDelivery],
        wanted: Option<&DeliveryKey>,
    ) -> Result<Response<Body>, ApiError> {
        let now = self.now();
        let retrying = |failed: &&FailedDelivery| matches!(failed.stage(now), Stage::Retrying { .. });
        let (waiting, dead): (Vec<_>, Vec<_>) = failed.iter().partition(retrying);
        let expected = dead.iter().filter(|failed| failed.stage(now) == Stage::DeadLetter);
        let expected: Vec<DeliveryKey> = expected.map(|failed| failed.delivery.clone()).collect();
        let receive = &self.ports.replay.receive;
        let mut pace = Until {
            clock: &receive.clock,
            until: now.checked_add(MOVED_FOR).unwrap_or(Timestamp::MAX),
        };
        let moving = self.letters(store);
        let done = moving
            .redrive((wanted, &expected), &receive.queue, MOVED_AT_ONCE, &mut pace)
            .await?;
        if done.moved > 0 {
            // Whoever follows the store learns of it.
            self.ports.stores.record(store, &StoreUpdate::default()).await?;
        }
        let missing = expected.iter().filter(|delivery| !done.has(delivery)).count();
        let left = done.left.max(missing);
        let told = json!({
            "moved": done.moved,
            "left": left,
            "more": !done.through,
            "retrying": waiting.len(),
            "message": moved(done.moved, left, &waiting, now),
        });
        Ok(serve::json(StatusCode::OK, &told))
    }

    async fn try_now(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let delivery = which(store, read(request, WHICH)?);
        let failed = self.has_failed(&delivery).await?;
        let now = self.now();
        let message = match retry(&failed, &self.ports.replay.receive.queue, now).await {
            Ok(retried) => failed.retried(retried, now),
            Err(RetryError::DeadLetter) => {
                return self
                    .move_back(store, std::slice::from_ref(&failed), Some(&delivery))
                    .await;
            }
            Err(RetryError::Expired) => return Err(ApiError::Conflict(failed.meaning(now))),
            Err(RetryError::Unavailable(failure)) => return Err(failure.into()),
        };
        Ok(serve::json(StatusCode::ACCEPTED, &json!({ "message": message })))
    }

    /// Gives a delivery up for good: its dead letter is removed, and what the queue still tries has no effect but the one that
    /// the next try may have.
    async fn dismiss(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let delivery = which(store, read(request, WHICH)?);
        let failed = self.has_failed(&delivery).await?;
        let now = self.now();
        let message = match failed.stage(now) {
            Stage::Retrying { .. } => "Dismissed. If the queue still tries it once, that is the last time.",
            Stage::DeadLetter => match self.letters(store).remove(&delivery).await? {
                Removed::Yes => "Dismissed. Its dead letter is removed.",
                Removed::NotFound => {
                    "Dismissed. Its dead letter was not found: it may be on its way, or have been removed already."
                }
            },
            Stage::Expired => "Dismissed.",
        };
        let ledger = &self.ports.replay.receive.ledger;
        ledger.complete(&delivery, Fate::Dismissed, None, now).await?;
        self.ports.stores.forget(&delivery).await?;
        self.ports.stores.record(store, &StoreUpdate::default()).await?;
        tracing::info!(
            service = SERVICE,
            store = &*store.label(),
            topic = delivery.topic.as_str(),
            delivery_id = delivery.id.as_str(),
            code = %failed.problem.code,
            "dismissed a failed delivery"
        );
        Ok(serve::json(StatusCode::OK, &json!({ "message": message })))
    }

    fn now(&self) -> Timestamp {
        self.ports.replay.receive.clock.now()
    }

    fn letters<'a>(&'a self, store: &'a StoreKey) -> StoreDeadLetters<'a, D, L, S, T> {
        StoreDeadLetters {
            letters: &self.ports.dead_letters,
            ledger: &self.ports.replay.receive.ledger,
            failed: &self.ports.stores,
            pause: &self.ports.pause,
            hidden_for: HIDDEN_FOR,
            store,
        }
    }

    /// What is remembered of a delivery that has failed; a refusal of one that has not.
    async fn has_failed(&self, delivery: &DeliveryKey) -> Result<FailedDelivery, ApiError> {
        if let Some(failed) = self.ports.stores.failed(delivery).await? {
            return Ok(failed);
        }
        let record = self.ports.replay.receive.ledger.find(delivery).await?;
        let record = record.ok_or_else(|| ApiError::NotFound(ReplayError::Unknown.to_string()))?;
        Err(ApiError::Conflict(meaning(
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
        let Nothing {} = read(request, "{}")?;
        let now = self.now();
        match begin::begin(&self.ports.jobs, store, run, now).await {
            Ok(()) => Ok(serve::json(StatusCode::ACCEPTED, &json!({}))),
            Err(StartRunError::Unavailable(failure)) => Err(failure.into()),
            Err(refused @ (StartRunError::Uninstalled | StartRunError::NotConnected | StartRunError::Going(_))) => {
                Err(ApiError::Conflict(refused.to_string()))
            }
        }
    }
}

const WHICH: &str = "{\"topic\": \"products/update\", \"id\": \"…\"}";

fn which(store: &StoreKey, Which { topic, id }: Which) -> DeliveryKey {
    let store = store.clone();
    DeliveryKey { store, topic, id }
}

/// Which delivery is meant; `None` of a request that says nothing.
fn some(request: &Request) -> Result<Option<Which>, ApiError> {
    match read::<Nothing>(request, "{}") {
        Ok(Nothing {}) => Ok(None),
        Err(_) => read(request, WHICH).map(Some),
    }
}

/// What has been moved, in a sentence or two.
fn moved(moved: usize, left: usize, waiting: &[&FailedDelivery], now: Timestamp) -> String {
    let many = |count: usize, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let went = match moved {
        0 => "There was no dead letter to move.".to_owned(),
        moved => format!("{} went back to the queue.", many(moved, "dead letter", "dead letters")),
    };
    let remain = match left {
        0 => String::new(),
        left => format!(" {} left: try again in a minute.", many(left, "is", "are")),
    };
    let next = waiting.iter().max_by_key(|failed| failed.dead_letter_at());
    let retried = match (waiting.len(), next) {
        (1, Some(failed)) => format!(" 1 delivery has not been given up: {}", failed.meaning(now)),
        (count, Some(failed)) => {
            let meaning = failed.meaning(now);
            format!(" {count} deliveries have not been given up. Of the last: {meaning}")
        }
        (_, None) => String::new(),
    };
    went + &remain + &retried
}

/// What a request says. Nothing at all is `{}`.
fn read<T: DeserializeOwned>(request: &Request, shape: &str) -> Result<T, ApiError> {
    let body = bytes(request);
    let body = if body.is_empty() { b"{}" } else { body };
    if body.len() > BODY_LIMIT {
        return Err(ApiError::BadRequest(format!(
            "the body has more than {BODY_LIMIT} bytes"
        )));
    }
    // Serde's message names fields, and may repeat a value: theirs, told to them alone.
    serde_json::from_slice(body).map_err(|error| ApiError::BadRequest(format!("the body is not {shape}: {error}")))
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

impl<S, J, D, A, L, Q, B, C, T> Http for ActionsApi<S, J, D, A, L, Q, B, C, T>
where
    S: Stores + FailedDeliveries + Clone + 'static,
    J: Jobs + 'static,
    D: DeadLetters + Clone + 'static,
    A: Archived + 'static,
    L: Ledger + Records + Clone + 'static,
    Q: EventQueue + TryNow + 'static,
    B: KeepBodies + 'static,
    C: Clock + 'static,
    T: Pause + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.done(&request).await {
            Ok(response) => response,
            Err(error) => error.response(SERVICE),
        }
    }

    async fn afterwards(&self) {}
}

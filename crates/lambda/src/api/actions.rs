//! Function `actions`: what an admin does about a store. Each is written into the log, with who did it.

use std::time::Duration;

use hookline_domain::{
    archive::{Archived, NotRead, search::NotSearched},
    begin::{self, NotBegun},
    bodies::KeepBodies,
    dead_letters::{DeadLetters, Letter, Pace, Redriven, Walk},
    ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
    jobs::Jobs,
    ledger::{Ledger, Records},
    port::{Clock, Unavailable, chain},
    queue::EventQueue,
    receive::NotReceived,
    replay::{NotReplayed, NotSent, Replay},
    stores::{RunTask, StoreRecord, Stores},
};
use http::{Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{no_such_route, route};
use crate::{
    door::{Door, Refusal},
    serve::{self, Http, bytes},
};

/// The name in logs.
const SERVICE: &str = "actions";

/// The longest body of a request, in bytes.
const BODY_LIMIT: usize = 4096;

/// The most letters that one request moves.
const MOVED_AT_ONCE: usize = 100;

/// How long one request moves letters: the function has a time limit, and API Gateway one of 30 s.
const MOVED_FOR: SignedDuration = SignedDuration::from_secs(15);

/// How long letters are hidden from others while they are gone through: longer than the function may run.
const HIDDEN_FOR: Duration = Duration::from_secs(40);

/// How many letters are taken at a time: as many as the queue gives.
const TAKEN_AT_ONCE: usize = 10;

/// With whom it works.
#[derive(Debug)]
pub struct ActionsPorts<S, J, D, A, L, Q, B, C> {
    /// The stores.
    pub stores: S,
    /// Where jobs go.
    pub jobs: J,
    /// The dead letters.
    pub dead_letters: D,
    /// Sends again what was applied; its ledger knows of the dead letters, too, and its queue takes them back.
    pub replay: Replay<A, L, Q, B, C>,
}

/// What an admin does.
#[derive(Debug)]
pub struct ActionsApi<S, J, D, A, L, Q, B, C> {
    door: Door<S>,
    ports: ActionsPorts<S, J, D, A, L, Q, B, C>,
}

/// What is asked for.
enum Action {
    Replay,
    Redrive,
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
    fn has_time(&self) -> bool {
        self.clock.now() < self.until
    }

    async fn next(&mut self) {}

    fn moved(&mut self, _: Letter) {}
}

impl<S, J, D, A, L, Q, B, C> ActionsApi<S, J, D, A, L, Q, B, C>
where
    S: Stores + Clone,
    J: Jobs,
    D: DeadLetters + Clone,
    A: Archived,
    L: Ledger + Records + Clone,
    Q: EventQueue,
    B: KeepBodies,
    C: Clock,
{
    /// Ready to act.
    pub fn new(ports: ActionsPorts<S, J, D, A, L, Q, B, C>) -> Self {
        Self {
            door: Door::new(ports.stores.clone()),
            ports,
        }
    }

    async fn done(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let principal = self.door.enter(request)?;
        let (action, name) = match route(request) {
            "POST /api/stores/{store}/replay" => (Action::Replay, "replay"),
            "POST /api/stores/{store}/redrive" => (Action::Redrive, "redrive"),
            "POST /api/stores/{store}/resync" => (Action::Begin(RunTask::Resync), "resync"),
            "POST /api/stores/{store}/reconcile" => (Action::Begin(RunTask::Reconcile), "reconcile"),
            _ => return Err(no_such_route()),
        };
        let (store, record) = self.door.admin(&principal, request).await?;
        let done = match action {
            Action::Replay => self.replay(&store, request).await,
            Action::Redrive => self.redrive(&store, request).await,
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
            store = store.store.as_str(),
            outcome,
            "an action"
        );
        done
    }

    async fn replay(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, Refusal> {
        let Which { topic, id } = read(request, "{\"topic\": \"products/update\", \"id\": \"…\"}")?;
        let store = store.clone();
        let replay = self.ports.replay.again(&DeliveryKey { store, topic, id }).await;
        let id = replay.map_err(not_replayed)?;
        Ok(serve::json(StatusCode::ACCEPTED, &json!({ "replay_id": id })))
    }

    async fn redrive(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, Refusal> {
        let Nothing {} = read(request, "{}")?;
        let of_store = |letter: &Letter| {
            let delivery = letter.delivery.as_ref();
            delivery.is_ok_and(|delivery| delivery.key.store == *store)
        };
        let receive = &self.ports.replay.receive;
        let now = receive.clock.now();
        let mut pace = Until {
            clock: &receive.clock,
            until: now.checked_add(MOVED_FOR).unwrap_or(Timestamp::MAX),
        };
        let mut walk = Walk::new(
            self.ports.dead_letters.clone(),
            receive.ledger.clone(),
            of_store,
            HIDDEN_FOR,
        );
        let mut done = Redriven::default();
        let amount = (MOVED_AT_ONCE, TAKEN_AT_ONCE);
        let ended = done.run(&mut walk, &receive.queue, amount, &mut pace).await;
        // What is not given back comes back by itself.
        if let Err(failure) = walk.give_back().await {
            tracing::warn!(service = SERVICE, error = %chain(&failure), "dead letters stay hidden for a while");
        }
        ended?;
        let left = done.left + done.again;
        let told = json!({ "moved": done.moved, "left": left, "more": !done.through });
        Ok(serve::json(StatusCode::OK, &told))
    }

    async fn begin(
        &self,
        store: (&StoreKey, &StoreRecord),
        run: RunTask,
        request: &Request,
    ) -> Result<Response<Body>, Refusal> {
        let Nothing {} = read(request, "{}")?;
        let now = self.ports.replay.receive.clock.now();
        match begin::begin(&self.ports.jobs, store, run, now).await {
            Ok(()) => Ok(serve::json(StatusCode::ACCEPTED, &json!({}))),
            Err(NotBegun::Unavailable(failure)) => Err(failure.into()),
            Err(refused @ (NotBegun::Uninstalled | NotBegun::NotConnected | NotBegun::Going(_))) => {
                Err(Refusal::Conflict(refused.to_string()))
            }
        }
    }
}

/// What a request says. Nothing at all is `{}`.
fn read<T: DeserializeOwned>(request: &Request, shape: &str) -> Result<T, Refusal> {
    let body = bytes(request);
    let body = if body.is_empty() { b"{}" } else { body };
    if body.len() > BODY_LIMIT {
        return Err(Refusal::BadRequest(format!(
            "the body has more than {BODY_LIMIT} bytes"
        )));
    }
    // Serde's message names fields, and may repeat a value: theirs, told to them alone.
    serde_json::from_slice(body).map_err(|error| Refusal::BadRequest(format!("the body is not {shape}: {error}")))
}

fn not_replayed(why: NotReplayed) -> Refusal {
    match why {
        NotReplayed::Unknown => Refusal::NotFound(why.to_string()),
        NotReplayed::NotSettled | NotReplayed::Parked | NotReplayed::NoArchive | NotReplayed::NotKept => {
            Refusal::Conflict(why.to_string())
        }
        NotReplayed::NotSearched(
            NotSearched::Unavailable(failure) | NotSearched::Object(_, NotRead::Unavailable(failure)),
        )
        | NotReplayed::NotSent(NotSent::NotReceived(NotReceived::Unavailable(failure)))
        | NotReplayed::Unavailable(failure) => failure.into(),
        NotReplayed::NotSearched(why @ (NotSearched::Object(..) | NotSearched::Foreign(..))) => {
            Unavailable::new("archive", why).into()
        }
        NotReplayed::NotSent(NotSent::NotReceived(NotReceived::OutOfTime)) => {
            Unavailable::new("event queue", "out of time").into()
        }
        NotReplayed::NotSent(why) => Refusal::Conflict(why.to_string()),
    }
}

impl<S, J, D, A, L, Q, B, C> Http for ActionsApi<S, J, D, A, L, Q, B, C>
where
    S: Stores + Clone + 'static,
    J: Jobs + 'static,
    D: DeadLetters + Clone + 'static,
    A: Archived + 'static,
    L: Ledger + Records + Clone + 'static,
    Q: EventQueue + 'static,
    B: KeepBodies + 'static,
    C: Clock + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.done(&request).await {
            Ok(response) => response,
            Err(refusal) => refusal.answer(SERVICE),
        }
    }

    async fn afterwards(&self) {}
}

//! Use case: post the open messages of one endpoint.
//!
//! ```text
//!   acquire ─▶ endpoint ─▶ page ─▶ events and records ─▶ post ─▶ retries ─▶ records ─▶ remove entries ─▶ release ─▶ look once more
//!                            ▲───────────────────────────────────────────────────┘
//! ```
//!
//! Each step may be repeated: a process that dies leaves entries, and who acquires the outbox next decides by the records. So
//! a message is posted again after a success only if its process died between the answer and the record, or the record could
//! not be written. Reports about the endpoint to its operator are sent in between: see `report`.

mod decide;
mod report;
mod work;

use std::{future::Future, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Acquired, AttemptCode, Attempted, Backlog, Endpoint, EndpointKey, EndpointState, Health, HourStats, KeptEvent,
    Lease, MAX_WAKE_UP_DELAY, Messages, NoAnswerError, OutboxNotes, Outboxes, Pool, Proof, RecentHours, Scope, Stats,
    WakeUps,
};
use crate::{
    catalogue::fan_out::FanOut,
    delivery::sealed::SealedBody,
    kernel::{
        port::{Clock, PortError, chain},
        time::later,
    },
};

/// Endpoints, as the dispatcher uses them.
pub trait Endpoints: Send + Sync {
    /// Returns an endpoint; `None` if there is none. Sees every earlier write.
    fn find(&self, key: &EndpointKey) -> impl Future<Output = Result<Option<Endpoint>, PortError>> + Send;

    /// Disables an endpoint where it is active and has this revision.
    fn disable(
        &self,
        key: &EndpointKey,
        revision: u32,
        code: AttemptCode,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Notes the pool of an endpoint that exists. Does not count as a change of it.
    fn note_pool(&self, key: &EndpointKey, pool: Pool) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records that nothing is left to be done of what waited when it was activated, if that is still what this says. Does not
    /// count as a change of it.
    fn settle_backlog(&self, key: &EndpointKey, backlog: Backlog)
    -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records the outcome of a challenge, if the endpoint's proof is still the one before it. Does not count as a change of it. Whoever
    /// keeps endpoints that are never challenged need not implement it.
    fn note_proof(
        &self,
        key: &EndpointKey,
        before: &Proof,
        after: &Proof,
    ) -> impl Future<Output = Result<(), PortError>> + Send {
        let _ = (key, before, after);
        std::future::ready(Ok(()))
    }

    /// Removes an endpoint that has this revision.
    fn forget(&self, key: &EndpointKey, revision: u32) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Endpoints, as people and the fan-out use them.
pub trait EndpointRecords: Send + Sync {
    /// Returns the endpoints of one owner, in the order of their ids. Sees every earlier write.
    fn list(&self, scope: &Scope) -> impl Future<Output = Result<Vec<Endpoint>, PortError>> + Send;

    /// Returns an endpoint; `None` if there is none. Sees every earlier write.
    fn read(&self, key: &EndpointKey) -> impl Future<Output = Result<Option<Endpoint>, PortError>> + Send;

    /// Writes an endpoint where the stored one has the revision before its own, or there is none and its own is 1. The
    /// stored [pool](Endpoint::pool) stays. Returns whether it was written.
    fn put(&self, endpoint: &Endpoint) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// Posts messages.
pub trait Post: Send + Sync {
    /// Makes one attempt to post an event, of this number, from 1. `is_replay` is true if a person asked for the past. Fails if
    /// no attempt could be made, for a reason that is ours.
    fn post(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        attempt: u32,
        is_replay: bool,
    ) -> impl Future<Output = Result<Posted, PortError>> + Send;

    /// Makes one attempt at an endpoint that asked for personal data, with the sealed body of the event's delivery if it is kept.
    /// Whoever cannot open one posts without.
    fn post_disclosing(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        sealed: Option<&SealedBody>,
        attempt: u32,
        is_replay: bool,
    ) -> impl Future<Output = Result<Posted, PortError>> + Send {
        let _ = sealed;
        self.post(endpoint, event, attempt, is_replay)
    }

    /// Makes one attempt to post what the source sent, in the place of the event. Whoever cannot posts the event.
    fn post_body(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        body: Vec<u8>,
        attempt: u32,
        is_replay: bool,
    ) -> impl Future<Output = Result<Posted, PortError>> + Send {
        let _ = body;
        self.post(endpoint, event, attempt, is_replay)
    }

    /// Sends a challenge to an endpoint. Whoever cannot proves nothing.
    fn prove(&self, endpoint: &Endpoint, challenge: &str) -> impl Future<Output = Result<Proved, PortError>> + Send {
        let _ = (endpoint, challenge);
        std::future::ready(Ok(Proved {
            attempted: Err(NoAnswerError::InvalidUrl),
            is_echoed: false,
        }))
    }
}

/// Answer to a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// Result of the attempt.
    pub attempted: Attempted,
    /// True if the answer repeats the challenge.
    pub is_echoed: bool,
}

/// Result of an attempt, and the time that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Result.
    pub attempted: Attempted,
    /// Time from the beginning to the last header of the answer.
    pub took: Duration,
}

impl Posted {
    /// Forgets the beginning of a refusal: one that was sent personal data may repeat them.
    fn without_excerpt(mut self) -> Self {
        if let Ok(answer) = &mut self.attempted {
            answer.excerpt = None;
        }
        self
    }
}

/// Ports of [`Dispatch`].
pub trait DispatchPorts {
    /// Endpoints.
    type Endpoints: Endpoints;
    /// Outboxes.
    type Outboxes: Outboxes;
    /// Events and records of messages.
    type Messages: Messages;
    /// Statistics.
    type Stats: Stats;
    /// Wake-ups.
    type WakeUps: WakeUps;
    /// Queue of events about endpoints.
    type FanOut: FanOut;
    /// Requests to endpoints.
    type Post: Post;
    /// Clock.
    type Clock: Clock;
}

/// The use case.
pub struct Dispatch<P: DispatchPorts> {
    /// Endpoints.
    pub endpoints: P::Endpoints,
    /// Outboxes.
    pub outboxes: P::Outboxes,
    /// Events and records of messages.
    pub messages: P::Messages,
    /// Statistics.
    pub stats: P::Stats,
    /// Wake-ups.
    pub wake_ups: P::WakeUps,
    /// Queue of events about endpoints.
    pub fan_out: P::FanOut,
    /// Requests to endpoints.
    pub post: P::Post,
    /// Clock.
    pub clock: P::Clock,
}

/// Outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Somebody else works on the outbox and will look once more.
    Held,
    /// The outbox was worked on.
    Worked {
        /// Attempts made.
        attempts: usize,
        /// Attempts that succeeded.
        sent: usize,
    },
}

/// State of a run.
struct Course<'a> {
    key: &'a EndpointKey,
    health: Health,
    hours: RecentHours,
    /// Pool of the endpoint as it was noted last; `None` if it does not exist.
    noted: Option<Pool>,
    /// Pool of the run.
    pool: Pool,
    /// Code of the latest failure of the endpoint in this run.
    latest_failure: Option<AttemptCode>,
    /// Time at which the run ends.
    stop_at: Timestamp,
    /// True if the endpoint takes nothing until a person changes it.
    halted: bool,
    attempts: usize,
    sent: usize,
}

impl<P: DispatchPorts> Dispatch<P> {
    /// Works on one outbox until nothing is due, the endpoint takes nothing, or it is `stop_at`. The lease must not end
    /// before `stop_at` and the longest attempt after it. In the fast `pool`, stops as soon as the endpoint turns out to be
    /// slow, and leaves one that has before to the slow pool, so that it holds up no other.
    ///
    /// # Errors
    /// [`PortError`] if a table or a queue failed. What was done is recorded as far as possible, the rest is done by the next
    /// run: retry the wake-up.
    pub async fn run(
        &self,
        key: &EndpointKey,
        lease: &Lease,
        pool: Pool,
        stop_at: Timestamp,
    ) -> Result<Run, PortError> {
        let acquired = self.outboxes.acquire(key, lease, self.clock.now()).await?;
        let OutboxNotes { health, hours } = match acquired {
            Acquired::Ours(notes) => *notes,
            Acquired::Held => return Ok(Run::Held),
        };
        let mut course = Course {
            key,
            health,
            hours,
            noted: None,
            pool,
            latest_failure: None,
            stop_at,
            halted: false,
            attempts: 0,
            sent: 0,
        };
        let worked = self.work(&mut course).await;
        // News that could not be reported in its course, also of an earlier run.
        let reported = self.report_news(&mut course, None).await;
        // Before the release, so that the wake-ups of the fan-out go to the pool of the next run.
        let pool = course.health.pool();
        let noted = match course.noted {
            Some(noted) if noted != pool => self.endpoints.note_pool(key, pool).await,
            _ => Ok(()),
        };
        self.put_hours(&mut course).await;
        let handed_over = OutboxNotes {
            health: course.health.clone(),
            hours: std::mem::take(&mut course.hours),
        };
        let now = self.clock.now();
        let released = self.outboxes.release(key, &lease.nonce, &handed_over, now).await;
        worked?;
        reported?;
        noted?;
        if released? {
            self.look_once_more(&course, lease).await?;
        } else {
            // The lease has lapsed. Whoever has acquired it since may have looked before our last entry.
            self.wake_ups.send(key, course.health.pool(), Duration::ZERO).await?;
        }
        Ok(Run::Worked {
            attempts: course.attempts,
            sent: course.sent,
        })
    }

    /// Puts the hours away that have ended. One that could not be put stays with the outbox for the next run.
    async fn put_hours(&self, course: &mut Course<'_>) {
        let ended: Vec<HourStats> = course.hours.ended(self.clock.now()).cloned().collect();
        for hour in ended {
            match self.stats.put(course.key, &hour).await {
                Ok(()) => course.hours.remove(hour.hour),
                Err(failure) => {
                    let (cause, error) = (failure.cause.as_str(), chain(&failure));
                    tracing::warn!(
                        endpoint = course.key.id.as_str(),
                        cause,
                        error,
                        "failed to put an hour of statistics; the next run tries again"
                    );
                }
            }
        }
        course.hours.shorten();
    }

    /// Looks at the outbox after the release, from its beginning: the wake-up of what was added while the lease was held may have been
    /// dropped. So may that of a person who has activated or deleted the endpoint.
    async fn look_once_more(&self, course: &Course<'_>, lease: &Lease) -> Result<(), PortError> {
        let first = self.outboxes.page(course.key, 1).await?.into_iter().next();
        let is_halted = course.halted && first.is_some() && self.is_halted(course.key).await?;
        let now = self.clock.now();
        // Of one that takes nothing until a person changes it, only what expires is looked for.
        let due = first.map(|entry| {
            if is_halted {
                later(now, EXPIRY_LOOK)
            } else {
                entry.key.due
            }
        });
        let next_at = due.map(|due| due.max(now).max(course.health.not_before(now).unwrap_or(now)));
        let is_ours = self.outboxes.schedule(course.key, &lease.nonce, next_at).await?;
        if let (true, Some(next_at)) = (is_ours, next_at) {
            let delay = Duration::try_from(next_at.duration_since(now)).unwrap_or_default();
            // What is further away is the sweep's.
            if delay <= MAX_WAKE_UP_DELAY {
                self.wake_ups.send(course.key, course.health.pool(), delay).await?;
            }
        }
        Ok(())
    }

    /// Returns true if the endpoint still takes nothing until a person changes it.
    async fn is_halted(&self, key: &EndpointKey) -> Result<bool, PortError> {
        let endpoint = self.endpoints.find(key).await?;
        Ok(endpoint.is_some_and(|one| matches!(one.state, EndpointState::Paused | EndpointState::Disabled(_))))
    }
}

/// Time after which an endpoint is read again: no attempt begins later than that after a pause, a deletion or a rotation.
const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Time until the next look at an outbox whose endpoint takes nothing until a person changes it.
const EXPIRY_LOOK: SignedDuration = SignedDuration::from_hours(24);

/// Entries of a page.
const PAGE: usize = 100;

/// Most messages whose events and records are read at once.
const MAX_KNOWN: usize = 50;

//! The processes, run from the responses so far up to their next calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hookline_domain::{
    kernel::port::{Clock, PortError},
    outbound::{Dispatch, Lease, Outboxes, Pool, WakeUps, sweep},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    bug::Bug,
    call::{Arrived, Key, Request, Response, State},
    outbox::Versions,
    ports::{Ports, accepted_at, endpoint, failed},
};
use crate::calls::Progress;

/// Time that an invocation of the dispatcher has for new attempts.
pub(super) const INVOCATION: SignedDuration = SignedDuration::from_secs(50);

/// Time for which a lease is valid: the longest attempt may follow the last moment of an invocation.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Kind of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Adds the entry of an event and sends a wake-up.
    FanOut(u8),
    /// Works on the outbox.
    Dispatcher,
    /// Wakes what is overdue.
    Sweep,
    /// A person's request.
    Person(Act),
}

/// Request of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Pauses the endpoint.
    Pause,
    /// Activates it.
    Activate,
    /// Deletes it.
    Delete,
    /// Retries the message of this event.
    Retry(u8),
}

/// Beginning of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Begun {
    pub(super) role: Role,
    pub(super) at: Timestamp,
    /// Nonce of its lease.
    pub(super) nonce: u8,
    /// Versions of the events' states.
    pub(super) versions: Versions,
}

/// Progress of a process.
#[derive(Debug)]
pub(super) enum Point {
    /// It waits for the responses to these calls.
    Waiting(Vec<(usize, Request)>),
    /// It has ended; true if its message is done.
    Ended(bool),
}

/// All points that processes have reached. A point is known by its number: it stands for the responses of a process so far.
#[derive(Debug, Default)]
pub struct Points(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    first: HashMap<Begun, u32>,
    next: HashMap<(u32, usize, Arrived), u32>,
    reached: Vec<ReachedPoint>,
}

#[derive(Debug, Clone)]
struct ReachedPoint {
    begun: Begun,
    /// The point before, and the response that has arrived since.
    before: Option<(u32, usize, Arrived)>,
    point: Arc<Point>,
}

impl Points {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn point(&self, number: u32) -> Arc<Point> {
        Arc::clone(&self.table().reached[number as usize].point)
    }

    /// Returns the number of the first point of a process.
    pub(super) fn begin(&self, begun: Begun, bug: Option<Bug>) -> u32 {
        let mut table = self.table();
        if let Some(number) = table.first.get(&begun) {
            return *number;
        }
        let number = table.reach(begun, None, run(begun, &[], bug));
        table.first.insert(begun, number);
        number
    }

    /// Returns the number of the point after a response.
    pub(super) fn follow(&self, from: u32, call: usize, arrived: Arrived, bug: Option<Bug>) -> u32 {
        let mut table = self.table();
        let step = (from, call, arrived);
        if let Some(number) = table.next.get(&step) {
            return *number;
        }
        let mut history = vec![(step.1, step.2.clone())];
        let mut at = &table.reached[from as usize];
        let begun = at.begun;
        while let Some((before, call, arrived)) = &at.before {
            history.push((*call, arrived.clone()));
            at = &table.reached[*before as usize];
        }
        history.reverse();
        let number = table.reach(begun, Some(step.clone()), run(begun, &history, bug));
        table.next.insert(step, number);
        number
    }
}

impl Table {
    fn reach(&mut self, begun: Begun, before: Option<(u32, usize, Arrived)>, point: Point) -> u32 {
        let number = u32::try_from(self.reached.len()).expect("memory ends before");
        self.reached.push(ReachedPoint {
            begun,
            before,
            point: Arc::new(point),
        });
        number
    }
}

fn run(begun: Begun, history: &[(usize, Arrived)], bug: Option<Bug>) -> Point {
    let ports = Ports::new(begun.at, begun.versions, bug);
    let progress = match begun.role {
        Role::Dispatcher => ports.run(Box::pin(dispatch(&ports, begun)), history),
        Role::Sweep => {
            let swept = async { sweep(&ports, &ports, &ports).await.map(|_| ()) };
            ports.run(Box::pin(swept), history)
        }
        Role::FanOut(event) => ports.run(Box::pin(hand_out(&ports, event)), history),
        Role::Person(act) => ports.run(Box::pin(request(&ports, act)), history),
    };
    match progress {
        Progress::Waiting(calls) => Point::Waiting(calls),
        Progress::Done(done) => Point::Ended(done.is_ok()),
    }
}

/// The product's own dispatcher.
async fn dispatch(ports: &Ports, begun: Begun) -> Result<(), PortError> {
    let dispatch = Dispatch::<Ports> {
        endpoints: ports.clone(),
        outboxes: ports.clone(),
        messages: ports.clone(),
        stats: ports.clone(),
        wake_ups: ports.clone(),
        fan_out: ports.clone(),
        post: ports.clone(),
        clock: ports.clone(),
    };
    let lease = Lease {
        nonce: begun.nonce.to_string(),
        until: begun.at + LEASE,
    };
    dispatch
        .run(&endpoint(), &lease, Pool::Slow, begun.at + INVOCATION)
        .await?;
    Ok(())
}

/// Fan-out's part: entries, then the wake-up, then the queue message goes.
async fn hand_out(ports: &Ports, event: u8) -> Result<(), PortError> {
    let key = Key {
        due: accepted_at(event),
        event,
        run: 0,
    };
    let goes_first = ports.has(Bug::QueueMessageGoesFirst);
    if goes_first {
        ports.done(Request::DeleteMessage).await?;
    }
    ports.done(Request::Add(vec![key])).await?;
    ports.send(&endpoint(), Pool::Fast, Duration::ZERO).await?;
    if !goes_first {
        ports.done(Request::DeleteMessage).await?;
    }
    Ok(())
}

/// A person's request: what changes is written first, then a wake-up is sent.
async fn request(ports: &Ports, act: Act) -> Result<(), PortError> {
    match act {
        Act::Pause => return ports.done(Request::Change(State::Paused)).await,
        Act::Activate => ports.done(Request::Change(State::Active)).await?,
        Act::Delete => ports.done(Request::Change(State::Deleting)).await?,
        Act::Retry(event) => {
            let run = match ports.call(Request::FindMessages(vec![event])).await {
                Response::Known(records) => records.into_iter().flatten().map(|record| record.run).next(),
                other => return Err(failed(&other)),
            };
            let key = Key {
                due: ports.now(),
                event,
                run: run.unwrap_or_default() + u32::from(!ports.has(Bug::RetriedInTheSameRun)),
            };
            ports.add(&endpoint(), &[ports.entry(key)]).await?;
        }
    }
    ports.send(&endpoint(), Pool::Fast, Duration::ZERO).await
}

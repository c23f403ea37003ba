//! The processes, run from the responses so far up to their next calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hookline_domain::{
    kernel::port::{Clock, PortError},
    outbound::{BacklogMode, Dispatch, EndpointChange, Lease, Manage, ManageError, Outboxes, Pool, WakeUps, sweep},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    bug::Bug,
    call::{Arrived, Call, Key, Request, Response},
    given::{Given, due_first, endpoint},
    ports::{Ports, failed},
};
use crate::calls::Progress;

/// Time that an invocation of the dispatcher has for new attempts.
pub(super) const INVOCATION: SignedDuration = SignedDuration::from_secs(50);

/// Time for which a lease is valid: the longest attempt may follow the last moment of an invocation.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Kind of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Adds the entries of an event and sends wake-ups.
    FanOut(u8),
    /// Works on the outbox of this endpoint.
    Dispatcher(u8),
    /// Wakes what is overdue.
    Sweep,
    /// A person's request.
    Person(Act),
}

/// Request of a person, about the first endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Pauses the endpoint.
    Pause,
    /// Activates it: what waited is sent.
    Activate,
    /// Activates it: of each thing, the newest state that waited is sent.
    ActivateNewest,
    /// Activates it: nothing that waited is sent.
    ActivateDrop,
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
    /// Constants of the scenario.
    pub(super) given: Given,
}

/// Progress of a process.
#[derive(Debug)]
pub(super) enum Point {
    /// It waits for the responses to these calls.
    Waiting(Vec<(usize, Call)>),
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
    let ports = Ports::new(begun.at, begun.given, bug);
    let progress = match begun.role {
        Role::Dispatcher(own) => ports.run(Box::pin(dispatch(&ports, begun, own)), history),
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
async fn dispatch(ports: &Ports, begun: Begun, own: u8) -> Result<(), PortError> {
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
        .run(&endpoint(own), &lease, Pool::Slow, begun.at + INVOCATION)
        .await?;
    Ok(())
}

/// Fan-out's part: entries, then wake-ups, then the queue message goes.
async fn hand_out(ports: &Ports, event: u8) -> Result<(), PortError> {
    let key = Key {
        due: due_first(event),
        event,
        run: 0,
    };
    let goes_first = ports.has(Bug::QueueMessageGoesFirst);
    if goes_first {
        ports.done(0, Request::DeleteMessage).await?;
    }
    let endpoints = 0..ports.given.endpoints;
    for to in endpoints.clone() {
        ports.done(to, Request::Add(vec![key])).await?;
    }
    for to in endpoints {
        ports.send(&endpoint(to), Pool::Fast, Duration::ZERO).await?;
    }
    if !goes_first {
        ports.done(0, Request::DeleteMessage).await?;
    }
    Ok(())
}

/// A person's request: a change by the product's own use case, or a retry, whose entry is added before a wake-up is sent.
async fn request(ports: &Ports, act: Act) -> Result<(), PortError> {
    let activate = |backlog| EndpointChange::Activate { backlog };
    let change = match act {
        Act::Pause => EndpointChange::Pause { reason: None },
        Act::Activate => activate(BacklogMode::Send),
        Act::ActivateNewest => activate(BacklogMode::Newest),
        Act::ActivateDrop => activate(BacklogMode::Drop),
        Act::Delete => EndpointChange::Delete,
        Act::Retry(event) => return retry(ports, event).await,
    };
    let manage = Manage::<Ports> {
        endpoints: ports.clone(),
        listeners: ports.clone(),
        wake_ups: ports.clone(),
        clock: ports.clone(),
    };
    match manage.change(&endpoint(0), None, &change).await {
        // It is in that state: the person reads so, and is content.
        Ok(_) | Err(ManageError::State { .. }) => Ok(()),
        Err(ManageError::Storage(failure)) => Err(failure),
        // The dispatcher has changed it meanwhile: the person reads so, and repeats it.
        Err(other) => Err(PortError::new("model", other.to_string())),
    }
}

async fn retry(ports: &Ports, event: u8) -> Result<(), PortError> {
    let run = match ports.call(0, Request::FindMessages(vec![event])).await {
        Response::Known(records) => records.into_iter().flatten().map(|record| record.run).next(),
        other => return Err(failed(&other)),
    };
    let key = Key {
        due: ports.now(),
        event,
        run: run.unwrap_or_default() + u32::from(!ports.has(Bug::RetriedInTheSameRun)),
    };
    ports.add(&endpoint(0), &[ports.given.entry(key)]).await?;
    ports.send(&endpoint(0), Pool::Fast, Duration::ZERO).await
}

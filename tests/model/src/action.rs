//! Actions of the model, and the functions they concern.

use crate::world::{ModelState, Running};

/// A function, by its role and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A receiver.
    Receiver(usize),
    /// A consumer.
    Consumer(usize),
    /// A reconciliation.
    Reconciler(usize),
    /// A worker at a job.
    Worker(usize),
}

/// Role of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives deliveries.
    Receiver,
    /// Applies them.
    Consumer,
    /// Compares the catalog with the fence's entries.
    Reconciler,
    /// Reads the product from the catalog and applies it.
    Worker,
}

impl Actor {
    /// Role of this function.
    pub fn role(self) -> Role {
        match self {
            Self::Receiver(_) => Role::Receiver,
            Self::Consumer(_) => Role::Consumer,
            Self::Reconciler(_) => Role::Reconciler,
            Self::Worker(_) => Role::Worker,
        }
    }

    /// Slot of this function, which holds it while it runs.
    pub(crate) fn slot(self, world: &mut ModelState) -> &mut Option<Running> {
        match self {
            Self::Receiver(n) => &mut world.receivers[n],
            Self::Consumer(n) => &mut world.consumers[n],
            Self::Reconciler(n) => &mut world.reconcilers[n],
            Self::Worker(n) => &mut world.workers[n],
        }
    }
}

/// Outcome of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Done, and its response arrives.
    Responded,
    /// Done, and the function dies before the response arrives.
    CallerDies,
    /// Done, but reported as failed.
    DoneButReportedFailed,
    /// Failed.
    Failed,
}

/// Action of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A sender tries.
    Try(usize),
    /// A consumer takes messages.
    Take(Vec<usize>),
    /// A reconciliation begins.
    Reconcile,
    /// The store's catalog changes.
    Change,
    /// A worker takes a job.
    Work,
    /// Somebody begins or ceases to listen, as the scenario says next.
    Listen,
    /// A function's call is made.
    Call(Actor, usize, CallOutcome),
    /// A function dies before it makes its next call.
    Die(Actor),
    /// A long time passes; if true, the index forgets the versions of removed documents.
    Wait(bool),
}

//! What may happen, and to whom.

use crate::world::{Running, World};

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A receiver.
    Receiver(usize),
    /// A consumer.
    Consumer(usize),
    /// A reconciliation.
    Reconciler(usize),
}

/// What sort of function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives deliveries.
    Receiver,
    /// Applies them.
    Consumer,
    /// Compares the catalogue with what is remembered.
    Reconciler,
}

impl Who {
    /// What sort of function it is.
    pub fn role(self) -> Role {
        match self {
            Self::Receiver(_) => Role::Receiver,
            Self::Consumer(_) => Role::Consumer,
            Self::Reconciler(_) => Role::Reconciler,
        }
    }

    /// Where it is, if it is at work.
    pub(crate) fn slot(self, world: &mut World) -> &mut Option<Running> {
        match self {
            Self::Receiver(n) => &mut world.receivers[n],
            Self::Consumer(n) => &mut world.consumers[n],
            Self::Reconciler(n) => &mut world.reconcilers[n],
        }
    }
}

/// How a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is done, and its answer heard.
    Answered,
    /// It is done, and the function dies before it hears the answer.
    Unheard,
    /// It is done, but looks as if it had failed.
    LooksFailed,
    /// It fails.
    Failed,
}

/// What may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A sender tries.
    Try(usize),
    /// A consumer takes messages.
    Take(Vec<usize>),
    /// A reconciliation begins.
    Reconcile,
    /// What the store's catalogue has changes.
    Change,
    /// A function's call is made.
    Call(Who, usize, How),
    /// A function dies before its next call is made.
    Die(Who),
    /// A long time passes; whether the index forgets the versions of what it has removed.
    Wait(bool),
}

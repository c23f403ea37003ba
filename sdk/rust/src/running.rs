//! Events that this process is handling.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Maximum number of events that are handled at once, hung callbacks included.
const MAX_RUNNING: usize = 256;

/// Ids of the events that are being handled.
#[derive(Debug, Default)]
pub(crate) struct Running {
    ids: Mutex<HashSet<String>>,
    ended: Condvar,
}

/// The right to handle an event, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    running: Arc<Running>,
    id: String,
}

/// Reason for which an event cannot be handled now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoTurn {
    /// A copy of it was being handled all the time.
    Late,
    /// Too many others are being handled.
    Busy,
}

impl Running {
    /// Takes the turn of an event. Waits while a copy of it is being handled.
    pub(crate) fn turn(self: &Arc<Self>, id: &str, limit: Duration) -> Result<Turn, NoTurn> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ended.wait_timeout_while(ids, limit, |ids| ids.contains(id));
        let (mut ids, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(NoTurn::Late);
        }
        if ids.len() >= MAX_RUNNING {
            return Err(NoTurn::Busy);
        }
        ids.insert(id.to_owned());
        Ok(Turn {
            running: Arc::clone(self),
            id: id.to_owned(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut ids = self.running.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.remove(&self.id);
        self.running.ended.notify_all();
    }
}

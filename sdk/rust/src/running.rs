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

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn copy_has_no_turn_until_the_first_ends() {
        let running = Arc::new(Running::default());
        let first = running.turn("a", MOMENT).unwrap();
        assert_eq!(running.turn("a", MOMENT).unwrap_err(), NoTurn::Late);
        assert!(running.turn("b", MOMENT).is_ok(), "another event does not wait");
        drop(first);
        assert!(running.turn("a", MOMENT).is_ok());
    }

    #[test]
    fn hung_callbacks_do_not_take_threads_without_end() {
        let running = Arc::new(Running::default());
        let turns: Vec<_> = (0..MAX_RUNNING)
            .map(|id| running.turn(&id.to_string(), MOMENT).unwrap())
            .collect();
        assert_eq!(running.turn("one more", MOMENT).unwrap_err(), NoTurn::Busy);
        drop(turns);
        assert!(running.turn("one more", MOMENT).is_ok());
    }
}

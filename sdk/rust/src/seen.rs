//! Memory of handled events.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::BoxError;

/// Memory of the ids of handled events. With several processes, a shared store such as Redis or a table is one.
pub trait Seen: Send + Sync {
    /// Returns true if the id was added.
    ///
    /// # Errors
    /// Any. The event is not handled then, and is sent again.
    fn contains(&self, id: &str) -> Result<bool, BoxError>;

    /// Remembers an id, after its callbacks have succeeded.
    ///
    /// # Errors
    /// Any. The event counts as handled: [`Outcome::Forgotten`](crate::Outcome::Forgotten).
    fn add(&self, id: &str) -> Result<(), BoxError>;
}

/// Memory of the latest ids of one process. Forgets the oldest beyond its limit.
#[derive(Debug)]
pub struct RecentIds {
    limit: usize,
    ids: Mutex<(VecDeque<String>, HashSet<String>)>,
}

impl RecentIds {
    /// A memory of at most this number of ids.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            ids: Mutex::default(),
        }
    }
}

impl Default for RecentIds {
    /// A memory of 10,000 ids.
    fn default() -> Self {
        Self::new(10_000)
    }
}

impl Seen for RecentIds {
    fn contains(&self, id: &str) -> Result<bool, BoxError> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ids.1.contains(id))
    }

    fn add(&self, id: &str) -> Result<(), BoxError> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let (order, known) = &mut *ids;
        if known.insert(id.to_owned()) {
            order.push_back(id.to_owned());
        }
        while order.len() > self.limit
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        Ok(())
    }
}

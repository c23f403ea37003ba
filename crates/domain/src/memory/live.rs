//! Ports of live updates in memory.

use std::collections::{BTreeMap, BTreeSet};

use super::Shared;
use crate::{
    kernel::{ids::StoreKey, port::PortError},
    live::{Activity, ActivityBatch, ForgetActivity, Frame, Push, Pushed, Watcher, Watchers},
};

/// [`Activity`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryActivity {
    stores: Shared<BTreeMap<StoreKey, OfStore>>,
}

#[derive(Debug, Clone, Default)]
struct OfStore {
    kept: BTreeMap<u64, ActivityBatch>,
    reached: u64,
}

impl Activity for MemoryActivity {
    async fn keep(&self, store: &StoreKey, kept: &[ActivityBatch], reached: u64) -> Result<(), PortError> {
        let mut stores = self.stores.lock();
        let known = stores.entry(store.clone()).or_default();
        known.kept.extend(kept.iter().map(|kept| (kept.seq, kept.clone())));
        known.reached = known.reached.max(reached);
        Ok(())
    }

    async fn reached(&self, store: &StoreKey) -> Result<Option<u64>, PortError> {
        Ok(self.stores.lock().get(store).map(|known| known.reached))
    }

    async fn latest(
        &self,
        store: &StoreKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ActivityBatch>, PortError> {
        let stores = self.stores.lock();
        let Some(known) = stores.get(store) else {
            return Ok(Vec::new());
        };
        let mut entries = 0;
        let below = known.kept.range(..before.unwrap_or(u64::MAX)).rev();
        let latest = below.map(|(_, kept)| kept).take_while(|kept| {
            let is_wanted = entries < limit;
            entries += kept.entries.len();
            is_wanted
        });
        Ok(latest.cloned().collect())
    }
}

impl ForgetActivity for MemoryActivity {
    async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        self.stores.lock().remove(store);
        Ok(())
    }
}

/// [`Watchers`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryWatchers {
    watchers: Shared<BTreeMap<String, Watcher>>,
}

impl MemoryWatchers {
    fn matching(&self, fits: impl Fn(&Watcher) -> bool) -> Vec<Watcher> {
        let watchers = self.watchers.lock();
        watchers.values().filter(|watcher| fits(watcher)).cloned().collect()
    }
}

impl Watchers for MemoryWatchers {
    async fn add(&self, watcher: &Watcher) -> Result<(), PortError> {
        self.watchers.lock().insert(watcher.connection.clone(), watcher.clone());
        Ok(())
    }

    async fn change(&self, from: &Watcher, to: &Watcher) -> Result<bool, PortError> {
        let mut watchers = self.watchers.lock();
        let known = watchers.get_mut(&from.connection).filter(|known| *known == from);
        Ok(known.map(|known| *known = to.clone()).is_some())
    }

    async fn find(&self, connection: &str) -> Result<Option<Watcher>, PortError> {
        Ok(self.watchers.lock().get(connection).cloned())
    }

    async fn of_stores(&self, stores: &[StoreKey]) -> Result<Vec<Watcher>, PortError> {
        Ok(self.matching(|watcher| watcher.list || watcher.store.as_ref().is_some_and(|store| stores.contains(store))))
    }

    async fn of_store(&self, store: &StoreKey) -> Result<Vec<Watcher>, PortError> {
        Ok(self.matching(|watcher| watcher.store.as_ref() == Some(store)))
    }

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        Ok(self.matching(|watcher| watcher.principal.id == principal))
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        self.watchers.lock().remove(connection);
        Ok(())
    }
}

/// Connections in memory; remembers what was sent to each.
#[derive(Debug, Clone, Default)]
pub struct MemoryPush {
    texts: Shared<Vec<(String, String)>>,
    gone: Shared<BTreeSet<String>>,
    closed: Shared<BTreeSet<String>>,
    failing: Shared<usize>,
}

impl MemoryPush {
    /// Returns the frames sent since the last call, in order.
    pub fn take(&self) -> Vec<(String, Frame)> {
        let texts = self.take_texts().into_iter();
        texts
            .filter_map(|(connection, text)| Some((connection, serde_json::from_str(&text).ok()?)))
            .collect()
    }

    /// Returns the texts sent since the last call, in order.
    pub fn take_texts(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.texts.lock())
    }

    /// Breaks a connection.
    pub fn breaks(&self, connection: &str) {
        self.gone.lock().insert(connection.to_owned());
    }

    /// Makes the next `times` messages fail.
    pub fn fail(&self, times: usize) {
        *self.failing.lock() = times;
    }

    /// Connections that were closed.
    #[must_use]
    pub fn closed(&self) -> Vec<String> {
        self.closed.lock().iter().cloned().collect()
    }
}

impl Push for MemoryPush {
    async fn push(&self, connection: &str, text: &str) -> Result<Pushed, PortError> {
        let mut failing = self.failing.lock();
        if *failing > 0 {
            *failing -= 1;
            return Err(PortError::new("push", "connection reset"));
        }
        if self.gone.lock().contains(connection) || self.closed.lock().contains(connection) {
            return Ok(Pushed::Gone);
        }
        self.texts.lock().push((connection.to_owned(), text.to_owned()));
        Ok(Pushed::Sent)
    }

    async fn close(&self, connection: &str) -> Result<(), PortError> {
        self.closed.lock().insert(connection.to_owned());
        Ok(())
    }
}

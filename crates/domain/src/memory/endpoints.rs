//! Endpoints in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Shared;
use crate::{
    kernel::port::PortError,
    outbound::{
        AttemptCode, Backlog, Endpoint, EndpointKey, EndpointRecords, EndpointState, EndpointVault, Endpoints, Pool,
        Proof, Scope,
    },
};

/// [`Endpoints`] and [`EndpointRecords`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryEndpoints {
    endpoints: Shared<BTreeMap<EndpointKey, Endpoint>>,
}

/// [`EndpointVault`] in memory, which seals nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryEndpointVault;

/// Sealed bytes of another endpoint.
#[derive(Debug, thiserror::Error)]
#[error("this was not sealed for this endpoint")]
struct ForeignError;

impl MemoryEndpoints {
    /// Puts an endpoint, in place of the one with its key.
    pub fn insert(&self, endpoint: Endpoint) {
        self.endpoints.lock().insert(endpoint.key.clone(), endpoint);
    }

    /// Removes an endpoint.
    pub fn remove(&self, key: &EndpointKey) {
        self.endpoints.lock().remove(key);
    }

    /// State of an endpoint.
    #[must_use]
    pub fn state(&self, key: &EndpointKey) -> Option<EndpointState> {
        self.endpoints.lock().get(key).map(|endpoint| endpoint.state)
    }

    /// Changes an endpoint.
    ///
    /// # Panics
    /// If there is none.
    pub fn change(&self, key: &EndpointKey, change: impl FnOnce(&mut Endpoint)) {
        change(self.endpoints.lock().get_mut(key).expect("no such endpoint"));
    }
}

impl Endpoints for MemoryEndpoints {
    async fn find(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        Ok(self.endpoints.lock().get(key).cloned())
    }

    async fn disable(
        &self,
        key: &EndpointKey,
        revision: u32,
        code: AttemptCode,
        at: Timestamp,
    ) -> Result<(), PortError> {
        if let Some(endpoint) = self.endpoints.lock().get_mut(key)
            && endpoint.state == EndpointState::Active
            && endpoint.revision == revision
        {
            endpoint.state = EndpointState::Disabled(code);
            endpoint.state_since = at;
            endpoint.revision += 1;
        }
        Ok(())
    }

    async fn note_pool(&self, key: &EndpointKey, pool: Pool) -> Result<(), PortError> {
        if let Some(endpoint) = self.endpoints.lock().get_mut(key) {
            endpoint.pool = pool;
        }
        Ok(())
    }

    async fn note_proof(&self, key: &EndpointKey, before: &Proof, after: &Proof) -> Result<(), PortError> {
        if let Some(endpoint) = self.endpoints.lock().get_mut(key)
            && endpoint.proof == *before
        {
            endpoint.proof = after.clone();
        }
        Ok(())
    }

    async fn settle_backlog(&self, key: &EndpointKey, backlog: Backlog) -> Result<(), PortError> {
        if let Some(endpoint) = self.endpoints.lock().get_mut(key) {
            endpoint.backlog = endpoint.backlog.filter(|other| *other != backlog);
        }
        Ok(())
    }

    async fn forget(&self, key: &EndpointKey, revision: u32) -> Result<(), PortError> {
        let mut endpoints = self.endpoints.lock();
        if endpoints.get(key).is_some_and(|one| one.revision == revision) {
            endpoints.remove(key);
        }
        Ok(())
    }
}

impl EndpointRecords for MemoryEndpoints {
    async fn list(&self, scope: &Scope) -> Result<Vec<Endpoint>, PortError> {
        let endpoints = self.endpoints.lock();
        Ok(endpoints
            .values()
            .filter(|one| one.key.scope == *scope)
            .cloned()
            .collect())
    }

    async fn read(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        self.find(key).await
    }

    async fn put(&self, endpoint: &Endpoint) -> Result<bool, PortError> {
        let mut endpoints = self.endpoints.lock();
        let stored = endpoints.get(&endpoint.key);
        if stored.map_or(0, |stored| stored.revision) + 1 != endpoint.revision {
            return Ok(false);
        }
        let pool = stored.map_or(endpoint.pool, |stored| stored.pool);
        let endpoint = Endpoint {
            pool,
            ..endpoint.clone()
        };
        endpoints.insert(endpoint.key.clone(), endpoint);
        Ok(true)
    }
}

impl EndpointVault for MemoryEndpointVault {
    async fn seal(&self, key: &EndpointKey, open: &[u8]) -> Result<Vec<u8>, PortError> {
        Ok([format!("{key}\n").as_bytes(), open].concat())
    }

    async fn open(&self, key: &EndpointKey, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        let open = sealed.strip_prefix(format!("{key}\n").as_bytes());
        open.map(<[u8]>::to_vec)
            .ok_or_else(|| PortError::new("endpoint vault", ForeignError))
    }
}

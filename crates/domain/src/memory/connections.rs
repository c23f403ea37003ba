//! [`Connections`] and [`Vault`] in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Shared;
use crate::{
    kernel::{ids::StoreKey, port::PortError},
    store::connections::{self, Connection, Connections, Lease, Leased, Vault},
};

/// [`Connections`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryConnections {
    kept: Shared<BTreeMap<StoreKey, Connection>>,
}

impl Connections for MemoryConnections {
    async fn find(&self, store: &StoreKey) -> Result<Option<Connection>, PortError> {
        Ok(self.kept.lock().get(store).cloned())
    }

    async fn put(&self, store: &StoreKey, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Result<(), PortError> {
        let mut kept = self.kept.lock();
        let put = connections::put(kept.get(store), sealed, expires_at);
        kept.insert(store.clone(), put);
        Ok(())
    }

    async fn lease(
        &self,
        store: &StoreKey,
        generation: u64,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Leased, PortError> {
        let mut kept = self.kept.lock();
        let Some(leased) = connections::lease(kept.get(store), generation, lease, now) else {
            return Ok(Leased::Refused);
        };
        kept.insert(store.clone(), leased);
        Ok(Leased::Granted)
    }

    async fn renew(
        &self,
        store: &StoreKey,
        owner: &str,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        let mut kept = self.kept.lock();
        let held = kept.get(store).filter(|held| {
            let lease = held.lease.as_ref();
            lease.is_some_and(|lease| lease.owner == owner)
        });
        let Some(renewed) = held.map(|held| connections::put(Some(held), sealed, expires_at)) else {
            return Ok(false);
        };
        kept.insert(store.clone(), renewed);
        Ok(true)
    }

    async fn remove(&self, store: &StoreKey) -> Result<(), PortError> {
        self.kept.lock().remove(store);
        Ok(())
    }
}

/// [`Vault`] that hides nothing, but opens only for the right store.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryVault;

/// The bytes were sealed for another store, or not at all.
#[derive(Debug, thiserror::Error)]
#[error("the secret was not sealed for this store")]
struct NotSealedError;

impl MemoryVault {
    /// Prefix of sealed bytes.
    fn mark(store: &StoreKey) -> Vec<u8> {
        format!("sealed for {store}\n").into_bytes()
    }

    /// Transforms the bytes so that they do not show; applying it twice restores them.
    fn invert(bytes: &[u8]) -> impl Iterator<Item = u8> {
        bytes.iter().map(|byte| !byte)
    }
}

impl Vault for MemoryVault {
    async fn seal(&self, store: &StoreKey, open: &[u8]) -> Result<Vec<u8>, PortError> {
        let mut sealed = Self::mark(store);
        sealed.extend(Self::invert(open));
        Ok(sealed)
    }

    async fn open(&self, store: &StoreKey, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        let invert = sealed
            .strip_prefix(Self::mark(store).as_slice())
            .ok_or_else(|| PortError::new("vault", NotSealedError))?;
        Ok(Self::invert(invert).collect())
    }
}

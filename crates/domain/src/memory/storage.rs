//! Stored data of deliveries in memory: bodies, the archive, and audit records.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Shared;
use crate::{
    consumer::audit::{Audit, AuditRecord, Audited},
    delivery::{
        archive::{self, Archive, ArchiveKey, ArchiveReadError, Archived},
        bodies::{Bodies, BodyKey, KeepBodies},
    },
    kernel::{
        erase::{Erase, Erased},
        ids::{DeliveryId, StoreKey},
        port::PortError,
    },
};

/// [`Bodies`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBodies {
    kept: Shared<BTreeMap<BodyKey, Vec<u8>>>,
}

impl MemoryBodies {
    /// Keys of all stored bodies.
    #[must_use]
    pub fn keys(&self) -> Vec<BodyKey> {
        self.kept.lock().keys().cloned().collect()
    }
}

impl KeepBodies for MemoryBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), PortError> {
        self.kept.lock().insert(key.clone(), body);
        Ok(())
    }
}

impl Bodies for MemoryBodies {
    async fn get(&self, key: &BodyKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.kept.lock().get(key).cloned())
    }

    async fn delete(&self, key: &BodyKey) -> Result<(), PortError> {
        self.kept.lock().remove(key);
        Ok(())
    }
}

/// [`Archive`] and [`Archived`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryArchive {
    objects: Shared<BTreeMap<ArchiveKey, Vec<u8>>>,
}

impl Archive for MemoryArchive {
    async fn keep(&self, store: &StoreKey, at: Timestamp, envelopes: &[String]) -> Result<(), PortError> {
        let key = ArchiveKey::new(store.clone(), at);
        self.objects.lock().insert(key, archive::pack(envelopes));
        Ok(())
    }
}

impl Archived for MemoryArchive {
    async fn objects(&self, store: &StoreKey, from: Timestamp, to: Timestamp) -> Result<Vec<ArchiveKey>, PortError> {
        let objects = self.objects.lock();
        let fits = |key: &&ArchiveKey| key.store() == store && key.at() >= from && key.at() < to;
        Ok(objects.keys().filter(fits).cloned().collect())
    }

    async fn read(&self, key: &ArchiveKey) -> Result<Option<Vec<String>>, ArchiveReadError> {
        let object = self.objects.lock().get(key).cloned();
        Ok(object.map(|object| archive::unpack(&object)).transpose()?)
    }
}

/// Bodies have no time in memory: each counts as stored at the beginning of time.
impl Erase for MemoryBodies {
    async fn erase(&self, store: &StoreKey, until: Timestamp, _after: Option<&str>) -> Result<Erased, PortError> {
        let mut kept = self.kept.lock();
        let before = kept.len();
        kept.retain(|key, _| key.delivery.store != *store || until <= Timestamp::UNIX_EPOCH);
        Ok(Erased {
            removed: before - kept.len(),
            next: None,
        })
    }
}

impl Erase for MemoryArchive {
    async fn erase(&self, store: &StoreKey, until: Timestamp, _after: Option<&str>) -> Result<Erased, PortError> {
        let mut objects = self.objects.lock();
        let before = objects.len();
        objects.retain(|key, _| key.store() != store || key.at() >= until);
        Ok(Erased {
            removed: before - objects.len(),
            next: None,
        })
    }
}

/// [`Audit`] and [`Audited`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryAudit {
    records: Shared<BTreeMap<(StoreKey, Timestamp, DeliveryId), AuditRecord>>,
}

impl Audit for MemoryAudit {
    async fn keep(&self, record: &AuditRecord) -> Result<(), PortError> {
        let name = (record.store.clone(), record.received_at, record.delivery.clone());
        self.records.lock().entry(name).or_insert_with(|| record.clone());
        Ok(())
    }
}

impl Audited for MemoryAudit {
    async fn of(&self, store: &StoreKey) -> Result<Vec<AuditRecord>, PortError> {
        let records = self.records.lock();
        let theirs = records.values().filter(|record| record.store == *store);
        Ok(theirs.cloned().collect())
    }
}

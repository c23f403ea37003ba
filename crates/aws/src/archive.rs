//! [`Archive`], [`Archived`] and [`Erase`] in an S3 bucket.

use aws_config::SdkConfig;
use hookline_domain::{
    delivery::archive::{self, Archive, ArchiveKey, ArchiveReadError, Archived, OBJECT_LIMIT},
    kernel::{
        erase::{Erase, Erased},
        ids::StoreKey,
        port::PortError,
    },
};
use jiff::Timestamp;

use crate::s3::Bucket;

/// Most bytes that are read of one response: an incompressible object.
const MAX_RESPONSE_BYTES: usize = OBJECT_LIMIT + OBJECT_LIMIT / 16;

/// An [`Archive`] in S3: `keep` and `read` are one request each, `objects` one for each 1000 objects.
#[derive(Debug, Clone)]
pub struct S3Archive(Bucket);

impl S3Archive {
    pub(crate) fn new(config: &SdkConfig, bucket: &str) -> Self {
        Self(Bucket::new(config, bucket, "archive", MAX_RESPONSE_BYTES))
    }
}

impl Archive for S3Archive {
    async fn keep(&self, store: &StoreKey, at: Timestamp, envelopes: &[String]) -> Result<(), PortError> {
        let key = ArchiveKey::new(store.clone(), at);
        self.0.put(&key.to_string(), archive::pack(envelopes)).await
    }
}

impl Archived for S3Archive {
    async fn objects(&self, store: &StoreKey, from: Timestamp, to: Timestamp) -> Result<Vec<ArchiveKey>, PortError> {
        let prefix = ArchiveKey::prefix(store);
        let mut after = ArchiveKey::before(store, from);
        let mut found = Vec::new();
        loop {
            let listing = self.0.list(&prefix, &after).await?;
            let keys = listing.objects.iter().map(|object| &object.key);
            for key in keys.filter_map(|key| ArchiveKey::read(store, key)) {
                // Keys are in the order of their times.
                if key.at() >= to {
                    return Ok(found);
                }
                if key.at() >= from {
                    found.push(key);
                }
            }
            match listing.objects.into_iter().next_back() {
                Some(last) if listing.has_more => after = last.key,
                _ => return Ok(found),
            }
        }
    }

    async fn read(&self, key: &ArchiveKey) -> Result<Option<Vec<String>>, ArchiveReadError> {
        let object = self.0.get(&key.to_string()).await?;
        Ok(object.map(|object| archive::unpack(&object)).transpose()?)
    }
}

impl Erase for S3Archive {
    async fn erase(&self, store: &StoreKey, until: Timestamp, after: Option<&str>) -> Result<Erased, PortError> {
        let selected = |key: &str| ArchiveKey::read(store, key).is_some_and(|key| key.at() < until);
        let prefix = ArchiveKey::prefix(store);
        self.0.erase(&prefix, after, |object| selected(&object.key)).await
    }
}

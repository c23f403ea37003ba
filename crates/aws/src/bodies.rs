//! [`Bodies`] in an S3 bucket.

use aws_config::SdkConfig;
use hookline_domain::{
    delivery::{
        BODY_LIMIT,
        bodies::{Bodies, BodyKey, KeepBodies},
    },
    kernel::{
        erase::{Erase, Erased},
        ids::StoreKey,
        port::PortError,
    },
};

use jiff::Timestamp;

use crate::s3::Bucket;

/// The most bytes that are read of one answer: a body that no compression makes shorter, and what wraps it.
const ANSWER_LIMIT: usize = BODY_LIMIT + BODY_LIMIT / 16;

/// [`Bodies`] in S3: each operation is one request.
#[derive(Debug, Clone)]
pub struct S3Bodies(Bucket);

impl S3Bodies {
    pub(crate) fn new(config: &SdkConfig, bucket: &str) -> Self {
        Self(Bucket::new(config, bucket, "bodies", ANSWER_LIMIT))
    }
}

impl KeepBodies for S3Bodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), PortError> {
        self.0.put(&key.to_string(), body).await
    }
}

impl Bodies for S3Bodies {
    async fn get(&self, key: &BodyKey) -> Result<Option<Vec<u8>>, PortError> {
        self.0.get(&key.to_string()).await
    }

    async fn delete(&self, key: &BodyKey) -> Result<(), PortError> {
        self.0.delete(&key.to_string()).await
    }
}

/// By when S3 says that a body was put.
impl Erase for S3Bodies {
    async fn erase(&self, store: &StoreKey, until: Timestamp, after: Option<&str>) -> Result<Erased, PortError> {
        let meant = |modified_at| modified_at < until;
        let prefix = BodyKey::prefix(store);
        self.0.erase(&prefix, after, |listed| meant(listed.modified_at)).await
    }
}

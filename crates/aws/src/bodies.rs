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

/// Most bytes that are read of one response: an incompressible body and its envelope.
const MAX_RESPONSE_BYTES: usize = BODY_LIMIT + BODY_LIMIT / 16;

/// [`Bodies`] in S3: each operation is one request.
#[derive(Debug, Clone)]
pub struct S3Bodies(Bucket);

impl S3Bodies {
    pub(crate) fn new(config: &SdkConfig, bucket: &str) -> Self {
        Self(Bucket::new(config, bucket, "bodies", MAX_RESPONSE_BYTES))
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

/// Goes by the time at which S3 says that a body was put.
impl Erase for S3Bodies {
    async fn erase(&self, store: &StoreKey, until: Timestamp, after: Option<&str>) -> Result<Erased, PortError> {
        let selected = |modified_at| modified_at < until;
        let prefix = BodyKey::prefix(store);
        self.0
            .erase(&prefix, after, |object| selected(object.modified_at))
            .await
    }
}

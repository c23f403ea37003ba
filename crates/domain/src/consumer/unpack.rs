//! The beginning of a batch: each queue message is read, and a body that it only points at is fetched; and the very
//! end: a body is removed once its delivery is done.
//!
//! Removing is the last thing that happens to a delivery, after the ledger has it that it is done. Who dies in between
//! leaves a body that nobody asks for, which is removed after some weeks. A second copy of a message may come after
//! its body was removed; its delivery is done, and [`Reindex`](super::Reindex) settles it.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::{Message, Processed, Raw};
use crate::{
    delivery::{
        Delivery,
        bodies::{Bodies, BodyKey},
        envelope::{self, Envelope, EnvelopeError, Pointer},
    },
    kernel::{
        compression::DecompressError,
        ids::DeliveryKey,
        port::{PortError, chain},
    },
};

/// How many bodies are fetched or removed at once: as many as a batch has messages.
const BODIES_AT_ONCE: usize = 10;

/// Reads messages.
#[derive(Debug)]
pub struct Unpack<B> {
    /// Where bodies are that no message held.
    pub bodies: Option<B>,
}

/// Why a message holds no delivery that can be worked on.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is not a message of ours.
    #[error(transparent)]
    NotOurs(#[from] EnvelopeError),
    /// It is, but its body is not to be had.
    #[error("{why}")]
    NoBody {
        /// Which delivery it is.
        delivery: DeliveryKey,
        /// When that was received.
        received_at: Timestamp,
        /// Why.
        #[source]
        why: FetchBodyError,
    },
}

/// Why a body that is kept outside of its message is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchBodyError {
    /// Where it is kept did not answer. Worth a retry.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// It is not there, or no longer. Its delivery may be done.
    #[error("the body is not where it was kept")]
    Missing,
    /// It is not what was kept. Not worth a retry.
    #[error(transparent)]
    Garbled(#[from] DecompressError),
}

#[derive(Debug, thiserror::Error)]
#[error("this function is not told where bodies are kept")]
struct NotConfigured;

/// Which bodies a batch was read from, in the order of its messages.
#[derive(Debug)]
pub struct Fetched(Vec<Option<BodyKey>>);

impl<B: Bodies> Unpack<B> {
    /// Reads the messages of a batch, and fetches the bodies that they point at.
    pub async fn open(&self, messages: Vec<impl Into<Raw>>) -> (Vec<Message>, Fetched) {
        let messages: Vec<Raw> = messages.into_iter().map(Into::into).collect();
        let read: Vec<_> = stream::iter(messages)
            .map(async |Raw { id, text, tried }| {
                let (delivery, key) = match envelope::open(&text) {
                    Ok(Envelope::Whole(delivery)) => (Ok(delivery), None),
                    Ok(Envelope::Pointer(pointer)) => {
                        let key = pointer.body_key();
                        (self.follow(pointer, &key).await, Some(key))
                    }
                    Err(problem) => (Err(problem.into()), None),
                };
                let delivery = delivery.map_err(Arc::new);
                (Message { id, delivery, tried }, key)
            })
            .buffered(BODIES_AT_ONCE)
            .collect()
            .await;
        let (messages, keys) = read.into_iter().unzip();
        (messages, Fetched(keys))
    }

    async fn follow(&self, pointer: Pointer, key: &BodyKey) -> Result<Delivery, UnpackError> {
        let (delivery, received_at) = (pointer.delivery().key.clone(), pointer.delivery().received_at);
        let followed = match self.fetch(key).await {
            Ok(kept) => pointer.with(&kept).map_err(FetchBodyError::from),
            Err(why) => Err(why),
        };
        followed.map_err(|why| UnpackError::NoBody {
            delivery,
            received_at,
            why,
        })
    }

    async fn fetch(&self, key: &BodyKey) -> Result<Vec<u8>, FetchBodyError> {
        let bodies = self
            .bodies
            .as_ref()
            .ok_or_else(|| PortError::new("bodies", NotConfigured))?;
        bodies.get(key).await?.ok_or(FetchBodyError::Missing)
    }

    /// Removes the bodies of what is settled. Best effort: what stays is removed after some weeks.
    pub async fn clear(&self, fetched: Fetched, processed: &[Processed]) {
        let Some(bodies) = &self.bodies else { return };
        let done = fetched.0.into_iter().zip(processed);
        let done = done.filter_map(|(key, processed)| key.filter(|_| processed.verdict.is_settled()));
        stream::iter(done)
            .for_each_concurrent(BODIES_AT_ONCE, async |key| {
                if let Err(failure) = bodies.delete(&key).await {
                    tracing::warn!(body = %key, cause = %failure.cause, error = %chain(&failure), "failed to remove the body of a settled delivery");
                }
            })
            .await;
    }
}

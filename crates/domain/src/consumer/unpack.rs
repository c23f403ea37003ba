//! First and last step of a batch: reads each queue message and fetches the body that it points to; later, removes the
//! bodies of settled deliveries.
//!
//! A body is removed only after the ledger shows that its delivery is done. A consumer that dies in between leaves a
//! body that nobody needs, which expires after some weeks. A second copy of a message may be received after its body
//! was removed; its delivery is done, and [`Reindex`](super::Reindex) settles it.

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

/// Number of bodies fetched or removed at once: as many as a batch has messages.
const BODIES_AT_ONCE: usize = 10;

/// Reads messages.
#[derive(Debug)]
pub struct Unpack<B> {
    /// Storage of bodies too large for a message.
    pub bodies: Option<B>,
}

/// Reason why a message holds no delivery that can be processed.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The message is not ours.
    #[error(transparent)]
    NotOurs(#[from] EnvelopeError),
    /// The message is ours, but its body cannot be fetched.
    #[error("{why}")]
    NoBody {
        /// The delivery.
        delivery: DeliveryKey,
        /// Time at which it was received.
        received_at: Timestamp,
        /// Reason.
        #[source]
        why: FetchBodyError,
    },
}

/// Failure to fetch a body that is stored outside of its message.
#[derive(Debug, thiserror::Error)]
pub enum FetchBodyError {
    /// The storage did not respond. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The body does not exist, or no longer. Its delivery may be done.
    #[error("the stored body is missing")]
    Missing,
    /// The body is not what was stored. Not retryable.
    #[error(transparent)]
    Garbled(#[from] DecompressError),
}

#[derive(Debug, thiserror::Error)]
#[error("the storage of bodies is not configured: set PAYLOAD_BUCKET")]
struct NotConfiguredError;

/// Bodies that a batch was read from, in the order of its messages.
#[derive(Debug)]
pub struct Fetched(Vec<Option<BodyKey>>);

impl<B: Bodies> Unpack<B> {
    /// Reads the messages of a batch, and fetches the bodies that they point to.
    pub async fn open(&self, messages: Vec<impl Into<Raw>>) -> (Vec<Message>, Fetched) {
        let messages: Vec<Raw> = messages.into_iter().map(Into::into).collect();
        let read: Vec<_> = stream::iter(messages)
            .map(async |Raw { id, text, tried }| {
                let (delivery, sealed, key) = match envelope::open_sealed(&text) {
                    Ok((Envelope::Whole(delivery), sealed)) => (Ok(delivery), sealed, None),
                    Ok((Envelope::Pointer(pointer), sealed)) => {
                        let key = pointer.body_key();
                        (self.follow(pointer, &key).await, sealed, Some(key))
                    }
                    Err(problem) => (Err(problem.into()), None, None),
                };
                let message = Message {
                    id,
                    delivery: delivery.map_err(Arc::new),
                    sealed,
                    tried,
                };
                (message, key)
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
            .ok_or_else(|| PortError::new("bodies", NotConfiguredError))?;
        bodies.get(key).await?.ok_or(FetchBodyError::Missing)
    }

    /// Removes the bodies of settled deliveries. Best effort: a body that stays expires after some weeks.
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

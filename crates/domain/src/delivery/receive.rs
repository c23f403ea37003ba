//! Use case: accept a verified delivery once.
//!
//! ```text
//!   claim ──▶ send ──▶ accepted           two calls; the consumer completes the claim
//!     │         └─ failed ─▶ release ─▶ not now
//!     ├─ settled ─▶ duplicate
//!     └─ live ─▶ not now                  another attempt is running and may still die
//! ```
//!
//! A body that is too large for a message is stored between claim and send, and the message points to it. If it were
//! stored before the claim, each duplicate would be stored again. A receiver that dies between storing and sending
//! leaves an unused body, which expires after some weeks, and a claim that lapses: the source retries, and the next
//! attempt stores its own body. A stored body is never removed here, not even after a failed send, because the message
//! may have been sent nevertheless.

use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::SignedDuration;

use crate::{
    delivery::{
        Delivery,
        bodies::{Attempt, BodyKey, KeepBodies},
        envelope::{self, EnvelopeTooLargeError, Packed},
        ledger::{Claim, ClaimRequest, Claims},
        queue::EventQueue,
        sealed::SealedBody,
    },
    kernel::{
        port::{Clock, PortError, chain},
        time::later,
    },
};

/// Lease of a claim: longer than a receiver can run, so that the owner of a lapsed claim is dead.
pub const LEASE: SignedDuration = SignedDuration::from_secs(10);

/// Time for which the ledger remembers a delivery: longer than any source retries.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Ports that receive a delivery.
pub trait ReceivePorts {
    /// Ledger of claimed deliveries.
    type Ledger: Claims;
    /// Queue to the consumer.
    type Queue: EventQueue;
    /// Storage for bodies too large for a queue message.
    type Bodies: KeepBodies;
    /// Source of the current time.
    type Clock: Clock;
}

/// Accepts deliveries.
pub struct Receive<P: ReceivePorts> {
    /// Ledger of claimed deliveries.
    pub ledger: P::Ledger,
    /// Queue to the consumer.
    pub queue: P::Queue,
    /// Storage for bodies too large for a queue message; without it, such deliveries are refused.
    pub bodies: Option<P::Bodies>,
    /// Source of the current time.
    pub clock: P::Clock,
}

/// Outcome of receiving a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is on the queue.
    Queued,
    /// It was accepted before; nothing was sent.
    Duplicate,
    /// Another attempt is processing it: the source must retry.
    InFlight {
        /// Time after which that attempt has given up.
        retry_after: Duration,
    },
}

/// A delivery was not accepted. The source must retry unless the delivery is too large.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No message can hold it, and there is no storage for its body. Not retryable.
    #[error(transparent)]
    TooLarge(#[from] EnvelopeTooLargeError),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The ports did not answer in the time that the source allows.
    #[error("the ports did not answer in time")]
    OutOfTime,
}

impl<P: ReceivePorts> Receive<P> {
    /// Accepts a delivery with one ledger call and, unless it is a duplicate, one queue call; a body that is too large
    /// for a message takes one more call between them. Gives up when `out_of_time` resolves; then the claim lapses by
    /// itself, and a message that was sent does no harm.
    ///
    /// # Errors
    /// [`ReceiveError`] says whether the source should retry.
    pub async fn receive(
        &self,
        delivery: &Delivery,
        out_of_time: impl Future<Output = ()> + Send + Unpin,
    ) -> Result<Received, ReceiveError> {
        self.receive_sealed(delivery, None, out_of_time).await
    }

    /// Accepts a delivery with a sealed body, as [`receive`](Self::receive) does.
    ///
    /// # Errors
    /// [`ReceiveError`] says whether the source should retry.
    pub async fn receive_sealed(
        &self,
        delivery: &Delivery,
        sealed: Option<&SealedBody>,
        out_of_time: impl Future<Output = ()> + Send + Unpin,
    ) -> Result<Received, ReceiveError> {
        let packed = envelope::pack_sealed(delivery, sealed, self.queue.largest());
        if let (Packed::Large { why, .. }, None) = (&packed, &self.bodies) {
            return Err((*why).into());
        }
        let work = Box::pin(self.claim_and_send(delivery, sealed, packed));
        match select(work, out_of_time).await {
            Either::Left((received, _)) => received,
            Either::Right(((), _)) => Err(ReceiveError::OutOfTime),
        }
    }

    async fn claim_and_send(
        &self,
        delivery: &Delivery,
        sealed: Option<&SealedBody>,
        packed: Packed,
    ) -> Result<Received, ReceiveError> {
        let now = self.clock.now();
        let attempt = Attempt::new();
        let request = ClaimRequest {
            owner: attempt.to_string(),
            now,
            lease_until: later(now, LEASE),
            expires_at: later(now, REMEMBERED),
            event_id: delivery.event_id.clone(),
        };
        match self.ledger.claim(&delivery.key, &request).await? {
            Claim::Settled => return Ok(Received::Duplicate),
            Claim::Live { until } => {
                let retry_after = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                return Ok(Received::InFlight { retry_after });
            }
            Claim::Fresh => {}
        }
        if let Err(failure) = self.send(delivery, sealed, packed, attempt).await {
            // Best effort: a claim that is not released lapses. The caller needs the error of the send.
            if let Err(release) = self.ledger.release(&delivery.key, &request.owner).await {
                tracing::warn!(cause = %release.cause, error = %chain(&release), "failed to release a claim; it lapses by itself");
            }
            return Err(failure);
        }
        Ok(Received::Queued)
    }

    async fn send(
        &self,
        delivery: &Delivery,
        sealed: Option<&SealedBody>,
        packed: Packed,
        attempt: Attempt,
    ) -> Result<(), ReceiveError> {
        let message = match packed {
            Packed::Message(message) => message,
            Packed::Large { body, why } => {
                let key = BodyKey {
                    delivery: delivery.key.clone(),
                    attempt,
                };
                let bodies = self.bodies.as_ref().ok_or(why)?;
                bodies.put(&key, body).await?;
                envelope::point_sealed(delivery, sealed, attempt)
            }
        };
        Ok(self.queue.send(&delivery.key.store, message).await?)
    }
}

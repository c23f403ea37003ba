//! Use case: take a verified delivery, once.
//!
//! ```text
//!   claim ──▶ send ──▶ accepted           two calls; the consumer completes the claim
//!     │         └─ failed ─▶ release ─▶ not now
//!     ├─ settled ─▶ duplicate
//!     └─ live ─▶ not now                  somebody is on it and may still die
//! ```
//!
//! A body that no message holds is kept between claim and send, and the message points at it. Before the claim, every
//! duplicate would be kept again for nothing. Who dies between keeping and sending leaves a body that nobody asks for,
//! which is removed after some weeks, and a claim that lapses: the sender comes back, and the next attempt keeps its
//! own. What is kept is never removed here, not even when the send has failed: the message may have been sent all the
//! same.

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
    },
    kernel::{
        port::{Clock, PortError, chain},
        time::later,
    },
};

/// How long a claim keeps others out: longer than a receiver can run, so that a lapsed claim's owner is dead.
pub const LEASE: SignedDuration = SignedDuration::from_secs(10);

/// How long a delivery is remembered: longer than any sender retries.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Takes deliveries.
#[derive(Debug)]
pub struct Receive<L, Q, B, C> {
    /// Which deliveries somebody is on.
    pub ledger: L,
    /// Where they go.
    pub queue: Q,
    /// Where bodies go that no message holds; without it they are not taken.
    pub bodies: Option<B>,
    /// What time it is.
    pub clock: C,
}

/// What became of a delivery at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is on the queue.
    Queued,
    /// It was dealt with before; nothing was sent.
    Duplicate,
    /// Another attempt is on it: the sender must come back.
    InFlight {
        /// After this long that attempt has given up.
        retry_after: Duration,
    },
}

/// Why a delivery was not taken. The sender must come back unless it is too large.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No message can hold it. Not worth a retry.
    #[error(transparent)]
    TooLarge(#[from] EnvelopeTooLargeError),
    /// A port failed.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The ports did not answer in the time the sender leaves us.
    #[error("out of time")]
    OutOfTime,
}

impl<L: Claims, Q: EventQueue, B: KeepBodies, C: Clock> Receive<L, Q, B, C> {
    /// Takes a delivery: one ledger call and, unless it is a duplicate, one queue call, with one call between them for a
    /// body that no message holds. Gives up when `out_of_time` resolves; what was claimed then lapses by itself, and
    /// what was sent then is harmless.
    ///
    /// # Errors
    /// [`ReceiveError`] says whether the sender should come back.
    pub async fn receive(
        &self,
        delivery: &Delivery,
        out_of_time: impl Future<Output = ()> + Send + Unpin,
    ) -> Result<Received, ReceiveError> {
        let packed = envelope::pack(delivery, self.queue.largest());
        if let (Packed::Large { why, .. }, None) = (&packed, &self.bodies) {
            return Err((*why).into());
        }
        let work = Box::pin(self.claim_and_send(delivery, packed));
        match select(work, out_of_time).await {
            Either::Left((received, _)) => received,
            Either::Right(((), _)) => Err(ReceiveError::OutOfTime),
        }
    }

    async fn claim_and_send(&self, delivery: &Delivery, packed: Packed) -> Result<Received, ReceiveError> {
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
        if let Err(failure) = self.send(delivery, packed, attempt).await {
            // Best effort: a claim that is not given back lapses. The failure to send is what matters.
            if let Err(kept) = self.ledger.release(&delivery.key, &request.owner).await {
                tracing::warn!(cause = %kept.cause, error = %chain(&kept), "failed to release a claim; it lapses by itself");
            }
            return Err(failure);
        }
        Ok(Received::Queued)
    }

    async fn send(&self, delivery: &Delivery, packed: Packed, attempt: Attempt) -> Result<(), ReceiveError> {
        let message = match packed {
            Packed::Message(message) => message,
            Packed::Large { body, why } => {
                let key = BodyKey {
                    delivery: delivery.key.clone(),
                    attempt,
                };
                let bodies = self.bodies.as_ref().ok_or(why)?;
                bodies.put(&key, body).await?;
                envelope::point(delivery, attempt)
            }
        };
        Ok(self.queue.send(&delivery.key.store, message).await?)
    }
}

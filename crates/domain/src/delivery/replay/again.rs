//! Use case: replay a delivery by its key, with its body from the archive.

use super::{original_of, replay_of};
use crate::{
    delivery::{
        Delivery,
        archive::{
            Archived,
            search::{self, ArchiveSearchError},
        },
        ledger::{LedgerRecord, LedgerState, Records, UNKNOWN_DELIVERY},
        receive::{Receive, ReceiveError, ReceivePorts, Received},
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey, InvalidIdError},
        port::PortError,
    },
};

/// Ports that replay a delivery: those that receive it, with a ledger that can be read, and the archive.
pub trait ReplayPorts: ReceivePorts<Ledger: Records> {
    /// Archive of bodies, for reading.
    type Archive: Archived;
}

/// Replays deliveries.
pub struct Replay<P: ReplayPorts> {
    /// Archive of bodies; without it, no delivery can be replayed.
    pub archive: Option<P::Archive>,
    /// Receives the replay as it received the original. Its ledger has the time at which the original was settled.
    pub receive: Receive<P>,
}

/// A delivery was not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The ledger does not know it: it was not received, or longer ago than the ledger remembers.
    #[error("{UNKNOWN_DELIVERY}")]
    Unknown,
    /// It has not been settled.
    #[error("It has not been settled yet. Look again in a few seconds.")]
    NotSettled,
    /// It is parked.
    #[error("It could not be applied, and no message of it is left. With its body in a file: hookline replay --file.")]
    Parked,
    /// This deployment has no archive.
    #[error("this stack archives no bodies of applied deliveries (ArchiveDays): have the store save the item again")]
    NoArchive,
    /// It was settled, but its body is not in the archive.
    #[error(
        "its body is not in the archive: not yet (it is stored within a minute), no longer, or never (topics about \
         people)"
    )]
    NotKept,
    /// The archive could not be searched.
    #[error(transparent)]
    NotSearched(#[from] ArchiveSearchError),
    /// It was found but could not be sent.
    #[error(transparent)]
    NotSent(#[from] ResendError),
    /// The ledger did not answer. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// A replay was not sent to the queue.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// Another delivery has the replay's id. This happens only if two random numbers are equal.
    #[error("another delivery has claimed the replay's id")]
    Claimed,
    /// The original's id cannot be turned into a replay's id.
    #[error(transparent)]
    Id(#[from] InvalidIdError),
    /// It was not accepted.
    #[error(transparent)]
    NotReceived(#[from] ReceiveError),
}

impl<P: ReplayPorts> Replay<P> {
    /// Replays a delivery, or its original if it is a replay itself. Returns the replay's id.
    ///
    /// # Errors
    /// [`ReplayError`] says why it was not replayed and what to do.
    pub async fn again(&self, delivery: &DeliveryKey) -> Result<DeliveryId, ReplayError> {
        let record = self.original(delivery).await?.ok_or(ReplayError::Unknown)?;
        match record.entry.state {
            LedgerState::Claimed { .. } => return Err(ReplayError::NotSettled),
            LedgerState::Parked => return Err(ReplayError::Parked),
            LedgerState::Done => {}
        }
        let archive = self.archive.as_ref().ok_or(ReplayError::NoArchive)?;
        let found = search::of_record(archive, &record).await?;
        let (_, delivery) = found.ok_or(ReplayError::NotKept)?;
        Ok(send(&self.receive, &delivery).await?.id)
    }

    async fn original(&self, delivery: &DeliveryKey) -> Result<Option<LedgerRecord>, ReplayError> {
        let original = original_of(&delivery.id).and_then(|id| DeliveryId::new(id).ok());
        let key = DeliveryKey {
            id: original.unwrap_or_else(|| delivery.id.clone()),
            ..delivery.clone()
        };
        Ok(self.receive.ledger.find(&key).await?)
    }
}

/// Sends a delivery again under a new id. Returns the replay's key.
///
/// # Errors
/// [`ResendError`] says why it is not on the queue.
pub async fn send<P: ReceivePorts>(receive: &Receive<P>, delivery: &Delivery) -> Result<DeliveryKey, ResendError> {
    let mut replay = delivery.clone();
    replay.key.id = replay_of(&delivery.key.id)?;
    match receive.receive(&replay, std::future::pending()).await? {
        Received::Queued => Ok(replay.key),
        Received::Duplicate | Received::InFlight { .. } => Err(ResendError::Claimed),
    }
}

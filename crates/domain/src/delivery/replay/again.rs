//! Use case: a delivery is applied again, by whoever knows its name only: its body is in the archive.

use super::{original_of, replay_of};
use crate::{
    delivery::{
        Delivery,
        archive::{
            Archived,
            search::{self, ArchiveSearchError},
        },
        bodies::KeepBodies,
        ledger::{Ledger, LedgerRecord, LedgerState, Records},
        queue::EventQueue,
        receive::{Receive, ReceiveError, Received},
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey, InvalidIdError},
        port::{Clock, PortError},
    },
};

/// Sends deliveries again.
#[derive(Debug)]
pub struct Replay<A, L, Q, B, C> {
    /// Where bodies are; without it none is found.
    pub archive: Option<A>,
    /// Takes the replay as it took the original. Its ledger says when the original was settled.
    pub receive: Receive<L, Q, B, C>,
}

/// Why a delivery was not sent again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The ledger does not know it: it has not come, or longer ago than the ledger remembers.
    #[error("nothing is known of this delivery: it has not come, or more than 7 days ago")]
    Unknown,
    /// It has not been settled.
    #[error("It has not been settled yet. Look again in a few seconds.")]
    NotSettled,
    /// It is parked.
    #[error("It could not be applied, and nothing of it waits. With its body in a file: hookline replay --file.")]
    Parked,
    /// Nothing is kept at all.
    #[error("this stack keeps no bodies of what was applied (ArchiveDays): have the store change the thing once more")]
    NoArchive,
    /// It was settled, and its body is not there.
    #[error(
        "its body is not in the archive: not yet (it is kept within a minute), not any more, or never, as of topics \
         about people"
    )]
    NotKept,
    /// The archive could not be searched.
    #[error(transparent)]
    NotSearched(#[from] ArchiveSearchError),
    /// It was found and could not be sent.
    #[error(transparent)]
    NotSent(#[from] ResendError),
    /// The ledger did not answer. Worth a retry.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Why a replay is not on the queue.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// An id that nobody has had before is claimed by nobody else; but for a clash of random numbers.
    #[error("somebody else has claimed the replay's id")]
    Claimed,
    /// No id can be made of the original's.
    #[error(transparent)]
    Id(#[from] InvalidIdError),
    /// It was not taken.
    #[error(transparent)]
    NotReceived(#[from] ReceiveError),
}

impl<A, L, Q, B, C> Replay<A, L, Q, B, C>
where
    A: Archived,
    L: Ledger + Records,
    Q: EventQueue,
    B: KeepBodies,
    C: Clock,
{
    /// Sends a delivery again, or the original if it is a replay itself. The replay's id.
    ///
    /// # Errors
    /// [`ReplayError`] says why it was not sent, and what to do.
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

/// Sends a delivery again, under an id of its own. What the ledger knows the replay by.
///
/// # Errors
/// [`ResendError`] says why it is not on the queue.
pub async fn send<L: Ledger, Q: EventQueue, B: KeepBodies, C: Clock>(
    receive: &Receive<L, Q, B, C>,
    delivery: &Delivery,
) -> Result<DeliveryKey, ResendError> {
    let mut replay = delivery.clone();
    replay.key.id = replay_of(&delivery.key.id)?;
    match receive.receive(&replay, std::future::pending()).await? {
        Received::Queued => Ok(replay.key),
        Received::Duplicate | Received::InFlight { .. } => Err(ResendError::Claimed),
    }
}

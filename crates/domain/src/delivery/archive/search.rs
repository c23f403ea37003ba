//! Looks for deliveries in the archive.

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::{ArchiveKey, ArchiveReadError, Archived};
use crate::{
    delivery::{
        Delivery,
        envelope::{self, EnvelopeError},
        ledger::LedgerRecord,
    },
    kernel::port::PortError,
};

/// How many objects are read at once.
const AT_ONCE: usize = 10;

/// How far the clocks of two consumers may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(10);

/// How long after it was settled a delivery may have been kept: as long as the queue goes on trying, and more, for a
/// consumer that dies in between leaves it to one that receives the message again.
const KEPT_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// The archive could not be searched.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveSearchError {
    /// Its objects could not be listed. Worth a retry.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// One of them could not be had.
    #[error("{0} cannot be read")]
    Object(ArchiveKey, #[source] ArchiveReadError),
    /// One of them holds something else. Not worth a retry.
    #[error("{0} holds something else")]
    Foreign(ArchiveKey, #[source] EnvelopeError),
}

/// The delivery of a ledger entry and the object that it is in; none if it is not settled, or was not kept.
///
/// # Errors
/// [`ArchiveSearchError`] says whether to try again.
pub async fn of_record(
    archive: &impl Archived,
    record: &LedgerRecord,
) -> Result<Option<(ArchiveKey, Delivery)>, ArchiveSearchError> {
    let Some(settled_at) = record.settled_at else {
        return Ok(None);
    };
    let from = settled_at.checked_sub(CLOCKS_APART).unwrap_or(Timestamp::MIN);
    let to = settled_at.checked_add(KEPT_WITHIN).unwrap_or(Timestamp::MAX);
    let keys = archive.objects(&record.delivery.store, from, to).await?;
    let mut objects = Box::pin(read(archive, keys));
    while let Some((key, deliveries)) = objects.try_next().await? {
        let mut deliveries = deliveries.into_iter();
        if let Some(delivery) = deliveries.find(|delivery| delivery.key == record.delivery) {
            return Ok(Some((key, delivery)));
        }
    }
    Ok(None)
}

/// Reads objects in this order. One that has expired meanwhile holds nothing.
pub fn read<A: Archived>(
    archive: &A,
    keys: Vec<ArchiveKey>,
) -> impl Stream<Item = Result<(ArchiveKey, Vec<Delivery>), ArchiveSearchError>> + Send {
    stream::iter(keys.into_iter().map(move |key| object(archive, key))).buffered(AT_ONCE)
}

async fn object(archive: &impl Archived, key: ArchiveKey) -> Result<(ArchiveKey, Vec<Delivery>), ArchiveSearchError> {
    match archive.read(&key).await {
        Ok(envelopes) => {
            let envelopes = envelopes.unwrap_or_default();
            let deliveries: Result<_, _> = envelopes.iter().map(|envelope| envelope::decode(envelope)).collect();
            match deliveries {
                Ok(deliveries) => Ok((key, deliveries)),
                Err(foreign) => Err(ArchiveSearchError::Foreign(key, foreign)),
            }
        }
        Err(failure) => Err(ArchiveSearchError::Object(key, failure)),
    }
}

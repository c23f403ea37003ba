//! Search for deliveries in the archive.

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

/// Maximum number of objects that are read concurrently.
const MAX_CONCURRENT_READS: usize = 10;

/// Maximum difference between the clocks of two consumers.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(10);

/// Maximum time from settling a delivery to archiving it. Longer than the queue retries, because a consumer that dies
/// in between leaves the archiving to one that receives the message again.
const MAX_ARCHIVING_DELAY: SignedDuration = SignedDuration::from_hours(1);

/// The archive could not be searched.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveSearchError {
    /// Its objects could not be listed. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// An object could not be read.
    #[error("{0} cannot be read")]
    Object(ArchiveKey, #[source] ArchiveReadError),
    /// An object contains something other than envelopes. Not retryable.
    #[error("{0} contains a message that is not an envelope")]
    Foreign(ArchiveKey, #[source] EnvelopeError),
}

/// Finds the delivery of a ledger entry and the object that contains it; `None` if it is not settled or not archived.
///
/// # Errors
/// [`ArchiveSearchError`] says whether to retry.
pub async fn of_record(
    archive: &impl Archived,
    record: &LedgerRecord,
) -> Result<Option<(ArchiveKey, Delivery)>, ArchiveSearchError> {
    let Some(settled_at) = record.settled_at else {
        return Ok(None);
    };
    let from = settled_at.checked_sub(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MIN);
    let to = settled_at.checked_add(MAX_ARCHIVING_DELAY).unwrap_or(Timestamp::MAX);
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

/// Reads objects in the given order. An object that has expired meanwhile yields no deliveries.
pub fn read<A: Archived>(
    archive: &A,
    keys: Vec<ArchiveKey>,
) -> impl Stream<Item = Result<(ArchiveKey, Vec<Delivery>), ArchiveSearchError>> + Send {
    stream::iter(keys.into_iter().map(move |key| object(archive, key))).buffered(MAX_CONCURRENT_READS)
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

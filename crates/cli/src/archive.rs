//! Looks into the archive, where deliveries are kept after they have been settled, if a stack keeps them.

use anyhow::{Context, Result};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use hookline_aws::S3Archive;
use hookline_domain::{
    archive::{ArchiveKey, Archived},
    delivery::Delivery,
    envelope,
    ids::StoreKey,
    ledger::Record,
};
use jiff::{SignedDuration, Timestamp};

use crate::pace;

/// How many objects are read at once.
const AT_ONCE: usize = 10;

/// How far the clocks of two consumers may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(10);

/// How long after it was settled a delivery may have been kept: as long as the queue goes on trying, and more, for a
/// consumer that dies in between leaves it to one that receives the message again.
const KEPT_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// The archive, as a person reads it.
pub struct Archive(pub S3Archive);

impl Archive {
    /// What was kept of a store in a time, as far as it is wanted; the newest copies first.
    pub async fn of_store(
        &self,
        store: &StoreKey,
        from: Timestamp,
        to: Timestamp,
        is_wanted: impl Fn(&Delivery) -> bool,
    ) -> Result<Vec<Delivery>> {
        let mut keys = self.0.objects(store, from, to).await?;
        keys.reverse();
        let bar = pace::bar(u64::try_from(keys.len()).unwrap_or(u64::MAX), "reading the archive");
        let mut found = Vec::new();
        let mut objects = Box::pin(self.read(keys));
        while let Some((_, deliveries)) = objects.try_next().await? {
            // Within an object, too, the newest is the last.
            found.extend(deliveries.into_iter().rev().filter(&is_wanted));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(found)
    }

    /// The delivery of a ledger entry and the object that it is in; none if it is not settled, or was not kept.
    pub async fn of_record(&self, record: &Record) -> Result<Option<(ArchiveKey, Delivery)>> {
        let Some(settled_at) = record.settled_at else {
            return Ok(None);
        };
        let from = settled_at.checked_sub(CLOCKS_APART).unwrap_or(Timestamp::MIN);
        let to = settled_at.checked_add(KEPT_WITHIN).unwrap_or(Timestamp::MAX);
        let keys = self.0.objects(&record.delivery.store, from, to).await?;
        let mut objects = Box::pin(self.read(keys));
        while let Some((key, deliveries)) = objects.try_next().await? {
            let mut deliveries = deliveries.into_iter();
            if let Some(delivery) = deliveries.find(|delivery| delivery.key == record.delivery) {
                return Ok(Some((key, delivery)));
            }
        }
        Ok(None)
    }

    /// Reads objects in this order. One that has expired meanwhile holds nothing.
    fn read(&self, keys: Vec<ArchiveKey>) -> impl Stream<Item = Result<(ArchiveKey, Vec<Delivery>)>> {
        let read = async |key: ArchiveKey| {
            let envelopes = self.0.read(&key).await;
            let envelopes = envelopes.with_context(|| format!("{key} cannot be read"))?;
            let deliveries = envelopes.unwrap_or_default().into_iter();
            let deliveries: Result<_, _> = deliveries.map(|envelope| envelope::decode(&envelope)).collect();
            let deliveries = deliveries.with_context(|| format!("{key} holds something else"))?;
            Ok((key, deliveries))
        };
        stream::iter(keys).map(read).buffered(AT_ONCE)
    }
}

//! Looks into the archive, where deliveries are kept after they have been settled, if a stack keeps them.

use anyhow::Result;
use futures_util::TryStreamExt;
use hookline_aws::S3Archive;
use hookline_domain::{
    delivery::{
        Delivery,
        archive::{ArchiveKey, Archived, search},
        ledger::LedgerRecord,
    },
    kernel::ids::StoreKey,
};
use jiff::Timestamp;

use crate::pace;

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
        let mut objects = Box::pin(search::read(&self.0, keys));
        while let Some((_, deliveries)) = objects.try_next().await? {
            // Within an object, too, the newest is the last.
            found.extend(deliveries.into_iter().rev().filter(&is_wanted));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(found)
    }

    /// The delivery of a ledger entry and the object that it is in; none if it is not settled, or was not kept.
    pub async fn of_record(&self, record: &LedgerRecord) -> Result<Option<(ArchiveKey, Delivery)>> {
        Ok(search::of_record(&self.0, record).await?)
    }
}

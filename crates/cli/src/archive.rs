//! Reads the archive, in which a stack may keep completed deliveries.

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

use crate::output;

/// Archive with progress on the terminal.
pub struct Archive(pub S3Archive);

impl Archive {
    /// Returns a store's archived deliveries of a time span that match, newest copies first.
    pub async fn of_store(
        &self,
        store: &StoreKey,
        from: Timestamp,
        to: Timestamp,
        matches: impl Fn(&Delivery) -> bool,
    ) -> Result<Vec<Delivery>> {
        let mut keys = self.0.objects(store, from, to).await?;
        keys.reverse();
        let bar = output::progress_bar(u64::try_from(keys.len()).unwrap_or(u64::MAX), "reading the archive");
        let mut found = Vec::new();
        let mut objects = Box::pin(search::read(&self.0, keys));
        while let Some((_, deliveries)) = objects.try_next().await? {
            // The newest delivery of an object is its last, too.
            found.extend(deliveries.into_iter().rev().filter(&matches));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(found)
    }

    /// Returns the delivery of a ledger entry and its archive object; none if it is not completed or was not kept.
    pub async fn of_record(&self, record: &LedgerRecord) -> Result<Option<(ArchiveKey, Delivery)>> {
        Ok(search::of_record(&self.0, record).await?)
    }
}

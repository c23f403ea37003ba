//! Begins the install of a store that no webhook has announced.

use anyhow::{Result, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    store::stores::{StoreRecord, Stores},
};
use jiff::Timestamp;

/// Ensures that the store has an install, and returns its record. An enabled store is left as it is; any other begins
/// its next install, above a floor (ADR 7), so that an earlier uninstall, delayed or captured and replayed, cannot end
/// it.
pub async fn begin(stores: &impl Stores, store: &StoreKey, now: Timestamp) -> Result<StoreRecord> {
    if let Some(record) = stores.find(store).await?
        && record.enabled
    {
        return Ok(record);
    }
    stores.disable(store, now).await?;
    // The latest uninstall: this one, or another with a later time from another clock.
    let ended = stores.find(store).await?.and_then(|record| record.uninstalled_at);
    if let Some(ended) = ended {
        stores.begin_epoch(store, ended).await?;
    }
    match stores.find(store).await? {
        Some(record) if record.enabled => Ok(record),
        Some(_) | None => bail!("{} was uninstalled just now; try again", store.label()),
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::{memory::MemoryStores, store::stores::Uninstall};
    use hookline_testkit::builders::{noon, noon_plus, store};

    use super::*;

    #[tokio::test]
    async fn unknown_store_begins_its_first_install_above_a_floor() {
        let stores = MemoryStores::default();
        let record = begin(&stores, &store("demo"), noon()).await.unwrap();
        assert!(record.enabled);
        assert_eq!(record.uninstall(noon_plus(-1)), Uninstall::Earlier);
        let repeated = begin(&stores, &store("demo"), noon_plus(60)).await.unwrap();
        assert_eq!(repeated, record, "an existing install is left as it is");
    }

    #[tokio::test]
    async fn uninstalled_store_begins_its_next_install_despite_clock_skew() {
        for uninstalled_at in [noon_plus(-60), noon(), noon_plus(60)] {
            let stores = MemoryStores::default();
            stores.disable(&store("demo"), uninstalled_at).await.unwrap();
            let before = stores.find(&store("demo")).await.unwrap().unwrap();
            let record = begin(&stores, &store("demo"), noon()).await.unwrap();
            assert!(record.enabled && record.epoch == before.epoch + 1, "{record:?}");
            assert_eq!(record.uninstalled_at, Some(uninstalled_at.max(noon())));
        }
    }
}

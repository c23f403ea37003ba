//! Connecting a store whose states are requested: the only thing that begins an install of it.

use jiff::Timestamp;

use super::{StoreUpdate, Stores};
use crate::kernel::{ids::StoreKey, port::PortError, time::whole_micros};

/// Begins an install of a store whose states are requested, unless one is running, and makes the record of an unknown
/// store. The install begins above a floor at `now`: whatever was queried before belongs to no install, and a disconnection
/// that was signed before cannot end it. The whole catalogue has to be read then. May be repeated. The token is kept
/// elsewhere, and before this.
///
/// If the store is disconnected meanwhile, it stays so.
///
/// # Errors
/// [`PortError`]; call it again.
pub async fn connect(stores: &impl Stores, store: &StoreKey, now: Timestamp) -> Result<(), PortError> {
    let record = stores.find(store).await?;
    if record.as_ref().is_none_or(|record| !record.enabled) {
        let ended = record.and_then(|record| record.uninstalled_at);
        // The vendor's clock may be ahead of ours.
        let began = ended.map_or(now, |ended| ended.max(now));
        let began = whole_micros(began);
        stores.disable(store, began).await?;
        stores.begin_epoch(store, began).await?;
    }
    let update = StoreUpdate {
        asked: true,
        connected: Some(true),
        ..StoreUpdate::default()
    };
    stores.record(store, &update).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{MemoryStores, noon},
        store::stores::{AskedInPeriod, StoreRecord},
        testing::store,
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    async fn record(stores: &MemoryStores) -> StoreRecord {
        stores.find(&store()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn connecting_makes_the_record_of_an_unknown_store() {
        let stores = MemoryStores::default();
        connect(&stores, &store(), noon()).await.unwrap();
        let made = record(&stores).await;
        assert!(made.asked && made.enabled && made.connected);
        assert_eq!((made.epoch, made.uninstalled_at), (1, Some(noon())));
        connect(&stores, &store(), at("2026-11-21T13:00:00Z")).await.unwrap();
        assert_eq!(record(&stores).await.epoch, 1, "an install is running already");
    }

    #[tokio::test]
    async fn connecting_again_moves_the_floor_up_to_now() {
        let stores = MemoryStores::default();
        connect(&stores, &store(), noon()).await.unwrap();
        stores.disable(&store(), at("2026-11-21T12:10:00Z")).await.unwrap();
        let asked_at = at("2026-11-21T12:15:00Z");
        assert_eq!(record(&stores).await.install_of_asked(asked_at), None);
        connect(&stores, &store(), at("2026-11-21T12:20:00.5Z")).await.unwrap();
        let back = record(&stores).await;
        assert_eq!((back.epoch, back.enabled), (2, true));
        assert_eq!(
            back.install_of_asked(asked_at),
            None,
            "asked before the present install"
        );
        let period = |text| back.install_of_asked(at(text));
        assert_eq!(period("2026-11-21T12:20:00.4Z"), None);
        assert_eq!(period("2026-11-21T12:20:00.9Z"), Some(AskedInPeriod::TooSoon));
        assert_eq!(period("2026-11-21T12:20:01Z"), Some(AskedInPeriod::Current));
    }

    #[tokio::test]
    async fn store_that_is_disconnected_by_a_clock_ahead_of_ours_is_connected_from_then_on() {
        let stores = MemoryStores::default();
        let ahead = at("2026-11-21T12:30:00Z");
        stores.disable(&store(), ahead).await.unwrap();
        connect(&stores, &store(), noon()).await.unwrap();
        let back = record(&stores).await;
        assert_eq!((back.enabled, back.uninstalled_at), (true, Some(ahead)));
    }
}

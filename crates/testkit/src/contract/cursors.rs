//! Contract suite of [`Cursors`], and of what the record of a store says of connecting.

use hookline_domain::{
    store::stores::{Redact, StoreUpdate, StoreViews, Stores, connect},
    sync::asking::Cursors,
};

use super::at_once;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! cursors_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            cursors,
            $start,
            [
                cursor_only_moves_forward,
                furthest_of_concurrent_moves_stays,
                cursor_is_no_part_of_the_status_and_is_erased_with_the_store,
                store_that_is_asked_stays_so,
            ]
        );
    };
}

pub async fn cursor_only_moves_forward(stores: &impl Cursors) {
    let (demo, other) = (store("demo"), store("other"));
    assert_eq!(stores.cursor(&demo).await.unwrap(), None);
    for (moved, expected) in [(10, 10), (5, 10), (10, 10), (20, 20)] {
        stores.move_cursor(&demo, noon_plus(moved)).await.unwrap();
        assert_eq!(stores.cursor(&demo).await.unwrap(), Some(noon_plus(expected)));
    }
    assert_eq!(stores.cursor(&other).await.unwrap(), None);
}

pub async fn furthest_of_concurrent_moves_stays<S: Cursors + Clone + 'static>(stores: &S) {
    let moves = (0..16).map(|n| {
        let stores = stores.clone();
        async move { stores.move_cursor(&store("demo"), noon_plus(n * 7 % 16)).await.unwrap() }
    });
    at_once(moves.collect()).await;
    assert_eq!(stores.cursor(&store("demo")).await.unwrap(), Some(noon_plus(15)));
}

pub async fn cursor_is_no_part_of_the_status_and_is_erased_with_the_store<S>(stores: &S)
where
    S: Stores + StoreViews + Redact + Cursors,
{
    let demo = store("demo");
    stores.record(&demo, &StoreUpdate::default()).await.unwrap();
    let before = stores.view(&demo).await.unwrap();
    stores.move_cursor(&demo, noon()).await.unwrap();
    assert_eq!(stores.view(&demo).await.unwrap(), before);
    stores.disable(&demo, noon()).await.unwrap();
    stores.redact(&demo, noon(), noon_plus(60)).await.unwrap();
    assert_eq!(stores.cursor(&demo).await.unwrap(), None);
}

pub async fn store_that_is_asked_stays_so<S: Stores + Redact>(stores: &S) {
    let demo = store("demo");
    let record = async || stores.find(&demo).await.unwrap().unwrap();
    stores.record(&demo, &StoreUpdate::default()).await.unwrap();
    assert!(!record().await.asked);
    connect(stores, &demo, noon()).await.unwrap();
    stores.record(&demo, &StoreUpdate::default()).await.unwrap();
    assert!(record().await.asked && record().await.connected);
    stores.disable(&demo, noon_plus(60)).await.unwrap();
    connect(stores, &demo, noon_plus(120)).await.unwrap();
    let back = record().await;
    assert_eq!(
        (back.enabled, back.epoch, back.uninstalled_at),
        (true, 2, Some(noon_plus(120)))
    );
    stores.disable(&demo, noon_plus(180)).await.unwrap();
    stores.redact(&demo, noon_plus(180), noon_plus(240)).await.unwrap();
    assert!(record().await.asked, "an answer on its way must not begin an install");
}

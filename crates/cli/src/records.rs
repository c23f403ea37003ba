//! Finds the ledger entries of a delivery whose store and topic may be unknown.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_domain::{
    delivery::{
        ledger::{Cursor, LedgerRecord, Records},
        replay::original_of,
    },
    kernel::ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
};
use hookline_sources::platform;

use crate::{args::values::StoreArg, output::say};

/// Concurrent requests.
const MAX_CONCURRENT_REQUESTS: usize = 10;

/// Pages of the ledger read between two progress messages without a terminal.
const PAGES_PER_MESSAGE: u64 = 1000;

/// Finds a delivery's ledger entries. With a store, reads only that delivery's keys: of the topic, or of every topic that
/// has a receiver. Without one, searches the whole ledger, which also finds the delivery's replays.
pub async fn find(
    ledger: &impl Records,
    id: &DeliveryId,
    store: Option<&StoreArg>,
    topic: Option<&Topic>,
) -> Result<Vec<LedgerRecord>> {
    let Some(StoreArg(store)) = store else {
        return search(ledger, id).await;
    };
    let found: Vec<_> = stream::iter(keys(id, store, topic))
        .map(async |key| ledger.find(&key).await)
        .buffered(MAX_CONCURRENT_REQUESTS)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Possible keys of a store's delivery: one for the topic, or one for each topic that has a receiver.
pub fn keys(id: &DeliveryId, store: &StoreKey, topic: Option<&Topic>) -> Vec<DeliveryKey> {
    let key = |topic| DeliveryKey {
        store: store.clone(),
        topic,
        id: id.clone(),
    };
    topics(store, topic).into_iter().map(key).collect()
}

fn topics(store: &StoreKey, topic: Option<&Topic>) -> Vec<Topic> {
    match topic {
        Some(topic) => vec![topic.clone()],
        None => platform(&store.source)
            .into_iter()
            .flat_map(|platform| platform.sender.topics)
            .filter_map(|topic| Topic::new(topic.name).ok())
            .collect(),
    }
}

/// Searches the whole ledger for the delivery and its replays: its keys begin with store and topic.
async fn search(ledger: &impl Records, id: &DeliveryId) -> Result<Vec<LedgerRecord>> {
    say("· searching the whole ledger; with --store, only the delivery itself is read");
    let bar = indicatif::ProgressBar::new_spinner();
    let (mut found, mut looked_at, mut pages) = (Vec::new(), 0, 0);
    let mut after: Option<Cursor> = None;
    loop {
        let page = ledger.search(id, after).await?;
        looked_at += page.looked_at;
        pages += 1;
        bar.set_message(format!("{looked_at} deliveries searched"));
        bar.tick();
        if bar.is_hidden() && pages % PAGES_PER_MESSAGE == 0 {
            say(&format!("· {looked_at} deliveries searched"));
        }
        let is_meant =
            |record: &LedgerRecord| record.delivery.id == *id || original_of(&record.delivery.id) == Some(id.as_str());
        found.extend(page.found.into_iter().filter(is_meant));
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    bar.finish_and_clear();
    found.sort_by_key(|record| record.claimed_at);
    Ok(found)
}

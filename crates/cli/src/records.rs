//! Finds what the ledger remembers of a delivery whose store and topic may not be known.

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

use crate::{output::say, select::Store};

/// How many requests are under way at once.
const AT_ONCE: usize = 10;

/// How many pages of the ledger are looked through between two words about it where there is no terminal.
const PAGES: u64 = 1000;

/// With a store, the delivery only, of the topic or else of all that have a receiver. Without one, the whole ledger is
/// searched, which also finds the delivery's replays.
pub async fn find(
    ledger: &impl Records,
    id: &DeliveryId,
    store: Option<&Store>,
    topic: Option<&Topic>,
) -> Result<Vec<LedgerRecord>> {
    let Some(Store(store)) = store else {
        return search(ledger, id).await;
    };
    let found: Vec<_> = stream::iter(keys(id, store, topic))
        .map(async |key| ledger.find(&key).await)
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// The names that a delivery of a store can have: one for the topic, or for each that has a receiver.
pub fn keys(id: &DeliveryId, store: &StoreKey, topic: Option<&Topic>) -> Vec<DeliveryKey> {
    let key = |topic| DeliveryKey {
        store: store.clone(),
        topic,
        id: id.clone(),
    };
    topics(store, topic).into_iter().map(key).collect()
}

fn topics(store: &StoreKey, wanted: Option<&Topic>) -> Vec<Topic> {
    match wanted {
        Some(topic) => vec![topic.clone()],
        None => platform(&store.source)
            .into_iter()
            .flat_map(|platform| platform.sender.topics)
            .filter_map(|topic| Topic::new(topic.name).ok())
            .collect(),
    }
}

/// Looks through the whole ledger for the delivery and its replays: it is kept by store and topic.
async fn search(ledger: &impl Records, id: &DeliveryId) -> Result<Vec<LedgerRecord>> {
    say("· searching the whole ledger; with --store it is asked for the delivery only");
    let bar = indicatif::ProgressBar::new_spinner();
    let (mut found, mut looked_at, mut pages) = (Vec::new(), 0, 0);
    let mut after: Option<Cursor> = None;
    loop {
        let page = ledger.search(id, after).await?;
        looked_at += page.looked_at;
        pages += 1;
        bar.set_message(format!("{looked_at} deliveries looked at"));
        bar.tick();
        if bar.is_hidden() && pages % PAGES == 0 {
            say(&format!("· {looked_at} deliveries looked at"));
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

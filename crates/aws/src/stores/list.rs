//! [`StoreList`] in the same table: a `Scan`, page by page. Stores are few, and are listed once an hour.
//!
//! A scan returns the items of a partition key together, but a page may end between them: those of the last partition
//! key are left to the next page.

use hookline_domain::{
    kernel::port::PortError,
    store::stores::{Counts, StoreCursor, StoreList, StorePage},
};
use hookline_tables::{
    Item, MalformedError, key,
    stores::{add_counts, counted_store, is_everybody, is_inbound, read_collection, read_hour},
};

use super::DynamoStores;
use crate::{
    failure,
    table::{from_sdk, to_sdk},
};

/// Separates the two keys in a cursor. Neither holds it.
const SEPARATOR: char = '\n';

impl StoreList for DynamoStores {
    async fn page(&self, after: Option<&StoreCursor>) -> Result<StorePage, PortError> {
        let mut start = after.and_then(start_key).map(to_sdk);
        let mut met: Vec<Item> = Vec::new();
        loop {
            let page = self
                .table
                .scan()
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failure::of_call(self.table.port, error))?;
            met.extend(page.items.unwrap_or_default().into_iter().map(from_sdk));
            start = page.last_evaluated_key;
            let read = if start.is_none() {
                read_page(&met, None)
            } else {
                let last = met.last().and_then(|item| item.get("pk"));
                let whole = met.iter().take_while(|item| item.get("pk") != last).count();
                // The whole page may belong to one store; the scan then continues.
                if whole == 0 {
                    continue;
                }
                met.truncate(whole);
                read_page(&met, met.last())
            };
            return read.map_err(|malformed| self.table.malformed(malformed));
        }
    }
}

fn start_key(StoreCursor(cursor): &StoreCursor) -> Option<Item> {
    let (pk, sk) = cursor.split_once(SEPARATOR)?;
    Some(key(pk, sk))
}

fn read_page(items: &[Item], last: Option<&Item>) -> Result<StorePage, MalformedError> {
    let mut page = StorePage::default();
    for items in items.chunk_by(|a, b| a.get("pk") == b.get("pk")) {
        let Some(first) = items.first().filter(|item| !is_everybody(item) && !is_inbound(item)) else {
            continue;
        };
        if let Some(store) = counted_store(first)? {
            let mut counts = Counts::default();
            for item in items {
                add_counts(&mut counts, read_hour(item)?);
            }
            page.counts.push((store, counts));
        } else if let Some(view) = read_collection(items)? {
            page.stores.push((first.parse("pk")?, view));
        }
    }
    let cursor = |item: &Item| {
        let (pk, sk) = (item.text("pk")?, item.text("sk")?);
        Ok(StoreCursor(format!("{pk}{SEPARATOR}{sk}")))
    };
    page.next = last.map(cursor).transpose()?;
    Ok(page)
}

//! [`StoreList`] in the same table: a `Scan`, page by page. Stores are few; whoever lists them does so once an hour.
//!
//! A scan hands over the items of a partition key together, but may end between them: those of the last are left to the next page.

use std::mem;

use hookline_domain::{
    kernel::port::PortError,
    store::stores::{Counts, StoreCursor, StoreList, StorePage},
};

use super::{
    DynamoStores, PORT,
    view::{add, counted_store, read_collection, read_hour},
};
use crate::{
    attributes::{Item, Malformed, read_text, text},
    failure,
};

/// What stands between the two keys of a cursor. Neither holds it.
const SEPARATOR: char = '\n';

impl StoreList for DynamoStores {
    async fn page(&self, after: Option<&StoreCursor>) -> Result<StorePage, PortError> {
        let mut start = after.and_then(start_at);
        let mut met: Vec<Item> = Vec::new();
        loop {
            let page = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failure::of_call(PORT, error))?;
            met.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            let read = if start.is_none() {
                read_page(&met, None)
            } else {
                let last = met.last().and_then(|item| item.get("pk"));
                let whole = met.iter().take_while(|item| item.get("pk") != last).count();
                // All of it may be of one store: then more of it is read.
                if whole == 0 {
                    continue;
                }
                met.truncate(whole);
                read_page(&met, met.last())
            };
            return read.map_err(|malformed| failure::of_ours(PORT, malformed));
        }
    }
}

fn start_at(StoreCursor(cursor): &StoreCursor) -> Option<Item> {
    let (pk, sk) = cursor.split_once(SEPARATOR)?;
    Some(Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]))
}

fn read_page(items: &[Item], last: Option<&Item>) -> Result<StorePage, Malformed> {
    let mut page = StorePage::default();
    for items in items.chunk_by(|a, b| a.get("pk") == b.get("pk")) {
        let Some(first) = items.first() else { continue };
        if let Some(store) = counted_store(first)? {
            let mut counts = Counts::default();
            for item in items {
                add(&mut counts, read_hour(item)?);
            }
            page.counts.push((store, mem::take(&mut counts)));
        } else if let Some(view) = read_collection(items)? {
            let store = read_text(first, "pk")?.parse().map_err(|_| Malformed::new("pk"))?;
            page.stores.push((store, view));
        }
    }
    let cursor = |item: &Item| {
        let (pk, sk) = (read_text(item, "pk")?, read_text(item, "sk")?);
        Ok(StoreCursor(format!("{pk}{SEPARATOR}{sk}")))
    };
    page.next = last.map(cursor).transpose()?;
    Ok(page)
}

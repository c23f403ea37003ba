//! [`StoreList`] in the same table: a `Scan`, page by page. Stores are few; whoever lists them does so once an hour.

use hookline_domain::{
    ids::StoreKey,
    port::Unavailable,
    stores::{StoreList, StorePage},
};

use super::{DynamoStores, PORT, read_record};
use crate::attributes::{Item, Malformed, read_text, text};

impl StoreList for DynamoStores {
    async fn page(&self, after: Option<&StoreKey>) -> Result<StorePage, Unavailable> {
        let start = after.map(|store| Item::from([("pk".to_owned(), text(store.to_string()))]));
        let page = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| Unavailable::new(PORT, error))?;
        read_page(page.items(), page.last_evaluated_key()).map_err(|malformed| Unavailable::new(PORT, malformed))
    }
}

fn read_page(items: &[Item], last: Option<&Item>) -> Result<StorePage, Malformed> {
    let stores = items.iter().map(|item| Ok((read_key(item)?, read_record(item)?)));
    Ok(StorePage {
        stores: stores.collect::<Result<_, _>>()?,
        next: last.map(read_key).transpose()?,
    })
}

pub(super) fn read_key(item: &Item) -> Result<StoreKey, Malformed> {
    read_text(item, "pk")?.parse().map_err(|_| Malformed::new("pk"))
}

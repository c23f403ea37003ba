//! [`StoreViews`]: all items of a store, read with two queries at once.

use futures_util::future::try_join;
use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::stores::{StoreView, StoreViews},
};
use hookline_tables::{
    Item, MalformedError,
    stores::{Collection, add_counts, read_collection, read_hour},
};

use super::DynamoStores;

impl StoreViews for DynamoStores {
    async fn view(&self, store: &StoreKey) -> Result<Option<StoreView>, PortError> {
        let Collection { items, hours } = Collection::of(store);
        let (items, hours) = try_join(self.table.query_all(items), self.table.query_all(hours)).await?;
        read(&items, &hours).map_err(|malformed| self.table.malformed(malformed))
    }
}

fn read(items: &[Item], hours: &[Item]) -> Result<Option<StoreView>, MalformedError> {
    let Some(mut view) = read_collection(items)? else {
        return Ok(None);
    };
    for hour in hours {
        add_counts(&mut view.counts, read_hour(hour)?);
    }
    Ok(Some(view))
}

//! [`Cursors`] in the same table.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    sync::asking::Cursors,
};
use hookline_tables::stores::{cursor_key, move_cursor, read_cursor};
use jiff::Timestamp;

use super::DynamoStores;

impl Cursors for DynamoStores {
    async fn cursor(&self, store: &StoreKey) -> Result<Option<Timestamp>, PortError> {
        self.table.find(cursor_key(store), read_cursor).await
    }

    async fn move_cursor(&self, store: &StoreKey, to: Timestamp) -> Result<(), PortError> {
        self.table.update(move_cursor(store, to)).await?;
        Ok(())
    }
}

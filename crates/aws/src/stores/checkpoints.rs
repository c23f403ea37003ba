//! [`Checkpoints`] in an item of their own, as JSON.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    sync::backfill::{Checkpoint, Checkpoints},
};

use super::{CHECKPOINT, DynamoStores, PORT};
use crate::{
    attributes::{Item, Malformed, text},
    failure,
    find::find,
};

/// The attribute that holds it.
const KEPT: &str = "checkpoint";

impl Checkpoints for DynamoStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<Checkpoint>, PortError> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
            .key("sk", text(CHECKPOINT));
        Ok(find(PORT, wanted, read).await?.flatten())
    }

    async fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> Result<(), PortError> {
        let json = serde_json::to_string(checkpoint).map_err(|error| failure::of_ours(PORT, error))?;
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(store.to_string()))
            .item("sk", text(CHECKPOINT))
            .item(KEPT, text(json))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }

    async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
            .key("sk", text(CHECKPOINT))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }
}

/// One that another version of this code wrote, and this one cannot read, is none: the run begins anew.
fn read(item: &Item) -> Result<Option<Checkpoint>, Malformed> {
    let Some(kept) = item.get(KEPT) else {
        return Ok(None);
    };
    let json = kept.as_s().map_err(|_| Malformed::new(KEPT))?;
    Ok(serde_json::from_str(json).ok())
}

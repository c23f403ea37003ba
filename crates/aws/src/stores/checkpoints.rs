//! [`Checkpoints`] in the store's own item, as JSON: whoever runs a backfill writes that item anyway.

use hookline_direct::{changes::Changes, value::Value};
use hookline_domain::{
    backfill::{Checkpoint, Checkpoints},
    ids::StoreKey,
    port::Unavailable,
};

use super::{DynamoStores, On, PORT};
use crate::{
    attributes::{Item, Malformed, text},
    find::find,
};

const CHECKPOINT: &str = "checkpoint";

impl Checkpoints for DynamoStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<Checkpoint>, Unavailable> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()));
        Ok(find(PORT, wanted, read).await?.flatten())
    }

    async fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
        let json = serde_json::to_string(checkpoint).map_err(|error| Unavailable::new(PORT, error))?;
        let mut changes = Changes::default();
        changes.make_if_absent();
        changes.set(CHECKPOINT, Value::S(json));
        let sent = changes.on(self.update(store)).send().await;
        sent.map_err(|error| Unavailable::new(PORT, error))?;
        Ok(())
    }

    async fn forget(&self, store: &StoreKey) -> Result<(), Unavailable> {
        let mut changes = Changes::default();
        changes.make_if_absent();
        changes.remove(CHECKPOINT);
        let sent = changes.on(self.update(store)).send().await;
        sent.map_err(|error| Unavailable::new(PORT, error))?;
        Ok(())
    }
}

/// One that another version of this code wrote, and this one cannot read, is none: the run begins anew.
fn read(item: &Item) -> Result<Option<Checkpoint>, Malformed> {
    let Some(kept) = item.get(CHECKPOINT) else {
        return Ok(None);
    };
    let json = kept.as_s().map_err(|_| Malformed::new(CHECKPOINT))?;
    Ok(serde_json::from_str(json).ok())
}

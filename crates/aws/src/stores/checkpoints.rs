//! [`Checkpoints`] in the same table.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    sync::backfill::{Checkpoint, Checkpoints},
};
use hookline_tables::{
    Delete,
    stores::{checkpoint_key, put_checkpoint, read_checkpoint},
};

use super::DynamoStores;

impl Checkpoints for DynamoStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<Checkpoint>, PortError> {
        let found = self.table.find(checkpoint_key(store), read_checkpoint).await?;
        Ok(found.flatten())
    }

    async fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> Result<(), PortError> {
        let put = put_checkpoint(store, checkpoint).map_err(|error| self.table.unwritable(error))?;
        self.table.put(put).await?;
        Ok(())
    }

    async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        let delete = Delete {
            key: checkpoint_key(store),
            ..Delete::default()
        };
        self.table.delete(delete).await?;
        Ok(())
    }
}

//! [`FailedDeliveries`] in the same table. Items are [`hookline_tables::stores::failed`].

use hookline_domain::{
    delivery::{
        failed::{FailedDeliveries, FailedDelivery, FailedDeliveryList, MAX_COUNTED},
        ledger::NoteOutcome,
    },
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::PortError,
    },
};
use hookline_tables::{Delete, Write, ledger, stores::failed as items};
use jiff::Timestamp;

use super::DynamoStores;
use crate::{failure, transaction};

impl FailedDeliveries for DynamoStores {
    async fn remember(&self, failed: &FailedDelivery) -> Result<NoteOutcome, PortError> {
        let table = &self.table;
        let ledger = (self.ledger.as_deref())
            .ok_or_else(|| failure::of_ours(table.port, "no table of the ledger was configured"))?;
        let put = items::put(failed).map_err(|error| table.unwritable(error))?;
        let writes = vec![
            (ledger, Write::Update(ledger::note(&failed.delivery, &failed.problem))),
            (&*table.name, Write::Put(put.clone())),
        ];
        let outcome = transaction::write(&table.client, table.port, writes).await?;
        let noted = ledger::read_note(&outcome);
        if noted == NoteOutcome::Unknown {
            // An expired or lost entry must not hide a failure.
            table.put(put).await?;
        }
        Ok(noted)
    }

    async fn forget(&self, delivery: &DeliveryKey) -> Result<(), PortError> {
        let delete = Delete {
            key: items::key(delivery),
            ..Delete::default()
        };
        self.table.delete(delete).await?;
        Ok(())
    }

    async fn redriven(&self, seen: &FailedDelivery, at: Timestamp) -> Result<(), PortError> {
        self.table.update(items::redriven(seen, at)).await?;
        Ok(())
    }

    async fn failed(&self, delivery: &DeliveryKey) -> Result<Option<FailedDelivery>, PortError> {
        self.table.find(items::key(delivery), items::read).await
    }

    async fn failures(&self, store: &StoreKey) -> Result<FailedDeliveryList, PortError> {
        let found = self.table.query_all(items::query(store)).await?;
        let deliveries: Result<Vec<_>, _> = found.iter().map(items::read).collect();
        let mut deliveries = deliveries.map_err(|malformed| self.table.malformed(malformed))?;
        let more = deliveries.len() > MAX_COUNTED;
        deliveries.truncate(MAX_COUNTED);
        Ok(FailedDeliveryList { deliveries, more })
    }
}

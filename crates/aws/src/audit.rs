//! [`Audit`] and [`Audited`] in DynamoDB. The table is [`hookline_tables::audit`].

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    consumer::audit::{Audit, AuditRecord, Audited},
    kernel::{ids::StoreKey, port::PortError},
};
use hookline_tables::{audit, partition};

use crate::table::Table;

/// [`Audit`] in DynamoDB: each record is one `PutItem`.
#[derive(Debug, Clone)]
pub struct DynamoAudit {
    table: Table,
}

impl DynamoAudit {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "audit"),
        }
    }
}

impl Audit for DynamoAudit {
    async fn keep(&self, record: &AuditRecord) -> Result<(), PortError> {
        self.table.put(audit::put(record)).await?;
        Ok(())
    }
}

impl Audited for DynamoAudit {
    async fn of(&self, store: &StoreKey) -> Result<Vec<AuditRecord>, PortError> {
        let items = self.table.query_all(partition(store.to_string())).await?;
        let records = items
            .iter()
            .map(|item| audit::read(store, item))
            .collect::<Result<_, _>>();
        records.map_err(|malformed| self.table.malformed(malformed))
    }
}

//! [`Endpoints`] and [`EndpointRecords`] in DynamoDB. The table is [`hookline_tables::endpoints`].

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    kernel::port::PortError,
    outbound::{AttemptCode, Backlog, Endpoint, EndpointKey, EndpointRecords, Endpoints, Pool, Proof, Scope},
};
use hookline_tables::endpoints;
use jiff::Timestamp;

use crate::table::Table;

/// [`Endpoints`] in DynamoDB. Each owner's endpoints are one partition.
#[derive(Debug, Clone)]
pub struct DynamoEndpoints {
    table: Table,
}

impl DynamoEndpoints {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "endpoints"),
        }
    }
}

impl Endpoints for DynamoEndpoints {
    async fn find(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        self.table.find(endpoints::key(key), endpoints::read).await
    }

    async fn disable(
        &self,
        key: &EndpointKey,
        revision: u32,
        code: AttemptCode,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let disable = endpoints::disable(key, revision, code, at);
        let disable = disable.map_err(|error| self.table.unwritable(error))?;
        self.table.update(disable).await.map(drop)
    }

    async fn note_pool(&self, key: &EndpointKey, pool: Pool) -> Result<(), PortError> {
        self.table.update(endpoints::note_pool(key, pool)).await.map(drop)
    }

    async fn note_proof(&self, key: &EndpointKey, before: &Proof, after: &Proof) -> Result<(), PortError> {
        let note = endpoints::note_proof(key, before, after);
        let note = note.map_err(|error| self.table.unwritable(error))?;
        self.table.update(note).await.map(drop)
    }

    async fn settle_backlog(&self, key: &EndpointKey, backlog: Backlog) -> Result<(), PortError> {
        let settle = endpoints::settle_backlog(key, backlog);
        let settle = settle.map_err(|error| self.table.unwritable(error))?;
        self.table.update(settle).await.map(drop)
    }

    async fn forget(&self, key: &EndpointKey, revision: u32) -> Result<(), PortError> {
        self.table.delete(endpoints::forget(key, revision)).await.map(drop)
    }
}

impl EndpointRecords for DynamoEndpoints {
    /// Fails at an endpoint that this version of the code cannot read: its events would be passed over.
    async fn list(&self, scope: &Scope) -> Result<Vec<Endpoint>, PortError> {
        let items = self.table.query_all(endpoints::list(scope)).await?;
        let endpoints: Result<_, _> = items.iter().map(endpoints::read).collect();
        endpoints.map_err(|malformed| self.table.malformed(malformed))
    }

    async fn read(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        self.find(key).await
    }

    async fn put(&self, endpoint: &Endpoint) -> Result<bool, PortError> {
        let put = endpoints::put(endpoint).map_err(|error| self.table.unwritable(error))?;
        Ok(self.table.update(put).await?.is_written())
    }
}

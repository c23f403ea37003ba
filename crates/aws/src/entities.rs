//! [`Entities`] and [`Entries`] in DynamoDB. The table is [`hookline_tables::entities`].

mod batch;
mod entries;

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    catalogue::{
        entities::{Advance, Commit, CommitOutcome, Entities, Fence, FencePage, ObservedFields, RememberedFields},
        published::Publication,
    },
    kernel::{
        ids::{EntityKey, StoreKey},
        port::PortError,
        version::Version,
    },
};
use hookline_events::EventId;
use hookline_tables::{WriteOutcome, entities};
use jiff::Timestamp;

use crate::table::Table;

/// [`Entities`] in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoEntities {
    table: Table,
}

impl DynamoEntities {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "entities"),
        }
    }
}

impl Entities for DynamoEntities {
    async fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        observed: ObservedFields<'_>,
    ) -> Result<Fence, PortError> {
        match self.table.update(entities::advance(entity, version, observed)).await? {
            WriteOutcome::Refused(item) => {
                let read = |item: &_| entities::read_refusal(item, version, observed.ordered);
                let refused = self.table.read(item, read)?.flatten();
                Ok(refused.unwrap_or_else(|| Fence::Superseded(RememberedFields::default())))
            }
            WriteOutcome::Written(item) => {
                let remembered = self.table.read(item, entities::read_facts)?;
                Ok(Fence::Passed(remembered.unwrap_or_default()))
            }
        }
    }

    async fn advance_all(&self, states: &[Advance<'_>]) -> Vec<Result<Fence, PortError>> {
        batch::advance_all(self, states).await
    }

    async fn confirm(&self, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
        batch::confirm(self, held).await
    }

    async fn tombstone(&self, entity: &EntityKey, expires_at: Timestamp) -> Result<Publication, PortError> {
        let written = self.table.update(entities::tombstone(entity, expires_at)).await?;
        let publication = self.table.read(written.into_written(), entities::read_publication)?;
        Ok(publication.unwrap_or_default())
    }

    async fn commit(&self, commit: &Commit<'_>) -> Result<CommitOutcome, PortError> {
        match self.table.update(entities::commit(commit)).await? {
            WriteOutcome::Written(_) => Ok(CommitOutcome::Written),
            WriteOutcome::Refused(item) => {
                entities::refused(item.as_ref(), commit.version).map_err(|malformed| self.table.malformed(malformed))
            }
        }
    }

    async fn commit_all(&self, commits: &[Commit<'_>]) -> Vec<Result<CommitOutcome, PortError>> {
        batch::commit_all(self, commits).await
    }

    async fn clear_all(&self, sent: &[(EntityKey, Timestamp)]) -> Result<(), PortError> {
        batch::clear_all(self, sent).await
    }

    async fn first_id(
        &self,
        store: &StoreKey,
        event: &str,
        id: &EventId,
        expires_at: Timestamp,
    ) -> Result<EventId, PortError> {
        match self
            .table
            .put(entities::put_first(store, event, id, expires_at))
            .await?
        {
            WriteOutcome::Written(_) => Ok(id.clone()),
            WriteOutcome::Refused(item) => {
                let first = self.table.read(item, entities::read_first)?;
                Ok(first.unwrap_or_else(|| id.clone()))
            }
        }
    }

    async fn retire(&self, entity: &EntityKey, version: Version, expires_at: Timestamp) -> Result<(), PortError> {
        self.table.update(entities::retire(entity, version, expires_at)).await?;
        Ok(())
    }

    async fn page(&self, store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Result<FencePage, PortError> {
        let page = self.table.query(entities::query(store, after, limit)).await?;
        entities::read_page(store, &page.items, page.last.as_ref()).map_err(|malformed| self.table.malformed(malformed))
    }
}

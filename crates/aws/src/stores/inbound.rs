//! Inbound endpoints in the same table. Needs `dynamodb:Query` to list those of a source, `dynamodb:GetItem` to read one, and
//! `dynamodb:UpdateItem` to count or to change.

use hookline_domain::{
    kernel::{
        ids::{InboundName, Source},
        port::PortError,
    },
    store::{
        inbound::{
            InboundEndpoint, InboundEndpoints, InboundEndpointsAdmin, InboundSettings, InboundTally, InboundWritten,
        },
        stores::{Counter, Counts, Hour},
    },
};
use hookline_tables::{Delete, stores as items};

use super::DynamoStores;

impl InboundEndpoints for DynamoStores {
    async fn inbound(&self, source: &Source) -> Result<Vec<InboundEndpoint>, PortError> {
        let found = self.table.query_all(items::inbound_of(source)).await?;
        let read = found.iter().map(items::read_inbound).collect::<Result<_, _>>();
        read.map_err(|malformed| self.table.malformed(malformed))
    }

    async fn find_inbound(&self, source: &Source, name: &InboundName) -> Result<Option<InboundEndpoint>, PortError> {
        self.table
            .find(items::inbound_key(source, name), items::read_inbound)
            .await
    }
}

impl InboundEndpointsAdmin for DynamoStores {
    async fn put_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        settings: &InboundSettings,
        revision: u64,
    ) -> Result<InboundWritten, PortError> {
        let put = items::put_inbound(source, name, settings, revision);
        let put = put.map_err(|error| self.table.unwritable(error))?;
        Ok(if self.table.update_once(put).await?.is_written() {
            InboundWritten::Yes
        } else {
            InboundWritten::Overtaken
        })
    }

    async fn remove_inbound(&self, source: &Source, name: &InboundName) -> Result<(), PortError> {
        let delete = Delete {
            key: items::inbound_key(source, name),
            ..Delete::default()
        };
        self.table.delete(delete).await?;
        Ok(())
    }
}

impl InboundTally for DynamoStores {
    async fn add_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        counts: &Counts,
        outdated: &[(Hour, Counter)],
    ) -> Result<(), PortError> {
        if let Some(counts) = items::count_inbound(source, name, counts, outdated) {
            self.table.update_once(counts).await?;
        }
        Ok(())
    }
}

//! [`Tally`] and [`InboundEndpoints`] in the stores' table ([`hookline_tables::stores`]).

use hookline_domain::{
    kernel::{
        ids::{InboundName, Source, StoreKey},
        port::PortError,
    },
    store::{
        inbound::{InboundEndpoint, InboundEndpoints, InboundTally},
        stores::{Counter, Counts, Hour, StoreUpdate, Tally},
    },
};
use hookline_tables::stores;

use crate::{
    client::Attempts,
    dynamodb::{self, DynamoDb},
    response::AwsResponse,
};

const PORT: &str = "stores";

/// [`Tally`] in DynamoDB: each change is one `UpdateItem`, attempted once, because `ADD` may not be repeated. If a response is lost, a
/// second attempt would count everything twice; a failure misses a count, which is the lesser harm.
#[derive(Debug, Clone)]
pub struct DirectTally {
    dynamodb: DynamoDb,
    table: String,
}

impl DirectTally {
    pub(crate) fn new(dynamodb: DynamoDb, table: impl Into<String>) -> Self {
        Self {
            dynamodb,
            table: table.into(),
        }
    }

    /// Checks that DynamoDB's response says that the counts are added. An unknown store is not made, which is no failure.
    ///
    /// # Errors
    /// Fails if the response says neither.
    pub fn read_added(response: &AwsResponse) -> Result<(), PortError> {
        dynamodb::updated(response).map_err(|error| error.into_unavailable(PORT))
    }
}

impl Tally for DirectTally {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let counts = stores::count(store, update).map_err(|error| PortError::new(PORT, error))?;
        let Some(counts) = counts else {
            return Ok(());
        };
        let response = self.dynamodb.update(&self.table, &counts, Attempts::One).await;
        Self::read_added(&response.map_err(|error| error.into_unavailable(PORT))?)
    }
}

impl InboundEndpoints for DirectTally {
    async fn inbound(&self, source: &Source) -> Result<Vec<InboundEndpoint>, PortError> {
        let query = stores::inbound_of(source);
        let items = self.dynamodb.partition(PORT, &self.table, &query).await?;
        let read = items.iter().map(stores::read_inbound).collect::<Result<_, _>>();
        read.map_err(|malformed| PortError::new(PORT, malformed))
    }
}

impl InboundTally for DirectTally {
    async fn add_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        counts: &Counts,
        outdated: &[(Hour, Counter)],
    ) -> Result<(), PortError> {
        let Some(counts) = stores::count_inbound(source, name, counts, outdated) else {
            return Ok(());
        };
        let response = self.dynamodb.update(&self.table, &counts, Attempts::One).await;
        Self::read_added(&response.map_err(|error| error.into_unavailable(PORT))?)
    }
}

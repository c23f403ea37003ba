//! [`Stats`] and [`StatsRecords`] in DynamoDB. The table is [`hookline_tables::stats`].

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    kernel::port::PortError,
    outbound::{EndpointKey, HourStats, Stats, StatsRecords},
};
use hookline_tables::stats;
use jiff::Timestamp;

use crate::table::Table;

/// [`Stats`] in DynamoDB. Each endpoint's hours are in the partition of its messages.
#[derive(Debug, Clone)]
pub struct DynamoStats {
    table: Table,
}

impl DynamoStats {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, "stats"),
        }
    }
}

impl Stats for DynamoStats {
    async fn put(&self, endpoint: &EndpointKey, hour: &HourStats) -> Result<(), PortError> {
        let put = stats::put(endpoint, hour).map_err(|error| self.table.unwritable(error))?;
        // Refused: one with more attempts is there.
        self.table.update(put).await?;
        Ok(())
    }
}

impl StatsRecords for DynamoStats {
    async fn since(&self, endpoint: &EndpointKey, from: Timestamp) -> Result<Vec<HourStats>, PortError> {
        let items = self.table.query_all(stats::since(endpoint, from)).await?;
        Ok(items.iter().filter_map(|item| stats::read(item).ok()).collect())
    }
}

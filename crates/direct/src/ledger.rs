//! [`Claims`] in the ledger's table ([`hookline_tables::ledger`]).

use hookline_domain::{
    delivery::ledger::{Claim, ClaimRequest, Claims},
    kernel::{ids::DeliveryKey, port::PortError},
};
use hookline_tables::{
    WriteOutcome,
    ledger::{self, StoredEntry},
};
use serde::Deserialize;

use crate::{
    client::Attempts,
    dynamodb::{self, DynamoDb},
    response::AwsResponse,
};

const PORT: &str = "ledger";

/// [`Claims`] in DynamoDB, each operation one conditional write.
#[derive(Debug, Clone)]
pub struct DirectLedger {
    dynamodb: DynamoDb,
    table: String,
}

impl DirectLedger {
    pub(crate) fn new(dynamodb: DynamoDb, table: impl Into<String>) -> Self {
        Self {
            dynamodb,
            table: table.into(),
        }
    }

    /// Reads DynamoDB's response to a claim.
    ///
    /// # Errors
    /// Fails if the response says neither that the claim is written nor which entry is in its way.
    pub fn read_claim(response: &AwsResponse, request: &ClaimRequest) -> Result<Claim, PortError> {
        let outcome: WriteOutcome<RefusingEntry> =
            dynamodb::outcome(response).map_err(|error| error.into_unavailable(PORT))?;
        ledger::read_claim(&outcome, request).map_err(|error| PortError::new(PORT, error))
    }

    /// Reads DynamoDB's response to a release. A claim that its owner has lost stays as it is, which is no failure.
    ///
    /// # Errors
    /// Fails if the response says neither.
    pub fn read_release(response: &AwsResponse) -> Result<(), PortError> {
        dynamodb::updated(response).map_err(|error| error.into_unavailable(PORT))
    }
}

/// The entry that has refused a claim, of which these attributes are read.
#[derive(Deserialize)]
struct RefusingEntry {
    state: Text,
    owner: Option<Text>,
    lease_until_us: Option<Number>,
    expires_at: Number,
}

/// `{"S": "…"}`.
#[derive(Deserialize)]
enum Text {
    S(String),
}

/// `{"N": "…"}`.
#[derive(Deserialize)]
enum Number {
    N(String),
}

impl<'a> From<&'a RefusingEntry> for StoredEntry<'a> {
    fn from(entry: &'a RefusingEntry) -> Self {
        Self {
            state: Some(entry.state.as_str()),
            owner: entry.owner.as_ref().map(Text::as_str),
            lease_until_us: entry.lease_until_us.as_ref().map(Number::as_str),
            expires_at: Some(entry.expires_at.as_str()),
        }
    }
}

impl Text {
    fn as_str(&self) -> &str {
        let Self::S(text) = self;
        text
    }
}

impl Number {
    fn as_str(&self) -> &str {
        let Self::N(digits) = self;
        digits
    }
}

impl Claims for DirectLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        let put = ledger::claim(delivery, request);
        let response = self.dynamodb.put(&self.table, &put).await;
        Self::read_claim(&response.map_err(|error| error.into_unavailable(PORT))?, request)
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), PortError> {
        let update = ledger::release(delivery, owner);
        let response = self.dynamodb.update(&self.table, &update, Attempts::Two).await;
        Self::read_release(&response.map_err(|error| error.into_unavailable(PORT))?)
    }
}

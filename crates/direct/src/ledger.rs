//! [`Claims`] in the DynamoDB table that `hookline-aws` describes (its module `ledger`), attribute by attribute.

use std::{borrow::Cow, error::Error};

use hookline_domain::{
    delivery::ledger::{self, Claim, ClaimRequest, Claims, LedgerEntry, LedgerState},
    kernel::{ids::DeliveryKey, port::PortError},
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    answer::Answer,
    client::Attempts,
    dynamodb::{self, Change, Conditional, DynamoDb, Put, Update},
    value::{Fields, Malformed, Number, Text, Value},
};

const PORT: &str = "ledger";

/// An entry's state, as it is in the table.
pub const CLAIMED: &str = "claimed";
/// See [`CLAIMED`].
pub const DONE: &str = "done";
/// See [`CLAIMED`].
pub const PARKED: &str = "parked";

/// Holds exactly where there is no entry, or one that [may be claimed](LedgerEntry::may_be_claimed).
pub const MAY_CLAIM: &str = "attribute_not_exists(#pk) \
    OR #expires_at <= :now_s \
    OR (#state = :claimed AND #lease_until <= :now_us)";

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

    /// What DynamoDB's answer makes of a claim.
    ///
    /// # Errors
    /// When it does not say that the claim is written, or by what else.
    pub fn read_claim(answer: &Answer, request: &ClaimRequest) -> Result<Claim, PortError> {
        match Conditional::read(answer).map_err(|error| error.of(PORT))? {
            Conditional::Written => Ok(Claim::Fresh),
            // The entry that is in the way comes with the refusal: no second read.
            Conditional::Refused(entry) => {
                let entry = entry.ok_or(NoEntry).map_err(unavailable)?;
                let entry = read_entry(&entry).map_err(unavailable)?;
                ledger::refused(&entry, request).map_err(unavailable)
            }
        }
    }

    /// What DynamoDB's answer makes of giving a claim back. What is not its owner's any more stays as it is, which is no failure.
    ///
    /// # Errors
    /// When it says neither.
    pub fn read_release(answer: &Answer) -> Result<(), PortError> {
        dynamodb::updated(answer).map_err(|error| error.of(PORT))
    }
}

/// What a condition failed on, as far as it is read.
#[derive(Deserialize)]
struct InTheWay {
    state: Text,
    owner: Option<Text>,
    lease_until_us: Option<Number>,
    expires_at: Number,
}

/// The failed condition came without the item that it failed on.
#[derive(Debug, thiserror::Error)]
#[error("it was refused without saying by which entry")]
struct NoEntry;

impl Claims for DirectLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        let put = Put {
            table: &self.table,
            item: new_item(delivery, request),
            condition: MAY_CLAIM,
            names: &[
                ("#pk", "pk"),
                ("#expires_at", "expires_at"),
                ("#state", "state"),
                ("#lease_until", "lease_until_us"),
            ],
            values: values([
                (":now_s", Value::number(request.now.as_second())),
                (":now_us", Value::micros(request.now)),
                (":claimed", Value::text(CLAIMED)),
            ]),
        };
        let answer = self.dynamodb.put(&put).await.map_err(|error| error.of(PORT))?;
        Self::read_claim(&answer, request)
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), PortError> {
        let change = Change {
            update: "SET #lease_until = :lapsed".into(),
            condition: "#state = :claimed AND #owner = :owner",
            names: vec![
                ("#state".into(), "state".into()),
                ("#owner".into(), "owner".into()),
                ("#lease_until".into(), "lease_until_us".into()),
            ],
        };
        let values = values([
            (":claimed", Value::text(CLAIMED)),
            (":owner", Value::text(owner)),
            (":lapsed", Value::micros(Timestamp::UNIX_EPOCH)),
        ]);
        let update = Update {
            table: &self.table,
            key: Fields(vec![("pk".into(), Value::text(delivery.to_string()))]),
            change,
            values,
        };
        let answer = self
            .dynamodb
            .update(&update, Attempts::Two)
            .await
            .map_err(|error| error.of(PORT))?;
        Self::read_release(&answer)
    }
}

fn unavailable(failure: impl Error + Send + Sync + 'static) -> PortError {
    PortError::new(PORT, failure)
}

fn values<const N: usize>(values: [(&'static str, Value); N]) -> Fields {
    Fields(
        values
            .into_iter()
            .map(|(name, value)| (Cow::from(name), value))
            .collect(),
    )
}

fn new_item(delivery: &DeliveryKey, request: &ClaimRequest) -> Fields {
    let mut item = values([
        ("pk", Value::text(delivery.to_string())),
        ("state", Value::text(CLAIMED)),
        ("owner", Value::text(&request.owner)),
        ("claimed_at_us", Value::micros(request.now)),
        ("lease_until_us", Value::micros(request.lease_until)),
        ("expires_at", Value::seconds_up(request.expires_at)),
    ]);
    if let Some(event_id) = &request.event_id {
        item.0.push(("event_id".into(), Value::text(event_id.as_str())));
    }
    item
}

fn read_entry(entry: &InTheWay) -> Result<LedgerEntry, Malformed> {
    let state = match entry.state.as_str() {
        CLAIMED => LedgerState::Claimed {
            owner: entry.owner.as_ref().ok_or(Malformed("owner"))?.as_str().to_owned(),
            lease_until: entry
                .lease_until_us
                .as_ref()
                .ok_or(Malformed("lease_until_us"))?
                .micros("lease_until_us")?,
        },
        PARKED => LedgerState::Parked,
        DONE => LedgerState::Done,
        _ => return Err(Malformed("state")),
    };
    Ok(LedgerEntry {
        state,
        expires_at: entry.expires_at.seconds("expires_at")?,
    })
}

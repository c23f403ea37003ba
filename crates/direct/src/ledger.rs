//! [`Ledger`] in the DynamoDB table that `hookline-aws` describes (its module `ledger`), attribute by attribute.

use std::borrow::Cow;

use hookline_domain::{
    ids::DeliveryKey,
    ledger::{self, Claim, ClaimRequest, Completion, Entry, Fate, Ledger, Problem, State},
    port::Unavailable,
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    client::CallError,
    dynamodb::{Change, Conditional, DynamoDb, Put, Update},
    value::{Fields, Malformed, Number, Text, Value},
};

const PORT: &str = "ledger";

/// An entry's state, as it is in the table.
pub const CLAIMED: &str = "claimed";
/// See [`CLAIMED`].
pub const DONE: &str = "done";
/// See [`CLAIMED`].
pub const PARKED: &str = "parked";

/// Succeeds exactly where [`ledger::decide`] says that another owner's claim is fresh.
pub const MAY_CLAIM: &str = "attribute_not_exists(#pk) \
    OR #expires_at <= :now_s \
    OR (#state = :claimed AND #lease_until <= :now_us)";

/// Holds exactly where `ledger::settle` gives a state, and where `ledger::takes_notes` says so.
pub const UNSETTLED: &str = "#state IN (:claimed, :parked)";

/// A [`Ledger`] in DynamoDB, where each operation is one conditional write.
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

    fn update<'a>(&'a self, delivery: &DeliveryKey, change: Change<'a>, values: Fields) -> Update<'a> {
        Update {
            table: &self.table,
            key: Fields(vec![("pk".into(), Value::text(delivery.to_string()))]),
            change,
            values,
        }
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

/// In which state it was.
#[derive(Deserialize)]
struct Before {
    state: Option<Text>,
}

/// Nothing of what was there is read.
#[derive(Deserialize)]
struct Unread {}

/// The failed condition came without the item that it failed on.
#[derive(Debug, thiserror::Error)]
#[error("it was refused without saying by which entry")]
struct NoEntry;

impl Ledger for DirectLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, Unavailable> {
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
        match self.dynamodb.put(&put).await.map_err(unavailable)? {
            Conditional::Written => Ok(Claim::Fresh),
            // The entry that is in the way comes with the refusal: no second read.
            Conditional::Refused(entry) => {
                let entry = entry.ok_or_else(|| Unavailable::new(PORT, NoEntry))?;
                let entry = read_entry(&entry).map_err(|malformed| Unavailable::new(PORT, malformed))?;
                Ok(ledger::decide(Some(&entry), request))
            }
        }
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), Unavailable> {
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
        let update = self.update(delivery, change, values);
        // What is not its owner's any more stays as it is.
        let _either = self.dynamodb.update::<Unread>(&update).await.map_err(unavailable)?;
        Ok(())
    }

    async fn complete(
        &self,
        delivery: &DeliveryKey,
        fate: Fate,
        problem: Option<&Problem>,
        at: Timestamp,
    ) -> Result<Completion, Unavailable> {
        let settled = match fate {
            Fate::Parked => PARKED,
            Fate::Applied | Fate::Superseded | Fate::Discarded | Fate::Noted => DONE,
        };
        let mut values = values([
            (":settled", Value::text(settled)),
            (":fate", Value::text(fate.as_str())),
            (":at", Value::micros(at)),
            (":claimed", Value::text(CLAIMED)),
            (":parked", Value::text(PARKED)),
        ]);
        let settles = "SET #state = :settled, #fate = :fate, #settled_at = :at";
        let update = match problem {
            Some(problem) => {
                values.0.push((":problem".into(), write_problem(problem)?));
                format!("{settles}, #problem = :problem")
            }
            None => format!("{settles} REMOVE #problem"),
        };
        let change = Change {
            update: update.into(),
            condition: UNSETTLED,
            names: vec![
                ("#state".into(), "state".into()),
                ("#fate".into(), "fate".into()),
                ("#settled_at".into(), "settled_at_us".into()),
                ("#problem".into(), "problem".into()),
            ],
        };
        let update = self.update(delivery, change, values);
        let (written, state) = match self.dynamodb.update::<Before>(&update).await.map_err(unavailable)? {
            (Conditional::Written, before) => (true, before),
            (Conditional::Refused(entry), _) => (false, entry),
        };
        let state = state.and_then(|entry| entry.state);
        Ok(match (written, state.as_ref().map(|state| state.text.as_str())) {
            (true, Some(CLAIMED)) => Completion::First,
            (false, Some(DONE)) if fate == Fate::Parked => Completion::Done,
            _ => Completion::Repeated,
        })
    }

    async fn note(&self, delivery: &DeliveryKey, problem: &Problem) -> Result<(), Unavailable> {
        let change = Change {
            update: "SET #problem = :problem".into(),
            condition: UNSETTLED,
            names: vec![("#state".into(), "state".into()), ("#problem".into(), "problem".into())],
        };
        let values = values([
            (":problem", write_problem(problem)?),
            (":claimed", Value::text(CLAIMED)),
            (":parked", Value::text(PARKED)),
        ]);
        let update = self.update(delivery, change, values);
        // What is settled, or forgotten, takes no notes.
        let _either = self.dynamodb.update::<Unread>(&update).await.map_err(unavailable)?;
        Ok(())
    }
}

fn unavailable(failure: CallError) -> Unavailable {
    Unavailable::new(PORT, failure)
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

fn write_problem(problem: &Problem) -> Result<Value, Unavailable> {
    let code = serde_json::to_value(problem.code).and_then(serde_json::from_value::<String>);
    Ok(Value::M(values([
        ("at_us", Value::micros(problem.at)),
        (
            "code",
            Value::text(code.map_err(|error| Unavailable::new(PORT, error))?),
        ),
        ("message", Value::text(&problem.message)),
    ])))
}

fn read_entry(entry: &InTheWay) -> Result<Entry, Malformed> {
    let state = match entry.state.text.as_str() {
        CLAIMED => State::Claimed {
            owner: entry.owner.as_ref().ok_or(Malformed("owner"))?.text.clone(),
            lease_until: entry
                .lease_until_us
                .as_ref()
                .ok_or(Malformed("lease_until_us"))?
                .micros("lease_until_us")?,
        },
        PARKED => State::Parked,
        DONE => State::Done,
        _ => return Err(Malformed("state")),
    };
    Ok(Entry {
        state,
        expires_at: entry.expires_at.seconds("expires_at")?,
    })
}

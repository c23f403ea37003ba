//! [`Ledger`] and [`Records`](hookline_domain::delivery::ledger::Records) in a DynamoDB table. One item for each delivery:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the delivery, `source#store#topic#delivery-id` |
//! | `state` | S | `claimed`, `done` or `parked` |
//! | `owner`, `claimed_at_us`, `lease_until_us` | S, N, N | which attempt claimed it, when, and until when |
//! | `fate`, `settled_at_us` | S, N | what became of it, and when |
//! | `problem` | M | why it has not been applied: `at_us` N, `code` S, `cause` S where a port failed, `message` S; gone once it is done |
//! | `event_id` | S | the vendor's correlation id, where there is one |
//! | `expires_at` | N | seconds; the table's TTL attribute |
//!
//! Times that end in `_us` are microseconds since 1970. TTL deletes days late, so the conditions compare times and
//! never trust absence (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).

mod records;

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, BatchStatementRequest, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use futures_util::{StreamExt, stream};
use hookline_direct::ledger::{CLAIMED, DONE, MAY_CLAIM, PARKED};
use hookline_domain::{
    delivery::ledger::{
        self, Claim, ClaimRequest, Claims, Completion, DeliveryCompletion, Fate, Ledger, LedgerEntry, LedgerState,
        NoteOutcome, Problem,
    },
    kernel::{
        ids::DeliveryKey,
        port::{CALLS_AT_ONCE, PortError},
    },
};
use jiff::Timestamp;

use crate::{
    attributes::{Item, Malformed, micros, number, read_micros, read_seconds, read_text, seconds_up, text},
    condition::unless_refused,
    failure::{self, Ours},
    statements::{self, Written, quoted, statement},
};

const PORT: &str = "ledger";

/// Holds exactly where `ledger::settle` gives a state, and where `ledger::takes_notes` says so.
const UNSETTLED: &str = "#state IN (:claimed, :parked)";

/// A [`Ledger`] in DynamoDB, where each operation is one conditional write, and its [`Records`](ledger::Records).
#[derive(Debug, Clone)]
pub struct DynamoLedger {
    client: Client,
    table: String,
}

/// The failed condition came without the item that it failed on.
#[derive(Debug, thiserror::Error)]
#[error("the claim was refused without saying by which entry")]
struct NoEntry;

impl Ours for NoEntry {}

impl DynamoLedger {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}

impl Claims for DynamoLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(new_item(delivery, request)))
            .condition_expression(MAY_CLAIM)
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#lease_until", "lease_until_us")
            .expression_attribute_values(":now_s", number(request.now.as_second()))
            .expression_attribute_values(":now_us", micros(request.now))
            .expression_attribute_values(":claimed", text(CLAIMED))
            // The entry that is in the way comes back with the refusal: no second read.
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put {
            Ok(_) => Ok(Claim::Fresh),
            Err(refused) => {
                let entry = entry_in_the_way(refused)?;
                ledger::refused(&entry, request).map_err(|problem| failure::of_ours(PORT, problem))
            }
        }
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), PortError> {
        let released = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(delivery.to_string()))
            .update_expression("SET #lease_until = :lapsed")
            .condition_expression("#state = :claimed AND #owner = :owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#lease_until", "lease_until_us")
            .expression_attribute_values(":claimed", text(CLAIMED))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":lapsed", micros(Timestamp::UNIX_EPOCH))
            .send()
            .await;
        unless_refused(PORT, released)?;
        Ok(())
    }
}

impl Ledger for DynamoLedger {
    async fn complete(
        &self,
        delivery: &DeliveryKey,
        fate: Fate,
        problem: Option<&Problem>,
        at: Timestamp,
    ) -> Result<Completion, PortError> {
        let settled = state_of(fate);
        let settles = "SET #state = :settled, #fate = :fate, #settled_at = :at";
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(delivery.to_string()))
            // Holds exactly where `ledger::settle` gives a state.
            .condition_expression(UNSETTLED)
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#fate", "fate")
            .expression_attribute_names("#settled_at", "settled_at_us")
            .expression_attribute_names("#problem", "problem")
            .expression_attribute_values(":settled", text(settled))
            .expression_attribute_values(":fate", text(fate.as_str()))
            .expression_attribute_values(":at", micros(at))
            .expression_attribute_values(":claimed", text(CLAIMED))
            .expression_attribute_values(":parked", text(PARKED))
            .return_values(ReturnValue::UpdatedOld);
        let update = match problem {
            Some(problem) => update
                .update_expression(format!("{settles}, #problem = :problem"))
                .expression_attribute_values(":problem", write_problem(problem)?),
            None => update.update_expression(format!("{settles} REMOVE #problem")),
        };
        let settled = update
            // The entry that is in the way comes back with the refusal: no second read.
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        if fate == Fate::Parked && settled.as_ref().err().and_then(state_in_the_way) == Some(&text(DONE)) {
            return Ok(Completion::Done);
        }
        let before = unless_refused(PORT, settled)?.and_then(|output| output.attributes);
        Ok(match before {
            Some(before) if before.get("state") == Some(&text(CLAIMED)) => {
                if before.contains_key("problem") {
                    Completion::Recovered
                } else {
                    Completion::First
                }
            }
            _ => Completion::Repeated,
        })
    }

    async fn complete_all(
        &self,
        settled: &[DeliveryCompletion<'_>],
        at: Timestamp,
    ) -> Vec<Result<Completion, PortError>> {
        let mut results: Vec<Option<Result<Completion, PortError>>> = settled.iter().map(|_| None).collect();
        let (mut together, mut seen) = (Vec::new(), HashSet::new());
        for (place, settled) in settled.iter().enumerate() {
            // What is parked brings its problem; and a call takes no two statements on one item.
            if settled.problem.is_none() && seen.insert(settled.delivery) {
                together.push((place, settled));
            }
        }
        if together.len() > 1 {
            let statements = together
                .iter()
                .map(|(_, settled)| self.completes(settled, at))
                .collect();
            let written = statements::run(&self.client, PORT, statements).await;
            for ((place, _), written) in together.into_iter().zip(written) {
                results[place] = match written {
                    Ok(Written::Done(_)) => Some(Ok(Completion::First)),
                    Ok(Written::Refused(Some(entry))) if entry.get("state") == Some(&text(DONE)) => {
                        Some(Ok(Completion::Repeated))
                    }
                    Ok(Written::Refused(_) | Written::Open) => None,
                    Err(failure) => Some(Err(failure)),
                };
            }
        }
        let left: Vec<_> = (results.iter().zip(settled).enumerate())
            .filter_map(|(place, (result, settled))| result.is_none().then_some((place, *settled)))
            .collect();
        let alone = left.into_iter().map(|(place, settled)| async move {
            let completed = self.complete(settled.delivery, settled.fate, settled.problem, at);
            (place, completed.await)
        });
        // Collected, for the compiler does not see that the closure may wait.
        let alone: Vec<_> = alone.collect();
        let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
        for (place, completed) in alone {
            results[place] = Some(completed);
        }
        results.into_iter().flatten().collect()
    }

    async fn note(&self, delivery: &DeliveryKey, problem: &Problem) -> Result<NoteOutcome, PortError> {
        let note = Note::new(problem)?;
        let noted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(delivery.to_string()))
            .update_expression(note.update)
            .condition_expression(note.condition)
            .set_expression_attribute_names(Some(note.names))
            .set_expression_attribute_values(Some(note.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        // Of an entry that takes no notes there is none but one that is done.
        if noted.as_ref().err().and_then(state_in_the_way).is_some() {
            return Ok(NoteOutcome::Done);
        }
        Ok(match unless_refused(PORT, noted)? {
            Some(_) => NoteOutcome::Written,
            None => NoteOutcome::Unknown,
        })
    }
}

/// Update that writes a problem into an entry.
pub(crate) struct Note {
    pub(crate) update: &'static str,
    /// Holds exactly where `ledger::takes_notes` says that it is written.
    pub(crate) condition: &'static str,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: Item,
}

impl Note {
    pub(crate) fn new(problem: &Problem) -> Result<Self, PortError> {
        let name = |name: &str| (format!("#{name}"), name.to_owned());
        Ok(Self {
            update: "SET #problem = :problem",
            condition: UNSETTLED,
            names: HashMap::from([name("state"), name("problem")]),
            values: Item::from([
                (":problem".to_owned(), write_problem(problem)?),
                (":claimed".to_owned(), text(CLAIMED)),
                (":parked".to_owned(), text(PARKED)),
            ]),
        })
    }
}

impl DynamoLedger {
    /// Statement that does what [`complete`](Ledger::complete) does, to a claimed entry without a problem only: where it is
    /// taken, the completion counts, and nothing is to be forgotten.
    fn completes(&self, settled: &DeliveryCompletion<'_>, at: Timestamp) -> BatchStatementRequest {
        let table = quoted(&self.table);
        statement(
            &format!(
                r#"UPDATE {table} SET "state" = ? SET "fate" = ? SET "settled_at_us" = ? REMOVE "problem" WHERE "pk" = ? AND "state" = ? AND "problem" IS MISSING"#
            ),
            vec![
                text(state_of(settled.fate)),
                text(settled.fate.as_str()),
                micros(at),
                text(settled.delivery.to_string()),
                text(CLAIMED),
            ],
        )
    }
}

fn state_of(fate: Fate) -> &'static str {
    match fate {
        Fate::Parked => PARKED,
        Fate::Applied | Fate::Superseded | Fate::Discarded | Fate::Noted | Fate::Dismissed => DONE,
    }
}

fn write_problem(problem: &Problem) -> Result<AttributeValue, PortError> {
    let code = serde_json::to_value(problem.code).and_then(serde_json::from_value::<String>);
    let mut fields = Item::from([
        ("at_us".to_owned(), micros(problem.at)),
        (
            "code".to_owned(),
            text(code.map_err(|error| failure::of_ours(PORT, error))?),
        ),
        ("message".to_owned(), text(&problem.message)),
    ]);
    if let Some(cause) = problem.cause {
        fields.insert("cause".to_owned(), text(cause.as_str()));
    }
    Ok(AttributeValue::M(fields))
}

fn new_item(delivery: &DeliveryKey, request: &ClaimRequest) -> Item {
    let mut item = Item::from([
        ("pk".to_owned(), text(delivery.to_string())),
        ("state".to_owned(), text(CLAIMED)),
        ("owner".to_owned(), text(&request.owner)),
        ("claimed_at_us".to_owned(), micros(request.now)),
        ("lease_until_us".to_owned(), micros(request.lease_until)),
        ("expires_at".to_owned(), seconds_up(request.expires_at)),
    ]);
    if let Some(event_id) = &request.event_id {
        item.insert("event_id".to_owned(), text(event_id.as_str()));
    }
    item
}

fn state_in_the_way(error: &SdkError<UpdateItemError>) -> Option<&AttributeValue> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(refused) => refused.item()?.get("state"),
        _ => None,
    }
}

fn entry_in_the_way(error: SdkError<PutItemError>) -> Result<LedgerEntry, PortError> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => {
            let item = refused.item().ok_or_else(|| failure::of_ours(PORT, NoEntry))?;
            read_entry(item).map_err(|malformed| failure::of_ours(PORT, malformed))
        }
        _ => Err(failure::of_call(PORT, error)),
    }
}

fn read_entry(item: &Item) -> Result<LedgerEntry, Malformed> {
    let state = match read_text(item, "state")? {
        CLAIMED => LedgerState::Claimed {
            owner: read_text(item, "owner")?.to_owned(),
            lease_until: read_micros(item, "lease_until_us")?,
        },
        PARKED => LedgerState::Parked,
        DONE => LedgerState::Done,
        _ => return Err(Malformed::new("state")),
    };
    Ok(LedgerEntry {
        state,
        expires_at: read_seconds(item, "expires_at")?,
    })
}

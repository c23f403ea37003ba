//! Table of the [`Ledger`](hookline_domain::delivery::ledger::Ledger). One item per delivery:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the delivery, `source#store#topic#delivery-id` |
//! | `state` | S | `claimed`, `done` or `parked` |
//! | `owner`, `claimed_at_us`, `lease_until_us` | S, N, N | the attempt that holds the claim, since when and until when |
//! | `fate`, `settled_at_us` | S, N | the outcome, and when it was written |
//! | `published` | S | ids of the events that it has caused, or why there are none: [`DeliveryEvents`](ledger::DeliveryEvents); absent unless it is applied or noted |
//! | `problem` | M | why the delivery has not been applied: `at_us` N, `code` S, `cause` S if a port failed, `message` S; absent once it is done |
//! | `event_id` | S | the vendor's correlation id, if it sent one |
//! | `expires_at` | N | the table's TTL attribute |

mod record;

use hookline_domain::{
    delivery::ledger::{
        self, Claim, ClaimRequest, Completion, Cursor, DeliveryCompletion, Fate, LedgerEntry, LedgerState, NoteOutcome,
        Problem, RefusedClaimError,
    },
    kernel::ids::{DeliveryId, DeliveryKey},
};
use jiff::Timestamp;

pub use self::record::read_record;
use crate::{
    request::{Put, Returned, Statement, Update, WriteOutcome, names, quoted},
    value::{Item, MalformedError, Value, read_micros, read_seconds},
};

const CLAIMED: &str = "claimed";
const DONE: &str = "done";
const PARKED: &str = "parked";

/// Holds exactly where there is no entry, or one that [may be claimed](LedgerEntry::may_be_claimed).
const MAY_CLAIM: &str = "attribute_not_exists(#pk) \
    OR #expires_at <= :now_s \
    OR (#state = :claimed AND #lease_until <= :now_us)";

/// Holds exactly where [`ledger::settle`] gives a state, and where [`ledger::takes_notes`] says so.
const UNSETTLED: &str = "#state IN (:claimed, :parked)";

/// The attributes of an entry that decide about a claim, as a refusal returns them.
#[derive(Debug, Clone, Copy)]
pub struct StoredEntry<'a> {
    /// `state`.
    pub state: Option<&'a str>,
    /// `owner`.
    pub owner: Option<&'a str>,
    /// `lease_until_us`, in digits.
    pub lease_until_us: Option<&'a str>,
    /// `expires_at`, in digits.
    pub expires_at: Option<&'a str>,
}

/// A claim was refused, but not by an entry that is in its way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// DynamoDB returned no entry with the refusal.
    #[error("the claim was refused without the entry that is in its way")]
    NoEntry,
    /// The entry cannot be read.
    #[error(transparent)]
    Malformed(#[from] MalformedError),
    /// The entry could have been claimed.
    #[error(transparent)]
    NotBlocking(#[from] RefusedClaimError),
}

/// Key of a delivery's entry.
#[must_use]
pub fn key(delivery: &DeliveryKey) -> Item {
    Item::from([("pk", Value::text(delivery.to_string()))])
}

/// Claims a delivery, unless another attempt holds it or it is settled. [`read_claim`] reads the outcome.
#[must_use]
pub fn claim(delivery: &DeliveryKey, request: &ClaimRequest) -> Put {
    let mut item = Item(Vec::with_capacity(7));
    item.push("pk", Value::text(delivery.to_string()));
    item.push("state", Value::text(CLAIMED));
    item.push("owner", Value::text(&request.owner));
    item.push("claimed_at_us", Value::micros(request.now));
    item.push("lease_until_us", Value::micros(request.lease_until));
    item.push("expires_at", Value::seconds_up(request.expires_at));
    if let Some(event_id) = &request.event_id {
        item.push("event_id", Value::text(event_id.as_str()));
    }
    Put {
        item,
        condition: Some(MAY_CLAIM),
        names: names([
            ("#pk", "pk"),
            ("#expires_at", "expires_at"),
            ("#state", "state"),
            ("#lease_until", "lease_until_us"),
        ]),
        values: Item::from([
            (":now_s", Value::number(request.now.as_second())),
            (":now_us", Value::micros(request.now)),
            (":claimed", Value::text(CLAIMED)),
        ]),
        returns_refusing_item: true,
    }
}

/// Outcome of a [`claim`]. The entry that is in its way comes with the refusal: no second read.
///
/// # Errors
/// [`ClaimError`] when the refusal does not name such an entry: nothing was written.
pub fn read_claim<'a, T>(outcome: &'a WriteOutcome<T>, request: &ClaimRequest) -> Result<Claim, ClaimError>
where
    StoredEntry<'a>: From<&'a T>,
{
    match outcome {
        WriteOutcome::Written(_) => Ok(Claim::Fresh),
        WriteOutcome::Refused(entry) => {
            let entry = entry.as_ref().ok_or(ClaimError::NoEntry)?;
            let entry = StoredEntry::from(entry).read()?;
            Ok(ledger::refused(&entry, request)?)
        }
    }
}

/// Ends the lease of a claim, if `owner` still holds it. A refusal is no failure.
#[must_use]
pub fn release(delivery: &DeliveryKey, owner: &str) -> Update {
    Update {
        key: key(delivery),
        expression: "SET #lease_until = :lapsed".into(),
        condition: Some("#state = :claimed AND #owner = :owner"),
        names: names([
            ("#state", "state"),
            ("#owner", "owner"),
            ("#lease_until", "lease_until_us"),
        ]),
        values: Item::from([
            (":claimed", Value::text(CLAIMED)),
            (":owner", Value::text(owner)),
            (":lapsed", Value::micros(Timestamp::UNIX_EPOCH)),
        ]),
        ..Update::default()
    }
}

/// Settles a delivery. [`read_completion`] reads the outcome.
#[must_use]
pub fn complete(settled: &DeliveryCompletion<'_>, at: Timestamp) -> Update {
    let mut expression = "SET #state = :settled, #fate = :fate, #settled_at = :at".to_owned();
    let mut names = names([
        ("#state", "state"),
        ("#fate", "fate"),
        ("#settled_at", "settled_at_us"),
        ("#problem", "problem"),
    ]);
    let mut values = Item::from([
        (":settled", Value::text(state_of(settled.fate))),
        (":fate", Value::text(settled.fate.as_str())),
        (":at", Value::micros(at)),
        (":claimed", Value::text(CLAIMED)),
        (":parked", Value::text(PARKED)),
    ]);
    if let Some(events) = settled.events {
        names.push(("#published".into(), "published".into()));
        values.push(":published", Value::text(events.to_string()));
        expression.push_str(", #published = :published");
    }
    match settled.problem {
        Some(problem) => {
            values.push(":problem", write_problem(problem));
            expression.push_str(", #problem = :problem");
        }
        None => expression.push_str(" REMOVE #problem"),
    }
    Update {
        key: key(settled.delivery),
        expression: expression.into(),
        condition: Some(UNSETTLED),
        names,
        values,
        returned: Returned::UpdatedOld,
        returns_refusing_item: true,
    }
}

/// Outcome of [`complete`].
#[must_use]
pub fn read_completion(outcome: &WriteOutcome<Item>, fate: Fate) -> Completion {
    match outcome {
        WriteOutcome::Written(Some(before)) if is(before, CLAIMED) => {
            if before.has("problem") {
                Completion::Recovered
            } else {
                Completion::First
            }
        }
        WriteOutcome::Refused(Some(entry)) if fate == Fate::Parked && is(entry, DONE) => Completion::Done,
        WriteOutcome::Written(_) | WriteOutcome::Refused(_) => Completion::Repeated,
    }
}

/// A statement that does what [`complete`] does, but only to a claimed entry without a problem: if it is written, the completion
/// counts and no failure has to be forgotten. [`read_statement`] reads the outcome.
#[must_use]
pub fn complete_statement(table: &str, settled: &DeliveryCompletion<'_>, at: Timestamp) -> Statement {
    let table = quoted(table);
    let mut parameters = Vec::with_capacity(6);
    parameters.extend([
        Value::text(state_of(settled.fate)),
        Value::text(settled.fate.as_str()),
        Value::micros(at),
    ]);
    let mut published = "";
    if let Some(events) = settled.events {
        published = r#" SET "published" = ?"#;
        parameters.push(Value::text(events.to_string()));
    }
    parameters.extend([Value::text(settled.delivery.to_string()), Value::text(CLAIMED)]);
    Statement {
        text: format!(
            r#"UPDATE {table} SET "state" = ? SET "fate" = ? SET "settled_at_us" = ?{published} REMOVE "problem" WHERE "pk" = ? AND "state" = ? AND "problem" IS MISSING"#
        ),
        parameters,
    }
}

/// Outcome of [`complete_statement`]; `None` where only [`complete`] can decide.
#[must_use]
pub fn read_statement(outcome: &WriteOutcome<Item>) -> Option<Completion> {
    match outcome {
        WriteOutcome::Written(_) => Some(Completion::First),
        WriteOutcome::Refused(Some(entry)) if is(entry, DONE) => Some(Completion::Repeated),
        WriteOutcome::Refused(_) => None,
    }
}

/// Writes a problem into the entry of a delivery, unless that is done. [`read_note`] reads the outcome.
#[must_use]
pub fn note(delivery: &DeliveryKey, problem: &Problem) -> Update {
    Update {
        key: key(delivery),
        expression: "SET #problem = :problem".into(),
        condition: Some(UNSETTLED),
        names: names([("#state", "state"), ("#problem", "problem")]),
        values: Item::from([
            (":problem", write_problem(problem)),
            (":claimed", Value::text(CLAIMED)),
            (":parked", Value::text(PARKED)),
        ]),
        returns_refusing_item: true,
        ..Update::default()
    }
}

/// Outcome of [`note`]. Only an entry that is done refuses it.
#[must_use]
pub fn read_note(outcome: &WriteOutcome<Item>) -> NoteOutcome {
    match outcome {
        WriteOutcome::Written(_) => NoteOutcome::Written,
        WriteOutcome::Refused(Some(entry)) if entry.has("state") => NoteOutcome::Done,
        WriteOutcome::Refused(_) => NoteOutcome::Unknown,
    }
}

/// Filter for the entries of a delivery id, in a scan, with the value of `:id`. Other entries may pass it.
pub const ID_FILTER: &str = "contains(pk, :id)";

/// Value of `:id` in [`ID_FILTER`].
#[must_use]
pub fn id_value(id: &DeliveryId) -> Value {
    Value::text(format!("#{id}"))
}

/// Key that a scan continues after.
#[must_use]
pub fn cursor_key(Cursor(pk): &Cursor) -> Item {
    Item::from([("pk", Value::text(pk))])
}

/// Cursor of the last key of a page.
///
/// # Errors
/// [`MalformedError`] when it is no key of this table.
pub fn read_cursor(key: &Item) -> Result<Cursor, MalformedError> {
    Ok(Cursor(key.text("pk")?.to_owned()))
}

impl<'a> From<&'a Item> for StoredEntry<'a> {
    fn from(item: &'a Item) -> Self {
        Self {
            state: item.find_text("state"),
            owner: item.find_text("owner"),
            lease_until_us: item.find_digits("lease_until_us"),
            expires_at: item.find_digits("expires_at"),
        }
    }
}

impl StoredEntry<'_> {
    /// Reads the entry.
    ///
    /// # Errors
    /// [`MalformedError`] when an attribute is missing or unreadable.
    pub fn read(self) -> Result<LedgerEntry, MalformedError> {
        let state = match self.state {
            Some(CLAIMED) => LedgerState::Claimed {
                owner: self.owner.ok_or_else(|| MalformedError::new("owner"))?.to_owned(),
                lease_until: read_micros("lease_until_us", self.lease_until_us)?,
            },
            Some(PARKED) => LedgerState::Parked,
            Some(DONE) => LedgerState::Done,
            _ => return Err(MalformedError::new("state")),
        };
        Ok(LedgerEntry {
            state,
            expires_at: read_seconds("expires_at", self.expires_at)?,
        })
    }
}

fn state_of(fate: Fate) -> &'static str {
    match fate {
        Fate::Parked => PARKED,
        Fate::Applied | Fate::Superseded | Fate::Discarded | Fate::Noted | Fate::Dismissed => DONE,
    }
}

fn is(entry: &Item, state: &str) -> bool {
    entry.find_text("state") == Some(state)
}

fn write_problem(problem: &Problem) -> Value {
    let mut fields = Item::from([
        ("at_us", Value::micros(problem.at)),
        ("code", Value::text(problem.code.to_string())),
        ("message", Value::text(&problem.message)),
    ]);
    if let Some(cause) = problem.cause {
        fields.push("cause", Value::text(cause.as_str()));
    }
    Value::M(fields)
}

//! Table of [kept events](hookline_domain::outbound::EventLog). One item per event:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the store, `source#store`, and the event's id, which sorts by time |
//! | `type` | S | the event's type |
//! | `subject` | S | the thing that it is about, `kind#id` |
//! | `cause` | S | id of the delivery that caused it, if there was one |
//! | `at_us`, `accepted_at_us` | N, N | time of the event, and time at which it was first kept |
//! | `targets` | M | `bus` (S) is `off`, `queued` or `sent`; `endpoints` (M) has the verdict of each endpoint that there was, by `scope id`, as in `* ep_1` |
//! | `bus_error` | S | reason of the bus's last refusal; only while `bus` is `queued` |
//! | `body` | B | the event's JSON, compressed |
//! | `expires_at` | N | the table's TTL attribute: `EventDays` after it was first kept |
//!
//! Beside it, for endpoints that get personal data, an item with the sealed body of the delivery that caused the event:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the store, and `#sealed#` before the event's id: below all ids, so that no list has it and every erasure does |
//! | `body` | B | the [sealed body](hookline_domain::delivery::sealed::SealedBody) |
//! | `expires_at` | N | the table's TTL attribute: the time from which on nobody opens it |

use hookline_domain::{
    catalogue::event_message::MAX_EVENT_BYTES,
    delivery::sealed::SealedBody,
    kernel::{compression, ids::StoreKey},
    outbound::{BusVerdict, EventFilter, KeptEvent, KeptSealed, Settled, TypePattern, Verdicts},
};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};

use crate::{
    request::{self, Names, Put, Query, Statement, Update, names, quoted},
    value::{Item, MalformedError, Value, read_seconds},
};

/// Items of one page at most.
const MAX_PAGE_ITEMS: usize = 1000;

/// Key of an event.
#[must_use]
pub fn key(store: &StoreKey, id: &EventId) -> Item {
    request::key(store.to_string(), id.as_str())
}

/// Beginning of the sort key of sealed bodies.
const SEALED: &str = "#sealed#";

/// Key of the sealed body of an event.
#[must_use]
pub fn sealed_key(store: &StoreKey, id: &EventId) -> Item {
    request::key(store.to_string(), format!("{SEALED}{id}"))
}

/// Keeps a sealed body, in place of one that is kept.
#[must_use]
pub fn keep_sealed(kept: &KeptSealed) -> Put {
    let mut item = sealed_key(&kept.store, &kept.id);
    item.push("body", Value::B(kept.sealed.bytes().to_vec()));
    item.push("expires_at", Value::seconds_up(kept.sealed.expires_at()));
    Put { item, ..Put::default() }
}

/// Returns true for an item that is a sealed body.
#[must_use]
pub fn is_sealed(item: &Item) -> bool {
    item.find_text("sk").is_some_and(|key| key.starts_with(SEALED))
}

/// Reads a sealed body with its key. One of a later version of this code counts as absent.
///
/// # Errors
/// [`MalformedError`] if the key or the body is missing.
pub fn read_sealed(item: &Item) -> Result<((StoreKey, EventId), Option<SealedBody>), MalformedError> {
    let id = item.text("sk")?.strip_prefix(SEALED).and_then(|id| id.parse().ok());
    let key = (item.parse("pk")?, id.ok_or_else(|| MalformedError::new("sk"))?);
    Ok((key, SealedBody::read(item.bytes("body")?.to_vec())))
}

fn item(event: &KeptEvent) -> Item {
    let mut item = key(&event.store, &event.id);
    item.push("type", Value::text(event.kind.as_str()));
    item.push("subject", Value::text(event.subject.to_string()));
    if let Some(cause) = &event.cause {
        item.push("cause", Value::text(cause.as_str()));
    }
    item.push("at_us", Value::micros(event.at));
    item.push("accepted_at_us", Value::micros(event.accepted_at));
    item.push("targets", targets(event));
    item.push("body", Value::B(compression::compress(event.json.as_bytes())));
    item.push("expires_at", Value::seconds_up(event.expires_at));
    item
}

fn targets(event: &KeptEvent) -> Value {
    let mut targets = Item::from([("bus", Value::text(event.bus.as_str()))]);
    if !event.verdicts.is_empty() {
        let mut endpoints = Item::default();
        for (endpoint, verdict) in &event.verdicts {
            endpoints.push(endpoint.to_string(), Value::text(verdict.to_string()));
        }
        targets.push("endpoints", Value::M(endpoints));
    }
    Value::M(targets)
}

/// Reads the verdicts. One of another version of this code is left out.
fn read_verdicts(targets: &Item) -> Verdicts {
    let endpoints = targets.map("endpoints").ok().map(|Item(endpoints)| endpoints);
    let verdict = |(name, value): &(_, Value)| {
        let Value::S(text) = value else { return None };
        let name: &str = AsRef::<str>::as_ref(name);
        Some((name.parse().ok()?, text.parse().ok()?))
    };
    endpoints.into_iter().flatten().filter_map(verdict).collect()
}

/// Keeps an event unless one has its key. A refusal returns that one.
#[must_use]
pub fn keep(event: &KeptEvent) -> Put {
    Put {
        item: item(event),
        condition: Some("attribute_not_exists(pk)"),
        returns_refusing_item: true,
        ..Put::default()
    }
}

/// Keeps an event unless one has its key, in which case it fails and returns none
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html>).
#[must_use]
pub fn insert(table: &str, event: &KeptEvent) -> Statement {
    let Item(attributes) = item(event);
    let fields: Vec<String> = attributes.iter().map(|(name, _)| format!("'{name}': ?")).collect();
    Statement {
        text: format!("INSERT INTO {} VALUE {{{}}}", quoted(table), fields.join(", ")),
        parameters: attributes.into_iter().map(|(_, value)| value).collect(),
    }
}

/// Records what the bus has done, if the event is queued for it.
#[must_use]
pub fn settle(settled: &Settled) -> Update {
    let (expression, error) = match &settled.error {
        Some(error) => ("SET #targets.#bus = :bus, bus_error = :error", Some(Value::text(error))),
        None => ("SET #targets.#bus = :bus REMOVE bus_error", None),
    };
    let mut values = Item::from([
        (":bus", Value::text(settled.bus.as_str())),
        (":queued", Value::text(BusVerdict::Queued.as_str())),
    ]);
    if let Some(error) = error {
        values.push(":error", error);
    }
    Update {
        key: key(&settled.store, &settled.id),
        expression: expression.into(),
        condition: Some("#targets.#bus = :queued"),
        names: names([("#targets", "targets"), ("#bus", "bus")]),
        values,
        ..Update::default()
    }
}

/// Records what the bus has done, as [`settle`] does.
#[must_use]
pub fn settle_statement(table: &str, settled: &Settled) -> Statement {
    let set = match settled.error {
        Some(_) => r#"SET "targets"."bus" = ? SET "bus_error" = ?"#,
        None => r#"SET "targets"."bus" = ? REMOVE "bus_error""#,
    };
    let mut parameters = vec![Value::text(settled.bus.as_str())];
    parameters.extend(settled.error.as_ref().map(Value::text));
    parameters.extend([
        Value::text(settled.store.to_string()),
        Value::text(settled.id.as_str()),
        Value::text(BusVerdict::Queued.as_str()),
    ]);
    Statement {
        text: format!(
            r#"UPDATE {} {set} WHERE "pk" = ? AND "sk" = ? AND "targets"."bus" = ?"#,
            quoted(table)
        ),
        parameters,
    }
}

/// The events of a store that a filter selects, newest first unless it says otherwise; `limit` is the number of events to look at
/// on a page. In the other order the event that they are to be before may be among them.
#[must_use]
pub fn list(store: &StoreKey, filter: &EventFilter, limit: usize) -> Query {
    let first = first_id(filter.from);
    let first = match &filter.after {
        Some(after) => first.max(after.to_string()),
        None => first,
    };
    // Ids are `evt_` and capital letters and digits, so that `evt_~` is above all of them.
    let last = match (&filter.after, &filter.before) {
        // Not below the first, which DynamoDB refuses.
        (Some(_), Some(before)) => before.to_string().max(first.clone()),
        _ => "evt_~".to_owned(),
    };
    let mut values = Item::from([
        (":store", Value::text(store.to_string())),
        (":first", Value::text(first)),
        (":last", Value::text(last)),
    ]);
    let mut list_names = Names::new();
    let mut conditions = Vec::new();
    if let Some((condition, text)) = type_condition(filter.kind.as_ref()) {
        list_names.extend(names([("#type", "type")]));
        conditions.push(condition);
        values.push(":type", Value::text(text));
    }
    if let Some(subject) = &filter.subject {
        list_names.extend(names([("#subject", "subject")]));
        conditions.push("#subject = :subject");
        values.push(":subject", Value::text(subject.to_string()));
    }
    if let Some(cause) = &filter.cause {
        list_names.extend(names([("#cause", "cause")]));
        conditions.push("#cause = :cause");
        values.push(":cause", Value::text(cause.as_str()));
    }
    Query {
        condition: "pk = :store AND sk BETWEEN :first AND :last",
        filter: (!conditions.is_empty()).then(|| conditions.join(" AND ")),
        names: list_names,
        values,
        is_reversed: filter.after.is_none(),
        limit: Some(limit.clamp(1, MAX_PAGE_ITEMS)),
        after: (filter.after.as_ref().or(filter.before.as_ref())).map(|cursor| key(store, cursor)),
        ..Query::default()
    }
}

/// True if no event has this time or a later one and is before this one. Such a range is not queried: DynamoDB refuses to
/// continue after a key that is outside of it (<https://github.com/aws/aws-sdk-ruby/issues/2456>).
#[must_use]
pub fn is_empty(from: Option<Timestamp>, before: Option<&EventId>) -> bool {
    let from = from.map(EventId::first_of);
    from.zip(before).is_some_and(|(from, before)| *before <= from)
}

/// Text from which on the ids of events of this time and later are, or of all events.
pub(crate) fn first_id(from: Option<Timestamp>) -> String {
    from.map_or_else(|| "evt_".to_owned(), |from| EventId::first_of(from).to_string())
}

/// Condition on the attribute `#type`, and its `:type`; `None` if a pattern selects all types.
pub(crate) fn type_condition(pattern: Option<&TypePattern>) -> Option<(&'static str, &str)> {
    match pattern {
        None | Some(TypePattern::All) => None,
        Some(TypePattern::One(kind)) => Some(("#type = :type", kind.as_str())),
        Some(TypePattern::Family(beginning)) => Some(("begins_with(#type, :type)", beginning.as_str())),
    }
}

/// Keys of the events of a store up to a time, to the millisecond, and of all its sealed bodies, after one of them.
#[must_use]
pub fn until(store: &StoreKey, until: Timestamp, after: Option<&str>) -> Query {
    let end = until.checked_add(SignedDuration::from_millis(1)).unwrap_or(until);
    let end = EventId::first_of(end);
    Query {
        condition: "pk = :store AND sk < :end",
        projection: Some("pk, sk"),
        values: Item::from([
            (":store", Value::text(store.to_string())),
            (":end", Value::text(end.as_str())),
        ]),
        limit: Some(MAX_PAGE_ITEMS),
        after: after.map(|after| request::key(store.to_string(), after)),
        ..Query::default()
    }
}

/// Reads the id of an event from its key.
///
/// # Errors
/// [`MalformedError`] if it is missing or no id.
pub fn read_id(item: &Item) -> Result<EventId, MalformedError> {
    item.parse("sk")
}

/// Reads a kept event.
///
/// # Errors
/// [`MalformedError`] if an attribute is missing or unreadable, as those of another version of this code may be.
pub fn read(item: &Item) -> Result<KeptEvent, MalformedError> {
    let json = compression::decompress(item.bytes("body")?, MAX_EVENT_BYTES);
    let json = json.ok().and_then(|json| String::from_utf8(json).ok());
    let targets = item.map("targets")?;
    let bus = BusVerdict::named(targets.text("bus")?);
    Ok(KeptEvent {
        store: item.parse("pk")?,
        id: read_id(item)?,
        kind: item.parse("type")?,
        subject: item.parse("subject")?,
        cause: item.has("cause").then(|| item.parse("cause")).transpose()?,
        at: item.micros("at_us")?,
        accepted_at: item.micros("accepted_at_us")?,
        expires_at: read_seconds("expires_at", item.find_digits("expires_at"))?,
        json: json.ok_or_else(|| MalformedError::new("body"))?,
        verdicts: read_verdicts(targets),
        bus: bus.ok_or_else(|| MalformedError::new("targets"))?,
        bus_error: item.find_text("bus_error").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;

//! Table of [outboxes](hookline_domain::outbound::Outboxes). One item per entry:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | `<endpoint's id>#0`, and the entry's key `<due>#<event's id>#<run>`, which sorts by the time at which it is due |
//! | `store` | S | the event's store, `source#store` |
//! | `subject` | S | the thing that it is about, `kind#id` |
//! | `accepted_at_us` | N | time at which it was accepted |
//! | `version` | N | version of the state that it tells, if it tells one |
//!
//! One per thing of which a state was posted to an endpoint that wants its events in their order:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | `<endpoint's id>#v`, and the thing, `kind#id` |
//! | `version` | N | greatest version that was posted, or was about to be |
//! | `expires_at` | N | the table's TTL attribute: no event is kept for so long |
//!
//! And one per endpoint, made when its lease is first acquired. The dispatcher never deletes it:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | `due#<0 to 15>`, by a hash of the endpoint's id, and the id |
//! | `scope` | S | the endpoint's owner: `source#store`, or `*` |
//! | `nonce`, `until_us` | S, N | holder and end of the lease; only while it is held |
//! | `released` | S | nonce of the lease that was released last; only until the next is acquired |
//! | `next_us` | N | time of the next look, if there is one |
//! | `health` | S | the endpoint's health as JSON, once it was worked on |
//! | `hours` | S | statistics of the hours that are not [put away](crate::stats) yet, as JSON; only if there are any |
//! | `pool` | S | its pool, `fast` or `slow` |

use hookline_domain::outbound::{
    EndpointId, EndpointKey, Entry, EntryKey, Health, Lease, OutboxNotes, OutboxState, Pool, SubjectKey,
};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{
    request::{self, Put, Query, Returned, Update, names, partition},
    update::UpdateBuilder,
    value::{Item, MalformedError, Value},
};

/// Time for which versions are kept: longer than events are.
const VERSIONS_KEPT_FOR: SignedDuration = SignedDuration::from_hours(40 * 24);

/// Number of the partitions of endpoints' items.
pub const SHARDS: u8 = 16;

/// Partition key of an endpoint's entries. The number is kept for a second partition, which no endpoint has.
fn entries_of(endpoint: &EndpointId) -> String {
    format!("{endpoint}#0")
}

fn shard(number: u8) -> String {
    format!("due#{number}")
}

fn shard_of(endpoint: &EndpointId) -> u8 {
    Sha256::digest(endpoint.as_str())[0] % SHARDS
}

/// Key of an entry.
#[must_use]
pub fn key(endpoint: &EndpointKey, entry: &EntryKey) -> Item {
    request::key(entries_of(&endpoint.id), entry.to_string())
}

/// Key of an endpoint's item.
#[must_use]
pub fn endpoint_key(endpoint: &EndpointKey) -> Item {
    request::key(shard(shard_of(&endpoint.id)), endpoint.id.as_str())
}

/// Adds an entry, in place of one with its key.
#[must_use]
pub fn put(endpoint: &EndpointKey, entry: &Entry) -> Put {
    let mut item = key(endpoint, &entry.key);
    item.push("store", Value::text(entry.store.to_string()));
    item.push("subject", Value::text(entry.subject.to_string()));
    item.push("accepted_at_us", Value::micros(entry.accepted_at));
    if let Some(version) = entry.version {
        item.push("version", Value::number(version));
    }
    Put { item, ..Put::default() }
}

/// Entries of an endpoint, in the order in which they are due, after one of them. `limit` is the number on a page.
#[must_use]
pub fn list(endpoint: &EndpointKey, after: Option<&EntryKey>, limit: usize) -> Query {
    Query {
        limit: Some(limit.max(1)),
        after: after.map(|after| key(endpoint, after)),
        ..partition(entries_of(&endpoint.id))
    }
}

/// Entries of an endpoint from the last due backwards, before one of them. `limit` is the number on a page.
#[must_use]
pub fn list_back(endpoint: &EndpointKey, before: Option<&EntryKey>, limit: usize) -> Query {
    Query {
        is_reversed: true,
        ..list(endpoint, before, limit)
    }
}

/// Notes the version of a state that is about to be posted, unless a greater one is noted for its thing.
#[must_use]
pub fn raise_version(endpoint: &EndpointKey, subject: &SubjectKey, version: u64, now: Timestamp) -> Update {
    let mut update = UpdateBuilder::default();
    update.set("version", Value::number(version));
    let kept = now.checked_add(VERSIONS_KEPT_FOR).unwrap_or(now);
    update.set("expires_at", Value::seconds_up(kept));
    let mut update = update.finish(request::key(format!("{}#v", endpoint.id), subject.to_string()));
    update.condition = Some("attribute_not_exists(version) OR version <= :raised");
    update.values.push(":raised", Value::number(version));
    update
}

/// Times at which the first entries of an endpoint were accepted: [`read_accepted_at`].
#[must_use]
pub fn accepted_at(endpoint: &EndpointKey, limit: usize) -> Query {
    Query {
        projection: Some("pk, sk, accepted_at_us"),
        limit: Some(limit),
        ..partition(entries_of(&endpoint.id))
    }
}

/// Reads the time at which an entry was accepted.
///
/// # Errors
/// [`MalformedError`] if it is missing.
pub fn read_accepted_at(item: &Item) -> Result<Timestamp, MalformedError> {
    item.micros("accepted_at_us")
}

/// Reads the key of an entry.
///
/// # Errors
/// [`MalformedError`] if it is unreadable.
pub fn read_key(item: &Item) -> Result<EntryKey, MalformedError> {
    item.parse("sk")
}

/// Reads an entry.
///
/// # Errors
/// [`MalformedError`] if an attribute is missing or unreadable.
pub fn read(item: &Item) -> Result<Entry, MalformedError> {
    Ok(Entry {
        key: read_key(item)?,
        store: item.parse("store")?,
        subject: item.parse("subject")?,
        version: item.has("version").then(|| item.number("version")).transpose()?,
        accepted_at: read_accepted_at(item)?,
    })
}

/// Acquires a lease that nobody holds, that has lapsed at `now`, or that is ours already because an answer was lost. A success
/// returns the item: [`read_notes`].
#[must_use]
pub fn acquire(endpoint: &EndpointKey, lease: &Lease, now: Timestamp) -> Update {
    let mut update = UpdateBuilder::default();
    update.set("scope", Value::text(endpoint.scope.to_string()));
    update.set("nonce", Value::text(&lease.nonce));
    update.set("until_us", Value::micros(lease.until));
    update.set_if_absent("pool", Value::text(Health::default().pool().as_str()));
    update.remove("released");
    let mut update = update.finish(endpoint_key(endpoint));
    update.condition = Some("attribute_not_exists(nonce) OR until_us <= :now OR nonce = :nonce");
    update.values.push(":now", Value::micros(now));
    update.values.push(":nonce", Value::text(&lease.nonce));
    update.returned = Returned::AllNew;
    update
}

/// Reads the holder's notes in an endpoint's item. What is unreadable counts as that of a new endpoint: health is only learned
/// again, and statistics are lost.
#[must_use]
pub fn read_notes(item: &Item) -> OutboxNotes {
    OutboxNotes {
        health: read_json(item, "health"),
        hours: read_json(item, "hours"),
    }
}

fn read_json<T: DeserializeOwned + Default>(item: &Item, name: &str) -> T {
    let json = item.find_text(name);
    json.and_then(|json| serde_json::from_str(json).ok())
        .unwrap_or_default()
}

/// Reads the state in an endpoint's item.
///
/// # Errors
/// [`MalformedError`] if a time is unreadable.
pub fn read_state(item: &Item) -> Result<OutboxState, MalformedError> {
    let time = |name: &'static str| item.has(name).then(|| item.micros(name)).transpose();
    Ok(OutboxState {
        notes: read_notes(item),
        next_at: time("next_us")?,
        held_until: time("until_us")?,
    })
}

/// Releases a lease where it is still ours, with the notes of its holder. A refusal returns the item: [`was_released`].
///
/// # Errors
/// Fails if the notes have no JSON.
pub fn release(
    endpoint: &EndpointKey,
    nonce: &str,
    notes: &OutboxNotes,
    next_at: Timestamp,
) -> Result<Update, serde_json::Error> {
    let mut update = UpdateBuilder::default();
    update.set("released", Value::text(nonce));
    update.set("next_us", Value::micros(next_at));
    update.set("health", Value::json(&notes.health)?);
    if notes.hours.hours().is_empty() {
        update.remove("hours");
    } else {
        update.set("hours", Value::json(&notes.hours)?);
    }
    update.set("pool", Value::text(notes.health.pool().as_str()));
    update.remove("nonce");
    update.remove("until_us");
    let mut update = update.finish(endpoint_key(endpoint));
    update.condition = Some("nonce = :nonce");
    update.values.push(":nonce", Value::text(nonce));
    update.returns_refusing_item = true;
    Ok(update)
}

/// True if the lease of this nonce was released, and none has been acquired since.
#[must_use]
pub fn was_released(item: &Item, nonce: &str) -> bool {
    item.find_text("released") == Some(nonce)
}

/// Sets the time of the next look where no lease has been acquired since that of `nonce` was released.
#[must_use]
pub fn schedule(endpoint: &EndpointKey, nonce: &str, next_at: Option<Timestamp>) -> Update {
    let mut update = UpdateBuilder::default();
    match next_at {
        Some(next_at) => update.set("next_us", Value::micros(next_at)),
        None => update.remove("next_us"),
    }
    let mut update = update.finish(endpoint_key(endpoint));
    update.condition = Some("released = :nonce");
    update.values.push(":nonce", Value::text(nonce));
    update
}

/// Endpoints of a partition, from 0 to below [`SHARDS`], the end of whose lease, or else whose next look, is before this time.
#[must_use]
pub fn overdue(number: u8, before: Timestamp) -> Query {
    let mut query = Query {
        filter: Some("until_us < :before OR (attribute_not_exists(nonce) AND next_us < :before)".to_owned()),
        projection: Some("pk, sk, #scope, #pool"),
        names: names([("#scope", "scope"), ("#pool", "pool")]),
        ..partition(shard(number))
    };
    query.values.push(":before", Value::micros(before));
    query
}

/// Reads the key and the pool of an endpoint from its item. A pool that is unreadable counts as the slow one.
///
/// # Errors
/// [`MalformedError`] if the key is unreadable.
pub fn read_endpoint(item: &Item) -> Result<(EndpointKey, Pool), MalformedError> {
    let key = EndpointKey {
        scope: item.parse("scope")?,
        id: item.parse("sk")?,
    };
    let pool = item.find_text("pool").and_then(Pool::named);
    Ok((key, pool.unwrap_or(Pool::Slow)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hookline_domain::{
        memory::{self, noon},
        outbound::{Answer, AttemptCode, Meaning},
    };

    use super::*;

    fn endpoint(n: u32) -> EndpointKey {
        EndpointKey {
            scope: "shopify#demo.myshopify.com".parse().unwrap(),
            id: format!("ep_01M8KC7FD03QH5TX988ZJ0T{n:03}").parse().unwrap(),
        }
    }

    #[test]
    fn entry_reads_back_and_takes_less_than_a_quarter_of_a_write_unit() {
        let event = memory::event(&"shopify#demo.myshopify.com".parse().unwrap(), 7);
        let entry = Entry {
            key: EntryKey {
                due: noon(),
                event: event.id,
                run: 0,
            },
            store: "shopify#demo.myshopify.com".parse().unwrap(),
            subject: SubjectKey {
                kind: "product".to_owned(),
                id: "788032119674292922".to_owned(),
            },
            version: Some(7),
            accepted_at: noon(),
        };
        let item = put(&endpoint(0), &entry).item;
        assert_eq!(
            item.text("sk").unwrap(),
            format!("{}#{}#0", noon().as_microsecond(), entry.key.event)
        );
        assert_eq!(read(&item).unwrap(), entry);
        assert!(serde_json::to_string(&item).unwrap().len() <= 256 + 60);
    }

    #[test]
    fn endpoints_are_spread_over_all_partitions_and_stay_in_theirs() {
        let mut shards: Vec<u8> = (0..200).map(|n| shard_of(&endpoint(n).id)).collect();
        // Fixed for good: another number would be another lease.
        assert_eq!(shards[..4], [4, 13, 13, 8]);
        shards.sort_unstable();
        shards.dedup();
        assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>());
    }

    /// `crates/cost/src/outbound.rs` counts on it, as on a record's unit.
    #[test]
    fn release_of_a_busy_endpoint_takes_one_write_unit() {
        let event = memory::event(&"shopify#demo.myshopify.com".parse().unwrap(), 7).id;
        let mut notes = OutboxNotes::default();
        let mut note = |meaning, took, now| {
            notes.health.note(meaning, &event, took, 50, now);
            let answer = Ok(Answer {
                status: 200,
                retry_after: None,
                wish: None,
                location: None,
                excerpt: None,
            });
            notes.hours.note(&answer, meaning, took, now);
        };
        for nth in 0..20_000_u64 {
            // Of one that answers within 40 to 400 ms, mostly, and at times not.
            let took = Duration::from_millis(40 + (nth % 37) * (nth % 11));
            note(Meaning::Sent, took, noon());
        }
        for code in [
            AttemptCode::Refused,
            AttemptCode::TimedOut,
            AttemptCode::ConnectionRefused,
        ] {
            note(Meaning::Own(code), Duration::from_millis(80), noon());
        }
        // While the lease is held, also: the nonce is that of the release before.
        let nonce = "3f1c7a52-1f7b-5c8e-9b1d-2a7c7e0f5d11/0";
        let release = release(&endpoint(0), nonce, &notes, noon()).unwrap();
        let mut item = endpoint_key(&endpoint(0));
        item.push("scope", Value::text("shopify#demo.myshopify.com"));
        for (name, value) in [
            ("released", ":1"),
            ("next_us", ":2"),
            ("health", ":3"),
            ("hours", ":4"),
            ("pool", ":5"),
        ] {
            item.push(name, release.values.get(value).unwrap().clone());
        }
        // Its JSON is longer than what DynamoDB counts: quotation marks, and those within, with a backslash each.
        let json = serde_json::to_string(&item).unwrap().replace('\\', "");
        assert!(json.len() <= 1024, "{}: {json}", json.len());
    }

    #[test]
    fn health_that_is_missing_or_unreadable_is_that_of_a_new_endpoint() {
        for health in [None, Some("{"), Some(r#"{"failures":"many"}"#)] {
            let mut item = endpoint_key(&endpoint(0));
            item.0
                .extend(health.map(|health| ("health".into(), Value::text(health))));
            assert_eq!(read_notes(&item), OutboxNotes::default());
        }
    }
}

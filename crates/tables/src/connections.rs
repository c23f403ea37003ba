//! Table of the [`Connections`](hookline_domain::store::connections::Connections). One item per store:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the store, `source#store` |
//! | `sealed` | B | the tokens, encrypted |
//! | `generation` | N | number of times that tokens have been stored |
//! | `expires_us` | N | expiry of the access token; absent if it has none |
//! | `owner`, `leased_until_us` | S, N | the lease of an attempt to renew them; absent if there is none |

use hookline_domain::{
    kernel::ids::StoreKey,
    store::connections::{Connection, Lease},
};
use jiff::Timestamp;

use crate::{
    request::{Delete, Update, names},
    value::{Item, MalformedError, Value},
};

/// Key of a store's connection.
#[must_use]
pub fn key(store: &StoreKey) -> Item {
    Item::from([("pk", Value::text(store.to_string()))])
}

/// Stores tokens as the next generation, and ends any lease.
#[must_use]
pub fn put(store: &StoreKey, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Update {
    let mut values = Item::from([(":sealed", Value::B(sealed)), (":one", Value::number(1))]);
    let expression = match expires_at {
        Some(expires_at) => {
            values.push(":expires", Value::micros(expires_at));
            "SET #sealed = :sealed, #expires = :expires ADD #generation :one REMOVE #owner, #until"
        }
        None => "SET #sealed = :sealed ADD #generation :one REMOVE #expires, #owner, #until",
    };
    Update {
        key: key(store),
        expression: expression.into(),
        names: names([
            ("#sealed", "sealed"),
            ("#generation", "generation"),
            ("#expires", "expires_us"),
            ("#owner", "owner"),
            ("#until", "leased_until_us"),
        ]),
        values,
        ..Update::default()
    }
}

/// Stores tokens as [`put`] does, if `owner` holds the lease.
#[must_use]
pub fn renew(store: &StoreKey, owner: &str, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Update {
    let mut update = put(store, sealed, expires_at);
    update.condition = Some("#owner = :owner");
    update.values.push(":owner", Value::text(owner));
    update
}

/// Takes the lease of a generation's renewal, unless another attempt holds it.
#[must_use]
pub fn lease(store: &StoreKey, generation: u64, lease: &Lease, now: Timestamp) -> Update {
    Update {
        key: key(store),
        expression: "SET #owner = :owner, #until = :until".into(),
        condition: Some(
            "#generation = :generation AND (attribute_not_exists(#owner) OR #until <= :now OR #owner = :owner)",
        ),
        names: names([
            ("#generation", "generation"),
            ("#owner", "owner"),
            ("#until", "leased_until_us"),
        ]),
        values: Item::from([
            (":generation", Value::number(generation)),
            (":owner", Value::text(&lease.owner)),
            (":until", Value::micros(lease.until)),
            (":now", Value::micros(now)),
        ]),
        ..Update::default()
    }
}

/// Deletes a store's connection.
#[must_use]
pub fn remove(store: &StoreKey) -> Delete {
    Delete {
        key: key(store),
        ..Delete::default()
    }
}

/// Reads a connection.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read(item: &Item) -> Result<Connection, MalformedError> {
    let lease = item.has("owner").then(|| read_lease(item)).transpose()?;
    Ok(Connection {
        sealed: item.bytes("sealed")?.to_vec(),
        generation: item.number("generation")?,
        expires_at: item.find_micros("expires_us")?,
        lease,
    })
}

fn read_lease(item: &Item) -> Result<Lease, MalformedError> {
    Ok(Lease {
        owner: item.text("owner")?.to_owned(),
        until: item.micros("leased_until_us")?,
    })
}

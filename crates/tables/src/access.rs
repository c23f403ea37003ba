//! Table of [`Tokens`](hookline_domain::access::token::Tokens) and
//! [`Tickets`](hookline_domain::access::ticket::Tickets). One item per token, with the key `token#<id>`:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | `token#` and the id, without `tok_` |
//! | `hash` | B | SHA-256 of the whole token |
//! | `role`, `reach` | S | its role and its stores: `*`, or `source#store`, separated by commas |
//! | `name` | S | its holder |
//! | `created_us`, `expires_us` | N | when it was made, when it expires |
//! | `revoked_us` | N | when it was revoked; absent if it was not |
//! | `expires_at` | N | the table's TTL attribute: [`LISTED_AFTER`] its expiry |
//!
//! and one per ticket, with the key `ticket#<SHA-256 in hexadecimal>`:
//!
//! | attribute | | |
//! |---|---|---|
//! | `principal`, `role`, `reach` | S | the principal it was issued to, with its role and stores |
//! | `until_us` | N | expiry of the principal |
//! | `expires_us` | N | expiry of the ticket |
//! | `expires_at` | N | the table's TTL attribute: the same in seconds |

use hookline_domain::{
    access::{
        Principal, Reach, Role,
        ticket::{Ticket, TicketKey},
        token::{Hash, LISTED_AFTER, Token, TokenChange, TokenId},
    },
    live::AccessChanged,
};
use jiff::Timestamp;

use crate::{
    request::{Delete, Put, Returned, Update, names},
    value::{Item, MalformedError, Value},
};

/// Filter for tokens, in a scan, with the value of `:token`.
pub const TOKEN_FILTER: &str = "begins_with(pk, :token)";

/// Value of `:token` in [`TOKEN_FILTER`].
#[must_use]
pub fn token_value() -> Value {
    Value::text("token#")
}

/// Key of a token.
#[must_use]
pub fn token_key(id: &TokenId) -> Item {
    Item::from([("pk", Value::text(format!("token#{}", id.bare())))])
}

fn ticket_key(key: &TicketKey) -> Item {
    Item::from([("pk", Value::text(format!("ticket#{}", key.as_str())))])
}

/// Stores a token, unless there is one of its id.
#[must_use]
pub fn put_token(token: &Token) -> Put {
    let delete_at = token.expires_at.checked_add(LISTED_AFTER).unwrap_or(Timestamp::MAX);
    let mut item = token_key(&token.id);
    item.push("hash", Value::B(token.hash.as_bytes().to_vec()));
    item.push("role", Value::text(token.role.to_string()));
    item.push("reach", Value::text(token.reach.to_string()));
    item.push("name", Value::text(&token.name));
    item.push("created_us", Value::micros(token.created_at));
    item.push("expires_us", Value::micros(token.expires_at));
    item.push("expires_at", Value::seconds_up(delete_at));
    Put {
        item,
        condition: Some("attribute_not_exists(pk)"),
        ..Put::default()
    }
}

/// Revokes a token at `at`, unless it is revoked already. The token as it is then is returned.
#[must_use]
pub fn revoke(id: &TokenId, at: Timestamp) -> Update {
    Update {
        key: token_key(id),
        expression: "SET revoked_us = if_not_exists(revoked_us, :at)".into(),
        condition: Some("attribute_exists(pk)"),
        values: Item::from([(":at", Value::micros(at))]),
        returned: Returned::AllNew,
        ..Update::default()
    }
}

/// Changes a token that is not revoked. The token as it is then is returned.
#[must_use]
pub fn change(id: &TokenId, change: &TokenChange) -> Update {
    let mut update = Update {
        key: token_key(id),
        condition: Some("attribute_exists(pk) AND attribute_not_exists(revoked_us)"),
        returned: Returned::AllNew,
        ..Update::default()
    };
    let mut clauses = Vec::new();
    if let Some(role) = change.role {
        clauses.push("#role = :role");
        update.names.extend(names([("#role", "role")]));
        update.values.push(":role", Value::text(role.to_string()));
    }
    if let Some(reach) = &change.reach {
        clauses.push("#reach = :reach");
        update.names.extend(names([("#reach", "reach")]));
        update.values.push(":reach", Value::text(reach.to_string()));
    }
    if !clauses.is_empty() {
        update.expression = format!("SET {}", clauses.join(", ")).into();
    }
    update
}

/// Stores a ticket.
#[must_use]
pub fn put_ticket(ticket: &Ticket) -> Put {
    let mut item = ticket_key(&ticket.key);
    item.push("principal", Value::text(&ticket.principal.id));
    item.push("role", Value::text(ticket.principal.role.to_string()));
    item.push("reach", Value::text(ticket.principal.reach.to_string()));
    item.push("until_us", Value::micros(ticket.principal.expires_at));
    item.push("expires_us", Value::micros(ticket.expires_at));
    item.push("expires_at", Value::seconds_up(ticket.expires_at));
    Put { item, ..Put::default() }
}

/// Deletes a ticket that has not expired, and returns it. [`read_principal`] reads it.
#[must_use]
pub fn spend_ticket(ticket: &TicketKey, now: Timestamp) -> Delete {
    Delete {
        key: ticket_key(ticket),
        condition: Some("expires_us > :now"),
        values: Item::from([(":now", Value::micros(now))]),
        returned: Returned::AllOld,
    }
}

/// Reads a token.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_token(item: &Item) -> Result<Token, MalformedError> {
    let id = item.text("pk")?.strip_prefix("token#");
    let hash = <[u8; 32]>::try_from(item.bytes("hash")?).map_err(|_| MalformedError::new("hash"))?;
    Ok(Token {
        id: id
            .and_then(|id| TokenId::from_bare(id).ok())
            .ok_or_else(|| MalformedError::new("pk"))?,
        hash: Hash::from(hash),
        role: item.parse("role")?,
        reach: item.parse("reach")?,
        name: item.text("name")?.to_owned(),
        created_at: item.micros("created_us")?,
        expires_at: item.micros("expires_us")?,
        revoked_at: item.find_micros("revoked_us")?,
    })
}

/// Reads the principal of a ticket.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_principal(item: &Item) -> Result<Principal, MalformedError> {
    Ok(Principal {
        id: item.text("principal")?.to_owned(),
        role: item.parse("role")?,
        reach: item.parse("reach")?,
        expires_at: item.micros("until_us")?,
    })
}

/// Reads what a principal may do after a change of its token, from the item before and after it; `None` if the item is no token.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_changed(before: &Item, after: Option<&Item>) -> Result<Option<AccessChanged>, MalformedError> {
    let Some(id) = before.text("pk")?.strip_prefix("token#") else {
        return Ok(None);
    };
    let id = TokenId::from_bare(id).map_err(|_| MalformedError::new("pk"))?;
    let now = match after.filter(|after| !after.has("revoked_us")) {
        Some(after) => {
            let (role, reach): (Role, Reach) = (after.parse("role")?, after.parse("reach")?);
            Some((role, reach, after.micros("expires_us")?))
        }
        None => None,
    };
    Ok(Some(AccessChanged {
        principal: id.to_string(),
        now,
    }))
}

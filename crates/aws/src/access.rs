//! [`Tokens`] and [`Tickets`] in one DynamoDB table. An item for each token, with the key `token#<id>`:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | `token#` and the id, without `tok_` |
//! | `hash` | B | SHA-256 of the whole token |
//! | `role`, `reach` | S | what it lets do, with which stores: `*`, or `source#store`, separated by commas |
//! | `name` | S | whose it is |
//! | `created_us`, `expires_us` | N | when it was made, when it stops |
//! | `revoked_us` | N | when it was stopped; absent if it was not |
//! | `expires_at` | N | when the item goes: [`LISTED_AFTER`] its end, in seconds since 1970 |
//!
//! and for each ticket, with the key `ticket#<SHA-256 in hexadecimal>`:
//!
//! | attribute | | |
//! |---|---|---|
//! | `principal`, `role`, `reach` | S | for whom it was issued, and what they might do |
//! | `until_us` | N | until when they might |
//! | `expires_us` | N | when it stops |
//! | `expires_at` | N | the same in seconds since 1970: when the item goes |
//!
//! Times with `_us` are microseconds since 1970, and are compared whenever they matter: what has expired may be there for
//! days (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).

use aws_sdk_dynamodb::{
    Client,
    primitives::Blob,
    types::{AttributeValue, ReturnValue},
};
use hookline_domain::{
    access::{
        Principal, Reach, Role,
        ticket::{Ticket, TicketKey, Tickets},
        token::{Hash, LISTED_AFTER, Token, TokenChange, TokenId, Tokens},
    },
    kernel::port::PortError,
    live::AccessChanged,
};
use jiff::Timestamp;

use crate::{
    attributes::{Item, Malformed, find_micros, micros, read_micros, read_text, seconds_up, text},
    condition::unless_refused,
    failure,
    find::{find, understood},
};

const TOKENS: &str = "tokens";
const TICKETS: &str = "tickets";

/// [`Tokens`] and [`Tickets`] in DynamoDB: each change is one conditional write.
#[derive(Debug, Clone)]
pub struct DynamoAccess {
    client: Client,
    table: String,
}

impl DynamoAccess {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}

fn token_key(id: &TokenId) -> AttributeValue {
    text(format!("token#{}", id.bare()))
}

fn ticket_key(key: &TicketKey) -> AttributeValue {
    text(format!("ticket#{}", key.as_str()))
}

impl Tokens for DynamoAccess {
    async fn find(&self, id: &TokenId) -> Result<Option<Token>, PortError> {
        let wanted = self.client.get_item().table_name(&self.table).key("pk", token_key(id));
        find(TOKENS, wanted, read_token).await
    }

    async fn list(&self) -> Result<Vec<Token>, PortError> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :token)")
            .expression_attribute_values(":token", text("token#"))
            .into_paginator()
            .items()
            .send();
        let mut tokens = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failure::of_call(TOKENS, error))?;
            tokens.push(read_token(&item).map_err(|malformed| failure::of_ours(TOKENS, malformed))?);
        }
        tokens.sort_by_key(|token| token.created_at);
        Ok(tokens)
    }

    async fn put(&self, token: &Token) -> Result<bool, PortError> {
        let gone_at = token.expires_at.checked_add(LISTED_AFTER).unwrap_or(Timestamp::MAX);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", token_key(&token.id))
            .item("hash", AttributeValue::B(Blob::new(token.hash.as_bytes())))
            .item("role", text(token.role.to_string()))
            .item("reach", text(token.reach.to_string()))
            .item("name", text(&token.name))
            .item("created_us", micros(token.created_at))
            .item("expires_us", micros(token.expires_at))
            .item("expires_at", seconds_up(gone_at))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        Ok(unless_refused(TOKENS, put)?.is_some())
    }

    async fn revoke(&self, id: &TokenId, at: Timestamp) -> Result<Option<Token>, PortError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", token_key(id))
            .update_expression("SET revoked_us = if_not_exists(revoked_us, :at)")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":at", micros(at))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let revoked = unless_refused(TOKENS, sent)?.and_then(|updated| updated.attributes);
        understood(TOKENS, revoked.as_ref(), read_token)
    }

    async fn change(&self, id: &TokenId, change: &TokenChange) -> Result<Option<Token>, PortError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", token_key(id))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_us)")
            .return_values(ReturnValue::AllNew);
        let mut clauses = Vec::new();
        if let Some(role) = change.role {
            clauses.push("#role = :role");
            update = update
                .expression_attribute_names("#role", "role")
                .expression_attribute_values(":role", text(role.to_string()));
        }
        if let Some(reach) = &change.reach {
            clauses.push("#reach = :reach");
            update = update
                .expression_attribute_names("#reach", "reach")
                .expression_attribute_values(":reach", text(reach.to_string()));
        }
        if !clauses.is_empty() {
            update = update.update_expression(format!("SET {}", clauses.join(", ")));
        }
        let changed = unless_refused(TOKENS, update.send().await)?.and_then(|updated| updated.attributes);
        understood(TOKENS, changed.as_ref(), read_token)
    }
}

impl Tickets for DynamoAccess {
    async fn issue(&self, ticket: &Ticket) -> Result<(), PortError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", ticket_key(&ticket.key))
            .item("principal", text(&ticket.principal.id))
            .item("role", text(ticket.principal.role.to_string()))
            .item("reach", text(ticket.principal.reach.to_string()))
            .item("until_us", micros(ticket.principal.expires_at))
            .item("expires_us", micros(ticket.expires_at))
            .item("expires_at", seconds_up(ticket.expires_at))
            .send()
            .await
            .map_err(|error| failure::of_call(TICKETS, error))?;
        Ok(())
    }

    async fn spend(&self, ticket: &TicketKey, now: Timestamp) -> Result<Option<Principal>, PortError> {
        let sent = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", ticket_key(ticket))
            .condition_expression("expires_us > :now")
            .expression_attribute_values(":now", micros(now))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let taken = unless_refused(TICKETS, sent)?.and_then(|deleted| deleted.attributes);
        understood(TICKETS, taken.as_ref(), read_principal)
    }
}

fn read_token(item: &Item) -> Result<Token, Malformed> {
    let id = read_text(item, "pk")?.strip_prefix("token#");
    let hash = match item.get("hash") {
        Some(AttributeValue::B(hash)) => <[u8; 32]>::try_from(hash.as_ref()).ok(),
        _ => None,
    };
    Ok(Token {
        id: id
            .and_then(|id| TokenId::from_bare(id).ok())
            .ok_or_else(|| Malformed::new("pk"))?,
        hash: Hash::from(hash.ok_or_else(|| Malformed::new("hash"))?),
        role: read_role(item)?,
        reach: read_reach(item)?,
        name: read_text(item, "name")?.to_owned(),
        created_at: read_micros(item, "created_us")?,
        expires_at: read_micros(item, "expires_us")?,
        revoked_at: find_micros(item, "revoked_us")?,
    })
}

fn read_principal(item: &Item) -> Result<Principal, Malformed> {
    Ok(Principal {
        id: read_text(item, "principal")?.to_owned(),
        role: read_role(item)?,
        reach: read_reach(item)?,
        expires_at: read_micros(item, "until_us")?,
    })
}

fn read_role(item: &Item) -> Result<Role, Malformed> {
    read_text(item, "role")?.parse().map_err(|_| Malformed::new("role"))
}

fn read_reach(item: &Item) -> Result<Reach, Malformed> {
    read_text(item, "reach")?.parse().map_err(|_| Malformed::new("reach"))
}

/// What a change of an item lets somebody do now; `None` if it is no token's.
pub(crate) fn access_changed(before: &Item, after: Option<&Item>) -> Result<Option<AccessChanged>, Malformed> {
    let Some(id) = read_text(before, "pk")?.strip_prefix("token#") else {
        return Ok(None);
    };
    let id = TokenId::from_bare(id).map_err(|_| Malformed::new("pk"))?;
    let now = match after.filter(|after| !after.contains_key("revoked_us")) {
        Some(after) => Some((read_role(after)?, read_reach(after)?, read_micros(after, "expires_us")?)),
        None => None,
    };
    Ok(Some(AccessChanged {
        principal: id.to_string(),
        now,
    }))
}

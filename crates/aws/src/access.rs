//! [`Tokens`] and [`Tickets`] in DynamoDB. The table is [`hookline_tables::access`].

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    access::{
        Principal,
        ticket::{Ticket, TicketKey, Tickets},
        token::{Token, TokenChange, TokenId, Tokens},
    },
    kernel::port::PortError,
};
use hookline_tables::access;
use jiff::Timestamp;

use crate::{
    failure,
    table::{Table, from_sdk, value_to_sdk},
};

/// [`Tokens`] and [`Tickets`] in DynamoDB: each change is one conditional write.
#[derive(Debug, Clone)]
pub struct DynamoAccess {
    tokens: Table,
    /// The same table.
    tickets: Table,
}

impl DynamoAccess {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        let tokens = Table::new(client, table, "tokens");
        Self {
            tickets: tokens.of_port("tickets"),
            tokens,
        }
    }
}

impl Tokens for DynamoAccess {
    async fn find(&self, id: &TokenId) -> Result<Option<Token>, PortError> {
        self.tokens.find(access::token_key(id), access::read_token).await
    }

    async fn list(&self) -> Result<Vec<Token>, PortError> {
        let mut items = self
            .tokens
            .scan()
            .filter_expression(access::TOKEN_FILTER)
            .expression_attribute_values(":token", value_to_sdk(access::token_value()))
            .into_paginator()
            .items()
            .send();
        let mut tokens = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| failure::of_call(self.tokens.port, error))?;
            let token = access::read_token(&from_sdk(item));
            tokens.push(token.map_err(|malformed| self.tokens.malformed(malformed))?);
        }
        tokens.sort_by_key(|token| token.created_at);
        Ok(tokens)
    }

    async fn put(&self, token: &Token) -> Result<bool, PortError> {
        Ok(self.tokens.put(access::put_token(token)).await?.is_written())
    }

    async fn revoke(&self, id: &TokenId, at: Timestamp) -> Result<Option<Token>, PortError> {
        let revoked = self.tokens.update(access::revoke(id, at)).await?;
        self.tokens.read(revoked.into_written(), access::read_token)
    }

    async fn change(&self, id: &TokenId, change: &TokenChange) -> Result<Option<Token>, PortError> {
        let changed = self.tokens.update(access::change(id, change)).await?;
        self.tokens.read(changed.into_written(), access::read_token)
    }
}

impl Tickets for DynamoAccess {
    async fn issue(&self, ticket: &Ticket) -> Result<(), PortError> {
        self.tickets.put(access::put_ticket(ticket)).await?;
        Ok(())
    }

    async fn spend(&self, ticket: &TicketKey, now: Timestamp) -> Result<Option<Principal>, PortError> {
        let spent = self.tickets.delete(access::spend_ticket(ticket, now)).await?;
        self.tickets.read(spent.into_written(), access::read_principal)
    }
}

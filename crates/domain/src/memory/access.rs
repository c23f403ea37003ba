//! [`Tokens`] and [`Tickets`] in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Shared;
use crate::{
    access::{
        Principal,
        ticket::{Ticket, TicketKey, Tickets},
        token::{Token, TokenChange, TokenId, Tokens},
    },
    kernel::port::PortError,
};

/// [`Tokens`] and [`Tickets`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryAccess {
    tokens: Shared<BTreeMap<TokenId, Token>>,
    tickets: Shared<BTreeMap<TicketKey, Ticket>>,
}

impl Tokens for MemoryAccess {
    async fn find(&self, id: &TokenId) -> Result<Option<Token>, PortError> {
        Ok(self.tokens.lock().get(id).cloned())
    }

    async fn list(&self) -> Result<Vec<Token>, PortError> {
        let mut tokens: Vec<Token> = self.tokens.lock().values().cloned().collect();
        tokens.sort_by_key(|token| token.created_at);
        Ok(tokens)
    }

    async fn put(&self, token: &Token) -> Result<bool, PortError> {
        let mut tokens = self.tokens.lock();
        let free = !tokens.contains_key(&token.id);
        if free {
            tokens.insert(token.id.clone(), token.clone());
        }
        Ok(free)
    }

    async fn revoke(&self, id: &TokenId, at: Timestamp) -> Result<Option<Token>, PortError> {
        let mut tokens = self.tokens.lock();
        Ok(tokens.get_mut(id).map(|token| {
            token.revoked_at.get_or_insert(at);
            token.clone()
        }))
    }

    async fn change(&self, id: &TokenId, change: &TokenChange) -> Result<Option<Token>, PortError> {
        let mut tokens = self.tokens.lock();
        let token = tokens.get_mut(id).filter(|token| token.revoked_at.is_none());
        Ok(token.map(|token| {
            token.role = change.role.unwrap_or(token.role);
            if let Some(reach) = &change.reach {
                token.reach = reach.clone();
            }
            token.clone()
        }))
    }
}

impl Tickets for MemoryAccess {
    async fn issue(&self, ticket: &Ticket) -> Result<(), PortError> {
        self.tickets.lock().insert(ticket.key.clone(), ticket.clone());
        Ok(())
    }

    async fn spend(&self, ticket: &TicketKey, now: Timestamp) -> Result<Option<Principal>, PortError> {
        let mut tickets = self.tickets.lock();
        if tickets.get(ticket).is_none_or(|ticket| ticket.expires_at <= now) {
            return Ok(None);
        }
        Ok(tickets.remove(ticket).map(|ticket| ticket.principal))
    }
}

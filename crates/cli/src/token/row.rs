//! Row of a token.

use hookline_domain::access::{
    Reach, Role,
    token::{Token, TokenError, TokenId},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::output::{Row, timestamp};

/// The parts of a token that are not secret.
#[derive(Debug, Serialize)]
pub struct TokenRow {
    id: TokenId,
    role: Role,
    stores: Vec<String>,
    name: String,
    state: &'static str,
    created_at: Timestamp,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl TokenRow {
    pub fn new(token: &Token, now: Timestamp) -> Self {
        Self {
            id: token.id.clone(),
            role: token.role,
            stores: match &token.reach {
                Reach::All => vec!["*".to_owned()],
                Reach::Stores(stores) => stores.iter().map(|store| store.label().into_owned()).collect(),
            },
            name: token.name.clone(),
            state: match token.bearer(now) {
                Ok(_) => "good",
                Err(TokenError::Revoked) => "revoked",
                Err(TokenError::Expired | TokenError::Wrong) => "expired",
            },
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
        }
    }
}

impl Row for TokenRow {
    const HEADINGS: &'static [&'static str] = &["ID", "ROLE", "STORES", "STATE", "EXPIRES", "NAME"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.role.to_string(),
            self.stores.join(" "),
            self.state.to_owned(),
            timestamp(self.expires_at),
            self.name.clone(),
        ]
    }
}

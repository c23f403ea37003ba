//! Tickets: one-time keys that open a WebSocket. A browser cannot send a header there, so the ticket is in the URL. It
//! works once and for [`GOOD_FOR`], so a URL from a log or a browser's history opens nothing.

use std::{fmt::Write as _, future::Future};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Principal, token::random};
use crate::kernel::{port::PortError, secret::Secret};

/// Lifetime of a ticket.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_secs(30);

const TICKET_BYTES: usize = 32;
/// 32 bytes in base64 without padding.
const TICKET_CHARACTERS: usize = 43;

/// Key of a stored ticket: its SHA-256 in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketKey(String);

impl TicketKey {
    /// Returns the key of a ticket's text; `None` if the text does not look like a ticket of ours.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let in_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() != TICKET_CHARACTERS || !text.bytes().all(in_base64) {
            return None;
        }
        let mut key = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            write!(key, "{byte:02x}").ok()?;
        }
        Some(Self(key))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A stored ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Key under which it is stored.
    pub key: TicketKey,
    /// Principal to whom it was issued. Permissions are checked again when the ticket is spent.
    pub principal: Principal,
    /// End of its lifetime, to the microsecond.
    pub expires_at: Timestamp,
}

impl Ticket {
    /// Creates a ticket. Returns what to store, and the text for the client.
    ///
    /// # Errors
    /// [`PortError`] if the system provides no randomness.
    pub fn mint(principal: Principal, now: Timestamp) -> Result<(Self, Secret), PortError> {
        let text = BASE64_URL_SAFE_NO_PAD.encode(random::<TICKET_BYTES>()?);
        let key = TicketKey::of(&text).ok_or_else(|| PortError::new("randomness", "the new ticket is not valid"))?;
        let ticket = Self {
            key,
            principal,
            expires_at: now + GOOD_FOR,
        };
        Ok((ticket, Secret::new(text)))
    }
}

/// Storage of tickets until they are spent.
pub trait Tickets: Send + Sync {
    /// Stores a ticket.
    fn issue(&self, ticket: &Ticket) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Spends a ticket and returns the principal to whom it was issued; `None` if it does not exist, has expired, or
    /// has been spent. Of concurrent callers, one succeeds. After an error the ticket may be spent, so the client needs
    /// another one.
    fn spend(
        &self,
        ticket: &TicketKey,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Principal>, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Reach, Role};

    #[test]
    fn ticket_is_found_by_its_text_which_is_not_stored() {
        let principal = Principal {
            id: "tok_1".into(),
            role: Role::Viewer,
            reach: Reach::All,
            expires_at: Timestamp::MAX,
        };
        let (ticket, text) = Ticket::mint(principal, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(TicketKey::of(text.reveal()).as_ref(), Some(&ticket.key));
        assert_eq!(ticket.expires_at, Timestamp::from_second(30).unwrap());
        assert!(!format!("{ticket:?}").contains(text.reveal()));
        let long = format!("{}A", text.reveal());
        for other in ["", " ", &long, &text.reveal()[1..], &"=".repeat(43)] {
            assert_eq!(TicketKey::of(other), None, "{other:?}");
        }
        assert_eq!(
            TicketKey::of(&"a".repeat(43)).unwrap().as_str(),
            "66d34fba71f8f450f7e45598853e53bfc23bbd129027cbb131a2f4ffd7878cd0"
        );
    }
}

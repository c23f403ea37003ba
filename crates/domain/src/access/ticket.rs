//! Tickets: what opens a WebSocket, whose client cannot send a header, so that it stands in the address. It is good for
//! once and for [`GOOD_FOR`]: an address that somebody logs, or finds in a history, opens nothing.

use std::{fmt::Write as _, future::Future};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Principal, token::random};
use crate::kernel::{port::PortError, secret::Secret};

/// How long a ticket is good for.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_secs(30);

const BYTES: usize = 32;
/// 32 bytes in base64 without padding.
const CHARACTERS: usize = 43;

/// What names a ticket where it is kept: its SHA-256, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketKey(String);

impl TicketKey {
    /// Of the text that somebody shows; `None` if that is no ticket of ours.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let in_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() != CHARACTERS || !text.bytes().all(in_base64) {
            return None;
        }
        let mut key = String::with_capacity(64);
        for byte in Sha256::digest(text.as_bytes()) {
            write!(key, "{byte:02x}").ok()?;
        }
        Some(Self(key))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is kept of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What names it.
    pub key: TicketKey,
    /// For whom it was issued. What they may do is asked again when it is spent.
    pub principal: Principal,
    /// When it stops, to the microsecond.
    pub expires_at: Timestamp,
}

impl Ticket {
    /// A new one, and what to show for it.
    ///
    /// # Errors
    /// [`PortError`] when the system has no randomness to give.
    pub fn mint(principal: Principal, now: Timestamp) -> Result<(Self, Secret), PortError> {
        let text = BASE64_URL_SAFE_NO_PAD.encode(random::<BYTES>()?);
        let key = TicketKey::of(&text).ok_or_else(|| PortError::new("randomness", "a ticket that is none"))?;
        let ticket = Self {
            key,
            principal,
            expires_at: now + GOOD_FOR,
        };
        Ok((ticket, Secret::new(text)))
    }
}

/// Keeps tickets until they are spent.
pub trait Tickets: Send + Sync {
    /// Keeps a ticket.
    fn issue(&self, ticket: &Ticket) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes a ticket, and says for whom it was issued; `None` if there is none, its time is over, or it has been taken. Of
    /// many who ask at once, one gets it. Who was not answered must get another: it may be taken.
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
    fn a_ticket_is_found_by_its_text_which_is_not_kept() {
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

//! Connections: the tokens with which a store's Admin API is asked, as they are kept.
//!
//! What is kept is sealed (encrypted with a key of KMS) before it gets here. A token that expires is renewed by one
//! function at a time: renewing takes a **lease** with a conditional write, for the vendor's renewal token changes with
//! each use and two at once would throw away each other's.
//!
//! ```text
//!   sealed(generation n) ──lease, generation n──▶ leased until … ──save, by the owner──▶ sealed(generation n+1)
//!                              ▲                        │
//!                              └── the lease has lapsed ┘
//! ```

use std::future::Future;

use jiff::Timestamp;

use crate::kernel::{ids::StoreKey, port::PortError};

/// What is kept of a store's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The tokens, encrypted: opaque here.
    pub sealed: Vec<u8>,
    /// How often tokens have been kept; from 1.
    pub generation: u64,
    /// When the access token stops being taken, to the microsecond; `None` if it does not.
    pub expires_at: Option<Timestamp>,
    /// Who renews it, and until when nobody else may.
    pub lease: Option<Lease>,
}

/// Who renews a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// A name that only this attempt has.
    pub owner: String,
    /// Until when nobody else may.
    pub until: Timestamp,
}

/// Whether a renewal may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// It may: nobody else will until the lease lapses.
    Granted,
    /// Somebody else is at it, or has done it: read again.
    Refused,
}

/// What becomes of a connection when `owner` asks to renew the tokens of `generation`; `None` if that is refused. The
/// conditional write of a remote table succeeds exactly where this says so.
#[must_use]
pub fn lease(kept: Option<&Connection>, generation: u64, lease: &Lease, now: Timestamp) -> Option<Connection> {
    let kept = kept?;
    let free = kept
        .lease
        .as_ref()
        .is_none_or(|held| held.until <= now || held.owner == lease.owner);
    (kept.generation == generation && free).then(|| Connection {
        lease: Some(lease.clone()),
        ..kept.clone()
    })
}

/// What becomes of a connection when tokens are kept in place of those there are: the next generation, so that nobody
/// who has read an earlier one can renew it, and no lease.
#[must_use]
pub fn put(kept: Option<&Connection>, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Connection {
    Connection {
        sealed,
        generation: kept.map_or(0, |kept| kept.generation) + 1,
        expires_at,
        lease: None,
    }
}

/// Keeps connections.
pub trait Connections: Send + Sync {
    /// What is kept for a store. Sees every write before it.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<Connection>, PortError>> + Send;

    /// Keeps new tokens, whatever was kept before, as [`put`] says: a person has given them. Ends every lease.
    fn put(
        &self,
        store: &StoreKey,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Asks to renew the tokens of `generation`, as [`lease`] says.
    fn lease(
        &self,
        store: &StoreKey,
        generation: u64,
        lease: &Lease,
        now: Timestamp,
    ) -> impl Future<Output = Result<Leased, PortError>> + Send;

    /// Keeps renewed tokens as the next generation and ends the lease, if it is still `owner`'s. `false` if it is not:
    /// the tokens kept are not these.
    fn renew(
        &self,
        store: &StoreKey,
        owner: &str,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Forgets a store's tokens, and how often some were kept. Nothing kept is success.
    fn remove(&self, store: &StoreKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Encrypts and decrypts small things with a key that never leaves its place. What was sealed for one store opens for
/// no other.
pub trait Vault: Send + Sync {
    /// Seals at most 4 KiB.
    fn seal(&self, store: &StoreKey, open: &[u8]) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;

    /// Opens what was sealed for this store.
    fn open(&self, store: &StoreKey, sealed: &[u8]) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn by(owner: &str, until: i64) -> Lease {
        Lease {
            owner: owner.to_owned(),
            until: at(until),
        }
    }

    #[test]
    fn one_at_a_time_renews_what_is_there() {
        assert_eq!(lease(None, 0, &by("a", 10), at(0)), None);
        let first = put(None, vec![1], None);
        assert_eq!(lease(Some(&first), 2, &by("a", 10), at(0)), None);
        let leased = lease(Some(&first), 1, &by("a", 10), at(0)).unwrap();
        assert_eq!(lease(Some(&leased), 1, &by("b", 19), at(9)), None);
        // It has lapsed, or is one's own.
        assert!(lease(Some(&leased), 1, &by("b", 20), at(10)).is_some());
        assert!(lease(Some(&leased), 1, &by("a", 0), at(5)).is_some());
    }

    #[test]
    fn what_is_kept_anew_is_another_generation_that_nobody_renews() {
        let first = put(None, vec![1], None);
        let leased = lease(Some(&first), 1, &by("a", 10), at(0)).unwrap();
        let second = put(Some(&leased), vec![2], Some(at(99)));
        assert_eq!((second.generation, second.lease), (2, None));
    }
}

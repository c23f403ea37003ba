//! Connections: the encrypted tokens with which we call a store's Admin API.
//!
//! Tokens are sealed (encrypted with a key of KMS) before they get here. One function at a time renews a token that
//! expires: it first takes a **lease** with a conditional write, because the vendor's refresh token changes with each use
//! and two concurrent renewals would invalidate each other's tokens.
//!
//! ```text
//!   sealed(generation n) ──lease, generation n──▶ leased until … ──save, by the owner──▶ sealed(generation n+1)
//!                              ▲                        │
//!                              └── the lease expires ───┘
//! ```

use std::future::Future;

use jiff::Timestamp;

use crate::kernel::{ids::StoreKey, port::PortError};

/// Stored connection of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The tokens, encrypted; opaque here.
    pub sealed: Vec<u8>,
    /// Number of times that tokens have been stored, from 1.
    pub generation: u64,
    /// Expiry of the access token, to the microsecond; `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
    /// The renewal in progress, if there is one.
    pub lease: Option<Lease>,
}

/// Exclusive right to renew a token, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Name of the attempt to renew, unique to it.
    pub owner: String,
    /// Expiry: until then nobody else may renew the token.
    pub until: Timestamp,
}

/// Outcome of trying to take a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// Renew the tokens; nobody else may until the lease expires.
    Granted,
    /// Somebody else is renewing the tokens or has renewed them: read the connection again.
    Refused,
}

/// Returns the connection with this lease, or `None` if the lease is refused because the tokens are of another
/// generation or because another owner's lease has not expired. The conditional write of a remote table succeeds
/// exactly if this returns `Some`.
#[must_use]
pub fn lease(current: Option<&Connection>, generation: u64, lease: &Lease, now: Timestamp) -> Option<Connection> {
    let current = current?;
    let is_free = current
        .lease
        .as_ref()
        .is_none_or(|held| held.until <= now || held.owner == lease.owner);
    (current.generation == generation && is_free).then(|| Connection {
        lease: Some(lease.clone()),
        ..current.clone()
    })
}

/// Returns the connection with new tokens in place of the current ones: the next generation, so that nobody who has
/// read an earlier one can renew it, and no lease.
#[must_use]
pub fn put(current: Option<&Connection>, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Connection {
    Connection {
        sealed,
        generation: current.map_or(0, |current| current.generation) + 1,
        expires_at,
        lease: None,
    }
}

/// Stores connections.
pub trait Connections: Send + Sync {
    /// Returns the connection of a store. Sees every earlier write.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<Connection>, PortError>> + Send;

    /// Stores new tokens from a person, whatever was stored before, as [`put`] says. Ends every lease.
    fn put(
        &self,
        store: &StoreKey,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Tries to take the lease for renewing the tokens of `generation`, as [`lease`] says.
    fn lease(
        &self,
        store: &StoreKey,
        generation: u64,
        lease: &Lease,
        now: Timestamp,
    ) -> impl Future<Output = Result<Leased, PortError>> + Send;

    /// Stores renewed tokens as the next generation and ends the lease, if `owner` still holds it. Otherwise returns
    /// `false` and stores nothing.
    fn renew(
        &self,
        store: &StoreKey,
        owner: &str,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Deletes a store's tokens and their generation. Succeeds if there are none.
    fn remove(&self, store: &StoreKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Encrypts and decrypts small values with a key that never leaves its service. A value sealed for one store cannot be
/// opened for another.
pub trait Vault: Send + Sync {
    /// Encrypts at most 4 KiB.
    fn seal(&self, store: &StoreKey, plaintext: &[u8]) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;

    /// Decrypts a value that was sealed for this store.
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
    fn lease_is_granted_to_one_owner_at_a_time() {
        assert_eq!(lease(None, 0, &by("a", 10), at(0)), None);
        let first = put(None, vec![1], None);
        assert_eq!(lease(Some(&first), 2, &by("a", 10), at(0)), None);
        let leased = lease(Some(&first), 1, &by("a", 10), at(0)).unwrap();
        assert_eq!(lease(Some(&leased), 1, &by("b", 19), at(9)), None);
        // The lease has expired, or the owner is the same.
        assert!(lease(Some(&leased), 1, &by("b", 20), at(10)).is_some());
        assert!(lease(Some(&leased), 1, &by("a", 0), at(5)).is_some());
    }

    #[test]
    fn new_tokens_begin_a_generation_without_a_lease() {
        let first = put(None, vec![1], None);
        let leased = lease(Some(&first), 1, &by("a", 10), at(0)).unwrap();
        let second = put(Some(&leased), vec![2], Some(at(99)));
        assert_eq!((second.generation, second.lease), (2, None));
    }
}

//! Sealing of bodies about people: a receiver seals with a public key, and the dispatcher alone opens.
//!
//! A body is compressed and encrypted with AES-256-GCM under a data key, which RSA-OAEP with SHA-256 encrypts under the operator's
//! key in KMS. A process makes a data key and uses it for an hour at most, so that sealing needs no call and the dispatcher opens
//! with few. The seal covers the delivery and the time until which it may be opened
//! ([`bound_to`](hookline_domain::delivery::sealed::bound_to)).

mod opener;
mod sealer;

pub use self::{
    opener::{Opened, Opener},
    sealer::{PublicKeyError, Sealer},
};

/// Time after another, or that one, if there is none.
fn later(from: jiff::Timestamp, by: jiff::SignedDuration) -> jiff::Timestamp {
    from.checked_add(by).unwrap_or(from)
}

#[cfg(test)]
mod tests;

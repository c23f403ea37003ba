//! Signatures of requests, by [Standard Webhooks].
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_events::{Event, ReadError};
use sha2::Sha256;

/// Number of `v1` signatures that are compared. A request has two during a rotation.
const MAX_SIGNATURES: usize = 8;
/// Maximum distance of a request's time from ours.
const TOLERANCE: Duration = Duration::from_mins(5);
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets of an endpoint, and the check of a request.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Hmac<Sha256>>,
    tolerance: Duration,
}

/// A text that is no secret. Does not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// This secret, counted from 1, is none.
    #[error(
        "secret {0} is none: expected \"whsec_\" and the base64 of 24 to 64 bytes, as Hookline shows it when an endpoint \
         is created"
    )]
    Malformed(usize),
    /// There is no secret.
    #[error("a secret is missing")]
    Missing,
}

/// First check that a request fails. Answer it with 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is absent or empty.
    #[error("the request is not signed: webhook-id, webhook-timestamp or webhook-signature is absent")]
    Headers,
    /// The time is malformed, or beyond the tolerance.
    #[error("the time of the request is beyond the tolerance: compare the clock of this machine")]
    Timestamp,
    /// No signature is that of a secret.
    #[error("the signature is wrong: compare the secret with that of the endpoint")]
    Signature,
}

/// Failure to make an event of a request.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The request is not from Hookline, or too old. Answer 403.
    #[error(transparent)]
    Refused(#[from] VerifyError),
    /// The request is from Hookline. [`ReadError::Version`] and [`ReadError::Type`] are events that a later release of
    /// this package reads: answer 204. [`ReadError::Shape`] is not an event: answer 400.
    #[error(transparent)]
    Event(#[from] ReadError),
}

impl Verifier {
    /// A verifier with the secrets of an endpoint, `whsec_…`: one, or several during a rotation.
    ///
    /// # Errors
    /// [`SecretError`] if there is none, or one is malformed.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, SecretError> {
        let keys = secrets.into_iter().enumerate().map(|(index, secret)| {
            let secret = secret.as_ref().trim();
            let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
            let key = key.ok().filter(|key| SECRET_BYTES.contains(&key.len()));
            key.and_then(|key| Hmac::new_from_slice(&key).ok())
                .ok_or(SecretError::Malformed(index + 1))
        });
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(SecretError::Missing);
        }
        Ok(Self {
            keys,
            tolerance: TOLERANCE,
        })
    }

    /// Changes the maximum distance of a request's time from ours, which is 300 s. Counts in whole seconds.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Checks a request and returns its `webhook-id`, which is the id of its event.
    ///
    /// `header` returns the value of a header, whose name it receives in lower case. `body` is the body as received:
    /// JSON that was parsed and written again has another signature.
    ///
    /// # Errors
    /// [`VerifyError`]: the first check that fails.
    pub fn verify<'a>(
        &self,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
        now: SystemTime,
    ) -> Result<&'a str, VerifyError> {
        let read = |name| {
            header(name)
                .filter(|value| !value.is_empty())
                .ok_or(VerifyError::Headers)
        };
        let (id, timestamp, signatures) = (
            read("webhook-id")?,
            read("webhook-timestamp")?,
            read("webhook-signature")?,
        );
        let time = seconds(timestamp).ok_or(VerifyError::Timestamp)?;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        if now.abs_diff(time) > self.tolerance.as_secs() {
            return Err(VerifyError::Timestamp);
        }
        let signatures: Vec<[u8; 32]> = signatures
            .split(' ')
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .take(MAX_SIGNATURES)
            .filter_map(|signature| BASE64_STANDARD.decode(signature).ok()?.try_into().ok())
            .collect();
        let is_of = |key: &Hmac<Sha256>| {
            let mut mac = key.clone();
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            // Compares in constant time.
            signatures
                .iter()
                .any(|signature| mac.clone().verify_slice(signature).is_ok())
        };
        if self.keys.iter().any(is_of) {
            Ok(id)
        } else {
            Err(VerifyError::Signature)
        }
    }

    /// Checks a request as [`verify`](Self::verify) does, and reads its event. Remember the event's id to handle an event
    /// once: it is sent again until a request is answered with success.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn read<'a>(
        &self,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Event, WebhookError> {
        self.verify(header, body, now)?;
        Ok(Event::read(body)?)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = format_args!("{} secrets", self.keys.len());
        f.debug_tuple("Verifier").field(&keys).finish()
    }
}

/// Seconds since 1970: 1 to 15 digits without a leading zero, as other languages read them without a difference.
fn seconds(text: &str) -> Option<u64> {
    let is_plain =
        (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    is_plain.then(|| text.parse().ok()).flatten()
}

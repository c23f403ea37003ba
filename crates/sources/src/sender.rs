//! A source as a constant, as far as receivers need it.

use std::time::Duration;

use hookline_domain::{delivery::Delivery, kernel::ids::StoreKey};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::{
    Family,
    scheme::Scheme,
    signature::{Secrets, SignatureError, SignedRequest, Verified},
};

/// Source that calls receivers; each source is one `static`. It is not a trait, because nothing is chosen at run time.
#[derive(Debug)]
pub struct Sender {
    /// Name of the source, as in [`StoreKey::source`].
    pub name: &'static str,
    /// Topics that receivers take.
    pub topics: &'static [Topic],
    /// Environment variable that holds the signing secrets. With `_ARN` after it: the one that says where they are kept.
    pub secrets_variable: &'static str,
    /// Signature scheme.
    pub scheme: Scheme,
    /// Returns true for a body that has the form of every webhook of this source. Checked before the signature: a secret may
    /// sign more than webhooks.
    pub is_webhook: fn(&[u8]) -> bool,
    /// Status that answers a request whose signature is not accepted.
    pub refusal: StatusCode,
    /// Time for all calls of one request, before the source gives up.
    pub answer_within: Duration,
    /// Store in whose name a request comes, if its headers name one. **Unverified**: for counting, never for acting.
    pub claimed_store: fn(&HeaderMap) -> Option<StoreKey>,
    /// Reads the delivery from a verified request: its key and times, not what its body means.
    pub read: for<'a> fn(Verified<'a>, &HeaderMap, &Inbound, Timestamp) -> Result<Delivery, RequestError>,
}

/// A topic that a receiver takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Name in the source's spelling, as in `products/update`.
    pub name: &'static str,
    /// Function that receives it, as in `products-update`.
    pub function: &'static str,
    /// True if the bodies are about people. Such bodies are not archived.
    pub is_personal: bool,
    /// Family of events without which nobody needs the topic; `None` for one that is received whatever is wanted.
    pub family: Option<Family>,
}

/// Receiving side of one subscription at a source.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// Name of the function.
    pub function: &'static str,
    /// Addresses that are registered at the source; needed by schemes that sign the address.
    pub addresses: Vec<String>,
}

impl Inbound {
    /// Returns the side of a function whose address is not signed.
    #[must_use]
    pub fn of(function: &'static str) -> Self {
        Self {
            function,
            addresses: Vec::new(),
        }
    }
}

/// A verified request that does not say what it delivers. The text goes to the sender: it names a header or a field, never
/// a value.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RequestError(Box<dyn std::error::Error + Send + Sync>);

impl RequestError {
    /// Wraps a source's own error.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

impl Sender {
    /// Checks that the body is a webhook's, that one of the secrets has signed the request, and that its signed time is
    /// near `now`.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong. The sender gets [`refusal`](Self::refusal) and no reason.
    pub fn verify<'a>(
        &self,
        request: &SignedRequest<'a>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        if !(self.is_webhook)(request.body) {
            return Err(SignatureError::NotAWebhook);
        }
        self.scheme.verify(request, secrets, now)
    }
}

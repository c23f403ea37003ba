//! A source as a constant, as far as receivers need it.

use std::time::Duration;

use hookline_domain::{
    delivery::Delivery,
    event::InterpretError,
    kernel::ids::StoreKey,
    store::inbound::{InboundEndpoint, Mode},
};
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
    /// Reach of a signing secret.
    pub keyed: Keyed,
    /// Signature scheme.
    pub scheme: Scheme,
    /// Returns true for a request that the source sends to see if the address answers, and does **not** sign. It is answered,
    /// and nothing in it is believed.
    pub is_ping: fn(&HeaderMap, &[u8]) -> bool,
    /// Returns true for a body that has the form of every webhook of this source. Checked before the signature: a secret may
    /// sign more than webhooks.
    pub is_webhook: fn(&[u8]) -> bool,
    /// Status that answers a request whose signature is not accepted.
    pub refusal: StatusCode,
    /// Time for all calls of one request, before the source gives up.
    pub answer_within: Duration,
    /// Store in whose name a request comes, if its headers name one. **Unverified**: for counting, never for acting.
    pub claimed_store: fn(&HeaderMap) -> Option<StoreKey>,
    /// Reads a verified request: whose it is and what it delivers, not what its body means.
    pub read: for<'a> fn(Verified<'a>, &HeaderMap, &Inbound, Timestamp) -> Result<Read, RequestError>,
}

/// Reach of a signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// One secret signs for all stores, whatever the address.
    BySource,
    /// Each inbound endpoint has keys of its own, in one secret: JSON from `<source>/<endpoint>` to `{"keys": […]}`. The
    /// address alone chooses the keys.
    ByEndpoint,
}

/// Meaning of a verified request.
#[derive(Debug)]
pub enum Read {
    /// A delivery. The receiver checks that the endpoint may speak for its store.
    Delivery(Box<Delivery>),
    /// A request that the source sends to see if the address answers.
    Ping,
    /// A delivery that nobody needs.
    Ignored(Ignored),
    /// A body that is not what the source sends, although it is signed: no JSON, or without an id, a topic or a store.
    Unreadable(InterpretError),
    /// A body whose signed time is too far from now.
    Stale,
}

/// Reason for which a signed delivery is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// Its topic is none that is read here.
    UnknownTopic,
    /// It is of the sandbox, and the endpoint takes what is real, or the other way round.
    OtherMode,
}

impl Ignored {
    /// Returns the word for logs and counts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownTopic => "unknown_topic",
            Self::OtherMode => "other_mode",
        }
    }
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
    /// The endpoint, at sources whose endpoints have keys of their own.
    pub endpoint: Option<InboundEndpoint>,
}

impl Inbound {
    /// Returns the side of a function that has no endpoints.
    #[must_use]
    pub fn of(function: &'static str) -> Self {
        Self {
            function,
            endpoint: None,
        }
    }

    /// Addresses that are registered at the source; needed by schemes that sign the address.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        self.endpoint
            .as_ref()
            .map_or(&[], |endpoint| &endpoint.settings.addresses)
    }

    /// Returns true if the endpoint takes deliveries of this mode.
    #[must_use]
    pub fn takes(&self, mode: Mode) -> bool {
        let wanted = self.endpoint.as_ref().and_then(|endpoint| endpoint.settings.mode);
        wanted.is_none_or(|wanted| wanted == mode)
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
        request: &SignedRequest<'a, '_>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        if !(self.is_webhook)(request.body) {
            return Err(SignatureError::NotAWebhook);
        }
        self.scheme.verify(request, secrets, now)
    }
}

//! Verification of signatures: HMAC-SHA256 over the bytes as they came, compared in constant time, under one or two
//! secrets.
//!
//! One routine serves every [`Scheme`]. It feeds the signed parts to HMAC in turn, so nothing is copied, and tries
//! every secret with every signature: how long it takes shows neither which one matched nor that there are two secrets.

mod request;
mod sign;

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{kernel::secret::Secret, store::rotation::SecretPairId};
use http::HeaderMap;
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use self::request::RequestSignatures;
pub use self::sign::UnsignedRequest;
use crate::scheme::{KeyForm, MAX_PARTS, Part, Scheme};

/// Base64 of keys: the official library of Standard Webhooks takes them without padding, too.
const PADDED_OR_NOT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most secrets that are tried: those of a rotation.
const MAX_SECRETS: usize = 2;

/// A request whose signature is not accepted. The reason is for our logs; the sender gets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request has no signature.
    #[error("no signature")]
    Missing,
    /// The signature does not decode to 32 bytes, or its header comes twice. Two header values joined with a comma do
    /// not decode, either.
    #[error("the signature is not 32 encoded bytes")]
    Malformed,
    /// The signature covers an id or a time that the request lacks, has twice, or spells in another form.
    #[error("the signed id or time is missing or malformed")]
    Incomplete,
    /// The signature is not that of these bytes under any of our secrets.
    #[error("the signature does not match")]
    Mismatch,
    /// The signature matches, and the signed time is too far from now. A wrong clock looks like this, and so does a
    /// replay.
    #[error("the signed time is too far from now")]
    Stale,
    /// The body is not a webhook's, even if the signature is correct: a client secret signs more than webhooks.
    #[error("the body does not have the form of a webhook")]
    NotAWebhook,
}

/// A text that does not hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// A receiver that starts without a secret would have to refuse or believe everything.
    #[error("there is no secret, or one of them is empty")]
    Empty,
    /// More than a rotation needs.
    #[error("there are {0} secrets; a receiver checks one, or two during a rotation")]
    TooMany(usize),
    /// The secret is not in its source's form.
    #[error("a secret is not base64 after `whsec_`")]
    NotBase64,
}

/// One secret, or two during a rotation, newest first. Never empty.
#[derive(Clone)]
pub struct Secrets {
    keyed: Vec<Hmac<Sha256>>,
    pair: Option<SecretPairId>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} redacted)", self.keyed.len())
    }
}

/// Request to verify: headers and body as received, and the addresses that the source may have signed.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a, 's> {
    /// Headers as received.
    pub headers: &'a HeaderMap,
    /// Body as received.
    pub body: &'a [u8],
    /// Registered addresses of the receiver, for schemes that sign the address.
    pub addresses: &'s [String],
}

/// Body that one of our secrets has signed. Only [`Sender::verify`](crate::Sender::verify) makes one.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
    id: Option<&'a str>,
    signed_at: Option<Timestamp>,
    secret: usize,
    pair: Option<SecretPairId>,
}

impl<'a> Verified<'a> {
    /// The signed body.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The signed delivery id, where the scheme signs one.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        self.id
    }

    /// The signed time, where the scheme signs one.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        self.signed_at
    }

    /// Index of the secret that matched: 0 is the newest.
    #[must_use]
    pub fn secret(&self) -> usize {
        self.secret
    }

    /// Name of the two secrets that were tried, if there are two.
    #[must_use]
    pub fn pair(&self) -> Option<SecretPairId> {
        self.pair
    }
}

impl Secrets {
    /// Reads one or two secrets, newest first, separated by a comma. White space around them is not part of them.
    ///
    /// # Errors
    /// [`SecretsError`] when there is none, an empty one, one of another form, or more than two.
    pub fn parse(text: &Secret, form: KeyForm) -> Result<Self, SecretsError> {
        let parts: Vec<&str> = text.reveal().split(',').map(str::trim).collect();
        Self::of(&parts, form)
    }

    /// Takes one or two secrets, newest first.
    ///
    /// # Errors
    /// [`SecretsError`] when there is none, an empty one, one of another form, or more than two.
    pub fn of(parts: &[&str], form: KeyForm) -> Result<Self, SecretsError> {
        if parts.is_empty() || parts.iter().any(|part| part.trim().is_empty()) {
            return Err(SecretsError::Empty);
        }
        if parts.len() > MAX_SECRETS {
            return Err(SecretsError::TooMany(parts.len()));
        }
        let keyed: Vec<_> = parts.iter().map(|part| keyed(part, form)).collect::<Result<_, _>>()?;
        let pair = match keyed.as_slice() {
            [newest, old] => Some(pair(newest, old)),
            _ => None,
        };
        Ok(Self { keyed, pair })
    }

    /// Index of the first secret under which one of these is the signature of these parts. Every secret is tried with
    /// every signature.
    pub(crate) fn matching(&self, parts: &[&[u8]], claimed: &[[u8; 32]]) -> Option<usize> {
        let mut matched = None;
        for (secret, keyed) in self.keyed.iter().enumerate() {
            let mut hmac = keyed.clone();
            for part in parts {
                hmac.update(part);
            }
            let right = hmac.finalize().into_bytes();
            for claimed in claimed {
                let is_right = bool::from(right.as_slice().ct_eq(claimed));
                matched = matched.or(is_right.then_some(secret));
            }
        }
        matched
    }
}

fn keyed(text: &str, form: KeyForm) -> Result<Hmac<Sha256>, SecretsError> {
    let keyed = |key: &[u8]| Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
    match form {
        KeyForm::AsIs => Ok(keyed(text.as_bytes())),
        KeyForm::Whsec => {
            let encoded = text.strip_prefix("whsec_").unwrap_or(text);
            let key = PADDED_OR_NOT.decode(encoded).map_err(|_| SecretsError::NotBase64)?;
            if key.is_empty() {
                return Err(SecretsError::Empty);
            }
            Ok(keyed(&key))
        }
    }
}

impl Scheme {
    /// Checks that one of the secrets has signed the request, and that the signed time is near `now`.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong.
    pub(crate) fn verify<'a>(
        &self,
        request: &SignedRequest<'a, '_>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        /// One pass where no address is signed.
        static NO_ADDRESS: [String; 1] = [String::new()];
        let signatures = RequestSignatures::read(self, request.headers)?;
        let signs_address = self.signed.contains(&Part::Address);
        let addresses = if signs_address { request.addresses } else { &NO_ADDRESS };
        let mut matched = None;
        // An empty address would accept what was signed without one.
        for address in addresses.iter().filter(|address| !signs_address || !address.is_empty()) {
            let mut parts: [&[u8]; MAX_PARTS] = [b""; MAX_PARTS];
            for (bytes, part) in parts.iter_mut().zip(self.signed) {
                *bytes = match part {
                    Part::Address => address.as_bytes(),
                    Part::Id => signatures.id.unwrap_or_default().as_bytes(),
                    Part::Time => signatures.time.unwrap_or_default().as_bytes(),
                    Part::Dot => b".",
                    Part::Body => request.body,
                };
            }
            let found = secrets.matching(&parts[..self.signed.len()], signatures.claimed.signatures());
            matched = matched.or(found);
        }
        let secret = matched.ok_or(SignatureError::Mismatch)?;
        if let (Some(time), Some(signed_at)) = (&self.time, signatures.signed_at)
            && !time.window.admits(signed_at, now)
        {
            return Err(SignatureError::Stale);
        }
        Ok(Verified {
            body: request.body,
            id: signatures.id,
            signed_at: signatures.signed_at,
            secret,
            pair: secrets.pair,
        })
    }
}

/// Name of two secrets: 32 bits made of both and of their order, too few to reveal either.
fn pair(newest: &Hmac<Sha256>, old: &Hmac<Sha256>) -> SecretPairId {
    let digest = |keyed: &Hmac<Sha256>, of: &[u8]| -> [u8; 32] {
        let mut keyed = keyed.clone();
        keyed.update(b"hookline: the name of a pair of secrets");
        keyed.update(of);
        keyed.finalize().into_bytes().into()
    };
    let [a, b, c, d, ..] = digest(newest, &digest(old, b""));
    SecretPairId(u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

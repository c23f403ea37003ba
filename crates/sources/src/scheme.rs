//! Signature schemes as data: where a request carries its signatures, how they are encoded, and which bytes they cover.
//!
//! | source | signed | headers |
//! |---|---|---|
//! | Shopify | body | `X-Shopify-Hmac-Sha256: <base64>` |
//! | Square | address, body | `x-square-hmacsha256-signature: <base64>` |
//! | Stripe | time `.` body | `stripe-signature: t=<unix>,v1=<hex>[,v1=<hex>]` |
//! | Zendesk | time, body | `x-zendesk-webhook-signature: <base64>` and `…-timestamp` |
//! | Standard Webhooks | id `.` time `.` body | `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64>[ v1,<base64>]` |
//!
//! All of them are HMAC-SHA256. [`signature`](crate::signature) verifies them with one routine.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};

use crate::signature::SignatureError;

/// Signature scheme of a source.
#[derive(Debug)]
pub struct Scheme {
    /// Header sets in order of preference. The first whose signature header is present is used, and no header of
    /// another.
    pub headers: &'static [HeaderSet],
    /// Form of the signature header.
    pub carried: Carried,
    /// Encoding of each signature.
    pub encoding: Encoding,
    /// Form of a signing key.
    pub key: KeyForm,
    /// Signed bytes, part by part; at most [`MAX_PARTS`].
    pub signed: &'static [Part],
    /// Signed time; `None` if the scheme signs none.
    pub time: Option<SignedTime>,
}

/// The most parts that a scheme signs: those of Standard Webhooks.
pub const MAX_PARTS: usize = 5;

/// Names of the headers that a signature consists of, in lower case.
#[derive(Debug)]
pub struct HeaderSet {
    /// The signatures.
    pub signature: &'static str,
    /// The delivery id, where it is signed.
    pub id: Option<&'static str>,
    /// The signed time, if it has its own header.
    pub time: Option<&'static str>,
}

/// Form of a signature header. Lists may hold signatures of several keys, as during a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// One signature, nothing else.
    One,
    /// `t=1795946692,v1=9ac2…,v1=77ab…`: one time, and signatures with this label. Others are skipped.
    TimeAndList(&'static str),
    /// `v1,nzwq… v1,K5oZ…`: signatures with this label. Others are skipped.
    SpacedList(&'static str),
}

/// Encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Base64 with padding, in the standard alphabet.
    Base64,
    /// Hexadecimal digits, letters in lower case: Stripe's library compares texts.
    Hex,
}

/// Form of a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// The text is the key.
    AsIs,
    /// The key is base64, after `whsec_` or without it.
    Whsec,
}

/// Part of the signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The address that is registered at the source, byte for byte. Configuration, never built from a request.
    Address,
    /// The delivery id, from its header.
    Id,
    /// The time, as the request spells it.
    Time,
    /// A full stop.
    Dot,
    /// The body, as received.
    Body,
}

/// Signed time of a request.
#[derive(Debug, Clone, Copy)]
pub struct SignedTime {
    /// Format.
    pub format: TimeFormat,
    /// Permitted distance from now.
    pub window: Window,
}

/// Format of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since 1970, in digits; no zero before them, because the vendors' libraries sign the number.
    Unix,
    /// As in `2026-11-29T10:04:52Z`.
    Rfc3339,
}

/// Permitted distance of a time from now, bounds included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Maximum age.
    pub back: SignedDuration,
    /// Maximum time ahead of our clock.
    pub ahead: SignedDuration,
}

impl Encoding {
    /// Decodes a signature; `None` if the text is not 32 bytes in this encoding.
    pub(crate) fn decode(self, text: &[u8]) -> Option<[u8; 32]> {
        let mut bytes = [0; 32];
        match self {
            Self::Base64 => match BASE64_STANDARD.decode_slice(text, &mut bytes) {
                Ok(32) => Some(bytes),
                Ok(_) | Err(_) => None,
            },
            Self::Hex => {
                let (pairs, []) = text.as_chunks::<2>() else {
                    return None;
                };
                if pairs.len() != bytes.len() {
                    return None;
                }
                for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
                    *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
                }
                Some(bytes)
            }
        }
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl SignedTime {
    /// Reads a time.
    ///
    /// # Errors
    /// [`SignatureError::Incomplete`] if the text does not have this format.
    pub(crate) fn read(&self, text: &str) -> Result<Timestamp, SignatureError> {
        /// Digits of the last second of the year 9999.
        const UNIX_LIMIT: usize = 12;
        let time = match self.format {
            TimeFormat::Unix => {
                let is_unix = text.len() <= UNIX_LIMIT && text.bytes().all(|byte| byte.is_ascii_digit());
                let is_plain = is_unix && !text.starts_with('0');
                let second = is_plain.then(|| text.parse().ok()).flatten();
                second.and_then(|second| Timestamp::from_second(second).ok())
            }
            TimeFormat::Rfc3339 => text.parse().ok(),
        };
        time.ok_or(SignatureError::Incomplete)
    }
}

impl Window {
    /// Returns true for a time within the window around `now`.
    #[must_use]
    pub fn admits(&self, time: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(time);
        age <= self.back && age >= -self.ahead
    }
}

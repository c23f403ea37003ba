//! A [`Delivery`] as a queue message: one line of JSON that names it, a line feed, then the body.
//!
//! The body is not escaped into the JSON, so a large one costs nothing to wrap. SQS accepts only some Unicode
//! characters (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>), so a body
//! with other characters, or that is not UTF-8, is encoded in base64. A long body is compressed. A body that is too
//! long even then is stored in [`Bodies`](crate::delivery::bodies::Bodies), and the message only names the attempt that
//! stored it.
//!
//! The body of a topic about people may be accompanied by a [sealed body](super::sealed), in the first
//! line. It is no part of a [`Delivery`], so that whatever packs one again leaves it out: archives, files, and dead letters of
//! people.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::{
        BODY_LIMIT, Delivery,
        bodies::{Attempt, BodyKey},
        sealed::SealedBody,
    },
    kernel::{
        compression::{self, DecompressError},
        ids::{DeliveryId, DeliveryKey, EventId, InboundName, Source, StoreKey, StoreName, Topic},
    },
};

/// Maximum size of an SQS message: 1 MiB
/// (<https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb>).
pub const MESSAGE_LIMIT: usize = 1024 * 1024;

/// Size in bytes above which messages are compressed. SQS bills in units of 64 KiB, so compressing shorter messages
/// would save nothing (docs/adr/0008-large-bodies-go-through-s3.md).
pub const COMPRESSED_ABOVE: usize = 64 * 1024;

const FORMAT: u32 = 1;

/// A delivery that is too large for a queue message. Not retryable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message would have {bytes} bytes; at most {limit} are allowed")]
pub struct EnvelopeTooLargeError {
    /// Size that the message would have.
    pub bytes: usize,
    /// Maximum size of a message.
    pub limit: usize,
}

/// A delivery, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// Message that contains the whole delivery.
    Message(String),
    /// A body that is too large for a message.
    Large {
        /// Compressed body to store; [`point`] then writes the message.
        body: Vec<u8>,
        /// Size and limit of the message.
        why: EnvelopeTooLargeError,
    },
}

/// A parsed queue message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// The whole delivery.
    Whole(Delivery),
    /// A delivery without its body.
    Pointer(Pointer),
}

/// A delivery whose body is stored outside the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The delivery without its body.
    delivery: Delivery,
    attempt: Attempt,
}

/// A queue message that no receiver of ours wrote. Not retryable; it needs a person.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// No line feed after the first line.
    #[error("the message has no line that names a delivery before a body")]
    NoBody,
    /// A first line that [`pack`] did not write.
    #[error("the message's first line does not name a delivery")]
    Header(#[source] serde_json::Error),
    /// A message of a later version of this code.
    #[error("the message has format {0}; this version reads format {FORMAT}")]
    Format(u32),
    /// A body that is not base64, although the first line says so.
    #[error("the message's body is not base64")]
    Base64(#[source] base64::DecodeError),
    /// A body that is not zstd, although the first line says so.
    #[error("the message's body cannot be decompressed")]
    Zstd(#[source] DecompressError),
    /// A body outside the message, without the attempt that stored it.
    #[error("the message does not name the attempt that stored its body")]
    NoAttempt,
    /// A body outside the message, where the message should contain it.
    #[error("the message's body is stored outside the message")]
    Elsewhere,
}

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    hookline: u32,
    source: Source,
    store: StoreName,
    topic: Topic,
    delivery_id: DeliveryId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<InboundName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    api_version: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    triggered_at: Option<Timestamp>,
    received_at: Timestamp,
    encoding: Encoding,
    /// With [`Encoding::S3`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<Attempt>,
    /// Sealed body, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// The body as received.
    Text,
    /// Base64 of the body.
    Base64,
    /// Base64 of the compressed body.
    Zstd,
    /// Nothing: `attempt` has stored the compressed body.
    S3,
}

/// Packs a delivery for a queue that accepts messages of at most `limit` bytes.
#[must_use]
pub fn pack(delivery: &Delivery, limit: usize) -> Packed {
    pack_sealed(delivery, None, limit)
}

/// Packs a delivery with its sealed body, as [`pack`] does.
#[must_use]
pub fn pack_sealed(delivery: &Delivery, sealed: Option<&SealedBody>, limit: usize) -> Packed {
    let text = std::str::from_utf8(&delivery.body)
        .ok()
        .filter(|text| is_accepted_by_sqs(text));
    let encoding = text.map_or(Encoding::Base64, |_| Encoding::Text);
    let mut message = first_line(delivery, encoding, None, sealed);
    let bytes = message.len() + text.map_or_else(|| base64_len(&delivery.body), str::len);
    if bytes > COMPRESSED_ABOVE.min(limit) {
        let body = compression::compress(&delivery.body);
        let mut compressed = first_line(delivery, Encoding::Zstd, None, sealed);
        let shorter = compressed.len() + base64_len(&body);
        if shorter.min(bytes) > limit {
            let bytes = shorter.min(bytes);
            let why = EnvelopeTooLargeError { bytes, limit };
            return Packed::Large { body, why };
        }
        if shorter < bytes {
            BASE64_STANDARD.encode_string(&body, &mut compressed);
            return Packed::Message(compressed);
        }
    }
    match text {
        Some(text) => message.push_str(text),
        None => BASE64_STANDARD.encode_string(&delivery.body, &mut message),
    }
    Packed::Message(message)
}

/// Writes the message of a delivery whose body this attempt has stored.
#[must_use]
pub fn point(delivery: &Delivery, attempt: Attempt) -> String {
    point_sealed(delivery, None, attempt)
}

/// Writes the message of a delivery with a sealed body, as [`point`] does.
#[must_use]
pub fn point_sealed(delivery: &Delivery, sealed: Option<&SealedBody>, attempt: Attempt) -> String {
    first_line(delivery, Encoding::S3, Some(attempt), sealed)
}

/// Writes a delivery as one message that contains all of it.
///
/// # Errors
/// [`EnvelopeTooLargeError`] if the message exceeds [`MESSAGE_LIMIT`].
pub fn encode(delivery: &Delivery) -> Result<String, EnvelopeTooLargeError> {
    match pack(delivery, MESSAGE_LIMIT) {
        Packed::Message(message) => Ok(message),
        Packed::Large { why, .. } => Err(why),
    }
}

/// Parses a message that [`pack`] or [`point`] wrote.
///
/// # Errors
/// [`EnvelopeError`] says what is wrong with the message.
pub fn open(message: &str) -> Result<Envelope, EnvelopeError> {
    open_sealed(message).map(|(envelope, _)| envelope)
}

/// Parses a message with its sealed body, if it has one. One that cannot be read counts as absent: the event matters more.
///
/// # Errors
/// [`EnvelopeError`], as of [`open`].
pub fn open_sealed(message: &str) -> Result<(Envelope, Option<SealedBody>), EnvelopeError> {
    let (header, body) = message.split_once('\n').ok_or(EnvelopeError::NoBody)?;
    let header: Header<'_> = serde_json::from_str(header).map_err(EnvelopeError::Header)?;
    if header.hookline != FORMAT {
        return Err(EnvelopeError::Format(header.hookline));
    }
    let sealed = header.sealed.as_deref().and_then(SealedBody::parse);
    let base64 = |body| BASE64_STANDARD.decode(body).map_err(EnvelopeError::Base64);
    let (body, stored_by) = match header.encoding {
        Encoding::Text => (body.as_bytes().to_vec(), None),
        Encoding::Base64 => (base64(body)?, None),
        Encoding::Zstd => {
            let body = compression::decompress(&base64(body)?, BODY_LIMIT).map_err(EnvelopeError::Zstd)?;
            (body, None)
        }
        Encoding::S3 => (Vec::new(), Some(header.attempt.ok_or(EnvelopeError::NoAttempt)?)),
    };
    let delivery = Delivery {
        key: DeliveryKey {
            store: StoreKey {
                source: header.source,
                store: header.store,
            },
            topic: header.topic,
            id: header.delivery_id,
        },
        endpoint: header.endpoint,
        event_id: header.event_id,
        api_version: header.api_version.into_owned(),
        triggered_at: header.triggered_at,
        received_at: header.received_at,
        body,
    };
    let envelope = match stored_by {
        None => Envelope::Whole(delivery),
        Some(attempt) => Envelope::Pointer(Pointer { delivery, attempt }),
    };
    Ok((envelope, sealed))
}

/// Parses a message that [`encode`] wrote.
///
/// # Errors
/// [`EnvelopeError`] says what is wrong with the message; [`EnvelopeError::Elsewhere`] if only [`open`] can read it.
pub fn decode(message: &str) -> Result<Delivery, EnvelopeError> {
    match open(message)? {
        Envelope::Whole(delivery) => Ok(delivery),
        Envelope::Pointer(_) => Err(EnvelopeError::Elsewhere),
    }
}

impl Pointer {
    /// Returns the key of the body. It always belongs to the delivery that the message names.
    #[must_use]
    pub fn body_key(&self) -> BodyKey {
        BodyKey {
            delivery: self.delivery.key.clone(),
            attempt: self.attempt,
        }
    }

    /// Returns the delivery without its body.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Returns the whole delivery, with its body from `stored`, the bytes under [`body_key`](Self::body_key).
    ///
    /// # Errors
    /// [`DecompressError`] if `stored` is not a compressed body.
    pub fn with(self, stored: &[u8]) -> Result<Delivery, DecompressError> {
        let body = compression::decompress(stored, BODY_LIMIT)?;
        Ok(Delivery { body, ..self.delivery })
    }
}

/// Writes the line that names a delivery, with its line feed.
fn first_line(
    delivery: &Delivery,
    encoding: Encoding,
    attempt: Option<Attempt>,
    sealed: Option<&SealedBody>,
) -> String {
    let header = Header {
        hookline: FORMAT,
        source: delivery.key.store.source.clone(),
        store: delivery.key.store.store.clone(),
        topic: delivery.key.topic.clone(),
        delivery_id: delivery.key.id.clone(),
        endpoint: delivery.endpoint.clone(),
        event_id: delivery.event_id.clone(),
        api_version: (&*delivery.api_version).into(),
        triggered_at: delivery.triggered_at,
        received_at: delivery.received_at,
        encoding,
        attempt,
        sealed: sealed.map(SealedBody::text),
    };
    let mut line = serde_json::to_string(&header).expect("a struct of texts, numbers and times always serialises");
    line.push('\n');
    line
}

fn base64_len(bytes: &[u8]) -> usize {
    base64::encoded_len(bytes.len(), true).unwrap_or(usize::MAX / 2)
}

/// Returns true if SQS accepts every character of a text: `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD |
/// #x10000 to #x10FFFF`, according to the reference above. In bytes: no other control character, and neither of the
/// sequences that encode U+FFFE and U+FFFF.
fn is_accepted_by_sqs(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Eight bytes at a time, because almost no body has a byte that could belong to either.
    let (eights, rest) = bytes.as_chunks::<8>();
    let suspect = eights.iter().any(|eight| has_suspect(u64::from_le_bytes(*eight)))
        || rest.iter().any(|byte| *byte < b' ' || *byte == 0xEF);
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let noncharacter = |three: &[u8]| matches!(three, [0xEF, 0xBF, 0xBE | 0xBF]);
    !suspect || !(bytes.iter().any(control) || bytes.windows(3).any(noncharacter))
}

/// Returns true if one of eight bytes is below `0x20`, or is `0xEF`
/// (<https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>).
fn has_suspect(bytes: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let is_below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes & HIGHS != 0;
    is_below(bytes, 0x20) || is_below(bytes ^ (ONES * 0xEF), 1)
}

#[cfg(test)]
mod tests;

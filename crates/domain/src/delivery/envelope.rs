//! A [`Delivery`] as a queue message: one line of JSON that names it, a line feed, then the body.
//!
//! The body is not escaped into the JSON, so a large one costs nothing to wrap. SQS takes only some Unicode
//! characters (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>):
//! a body with others, or that is not UTF-8 at all, travels as base64. A long one travels compressed, and one that is
//! too long even then is kept in [`Bodies`](crate::delivery::bodies::Bodies), and the message only says by which attempt.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::{
        BODY_LIMIT, Delivery,
        bodies::{Attempt, BodyKey},
    },
    kernel::{
        compression::{self, DecompressError},
        ids::{DeliveryId, DeliveryKey, EventId, Source, StoreKey, StoreName, Topic},
    },
};

/// The most bytes an SQS message may have: 1 MiB
/// (<https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb>).
pub const MESSAGE_LIMIT: usize = 1024 * 1024;

/// Longer messages are compressed. SQS bills by the 64 KiB, so that shorter ones would cost what they cost now
/// (docs/adr/0008-large-bodies-go-through-s3.md).
pub const COMPRESSED_ABOVE: usize = 64 * 1024;

const FORMAT: u32 = 1;

/// A delivery that no queue message can hold. Not worth a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message would have {bytes} bytes, {limit} are allowed")]
pub struct EnvelopeTooLargeError {
    /// How long it would be.
    pub bytes: usize,
    /// How long it may be.
    pub limit: usize,
}

/// A delivery, made ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// A message that holds all of it.
    Message(String),
    /// No message holds its body.
    Large {
        /// What to keep, compressed; [`point`] then writes the message.
        body: Vec<u8>,
        /// Why.
        why: EnvelopeTooLargeError,
    },
}

/// A queue message that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// All of the delivery.
    Whole(Delivery),
    /// All but its body.
    Pointer(Pointer),
}

/// A delivery whose body is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The delivery, without its body.
    delivery: Delivery,
    attempt: Attempt,
}

/// A queue message that no receiver of ours wrote. Not worth a retry; a person has to look.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// No line feed after the first line.
    #[error("the message is not a line that names a delivery and a body")]
    NoBody,
    /// The first line is not what [`pack`] writes.
    #[error("the message's first line does not name a delivery")]
    Header(#[source] serde_json::Error),
    /// Written by a later version of this code.
    #[error("the message has format {0}, this code reads format {FORMAT}")]
    Format(u32),
    /// The body is not the base64 that the first line says.
    #[error("the message's body is not base64")]
    Base64(#[source] base64::DecodeError),
    /// The body is not the zstd that the first line says.
    #[error("the message's body is not zstd of a body")]
    Zstd(#[source] DecompressError),
    /// The first line says that the body is elsewhere, and not where.
    #[error("the message does not say which attempt has kept its body")]
    NoAttempt,
    /// The body is elsewhere, and the message was to hold it.
    #[error("the message's body is kept elsewhere")]
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
    event_id: Option<EventId>,
    api_version: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    triggered_at: Option<Timestamp>,
    received_at: Timestamp,
    encoding: Encoding,
    /// With [`Encoding::S3`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<Attempt>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// The body as it came.
    Text,
    /// Base64 of the body.
    Base64,
    /// Base64 of zstd of the body.
    Zstd,
    /// Nothing: `attempt` has kept zstd of the body.
    S3,
}

/// Makes a delivery ready for a queue that takes messages of at most `limit` bytes.
#[must_use]
pub fn pack(delivery: &Delivery, limit: usize) -> Packed {
    let text = std::str::from_utf8(&delivery.body).ok().filter(|text| all_taken(text));
    let encoding = text.map_or(Encoding::Base64, |_| Encoding::Text);
    let mut message = first_line(delivery, encoding, None);
    let bytes = message.len() + text.map_or_else(|| base64_len(&delivery.body), str::len);
    if bytes > COMPRESSED_ABOVE.min(limit) {
        let body = compression::compress(&delivery.body);
        let mut compressed = first_line(delivery, Encoding::Zstd, None);
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

/// Writes the message of a delivery whose body this attempt has kept.
#[must_use]
pub fn point(delivery: &Delivery, attempt: Attempt) -> String {
    first_line(delivery, Encoding::S3, Some(attempt))
}

/// Writes a delivery as one message that holds all of it.
///
/// # Errors
/// [`EnvelopeTooLargeError`] when it exceeds [`MESSAGE_LIMIT`].
pub fn encode(delivery: &Delivery) -> Result<String, EnvelopeTooLargeError> {
    match pack(delivery, MESSAGE_LIMIT) {
        Packed::Message(message) => Ok(message),
        Packed::Large { why, .. } => Err(why),
    }
}

/// Reads what [`pack`] or [`point`] wrote.
///
/// # Errors
/// [`EnvelopeError`] says what does not fit.
pub fn open(message: &str) -> Result<Envelope, EnvelopeError> {
    let (header, body) = message.split_once('\n').ok_or(EnvelopeError::NoBody)?;
    let header: Header<'_> = serde_json::from_str(header).map_err(EnvelopeError::Header)?;
    if header.hookline != FORMAT {
        return Err(EnvelopeError::Format(header.hookline));
    }
    let base64 = |body| BASE64_STANDARD.decode(body).map_err(EnvelopeError::Base64);
    let (body, elsewhere) = match header.encoding {
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
        event_id: header.event_id,
        api_version: header.api_version.into_owned(),
        triggered_at: header.triggered_at,
        received_at: header.received_at,
        body,
    };
    Ok(match elsewhere {
        None => Envelope::Whole(delivery),
        Some(attempt) => Envelope::Pointer(Pointer { delivery, attempt }),
    })
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`EnvelopeError`] says what does not fit; [`EnvelopeError::Elsewhere`] that only [`open`] reads it.
pub fn decode(message: &str) -> Result<Delivery, EnvelopeError> {
    match open(message)? {
        Envelope::Whole(delivery) => Ok(delivery),
        Envelope::Pointer(_) => Err(EnvelopeError::Elsewhere),
    }
}

impl Pointer {
    /// What its body is found by. Of the delivery that the message names, whatever else the message says.
    #[must_use]
    pub fn body_key(&self) -> BodyKey {
        BodyKey {
            delivery: self.delivery.key.clone(),
            attempt: self.attempt,
        }
    }

    /// The delivery, as far as the message has it: all but the body.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// The whole delivery, from what was kept.
    ///
    /// # Errors
    /// [`DecompressError`] when that is no body.
    pub fn with(self, kept: &[u8]) -> Result<Delivery, DecompressError> {
        let body = compression::decompress(kept, BODY_LIMIT)?;
        Ok(Delivery { body, ..self.delivery })
    }
}

/// The line that names a delivery, with its line feed.
fn first_line(delivery: &Delivery, encoding: Encoding, attempt: Option<Attempt>) -> String {
    let header = Header {
        hookline: FORMAT,
        source: delivery.key.store.source.clone(),
        store: delivery.key.store.store.clone(),
        topic: delivery.key.topic.clone(),
        delivery_id: delivery.key.id.clone(),
        event_id: delivery.event_id.clone(),
        api_version: (&*delivery.api_version).into(),
        triggered_at: delivery.triggered_at,
        received_at: delivery.received_at,
        encoding,
        attempt,
    };
    let mut line = serde_json::to_string(&header).expect("a struct of texts, numbers and times always serialises");
    line.push('\n');
    line
}

fn base64_len(bytes: &[u8]) -> usize {
    base64::encoded_len(bytes.len(), true).unwrap_or(usize::MAX / 2)
}

/// Whether SQS takes all of a text: `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`, as the
/// reference above has it. In bytes: none of a control character, and not the three that U+FFFE and U+FFFF are written with.
fn all_taken(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Eight at a time, for nearly no body has a byte that could be of either.
    let (eights, rest) = bytes.as_chunks::<8>();
    let suspect = eights.iter().any(|eight| has_suspect(u64::from_le_bytes(*eight)))
        || rest.iter().any(|byte| *byte < b' ' || *byte == 0xEF);
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let no_character = |three: &[u8]| matches!(three, [0xEF, 0xBF, 0xBE | 0xBF]);
    !suspect || !(bytes.iter().any(control) || bytes.windows(3).any(no_character))
}

/// Whether one of eight bytes is below `0x20`, or is `0xEF`
/// (<https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord>).
fn has_suspect(bytes: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let is_below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes & HIGHS != 0;
    is_below(bytes, 0x20) || is_below(bytes ^ (ONES * 0xEF), 1)
}

#[cfg(test)]
mod tests;

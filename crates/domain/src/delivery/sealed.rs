//! Sealed bodies: what a vendor has sent about people, encrypted by the receiver beside the [reduced](super::Delivery::body) body,
//! and opened by the dispatcher alone. Everything in between passes it on unread.
//!
//! ```text
//! 1, expires_at, length of the wrapped key, wrapped key, nonce, text and tag        2, expires_at
//! 1      8             2                                   12                        too large
//! ```

use std::{fmt, future::Future};

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use crate::kernel::{ids::DeliveryKey, port::PortError};

/// Most bytes of a sealed body. A larger one is left out, and says so.
pub const MAX_SEALED_BYTES: usize = 64 * 1024;

/// Most days for which a sealed body is kept: customers are forgotten by the time their redaction comes, 10 days after they ask for
/// it at the earliest (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>).
pub const MAX_PERSONAL_DAYS: u32 = 5;

const SEALED: u8 = 1;
const TOO_LARGE: u8 = 2;
const HEAD: usize = 9;
const NONCE: usize = 12;

/// A sealed body. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBody(Vec<u8>);

/// Parts of a sealed body.
#[derive(Debug, Clone, Copy)]
pub struct SealedParts<'a> {
    /// Data key, encrypted with the public key.
    pub wrapped_key: &'a [u8],
    /// Nonce.
    pub nonce: &'a [u8; NONCE],
    /// Encrypted text, with its tag.
    pub text: &'a [u8],
}

/// Decrypts data keys with the private half of the key that receivers seal with. Only the dispatcher may.
pub trait DataKeys: Send + Sync {
    /// Returns a data key; `None` if it was encrypted with another key.
    fn unwrap(&self, wrapped: &[u8]) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;
}

impl SealedBody {
    /// Joins the parts of a body that may be opened before this time.
    ///
    /// # Panics
    /// If the wrapped key has more than 65,535 bytes, which no key of this size has.
    #[must_use]
    pub fn new(expires_at: Timestamp, parts: &SealedParts<'_>) -> Self {
        let length = u16::try_from(parts.wrapped_key.len()).expect("a wrapped key has some hundred bytes");
        let mut bytes = head(SEALED, expires_at);
        bytes.extend(length.to_be_bytes());
        for part in [parts.wrapped_key, parts.nonce, parts.text] {
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }

    /// Stands for a body that is too large to be sealed.
    #[must_use]
    pub fn too_large(expires_at: Timestamp) -> Self {
        Self(head(TOO_LARGE, expires_at))
    }

    /// Reads the bytes of a sealed body; `None` if they are none, or of a later version of this code.
    #[must_use]
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let sealed = Self(bytes);
        let is_one = match *sealed.0.first()? {
            SEALED => sealed.parts().is_some(),
            TOO_LARGE => sealed.0.len() == HEAD,
            _ => false,
        };
        (is_one && sealed.0.len() <= MAX_SEALED_BYTES).then_some(sealed)
    }

    /// Reads its [text](Self::text).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(BASE64_STANDARD.decode(text).ok()?)
    }

    /// Text for JSON, in base64.
    #[must_use]
    pub fn text(&self) -> String {
        BASE64_STANDARD.encode(&self.0)
    }

    /// Bytes for tables.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Time from which on nobody opens it, whether it is still stored or not. The seal covers it.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let seconds = self.0.get(1..HEAD).and_then(|bytes| bytes.try_into().ok());
        let seconds = seconds.map_or(0, i64::from_be_bytes);
        Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Parts; `None` if the body was too large to be sealed.
    #[must_use]
    pub fn parts(&self) -> Option<SealedParts<'_>> {
        let (head, rest) = self.0.split_at_checked(HEAD)?;
        if head.first() != Some(&SEALED) {
            return None;
        }
        let (length, rest) = rest.split_first_chunk()?;
        let (wrapped_key, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let (nonce, text) = rest.split_first_chunk()?;
        Some(SealedParts {
            wrapped_key,
            nonce,
            text,
        })
    }
}

/// Text that the seal covers beside the body: a body that was sealed for one delivery opens for no other, nor for a later time.
#[must_use]
pub fn bound_to(delivery: &DeliveryKey, expires_at: Timestamp) -> String {
    // No identifier contains a line feed.
    format!(
        "hookline sealed body 1\n{}\n{}\n{}\n{}",
        delivery.store,
        delivery.topic,
        delivery.id,
        expires_at.as_second()
    )
}

fn head(kind: u8, expires_at: Timestamp) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(expires_at.as_second().to_be_bytes());
    bytes
}

impl fmt::Debug for SealedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBody({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::noon;

    fn sealed() -> SealedBody {
        SealedBody::new(
            noon(),
            &SealedParts {
                wrapped_key: b"wrapped",
                nonce: &[7; NONCE],
                text: b"text",
            },
        )
    }

    #[test]
    fn sealed_body_reads_back_from_bytes_and_text_and_is_not_shown() {
        let sealed = sealed();
        assert_eq!(SealedBody::parse(&sealed.text()).unwrap(), sealed);
        assert_eq!(sealed.expires_at(), noon());
        let parts = sealed.parts().unwrap();
        assert_eq!(
            (parts.wrapped_key, parts.nonce, parts.text),
            (&b"wrapped"[..], &[7; NONCE], &b"text"[..])
        );
        assert_eq!(format!("{sealed:?}"), "SealedBody(34 bytes)");
        let large = SealedBody::too_large(noon());
        assert_eq!(SealedBody::read(large.bytes().to_vec()).unwrap(), large);
        assert!(large.parts().is_none() && large.expires_at() == noon());
    }

    #[test]
    fn other_bytes_are_none() {
        let whole = sealed().0;
        for bytes in [
            vec![],
            vec![3; 40],
            whole[..HEAD].to_vec(),
            whole[..25].to_vec(),
            vec![TOO_LARGE; 10],
        ] {
            assert_eq!(SealedBody::read(bytes.clone()), None, "{bytes:?}");
        }
        let mut large = whole;
        large.resize(MAX_SEALED_BYTES + 1, 0);
        assert_eq!(SealedBody::read(large), None);
        assert_eq!(SealedBody::parse("%"), None);
    }
}

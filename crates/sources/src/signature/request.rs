//! Signatures, signed id and signed time, as the headers of a request give them.

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::SignatureError;
use crate::scheme::{Carried, Encoding, HeaderSet, Part, Scheme};

/// The most signatures of one header that are tried. A rotation has two; a stranger may send any number.
const MAX_SIGNATURES: usize = 8;

/// Label of the time in a [`Carried::TimeAndList`].
const TIME_LABEL: &str = "t";

/// Signatures, id and time as a request gives them: unverified.
pub(super) struct RequestSignatures<'a> {
    pub(super) id: Option<&'a str>,
    /// Spelled as in the request, which is what is signed.
    pub(super) time: Option<&'a str>,
    pub(super) signed_at: Option<Timestamp>,
    pub(super) claimed: Claimed,
}

/// Decoded signatures, at most [`MAX_SIGNATURES`].
pub(super) struct Claimed {
    signatures: [[u8; 32]; MAX_SIGNATURES],
    count: usize,
}

impl Claimed {
    pub(super) fn signatures(&self) -> &[[u8; 32]] {
        &self.signatures[..self.count]
    }

    fn one(text: &[u8], encoding: Encoding) -> Result<Self, SignatureError> {
        let mut claimed = Self {
            signatures: [[0; 32]; MAX_SIGNATURES],
            count: 1,
        };
        claimed.signatures[0] = encoding.decode(text).ok_or(SignatureError::Malformed)?;
        Ok(claimed)
    }

    /// Decodes the first of these texts, and leaves out what does not decode.
    fn list<'a>(texts: impl Iterator<Item = &'a str>, encoding: Encoding) -> Result<Self, SignatureError> {
        let mut claimed = Self {
            signatures: [[0; 32]; MAX_SIGNATURES],
            count: 0,
        };
        let mut error = SignatureError::Missing;
        for text in texts.take(MAX_SIGNATURES) {
            error = SignatureError::Malformed;
            if let Some(signature) = encoding.decode(text.as_bytes()) {
                claimed.signatures[claimed.count] = signature;
                claimed.count += 1;
            }
        }
        if claimed.count == 0 { Err(error) } else { Ok(claimed) }
    }
}

impl<'a> RequestSignatures<'a> {
    /// Reads the headers that a scheme names.
    pub(super) fn read(scheme: &Scheme, headers: &'a HeaderMap) -> Result<Self, SignatureError> {
        let (set, signature) = signature_header(scheme, headers)?;
        let mut time = set.time.map(|name| text(headers, name)).transpose()?;
        let claimed = match scheme.carried {
            Carried::One => Claimed::one(signature.as_bytes(), scheme.encoding)?,
            Carried::TimeAndList(label) => {
                let list = signature.to_str().map_err(|_| SignatureError::Malformed)?;
                let items = || list.split(',').filter_map(|item| item.split_once('='));
                let mut times = items().filter(|(label, _)| *label == TIME_LABEL);
                time = times.next().map(|(_, time)| time);
                if times.next().is_some() {
                    return Err(SignatureError::Incomplete);
                }
                let labelled = items().filter(|(name, _)| *name == label);
                Claimed::list(labelled.map(|(_, text)| text), scheme.encoding)?
            }
            Carried::SpacedList(label) => {
                let list = signature.to_str().map_err(|_| SignatureError::Malformed)?;
                let items = list.split(' ').filter_map(|item| item.split_once(','));
                let labelled = items.filter(|(name, _)| *name == label);
                Claimed::list(labelled.map(|(_, text)| text), scheme.encoding)?
            }
        };
        let signed_at = match &scheme.time {
            Some(signed) => Some(signed.read(time.ok_or(SignatureError::Incomplete)?)?),
            None => None,
        };
        let id = set.id.map(|name| text(headers, name)).transpose()?;
        // Parts separated by dots must not contain one, because the same bytes could then mean another id and another
        // time.
        let has_dots = scheme.signed.contains(&Part::Dot);
        if has_dots && [id, time].into_iter().flatten().any(|part| part.contains('.')) {
            return Err(SignatureError::Incomplete);
        }
        Ok(Self {
            id,
            time,
            signed_at,
            claimed,
        })
    }
}

/// The one signature header, of the first set that has one.
fn signature_header<'a>(
    scheme: &Scheme,
    headers: &'a HeaderMap,
) -> Result<(&'static HeaderSet, &'a HeaderValue), SignatureError> {
    for set in scheme.headers {
        let mut values = headers.get_all(set.signature).iter();
        if let Some(value) = values.next() {
            return match values.next() {
                None => Ok((set, value)),
                Some(_) => Err(SignatureError::Malformed),
            };
        }
    }
    Err(SignatureError::Missing)
}

/// The value of a header that must come once, as text.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(SignatureError::Incomplete);
    };
    value.to_str().map_err(|_| SignatureError::Incomplete)
}

//! Signs a request as a source does: to check an endpoint, and for tests.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::Mac;
use hookline_domain::kernel::secret::Secret;
use jiff::Timestamp;

use super::{SecretsError, keyed};
use crate::scheme::{Carried, Encoding, Part, Scheme, TimeFormat};

/// Request to sign.
#[derive(Debug, Clone, Copy)]
pub struct UnsignedRequest<'a> {
    /// Delivery id, for schemes that sign one.
    pub id: &'a str,
    /// Time, for schemes that sign one.
    pub at: Timestamp,
    /// Registered address, for schemes that sign it.
    pub address: &'a str,
    /// Body.
    pub body: &'a [u8],
}

impl Scheme {
    /// Returns the headers that sign a request, of the first family.
    ///
    /// # Errors
    /// [`SecretsError`] if the key is empty or not in this scheme's form.
    pub fn sign(
        &self,
        key: &Secret,
        request: &UnsignedRequest<'_>,
    ) -> Result<Vec<(&'static str, String)>, SecretsError> {
        if key.reveal().is_empty() {
            return Err(SecretsError::Empty);
        }
        let mut hmac = keyed(key.reveal(), self.key)?;
        let time = match self.time.map(|time| time.format) {
            Some(TimeFormat::Unix) => request.at.as_second().to_string(),
            Some(TimeFormat::Rfc3339) => request.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            None => String::new(),
        };
        for part in self.signed {
            hmac.update(match part {
                Part::Address => request.address.as_bytes(),
                Part::Id => request.id.as_bytes(),
                Part::Time => time.as_bytes(),
                Part::Dot => b".",
                Part::Body => request.body,
            });
        }
        let bytes = hmac.finalize().into_bytes();
        let signature = match self.encoding {
            Encoding::Base64 => BASE64_STANDARD.encode(bytes),
            Encoding::Hex => {
                let digits = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
                digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
            }
        };
        let carried = match self.carried {
            Carried::One => signature,
            Carried::TimeAndList(label) => format!("t={time},{label}={signature}"),
            Carried::SpacedList(label) => format!("{label},{signature}"),
        };
        let Some(set) = self.headers.first() else {
            return Ok(Vec::new());
        };
        let mut headers = vec![(set.signature, carried)];
        headers.extend(set.id.map(|name| (name, request.id.to_owned())));
        headers.extend(set.time.map(|name| (name, time)));
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;
    use crate::{
        ALL,
        signature::{Secrets, SignedRequest},
    };

    #[test]
    fn every_source_accepts_what_is_signed_by_its_scheme() {
        let (key, at) = (
            Secret::new("whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo"),
            Timestamp::from_second(1_795_946_692).unwrap(),
        );
        for platform in ALL {
            let (scheme, body) = (&platform.sender.scheme, b"{\"a\": 1}");
            let addresses = ["https://hooks.example.com/a".to_owned()];
            let request = UnsignedRequest {
                id: "msg_1",
                at,
                address: &addresses[0],
                body,
            };
            let headers: HeaderMap = scheme
                .sign(&key, &request)
                .unwrap()
                .into_iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            let signed = SignedRequest {
                headers: &headers,
                body,
                addresses: &addresses,
            };
            let secrets = Secrets::of(&[key.reveal()], scheme.key).unwrap();
            assert!(
                platform.sender.verify(&signed, &secrets, at).is_ok(),
                "{}",
                platform.sender.name
            );
            assert_eq!(
                scheme.sign(&Secret::new(""), &request).unwrap_err(),
                SecretsError::Empty
            );
        }
    }
}

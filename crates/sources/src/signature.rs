//! HMAC-SHA256 over the bytes as they came, compared in constant time, under one or two secrets.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{kernel::secret::Secret, store::rotation::SecretPairId};
use sha2::Sha256;

/// Why a body is not believed. Which of these it was is for our logs only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature came with it.
    #[error("no signature")]
    Missing,
    /// What came is not the base64 of 32 bytes. Two header values joined with a comma are not, either.
    #[error("the signature is not base64 of 32 bytes")]
    Malformed,
    /// It is not the signature of these bytes under any of our secrets.
    #[error("the signature does not match")]
    Mismatch,
    /// The bytes are of no webhook, whoever signed them: a client secret signs more than webhooks.
    #[error("the body does not begin with a brace, as every webhook's does")]
    NotAWebhook,
}

/// Why a text does not hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    /// Nothing there: a receiver that starts without a secret would have to refuse or believe everything.
    #[error("no secret is given, or one of them is empty")]
    Empty,
    /// More than a rotation needs.
    #[error("{0} secrets are given; one, or two during a rotation, are what a receiver checks")]
    TooMany(usize),
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

/// Bytes that one of our secrets has signed. Only [`Secrets::verify`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
    secret: usize,
    pair: Option<SecretPairId>,
}

impl<'a> Verified<'a> {
    /// The bytes.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Which secret matched: 0 is the newest.
    #[must_use]
    pub fn secret(&self) -> usize {
        self.secret
    }

    /// Which two secrets were tried, if there are two.
    #[must_use]
    pub fn pair(&self) -> Option<SecretPairId> {
        self.pair
    }
}

impl Secrets {
    /// Reads one or two secrets, newest first, separated by a comma. White space around them is not part of them.
    ///
    /// # Errors
    /// [`InvalidSecrets`] when there is none, an empty one, or more than two.
    pub fn parse(text: &Secret) -> Result<Self, InvalidSecrets> {
        let parts: Vec<&str> = text.reveal().split(',').map(str::trim).collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(InvalidSecrets::Empty);
        }
        if parts.len() > 2 {
            return Err(InvalidSecrets::TooMany(parts.len()));
        }
        let keyed = |part: &&str| Hmac::new_from_slice(part.as_bytes()).expect("HMAC takes a key of any length");
        let keyed: Vec<_> = parts.iter().map(keyed).collect();
        let pair = match keyed.as_slice() {
            [newest, old] => Some(pair(newest, old)),
            _ => None,
        };
        Ok(Self { keyed, pair })
    }

    /// Checks that `signature`, in base64, is that of `body` under one of the secrets. Every secret is tried, and takes
    /// as long, whichever matches: how long it took tells nobody which, or that there are two in the middle of a rotation.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong.
    pub fn verify<'a>(&self, body: &'a [u8], signature: &[u8]) -> Result<Verified<'a>, SignatureError> {
        let mut claimed = [0; 32];
        match BASE64_STANDARD.decode_slice(signature, &mut claimed) {
            Ok(32) => {}
            Ok(_) | Err(_) => return Err(SignatureError::Malformed),
        }
        self.verify_bytes(body, &claimed)
    }

    /// The same of a signature's own 32 bytes.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`].
    pub(crate) fn verify_bytes<'a>(&self, body: &'a [u8], claimed: &[u8; 32]) -> Result<Verified<'a>, SignatureError> {
        let mut matched = None;
        for (secret, keyed) in self.keyed.iter().enumerate() {
            let mut hmac = keyed.clone();
            hmac.update(body);
            let right = hmac.verify_slice(claimed).is_ok();
            matched = matched.or(right.then_some(secret));
        }
        let secret = matched.ok_or(SignatureError::Mismatch)?;
        let pair = self.pair;
        Ok(Verified { body, secret, pair })
    }
}

/// 32 bits that both secrets and their order make: too few to tell anything of either.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `../shared/webhook-protocols.md` 1.11; Shopify publishes none, these were computed.
    const VECTORS: [(&str, &str); 3] = [
        ("", "Knm8rWjeSXNIt2H0AOMT7DQ8/YSy8sQi/pEjbuUmGMs="),
        (
            "{\"id\":788032119674292922}",
            "fhhqwxYconmiOqTJ0cD1XzOlT7ONdp6Ryc18pkvlq5Q=",
        ),
        (
            "{\"title\":\"Café 😀\"}",
            "Z9FNLvmB+QaqSIUdCX51SbPm63KszbMhL25NUjaQ6Ro=",
        ),
    ];

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(&Secret::new(text)).unwrap()
    }

    fn sign(secret: &str, body: &[u8]) -> String {
        let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
        hmac.update(body);
        BASE64_STANDARD.encode(hmac.finalize().into_bytes())
    }

    #[test]
    fn published_vectors_match() {
        for (body, signature) in VECTORS {
            let verified = secrets("hush").verify(body.as_bytes(), signature.as_bytes()).unwrap();
            assert_eq!(verified.body(), body.as_bytes());
        }
    }

    /// RFC 7515, A.1: a key that is no text.
    #[test]
    fn the_vector_of_hs256_matches() {
        let url_safe = |text: &str| base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly\
                      9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = url_safe("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
            .try_into()
            .unwrap();
        let secrets = Secrets {
            keyed: vec![Hmac::new_from_slice(&url_safe(key)).unwrap()],
            pair: None,
        };
        assert!(secrets.verify_bytes(signed.as_bytes(), &signature).is_ok());
        assert!(secrets.verify_bytes(&signed.as_bytes()[1..], &signature).is_err());
    }

    #[test]
    fn either_secret_matches_during_a_rotation() {
        let (body, signature) = VECTORS[1];
        let matched = |text| {
            secrets(text)
                .verify(body.as_bytes(), signature.as_bytes())
                .map(|v| v.secret())
        };
        assert_eq!(matched("hush, old"), Ok(0));
        assert_eq!(matched("new,hush"), Ok(1));
        assert_eq!(matched("new,old"), Err(SignatureError::Mismatch));
    }

    #[test]
    fn two_secrets_have_a_name_that_changes_with_either_and_with_their_order() {
        let (body, signature) = VECTORS[1];
        let pair = |text| {
            secrets(text)
                .verify(body.as_bytes(), signature.as_bytes())
                .unwrap()
                .pair()
        };
        assert_eq!(pair("hush"), None);
        assert!(pair("hush,old").is_some());
        assert_eq!(pair("hush,old"), pair(" hush , old "));
        for other in ["old,hush", "hush,older", "hush,hush"] {
            assert_ne!(pair("hush,old"), pair(other), "{other}");
        }
    }

    #[test]
    fn no_secret_means_no_receiver() {
        for text in ["", " ", "a,", ",a", "a,,b"] {
            assert_eq!(Secrets::parse(&Secret::new(text)).unwrap_err(), InvalidSecrets::Empty);
        }
        assert_eq!(
            Secrets::parse(&Secret::new("a,b,c")).unwrap_err(),
            InvalidSecrets::TooMany(3)
        );
        assert!(!format!("{:?}", secrets("hush")).contains("hush"));
    }

    #[test]
    fn what_is_not_base64_of_32_bytes_is_malformed() {
        let (body, good) = VECTORS[1];
        let hex = "7e186ac3161ca279a23aa4c9d1c0f55f33a54fb38d769e91c9cd7ca64be5ab94";
        let joined = format!("{good},{good}");
        let newline = format!("{good}\n");
        let cases = [
            "",
            &good[..20],
            &good[..43],
            hex,
            &joined,
            &newline,
            " ",
            "====",
            "Y2Fm",
        ];
        for signature in cases {
            let error = secrets("hush")
                .verify(body.as_bytes(), signature.as_bytes())
                .unwrap_err();
            assert_eq!(error, SignatureError::Malformed, "{signature:?}");
        }
    }

    #[test]
    fn a_signature_of_other_bytes_does_not_match() {
        let (body, good) = VECTORS[2];
        let reserialised =
            serde_json::to_string(&serde_json::from_str::<serde_json::Value>("{\"title\": \"Café 😀\"}").unwrap());
        assert_eq!(reserialised.unwrap(), body);
        let with_bom = format!("\u{FEFF}{body}");
        for other in ["{\"title\": \"Café 😀\"}", &with_bom, ""] {
            let error = secrets("hush").verify(other.as_bytes(), good.as_bytes()).unwrap_err();
            assert_eq!(error, SignatureError::Mismatch);
        }
        let other_case = good.to_lowercase();
        assert!(secrets("hush").verify(body.as_bytes(), other_case.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_refused(body in proptest::collection::vec(any::<u8>(), 1..300), at: usize, flip in 1..=255_u8) {
            let signature = sign("hush", &body);
            prop_assert!(secrets("hush").verify(&body, signature.as_bytes()).is_ok());
            let mut changed = body.clone();
            let at = at % changed.len();
            changed[at] ^= flip;
            prop_assert!(secrets("hush").verify(&changed, signature.as_bytes()).is_err());
        }

        #[test]
        fn any_changed_byte_of_a_signature_is_refused(body: Vec<u8>, older: bool, at in 0..44_usize, flip in 1..=255_u8) {
            let mut signature = sign(if older { "old" } else { "hush" }, &body).into_bytes();
            prop_assert_eq!(secrets("hush,old").verify(&body, &signature).unwrap().secret(), usize::from(older));
            signature[at] ^= flip;
            prop_assert!(secrets("hush,old").verify(&body, &signature).is_err());
        }

        #[test]
        fn any_changed_byte_of_a_secret_is_refused(body: Vec<u8>, secret in "[!-+\\--~]{1,80}", at: usize, other in "[!-+\\--~]") {
            let signature = sign(&secret, &body);
            prop_assert_eq!(secrets(&secret).verify(&body, signature.as_bytes()).unwrap().secret(), 0);
            let at = at % secret.len();
            let changed = format!("{}{other}{}", &secret[..at], &secret[at + 1..]);
            prop_assume!(changed != secret);
            prop_assert!(secrets(&changed).verify(&body, signature.as_bytes()).is_err());
            let longer = secret.clone() + &other;
            prop_assert!(secrets(&longer).verify(&body, signature.as_bytes()).is_err());
        }

        #[test]
        fn another_way_to_write_a_signature_is_refused(body: Vec<u8>, at in 0..45_usize) {
            let right = sign("hush", &body);
            let refused = |other: &str| other == right || secrets("hush").verify(&body, other.as_bytes()).is_err();
            for odd in [" ", "\n", "\r\n", "\t", "=", "\0", "A", ","] {
                let (before, after) = right.split_at(at.min(right.len()));
                prop_assert!(refused(&format!("{before}{odd}{after}")), "{odd:?} at {at}");
            }
            prop_assert!(refused(right.trim_end_matches('=')));
            prop_assert!(refused(&right.replace('+', "-").replace('/', "_")));
            prop_assert!(refused(&right.to_ascii_lowercase()) && refused(&right.to_ascii_uppercase()));
            let bytes = BASE64_STANDARD.decode(&right).unwrap();
            let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            prop_assert!(refused(&hex) && refused(&hex.to_uppercase()));
            for scheme in ["sha256=", "v1,", "v1="] {
                let named = scheme.to_owned() + &right;
                prop_assert!(refused(&named), "{named}");
            }
            // The last character before the padding carries two bits that mean nothing: only zeros are taken.
            let last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            for character in last {
                let other = format!("{}{}=", &right[..42], char::from(*character));
                prop_assert!(refused(&other), "{other}");
            }
        }

        #[test]
        fn any_text_is_one_or_two_secrets_or_none(text: String) {
            let parts: Vec<&str> = text.split(',').map(str::trim).collect();
            match Secrets::parse(&Secret::new(text.clone())) {
                Ok(held) => {
                    prop_assert!(parts.len() <= 2);
                    for (at, part) in parts.iter().enumerate() {
                        let matched = held.verify(b"x", sign(part, b"x").as_bytes()).unwrap().secret();
                        prop_assert!(matched == at || parts[0] == parts[1]);
                    }
                    prop_assert!(held.verify(b"x", sign("", b"x").as_bytes()).is_err(), "the empty secret is none");
                }
                Err(InvalidSecrets::Empty) => prop_assert!(parts.iter().any(|part| part.is_empty())),
                Err(InvalidSecrets::TooMany(n)) => prop_assert!(n == parts.len() && n > 2),
            }
        }

        #[test]
        fn no_signature_panics(body: Vec<u8>, signature: Vec<u8>) {
            prop_assert!(secrets("hush").verify(&body, &signature).is_err());
        }
    }
}

//! Signature version 4 of one request
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>), with the key of the day kept:
//! four of its six HMACs are the same from midnight to midnight. Held against AWS's own crate by a property test.

use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::secret::Secret;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: Secret,
    /// `AWS_SESSION_TOKEN`
    pub token: Option<Secret>,
}

/// Signs requests to one service in one region.
#[derive(Debug)]
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
    /// As in `dynamodb`.
    service: &'static str,
    kept: Mutex<Option<Day>>,
}

/// A day, as in `20261121`, and its key.
#[derive(Clone)]
struct Day {
    date: String,
    key: Hmac<Sha256>,
}

impl std::fmt::Debug for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Day({}, redacted)", self.date)
    }
}

/// What is signed of a request. The path has nothing that needs escaping, and there is no query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) host: &'a str,
    /// Other headers, sorted by name, all of them lower case: none of what [`Signer::sign`] adds.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// The headers that a signed request has beside its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) authorization: String,
    /// `x-amz-date`
    pub(crate) date: String,
    /// `x-amz-content-sha256`, which only S3 asks for.
    pub(crate) body_hash: String,
}

impl Signer {
    pub(crate) fn new(credentials: Credentials, region: &str, service: &'static str) -> Self {
        Self {
            credentials,
            region: region.to_owned(),
            service,
            kept: Mutex::default(),
        }
    }

    /// `x-amz-security-token`, if there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.credentials.token.as_ref().map(Secret::reveal)
    }

    pub(crate) fn sign(&self, request: &Signable<'_>, now: Timestamp) -> Signed {
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let body_hash = hex(&Sha256::digest(request.body));
        let mut headers: Vec<(&str, &str)> = Vec::with_capacity(8);
        headers.extend_from_slice(request.headers);
        headers.push(("host", request.host));
        headers.push(("x-amz-date", &date));
        if self.service == "s3" {
            headers.push(("x-amz-content-sha256", &body_hash));
        }
        if let Some(token) = self.token() {
            headers.push(("x-amz-security-token", token));
        }
        headers.sort_unstable();

        let mut names = String::with_capacity(96);
        let mut canonical = String::with_capacity(2048);
        for part in [request.method, "\n", request.path, "\n\n"] {
            canonical.push_str(part);
        }
        for (name, value) in headers {
            for part in [name, ":", value.trim(), "\n"] {
                canonical.push_str(part);
            }
            if !names.is_empty() {
                names.push(';');
            }
            names.push_str(name);
        }
        for part in ["\n", &names, "\n", &body_hash] {
            canonical.push_str(part);
        }

        let (day, _) = date.split_at(8);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = hex(&Sha256::digest(canonical));
        let mut mac = self.key_of(day);
        for part in ["AWS4-HMAC-SHA256\n", &date, "\n", &scope, "\n", &hash] {
            mac.update(part.as_bytes());
        }
        let signature = hex(&mac.finalize().into_bytes());
        let id = &self.credentials.id;
        Signed {
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
            ),
            date,
            body_hash,
        }
    }

    fn key_of(&self, day: &str) -> Hmac<Sha256> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(known) if known.date == day => known.key.clone(),
            _ => {
                let key = self.derive(day);
                *kept = Some(Day {
                    date: day.to_owned(),
                    key: key.clone(),
                });
                key
            }
        }
    }

    fn derive(&self, day: &str) -> Hmac<Sha256> {
        let secret = format!("AWS4{}", self.credentials.secret.reveal());
        let parts = [day, &self.region, self.service, "aws4_request"];
        parts.iter().fold(keyed(secret.as_bytes()), |mut mac, part| {
            mac.update(part.as_bytes());
            keyed(&mac.finalize().into_bytes())
        })
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from(DIGITS[usize::from(four)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::{
        http_request::{self, PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings},
        sign::v4,
    };
    use proptest::prelude::*;

    use super::*;

    /// What AWS's own crate makes of the same.
    fn expected(signer: &Signer, request: &Signable<'_>, now: Timestamp) -> String {
        let Credentials { id, secret, token } = &signer.credentials;
        let token = token.as_ref().map(|token| token.reveal().to_owned());
        let identity = aws_credential_types::Credentials::new(id, secret.reveal(), token, None, "test").into();
        let mut settings = SigningSettings::default();
        if signer.service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let time = UNIX_EPOCH + Duration::from_micros(u64::try_from(now.as_microsecond()).unwrap());
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&signer.region)
            .name(signer.service)
            .time(time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!("https://{}{}", request.host, request.path);
        let headers = request.headers.iter().copied();
        let signable = SignableRequest::new(request.method, url, headers, SignableBody::Bytes(request.body)).unwrap();
        let (instructions, _) = http_request::sign(signable, &params).unwrap().into_parts();
        let (headers, _) = instructions.into_parts();
        let found = headers.iter().find(|header| header.name() == "authorization");
        found.unwrap().value().to_owned()
    }

    proptest! {
        #[test]
        fn a_signature_is_what_awss_own_crate_makes(
            service in prop_oneof![Just("dynamodb"), Just("sqs"), Just("secretsmanager"), Just("s3")],
            secret in "[!-~]{1,60}", token in proptest::option::of("[!-~]{1,200}"), target in "[A-Za-z.0-9_]{1,40}",
            path in "(/[a-zA-Z0-9._-]{1,20}){0,3}/?", body: Vec<u8>, seconds in 0..4_000_000_000_i64,
        ) {
            let path = if path.is_empty() { "/" } else { &path };
            // `.` and `..` mean something in a path, and we ask for neither.
            prop_assume!(!path.split('/').any(|part| part == "." || part == ".."));
            let credentials = Credentials {
                id: "AKIDEXAMPLE".to_owned(),
                secret: Secret::new(secret),
                token: token.map(Secret::new),
            };
            let signer = Signer::new(credentials, "eu-west-1", service);
            let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str())];
            let request = Signable { method: "POST", path, host: "x.eu-west-1.amazonaws.com", headers: &headers, body: &body };
            // Twice: with the key of the day, and with that of another after it.
            for seconds in [seconds, seconds + 1, seconds + 86_400] {
                let now = Timestamp::from_second(seconds).unwrap();
                prop_assert_eq!(signer.sign(&request, now).authorization, expected(&signer, &request, now));
            }
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let credentials = Credentials {
            id: "id".to_owned(),
            secret: Secret::new("hush"),
            token: Some(Secret::new("hush")),
        };
        let signer = Signer::new(credentials, "eu-west-1", "sqs");
        signer.key_of("20261121");
        assert!(!format!("{signer:?}").contains("hush"));
    }
}

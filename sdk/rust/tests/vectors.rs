//! The vectors of sdk/vectors.json, which all handler packages are tested with, and the published one of Standard Webhooks.

#![expect(clippy::unwrap_used, reason = "all of this is a test, where a panic is a failure")]

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_webhooks::{EventType, Handler, Outcome, Skip, Verifier, VerifyError};
use serde_json::Value;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Reads a header by its name in lower case, as frameworks do.
fn header<'a>(headers: &'a Value, name: &str) -> Option<&'a str> {
    let headers = headers.as_object().unwrap();
    let found = headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_str())
}

fn body_of(vector: &Value) -> Vec<u8> {
    match vector["body_base64"].as_str() {
        Some(body) => BASE64_STANDARD.decode(body).unwrap(),
        None => vector["body"].as_str().unwrap().as_bytes().to_vec(),
    }
}

fn verifier(vector: &Value) -> Verifier {
    let secrets = vector["secrets"].as_array().unwrap();
    Verifier::new(secrets.iter().map(|secret| secret.as_str().unwrap())).unwrap()
}

/// The outcome that a vector names, in its words.
fn named(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Handled => "valid",
        Outcome::Skipped(Skip::Version(_)) => "version",
        Outcome::Skipped(Skip::Type(_)) => "type",
        Outcome::Refused(VerifyError::Headers) => "headers",
        Outcome::Refused(VerifyError::Timestamp) => "timestamp",
        Outcome::Refused(VerifyError::Signature) => "signature",
        Outcome::Malformed(_) => "body",
        other => panic!("{other}"),
    }
}

#[test]
fn every_vector_has_its_outcome() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors.json");
    let vectors: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    assert!(vectors.len() > 40, "{}", vectors.len());
    for vector in vectors {
        let now = vector["now"].as_u64().unwrap();
        let mut handler = Handler::new(verifier(vector)).with_clock(move || at(now));
        for kind in EventType::ALL {
            handler = handler.on(kind.clone(), |_| Ok(()));
        }
        let outcome = handler.handle(|name| header(&vector["headers"], name), &body_of(vector));
        let expected = match (&vector["skipped"], &vector["reason"]) {
            (Value::String(skipped), _) => skipped,
            (_, Value::String(reason)) => reason,
            _ => "valid",
        };
        assert_eq!(named(&outcome), expected, "{}", vector["name"]);
        let status = match expected {
            "headers" | "timestamp" | "signature" => 403,
            "body" => 400,
            _ => 204,
        };
        assert_eq!(outcome.status(), status, "{}", vector["name"]);
    }
}

/// Id, timestamp, signature and body of the vector that the libraries of Standard Webhooks are tested with:
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/rust/src/lib.rs>.
const PUBLISHED: (&str, u64, &str, &[u8]) = (
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1_614_265_330,
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    br#"{"test": 2432232314}"#,
);
const PUBLISHED_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn verify(signature: &str, body: &[u8], id: &str, timestamp: &str) -> Result<(), VerifyError> {
    let header = |name: &str| match name {
        "webhook-id" => Some(id),
        "webhook-timestamp" => Some(timestamp),
        "webhook-signature" => Some(signature),
        _ => None,
    };
    let verifier = Verifier::new([PUBLISHED_SECRET]).unwrap();
    verifier.verify(header, body, at(PUBLISHED.1)).map(drop)
}

#[test]
fn published_signature_is_right_and_any_changed_byte_is_refused() {
    let (id, timestamp, signature, body) = PUBLISHED;
    let timestamp = timestamp.to_string();
    assert_eq!(verify(signature, body, id, &timestamp), Ok(()));
    for index in 0..body.len() {
        let mut changed = body.to_vec();
        changed[index] ^= 1;
        assert_eq!(
            verify(signature, &changed, id, &timestamp),
            Err(VerifyError::Signature),
            "byte {index} of the body"
        );
    }
    for index in "v1,".len()..signature.len() {
        let mut changed = signature.as_bytes().to_vec();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(
            verify(&changed, body, id, &timestamp),
            Err(VerifyError::Signature),
            "{changed}"
        );
    }
    assert_eq!(
        verify(signature, body, "msg_p5jXN8AQM9LWM0D4loKWxJel", &timestamp),
        Err(VerifyError::Signature)
    );
    assert_eq!(verify(signature, body, id, "1614265331"), Err(VerifyError::Signature));
}

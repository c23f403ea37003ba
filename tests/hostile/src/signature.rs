//! A signature is accepted if and only if it is the base64 of the HMAC of these bytes under one of our secrets.
//!
//! Input: the value of the header, a line feed, the body. The first byte may request a computed signature, because
//! random bytes are never a correct one: `0` signs with the newest secret, `1` with the older, `2` with neither. The
//! rest of the line, `at:bits`, then selects one of the 44 bytes and the bits to flip in it.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::kernel::secret::Secret;
use hookline_sources::{
    scheme::KeyForm,
    shopify::SENDER,
    signature::{Secrets, SignatureError, SignedRequest, Verified},
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use sha2::Sha256;

/// Client secrets of the targets' receivers, newest first.
pub(crate) const CLIENT_SECRETS: [&str; 2] = ["newest-hush", "older-hush"];
const OTHER_SECRET: &str = "not-ours";

pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

/// Index of our secret that gives these bytes this signature.
pub(crate) fn signer(signature: &[u8], body: &[u8]) -> Option<usize> {
    CLIENT_SECRETS
        .iter()
        .position(|secret| sign(secret, body).as_bytes() == signature)
}

/// Verifies a request as Shopify's receivers do.
pub(crate) fn verify<'a>(
    headers: &'a HeaderMap,
    body: &'a [u8],
    secrets: &[&str],
) -> Result<Verified<'a>, SignatureError> {
    let secrets = Secrets::parse(&Secret::new(secrets.join(",")), KeyForm::AsIs).unwrap();
    let request = SignedRequest {
        headers,
        body,
        addresses: &[],
    };
    SENDER.verify(&request, &secrets, Timestamp::UNIX_EPOCH)
}

pub(crate) fn signature(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, body) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    // The body unchanged, and with the first byte of a JSON object.
    check(line, body);
    check(line, &[b"{", body].concat());
}

fn check(line: &[u8], body: &[u8]) {
    let signature = signature_of_input(line, body);
    // An invalid header value cannot be sent.
    let Ok(value) = HeaderValue::from_bytes(&signature) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-shopify-hmac-sha256", value.clone());
    let verified = verify(&headers, body, &CLIENT_SECRETS);
    let expected = signer(&signature, body);
    match &verified {
        Ok(verified) => {
            assert_eq!(verified.body(), body);
            assert_eq!(Some(verified.secret()), expected);
            assert!(body.starts_with(b"{"));
        }
        Err(SignatureError::NotAWebhook) => assert!(!body.starts_with(b"{")),
        Err(problem) => {
            assert_eq!(expected, None, "a correct signature was refused: {problem}");
            let well_formed = BASE64_STANDARD.decode(&signature).is_ok_and(|bytes| bytes.len() == 32);
            let expected_error = if well_formed {
                SignatureError::Mismatch
            } else {
                SignatureError::Malformed
            };
            assert_eq!(*problem, expected_error);
        }
    }
    headers.append("x-shopify-hmac-sha256", value);
    assert!(
        verify(&headers, body, &CLIENT_SECRETS).is_err(),
        "a repeated header was accepted"
    );
}

fn signature_of_input(line: &[u8], body: &[u8]) -> Vec<u8> {
    let secret = match line.first() {
        Some(b'0') => CLIENT_SECRETS[0],
        Some(b'1') => CLIENT_SECRETS[1],
        Some(b'2') => OTHER_SECRET,
        _ => return line.to_vec(),
    };
    let mut signature = sign(secret, body).into_bytes();
    let change = std::str::from_utf8(&line[1..])
        .ok()
        .and_then(|text| text.split_once(':'))
        .and_then(|(at, bits)| Some((at.parse::<usize>().ok()?, bits.parse::<u8>().ok()?)));
    if let Some((at, bits)) = change {
        let length = signature.len();
        signature[at % length] ^= bits;
    }
    signature
}

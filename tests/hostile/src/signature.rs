//! A signature is believed if and only if it is the base64 of the HMAC of these bytes under one of our secrets.
//!
//! Input: the value of the header, a line feed, the body. The first byte may ask for a right signature, which random
//! bytes never are: `0` signs with the newest secret, `1` with the older, `2` with neither of them; what follows it in the
//! line then says, as `at:bits`, which byte of the 44 to change, and how.

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
pub(crate) const HELD: [&str; 2] = ["newest-hush", "older-hush"];
const NEITHER: &str = "nobody's";

pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

/// Index of our secret that gives these bytes this signature.
pub(crate) fn signer(signature: &[u8], body: &[u8]) -> Option<usize> {
    HELD.iter()
        .position(|secret| sign(secret, body).as_bytes() == signature)
}

/// Verifies as a receiver of Shopify's does.
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
    // As it is, and as the beginning of what could be a webhook.
    judge(line, body);
    judge(line, &[b"{", body].concat());
}

fn judge(line: &[u8], body: &[u8]) {
    let signature = offered(line, body);
    // What no header can hold cannot be sent.
    let Ok(value) = HeaderValue::from_bytes(&signature) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("x-shopify-hmac-sha256", value.clone());
    let verified = verify(&headers, body, &HELD);
    let expected = signer(&signature, body);
    match &verified {
        Ok(verified) => {
            assert_eq!(verified.body(), body);
            assert_eq!(Some(verified.secret()), expected);
            assert!(body.starts_with(b"{"));
        }
        Err(SignatureError::NotAWebhook) => assert!(!body.starts_with(b"{")),
        Err(problem) => {
            assert_eq!(expected, None, "what is right was refused: {problem}");
            let well_formed = BASE64_STANDARD.decode(&signature).is_ok_and(|bytes| bytes.len() == 32);
            let said = if well_formed {
                SignatureError::Mismatch
            } else {
                SignatureError::Malformed
            };
            assert_eq!(*problem, said);
        }
    }
    headers.append("x-shopify-hmac-sha256", value);
    assert!(
        verify(&headers, body, &HELD).is_err(),
        "a header that comes twice was believed"
    );
}

fn offered(line: &[u8], body: &[u8]) -> Vec<u8> {
    let secret = match line.first() {
        Some(b'0') => HELD[0],
        Some(b'1') => HELD[1],
        Some(b'2') => NEITHER,
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

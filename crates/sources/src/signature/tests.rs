use base64::prelude::BASE64_STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;
use crate::scheme::Encoding;

/// Signatures under `hush`, computed with another HMAC: Shopify publishes none.
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

fn parse(text: &str) -> Result<Secrets, SecretsError> {
    Secrets::parse(&Secret::new(text), KeyForm::AsIs)
}

fn secrets(text: &str) -> Secrets {
    parse(text).unwrap()
}

/// Index of the secret that has signed this body, if this is a signature in base64.
fn matched(secrets: &Secrets, body: &[u8], signature: &[u8]) -> Result<usize, SignatureError> {
    let claimed = Encoding::Base64.decode(signature).ok_or(SignatureError::Malformed)?;
    secrets.matching(&[body], &[claimed]).ok_or(SignatureError::Mismatch)
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

#[test]
fn computed_vectors_match() {
    for (body, signature) in VECTORS {
        assert_eq!(matched(&secrets("hush"), body.as_bytes(), signature.as_bytes()), Ok(0));
    }
}

/// RFC 7515, A.1: a key that is not text.
#[test]
fn published_vector_of_hs256_matches() {
    let url_safe = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly\
                  9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature: [u8; 32] = url_safe("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        .try_into()
        .unwrap();
    let secrets = Secrets {
        keyed: vec![Hmac::new_from_slice(&url_safe(key)).unwrap()],
        pair: None,
    };
    assert_eq!(secrets.matching(&[signed.as_bytes()], &[signature]), Some(0));
    assert_eq!(secrets.matching(&[&signed.as_bytes()[1..]], &[signature]), None);
    let (header, claims) = signed.split_once('.').unwrap();
    let parts = [header.as_bytes(), b".", claims.as_bytes()];
    assert_eq!(secrets.matching(&parts, &[signature]), Some(0), "in parts");
}

#[test]
fn either_secret_matches_during_a_rotation() {
    let (body, signature) = VECTORS[1];
    let matched = |text| matched(&secrets(text), body.as_bytes(), signature.as_bytes());
    assert_eq!(matched("hush, old"), Ok(0));
    assert_eq!(matched("new,hush"), Ok(1));
    assert_eq!(matched("new,old"), Err(SignatureError::Mismatch));
}

#[test]
fn name_of_two_secrets_changes_with_either_and_with_their_order() {
    let pair = |text| secrets(text).pair;
    assert_eq!(pair("hush"), None);
    assert!(pair("hush,old").is_some());
    assert_eq!(pair("hush,old"), pair(" hush , old "));
    for other in ["old,hush", "hush,older", "hush,hush"] {
        assert_ne!(pair("hush,old"), pair(other), "{other}");
    }
}

#[test]
fn missing_empty_and_third_secrets_are_refused() {
    for text in ["", " ", "a,", ",a", "a,,b"] {
        assert_eq!(parse(text).unwrap_err(), SecretsError::Empty);
    }
    assert_eq!(parse("a,b,c").unwrap_err(), SecretsError::TooMany(3));
    assert!(!format!("{:?}", secrets("hush")).contains("hush"));
}

#[test]
fn signature_that_is_not_base64_of_32_bytes_is_malformed() {
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
        let refused = matched(&secrets("hush"), body.as_bytes(), signature.as_bytes());
        assert_eq!(refused, Err(SignatureError::Malformed), "{signature:?}");
    }
}

#[test]
fn signature_of_other_bytes_does_not_match() {
    let (body, good) = VECTORS[2];
    let reserialised =
        serde_json::to_string(&serde_json::from_str::<serde_json::Value>("{\"title\": \"Café 😀\"}").unwrap());
    assert_eq!(reserialised.unwrap(), body);
    let with_bom = format!("\u{FEFF}{body}");
    for other in ["{\"title\": \"Café 😀\"}", &with_bom, ""] {
        let refused = matched(&secrets("hush"), other.as_bytes(), good.as_bytes());
        assert_eq!(refused, Err(SignatureError::Mismatch));
    }
    let other_case = good.to_lowercase();
    assert!(matched(&secrets("hush"), body.as_bytes(), other_case.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused(body in proptest::collection::vec(any::<u8>(), 1..300), at: usize, flip in 1..=255_u8) {
        let signature = sign("hush", &body);
        prop_assert!(matched(&secrets("hush"), &body, signature.as_bytes()).is_ok());
        let mut changed = body.clone();
        let at = at % changed.len();
        changed[at] ^= flip;
        prop_assert!(matched(&secrets("hush"), &changed, signature.as_bytes()).is_err());
    }

    #[test]
    fn any_changed_byte_of_a_signature_is_refused(body: Vec<u8>, older: bool, at in 0..44_usize, flip in 1..=255_u8) {
        let mut signature = sign(if older { "old" } else { "hush" }, &body).into_bytes();
        prop_assert_eq!(matched(&secrets("hush,old"), &body, &signature).unwrap(), usize::from(older));
        signature[at] ^= flip;
        prop_assert!(matched(&secrets("hush,old"), &body, &signature).is_err());
    }

    #[test]
    fn any_changed_byte_of_a_secret_is_refused(body: Vec<u8>, secret in "[!-+\\--~]{1,80}", at: usize, other in "[!-+\\--~]") {
        let signature = sign(&secret, &body);
        prop_assert_eq!(matched(&secrets(&secret), &body, signature.as_bytes()).unwrap(), 0);
        let at = at % secret.len();
        let changed = format!("{}{other}{}", &secret[..at], &secret[at + 1..]);
        prop_assume!(changed != secret);
        prop_assert!(matched(&secrets(&changed), &body, signature.as_bytes()).is_err());
        let longer = secret.clone() + &other;
        prop_assert!(matched(&secrets(&longer), &body, signature.as_bytes()).is_err());
    }

    #[test]
    fn other_spelling_of_a_signature_is_refused(body: Vec<u8>, at in 0..45_usize) {
        let right = sign("hush", &body);
        let refused = |other: &str| other == right || matched(&secrets("hush"), &body, other.as_bytes()).is_err();
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
        // The last character before the padding carries two unused bits, which must be zero.
        let last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for character in last {
            let other = format!("{}{}=", &right[..42], char::from(*character));
            prop_assert!(refused(&other), "{other}");
        }
    }

    #[test]
    fn any_text_is_one_or_two_secrets_or_none(text: String) {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        match parse(&text) {
            Ok(held) => {
                prop_assert!(parts.len() <= 2);
                for (at, part) in parts.iter().enumerate() {
                    let matched = matched(&held, b"x", sign(part, b"x").as_bytes()).unwrap();
                    prop_assert!(matched == at || parts[0] == parts[1]);
                }
                prop_assert!(matched(&held, b"x", sign("", b"x").as_bytes()).is_err(), "the empty secret is none");
            }
            Err(SecretsError::Empty) => prop_assert!(parts.iter().any(|part| part.is_empty())),
            Err(SecretsError::TooMany(n)) => prop_assert!(n == parts.len() && n > 2),
            Err(SecretsError::NotBase64) => prop_assert!(false, "the text is the secret"),
        }
    }

    #[test]
    fn no_signature_panics(body: Vec<u8>, signature: Vec<u8>) {
        prop_assert!(matched(&secrets("hush"), &body, &signature).is_err());
    }
}

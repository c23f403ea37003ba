//! Signatures, as Square's own libraries decide about them.

use super::*;

/// Of Square's own SDK (tests/integration/webhooks.test.ts) and documentation: key, address, body, signature.
pub(super) const VECTORS: [(&str, &str, &str, &str); 4] = [
    (
        "Ibxx_5AKakO-3qeNVR61Dw",
        "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9",
        r#"{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification","event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f","created_at":"2022-07-13T20:30:59.037339943Z","data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}"#,
        "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=",
    ),
    (
        "signature-key",
        "https://webhook.site/webhooks",
        r#"{"data":{"type":"webhooks","id":"fake_id"}}"#,
        "W3FlCNk5IA3ZQ2LHTWoajvzfaDu/OwY2tNHIHC3IUOA=",
    ),
    (
        "signature-key",
        "https://webhook.site/webhooks",
        r#"{"data":{"type":"webhooks","id":">id<"}}"#,
        "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=",
    ),
    (
        "asdf1234",
        "https://example.com/webhook",
        r#"{"hello":"world"}"#,
        "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=",
    ),
];

#[test]
fn vectors_of_square_match_and_a_change_of_any_part_does_not() {
    for (key, address, body, right) in VECTORS {
        let refused = |key, address: &str, body: &str, signature: &str| {
            received(&headers(signature), key, &[address], body.as_bytes()).unwrap_err()
        };
        assert!(
            received(&headers(right), key, &[address], body.as_bytes()).is_ok(),
            "{body}"
        );
        let reformatted = body.replace(':', ": ");
        let with_bom = format!("\u{feff}{body}");
        let (slash, http) = (format!("{address}/"), address.replace("https", "http"));
        for (key, address, body) in [
            ("MCmhFRxGX82xMwg5FsaoQA", address, body),
            (key, &slash, body),
            (key, &http, body),
            (key, "https://other.example/webhook", body),
            (key, address, &reformatted),
            (key, address, &with_bom),
            (key, address, &body[1..]),
        ] {
            assert_eq!(refused(key, address, body, right), SignatureError::Mismatch, "{body}");
        }
        let joined = format!("{right},{right}");
        let url_safe = right.replace('+', "-").replace('/', "_").replace('=', "");
        let bytes = BASE64_STANDARD.decode(right).unwrap();
        let hex = bytes
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        for wrong in [
            "1z2n3DEJJiUPKcPzQo1ftvbxGdw=",
            "",
            &right[..43],
            &joined,
            &url_safe,
            &hex,
        ] {
            assert_eq!(refused(key, address, body, wrong), SignatureError::Malformed, "{wrong}");
        }
        assert!(matches!(
            received(&HeaderMap::new(), key, &[address], body.as_bytes()),
            Err(SignatureError::Missing)
        ));
    }
}

/// Requests on which Square's own library has decided: `tests/referees/test_square.py`.
#[test]
fn every_decision_is_that_of_squares_library() {
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        key: String,
        url: String,
        body: String,
        signature: String,
        accepted: bool,
    }
    let cases = include_str!("../../../../../tests/referees/square-signatures.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert!(cases.iter().filter(|case| case.accepted).count() > 15 && cases.len() > 40);
    for case in cases {
        let read = received(&headers(&case.signature), &case.key, &[&case.url], case.body.as_bytes());
        assert_eq!(read.is_ok(), case.accepted, "{}", case.name);
    }
}

#[test]
fn without_an_address_or_a_body_nothing_is_accepted() {
    let (key, _, body, _) = VECTORS[3];
    let unaddressed = signature(key, "", body.as_bytes());
    let refused = received(&headers(&unaddressed), key, &[], body.as_bytes()).unwrap_err();
    assert_eq!(refused, SignatureError::Mismatch);
    let refused = received(&headers(&signature(key, ADDRESS, b"")), key, &[ADDRESS], b"").unwrap_err();
    assert_eq!(refused, SignatureError::NotAWebhook);
}

#[test]
fn signature_of_sha_1_is_not_read() {
    let (key, address, body, right) = VECTORS[3];
    let mut other = headers(right);
    let value = other.remove(SIGNATURE).unwrap();
    other.insert("x-square-signature", value);
    let missing = received(&other, key, &[address], body.as_bytes()).unwrap_err();
    assert_eq!(missing, SignatureError::Missing);
    let mut both = headers(right);
    both.insert(
        "x-square-signature",
        HeaderValue::from_static("1z2n3DEJJiUPKcPzQo1ftvbxGdw="),
    );
    assert!(received(&both, key, &[address], body.as_bytes()).is_ok());
}

#[test]
fn second_key_and_second_address_match() {
    let body = event("order.created", json!({})).to_string();
    for key in ["hush,old", "old,hush"] {
        for addresses in [[ADDRESS, "https://old.example"], ["https://old.example", ADDRESS]] {
            let sent = headers(&signature("hush", ADDRESS, body.as_bytes()));
            assert!(received(&sent, key, &addresses, body.as_bytes()).is_ok());
        }
    }
}

#[test]
fn test_notification_is_a_ping() {
    let (key, address, body, right) = VECTORS[0];
    let read = received(&headers(right), key, &[address], body.as_bytes()).unwrap();
    assert!(matches!(read, Read::Ping), "of any age: {read:?}");
}

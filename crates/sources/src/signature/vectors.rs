//! Schemes of other sources, with the vectors that hold the routine to them. Stripe's, Square's and the Standard
//! Webhooks vector agree with the vendors' own libraries; Zendesk's is computed from its documented formula.

use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    ALL,
    scheme::{Carried, Encoding, HeaderSet, SignedTime, TimeFormat, Window},
};

const fn window(seconds: i64) -> Window {
    let duration = SignedDuration::from_secs(seconds);
    Window {
        back: duration,
        ahead: duration,
    }
}

/// <https://docs.stripe.com/webhooks>
static STRIPE: Scheme = Scheme {
    headers: &[HeaderSet {
        signature: "stripe-signature",
        id: None,
        time: None,
    }],
    carried: Carried::TimeAndList("v1"),
    encoding: Encoding::Hex,
    key: KeyForm::AsIs,
    signed: &[Part::Time, Part::Dot, Part::Body],
    time: Some(SignedTime {
        format: TimeFormat::Unix,
        window: window(300),
    }),
};

/// <https://developer.squareup.com/docs/webhooks/overview>
static SQUARE: Scheme = Scheme {
    headers: &[HeaderSet {
        signature: "x-square-hmacsha256-signature",
        id: None,
        time: None,
    }],
    carried: Carried::One,
    encoding: Encoding::Base64,
    key: KeyForm::AsIs,
    signed: &[Part::Address, Part::Body],
    time: None,
};

/// <https://developer.zendesk.com/documentation/webhooks/>
static ZENDESK: Scheme = Scheme {
    headers: &[HeaderSet {
        signature: "x-zendesk-webhook-signature",
        id: None,
        time: Some("x-zendesk-webhook-signature-timestamp"),
    }],
    carried: Carried::One,
    encoding: Encoding::Base64,
    key: KeyForm::AsIs,
    signed: &[Part::Time, Part::Body],
    time: Some(SignedTime {
        format: TimeFormat::Rfc3339,
        window: window(3_600),
    }),
};

/// <https://www.standardwebhooks.com>
static STANDARD: Scheme = Scheme {
    headers: &[
        HeaderSet {
            signature: "webhook-signature",
            id: Some("webhook-id"),
            time: Some("webhook-timestamp"),
        },
        HeaderSet {
            signature: "svix-signature",
            id: Some("svix-id"),
            time: Some("svix-timestamp"),
        },
    ],
    carried: Carried::SpacedList("v1"),
    encoding: Encoding::Base64,
    key: KeyForm::Whsec,
    signed: &[Part::Id, Part::Dot, Part::Time, Part::Dot, Part::Body],
    time: Some(SignedTime {
        format: TimeFormat::Unix,
        window: window(300),
    }),
};

const NOW: i64 = 1_795_946_692;

const STRIPE_BODY: &str = r#"{"id":"evt_1","object":"event","type":"product.updated","created":1795946691,"livemode":false,"data":{"object":{"id":"prod_1","object":"product"}}}"#;
const STRIPE_SIGNATURE: &str = "9ac2568fbfefe585651b7de45130c6fad158442d7900321396baa3eaf087b3c1";

const SQUARE_ADDRESS: &str = "https://hooks.example.com/api/webhooks/receive/square/square-catalog";
const SQUARE_BODY: &str = r#"{"merchant_id":"MJUNIPER1OAK2","type":"catalog.version.updated","event_id":"59a8d878-0fe3-310c-8610-1f7e5dde659d","created_at":"2026-11-29T10:04:54.252927974Z","data":{"type":"catalog_version","id":"","object":{"catalog_version":{"updated_at":"2026-11-29T10:04:52.098Z"}}}}"#;
const SQUARE_SIGNATURE: &str = "rNxF/s50HVSVpxBwLS3xpdTf0LxPa2CCLBv5/WR6Xpg=";
const SQUARE_SIGNATURE_WITH_SLASH: &str = "2pllkhu6bL9x/6wdZSpaKV6E9c8AP9n38KPA3bDDTwU=";

const ZENDESK_TIME: &str = "2026-11-29T10:04:52Z";
const ZENDESK_BODY: &str = r#"{"account_id":10168721,"detail":{"brand_id":"224348602","id":"7005414006398"},"event":{"author_id":"225859532","category_id":"7005437869694","locale":"en-us","section_id":"7005437870078","title":"Care for walnut"},"id":"01KB7Y0ZQ4D8H3R6T9W2X5C7VA","subject":"zen:article:7005414006398","time":"2026-11-29T10:04:51.571545199Z","type":"zen:event-type:article.published","zendesk_event_version":"2022-11-06"}"#;
const ZENDESK_SIGNATURE: &str = "lAFju65So56Vb0gf/KtlL6fhF2eEM+tkgGCep4HZCPU=";
const ZENDESK_SIGNATURE_OF_NOTHING: &str = "XAAES/xpi8aoeTJPUNfvkkiN4vPmIjkk1LFeHpJLsfo=";

const STANDARD_KEY: &str = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo";
const STANDARD_BODY: &str = r#"{"type":"checkout.completed","timestamp":"2026-11-29T10:04:52.113Z","data":{"checkout_id":"chk_7","order_id":"ord_9","session_id":"s_42"}}"#;
const STANDARD_SIGNATURE: &str = "v1,nzwqw6duKoXGLMlWF1kPWJLnXoOqYJbseVxMM8UdFrI=";

/// A request as its source signs it, under a key in force.
#[derive(Clone)]
struct Signed {
    scheme: &'static Scheme,
    secrets: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    addresses: Vec<String>,
    now: i64,
}

impl Signed {
    fn verify(&self) -> Result<(usize, Option<String>, Option<Timestamp>), SignatureError> {
        let secrets = Secrets::parse(&Secret::new(self.secrets.clone()), self.scheme.key).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let request = SignedRequest {
            headers: &headers,
            body: &self.body,
            addresses: &self.addresses,
        };
        let verified = self
            .scheme
            .verify(&request, &secrets, Timestamp::from_second(self.now).unwrap())?;
        assert_eq!(verified.body(), self.body);
        Ok((
            verified.secret(),
            verified.id().map(str::to_owned),
            verified.signed_at(),
        ))
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
    }

    fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut changed = self.clone();
        changed.set(name, value);
        changed
    }

    fn at(&self, now: i64) -> Self {
        Self { now, ..self.clone() }
    }
}

fn stripe() -> Signed {
    Signed {
        scheme: &STRIPE,
        secrets: "whsec_hush".to_owned(),
        headers: vec![("stripe-signature", format!("t={NOW},v1={STRIPE_SIGNATURE}"))],
        body: STRIPE_BODY.into(),
        addresses: Vec::new(),
        now: NOW,
    }
}

fn square() -> Signed {
    Signed {
        scheme: &SQUARE,
        secrets: "hush".to_owned(),
        headers: vec![("x-square-hmacsha256-signature", SQUARE_SIGNATURE.to_owned())],
        body: SQUARE_BODY.into(),
        addresses: vec![SQUARE_ADDRESS.to_owned()],
        now: NOW,
    }
}

fn zendesk() -> Signed {
    Signed {
        scheme: &ZENDESK,
        secrets: "hush".to_owned(),
        headers: vec![
            ("x-zendesk-webhook-signature", ZENDESK_SIGNATURE.to_owned()),
            ("x-zendesk-webhook-signature-timestamp", ZENDESK_TIME.to_owned()),
        ],
        body: ZENDESK_BODY.into(),
        addresses: Vec::new(),
        now: NOW,
    }
}

fn standard() -> Signed {
    Signed {
        scheme: &STANDARD,
        secrets: STANDARD_KEY.to_owned(),
        headers: vec![
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", NOW.to_string()),
            ("webhook-signature", STANDARD_SIGNATURE.to_owned()),
        ],
        body: STANDARD_BODY.into(),
        addresses: Vec::new(),
        now: NOW,
    }
}

fn all() -> [Signed; 4] {
    [stripe(), square(), zendesk(), standard()]
}

#[test]
fn vectors_of_every_scheme_match() {
    let at = Some(Timestamp::from_second(NOW).unwrap());
    assert_eq!(stripe().verify(), Ok((0, None, at)));
    assert_eq!(square().verify(), Ok((0, None, None)));
    assert_eq!(zendesk().verify(), Ok((0, None, at)));
    assert_eq!(standard().verify(), Ok((0, Some("msg_1".to_owned()), at)));
    let mut empty = zendesk().with("x-zendesk-webhook-signature", ZENDESK_SIGNATURE_OF_NOTHING);
    empty.body.clear();
    assert!(empty.verify().is_ok());
}

#[test]
fn signed_address_is_the_registered_one_byte_for_byte() {
    let with_slash = square().with("x-square-hmacsha256-signature", SQUARE_SIGNATURE_WITH_SLASH);
    assert_eq!(with_slash.verify(), Err(SignatureError::Mismatch));
    let registered = |addresses: &[&str]| Signed {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        ..with_slash.clone()
    };
    let slash = format!("{SQUARE_ADDRESS}/");
    assert!(registered(&[&slash]).verify().is_ok());
    assert!(
        registered(&[SQUARE_ADDRESS, &slash]).verify().is_ok(),
        "two while one is replaced"
    );
    assert!(registered(&[&slash, SQUARE_ADDRESS]).verify().is_ok());
    assert_eq!(registered(&[]).verify(), Err(SignatureError::Mismatch));
    let http = slash.replace("https", "http");
    assert_eq!(registered(&[&http]).verify(), Err(SignatureError::Mismatch));
    // Signed without an address: no registered address is empty.
    let bare = square().with(
        "x-square-hmacsha256-signature",
        "lBYYsBc5IrwGC19FC8MbmgYCoPj30n4jSf1mvE0vc5c=",
    );
    let nowhere = Signed {
        addresses: vec![String::new()],
        ..bare
    };
    assert_eq!(nowhere.verify(), Err(SignatureError::Mismatch));
}

#[test]
fn second_key_matches_during_a_rotation() {
    for signed in all() {
        let other = if signed.scheme.key == KeyForm::Whsec {
            "whsec_b3RoZXI="
        } else {
            "other"
        };
        let held = signed.secrets.clone();
        for (secrets, expected) in [
            (format!("{held},{other}"), Ok(0)),
            (format!("{other},{held}"), Ok(1)),
            (other.to_owned(), Err(SignatureError::Mismatch)),
        ] {
            let matched = Signed {
                secrets,
                ..signed.clone()
            };
            assert_eq!(matched.verify().map(|(secret, ..)| secret), expected);
        }
    }
}

#[test]
fn any_of_the_first_eight_signatures_may_match() {
    let wrong = "00".repeat(32);
    let list = |before: usize, after: usize| {
        let mut items = vec![format!("t={NOW}")];
        items.extend((0..before).map(|_| format!("v1={wrong}")));
        items.push(format!("v1={STRIPE_SIGNATURE}"));
        items.extend((0..after).map(|_| format!("v1={wrong}")));
        stripe().with("stripe-signature", items.join(",")).verify()
    };
    assert!(list(1, 0).is_ok() && list(0, 1).is_ok() && list(7, 43).is_ok());
    assert_eq!(list(8, 0), Err(SignatureError::Mismatch));
    assert_eq!(list(49, 0), Err(SignatureError::Mismatch));

    let spaced = |text: String| standard().with("webhook-signature", text).verify();
    let zeros = BASE64_STANDARD.encode([0; 32]);
    assert!(spaced(format!("v1,{zeros} {STANDARD_SIGNATURE}")).is_ok());
    assert!(spaced(format!("v1a,{zeros} {STANDARD_SIGNATURE}")).is_ok());
    assert!(spaced(format!("v1,nonsense {STANDARD_SIGNATURE}")).is_ok());
}

#[test]
fn signatures_of_another_label_do_not_count() {
    let stripe = |text: &str| stripe().with("stripe-signature", text).verify();
    for text in [
        format!("t={NOW},v0={STRIPE_SIGNATURE}"),
        format!("t={NOW},v1a={STRIPE_SIGNATURE}"),
        format!("t={NOW},{STRIPE_SIGNATURE}"),
        format!("t={NOW}"),
    ] {
        assert_eq!(stripe(&text), Err(SignatureError::Missing), "{text}");
    }
    let (_, signature) = STANDARD_SIGNATURE.split_once(',').unwrap();
    for text in [
        format!("v1a,{signature}"),
        format!("v2,{signature}"),
        signature.to_owned(),
    ] {
        let refused = standard().with("webhook-signature", &*text).verify();
        assert_eq!(refused, Err(SignatureError::Missing), "{text}");
    }
}

#[test]
fn signature_in_another_encoding_is_malformed() {
    let bytes = BASE64_STANDARD.decode(SQUARE_SIGNATURE).unwrap();
    let hex = bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let url_safe = SQUARE_SIGNATURE.replace('+', "-").replace('/', "_");
    let joined = format!("{SQUARE_SIGNATURE},{SQUARE_SIGNATURE}");
    for text in [hex, url_safe, joined] {
        let refused = square().with("x-square-hmacsha256-signature", &*text).verify();
        assert_eq!(refused, Err(SignatureError::Malformed), "{text}");
    }
    let stripe = |text: &str| stripe().with("stripe-signature", format!("t={NOW},v1={text}")).verify();
    let base64 = BASE64_STANDARD.encode(&bytes);
    for text in [
        &base64,
        &STRIPE_SIGNATURE[1..],
        &format!("{STRIPE_SIGNATURE}0"),
        "",
        &"g".repeat(64),
        &STRIPE_SIGNATURE.to_uppercase(),
    ] {
        assert_eq!(stripe(text), Err(SignatureError::Malformed), "{text}");
    }
}

#[test]
fn signed_time_outside_of_the_window_is_stale() {
    for (signed, seconds) in [(stripe(), 300), (zendesk(), 3_600), (standard(), 300)] {
        for now in [NOW - seconds, NOW, NOW + seconds] {
            assert!(signed.at(now).verify().is_ok());
        }
        for now in [NOW - seconds - 1, NOW + seconds + 1] {
            assert_eq!(signed.at(now).verify(), Err(SignatureError::Stale));
        }
        let mut forged = signed.at(NOW + seconds + 1);
        forged.body.push(b' ');
        assert_eq!(forged.verify(), Err(SignatureError::Mismatch), "a forgery is not stale");
    }
}

#[test]
fn signed_time_that_is_missing_doubled_or_of_another_form_is_refused() {
    let signature = STRIPE_SIGNATURE;
    for text in [
        format!("v1={signature}"),
        format!("t=,v1={signature}"),
        format!("t=-{NOW},v1={signature}"),
        format!("t=+{NOW},v1={signature}"),
        format!("t={NOW}.0,v1={signature}"),
        format!("t=0{NOW},v1={signature}"),
        format!("t=99999999999999999999,v1={signature}"),
        format!("t={ZENDESK_TIME},v1={signature}"),
        format!("t={NOW},t={NOW},v1={signature}"),
    ] {
        let refused = stripe().with("stripe-signature", &*text).verify();
        assert!(
            matches!(refused, Err(SignatureError::Incomplete)),
            "{text}: {refused:?}"
        );
    }
    for text in ["", "yesterday", "1795946692"] {
        let refused = zendesk().with("x-zendesk-webhook-signature-timestamp", text).verify();
        assert_eq!(refused, Err(SignatureError::Incomplete), "{text}");
    }
    for name in ["webhook-id", "webhook-timestamp"] {
        let mut without = standard();
        without.headers.retain(|(other, _)| *other != name);
        assert_eq!(without.verify(), Err(SignatureError::Incomplete), "{name}");
        let mut doubled = standard();
        doubled.headers.push((name, NOW.to_string()));
        assert_eq!(doubled.verify(), Err(SignatureError::Incomplete), "{name}");
    }
}

/// `msg_1` `.` `1795946692` `.` body could be read as another id with another time.
#[test]
fn signed_id_with_a_dot_is_refused() {
    let moved = standard()
        .with("webhook-id", format!("msg_1.{NOW}"))
        .with("webhook-timestamp", "1");
    assert_eq!(moved.verify(), Err(SignatureError::Incomplete));
}

#[test]
fn headers_of_two_sets_are_never_mixed() {
    let svix = |names: [&'static str; 3]| {
        let mut signed = standard();
        for ((name, _), other) in signed.headers.iter_mut().zip(names) {
            *name = other;
        }
        signed
    };
    assert!(svix(["svix-id", "svix-timestamp", "svix-signature"]).verify().is_ok());
    let mixed = svix(["svix-id", "webhook-timestamp", "svix-signature"]);
    assert_eq!(mixed.verify(), Err(SignatureError::Incomplete));
    let mut both = svix(["svix-id", "svix-timestamp", "svix-signature"]);
    both.set("webhook-signature", STANDARD_SIGNATURE);
    assert_eq!(
        both.verify(),
        Err(SignatureError::Incomplete),
        "the first set is used, whole"
    );
}

#[test]
fn key_is_base64_if_its_scheme_requires_it() {
    let parse = |text: &str| Secrets::parse(&Secret::new(text), KeyForm::Whsec).map(drop);
    assert_eq!(parse("whsec_a"), Err(SecretsError::NotBase64));
    assert_eq!(parse("whsec_aHVzaA=="), Ok(()));
    assert_eq!(parse("whsec_"), Err(SecretsError::Empty));
    let mut without_prefix = standard();
    without_prefix.secrets = STANDARD_KEY.trim_start_matches("whsec_").to_owned();
    assert!(without_prefix.verify().is_ok());
    let mut as_it_is = stripe();
    as_it_is.secrets = "hush".to_owned();
    assert_eq!(
        as_it_is.verify(),
        Err(SignatureError::Mismatch),
        "Stripe's key includes whsec_"
    );
}

/// A scheme that signs an id or a time says where they are.
#[test]
fn every_scheme_names_the_headers_of_its_parts() {
    let ours = ALL.into_iter().map(|platform| &platform.sender.scheme);
    for scheme in ours.chain([&STRIPE, &SQUARE, &ZENDESK, &STANDARD]) {
        assert!(!scheme.headers.is_empty() && scheme.signed.len() <= MAX_PARTS);
        assert!(scheme.signed.contains(&Part::Body));
        let signs = |part: Part| scheme.signed.contains(&part);
        let lists_time = matches!(scheme.carried, Carried::TimeAndList(_));
        assert_eq!(signs(Part::Time), scheme.time.is_some());
        for set in scheme.headers {
            assert_eq!(set.id.is_some(), signs(Part::Id));
            assert_eq!(set.time.is_some(), signs(Part::Time) && !lists_time);
        }
    }
}

proptest! {
    #[test]
    fn any_changed_byte_of_a_signed_part_is_refused(which in 0..4_usize, at: usize, flip in 1..=255_u8) {
        let signed = all()[which].clone();
        let mut body = signed.clone();
        let length = body.body.len();
        body.body[at % length] ^= flip;
        prop_assert!(body.verify().is_err());
        for place in 0..signed.headers.len() {
            let mut changed = signed.clone();
            let mut bytes = changed.headers[place].1.clone().into_bytes();
            let length = bytes.len();
            bytes[at % length] ^= flip;
            let Ok(value) = String::from_utf8(bytes) else { continue };
            if HeaderValue::from_str(&value).is_err() {
                continue;
            }
            changed.headers[place].1 = value;
            prop_assert!(changed.verify().is_err());
        }
    }

    #[test]
    fn no_headers_panic(which in 0..4_usize, values in proptest::collection::vec("[ -~]{0,80}", 3), body: Vec<u8>) {
        let mut signed = all()[which].clone();
        for ((_, value), other) in signed.headers.iter_mut().zip(values) {
            *value = other;
        }
        signed.body = body;
        prop_assert!(signed.verify().is_err());
    }

    #[test]
    fn no_list_of_items_panics(items in proptest::collection::vec("(t|v0|v1|v1a|)(=|,|)[0-9a-f]{0,64}", 0..60), spaced: bool) {
        let (signed, name, separator) = if spaced {
            (standard(), "webhook-signature", " ")
        } else {
            (stripe(), "stripe-signature", ",")
        };
        prop_assert!(signed.with(name, items.join(separator)).verify().is_err());
    }
}

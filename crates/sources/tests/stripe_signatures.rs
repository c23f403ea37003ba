//! Requests on which Stripe's own library has decided: `tests/referees/test_stripe.py`.

use hookline_sources::{
    scheme::KeyForm,
    signature::{Secrets, SignedRequest},
    stripe,
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

/// Time at which every request is received, in seconds since 1970.
const AT: i64 = 1_795_946_692;

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    key: String,
    header: String,
    body: String,
    accepted: bool,
    /// Taken by the library, and not by us: `docs/sources/stripe.md` says why.
    stricter: bool,
}

#[test]
fn every_decision_is_that_of_stripes_library_or_stricter() {
    let cases = include_str!("../../../tests/referees/stripe-signatures.json");
    let cases: Vec<Case> = serde_json::from_str(cases).expect("the script writes JSON");
    assert!(cases.iter().filter(|case| case.accepted && !case.stricter).count() > 25 && cases.len() > 70);
    for case in cases {
        let header = HeaderValue::from_str(&case.header).expect("cases are headers");
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("stripe-signature"), header)]);
        let request = SignedRequest {
            headers: &headers,
            body: case.body.as_bytes(),
            addresses: &[],
        };
        let secrets = Secrets::of(&[&case.key], KeyForm::AsIs).expect("cases have keys");
        let now = Timestamp::from_second(AT).expect("the time is one");
        let verified = stripe::SENDER.verify(&request, &secrets, now);
        let expected = case.accepted && !case.stricter;
        assert_eq!(verified.is_ok(), expected, "{}: {:?}", case.name, verified.err());
    }
}

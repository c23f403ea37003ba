use std::sync::Mutex;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_domain::{
    memory::{SetClock, noon},
    outbound::{BusVerdict, EndpointSettings, NoAnswerError, PayloadFormat, Verdicts},
};
use hookline_events::{Event, EventId, EventType};
use hookline_sealing::Sealer;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

const BODY: &[u8] = br#"{"email":"canary@example.com","note":"at number 14"}"#;
const DAYS: u32 = 3;

struct Private(PrivateDecryptingKey);

impl DataKeys for Private {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Option<Vec<u8>>, PortError> {
        let key = OaepPrivateDecryptingKey::new(self.0.clone()).unwrap();
        let mut open = vec![0; key.min_output_size()];
        let open = key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut open, None);
        Ok(open.ok().map(|open| open.to_vec()))
    }
}

#[derive(Default)]
struct Posts(Mutex<Vec<String>>);

impl Post for Posts {
    async fn post_body(
        &self,
        _: &Endpoint,
        _: &KeptEvent,
        body: Vec<u8>,
        _: u32,
        _: bool,
    ) -> Result<Posted, PortError> {
        self.0.lock().unwrap().push(String::from_utf8(body).unwrap());
        Ok(Posted {
            attempted: Err(NoAnswerError::Closed),
            took: std::time::Duration::ZERO,
        })
    }

    async fn post(&self, _: &Endpoint, event: &KeptEvent, _: u32, _: bool) -> Result<Posted, PortError> {
        self.0.lock().unwrap().push(event.json.clone());
        Ok(Posted {
            attempted: Err(NoAnswerError::Closed),
            took: std::time::Duration::ZERO,
        })
    }
}

struct Shop {
    disclosing: Disclosing<Posts, Private, SetClock>,
    sealer: Sealer,
}

fn read(_: &Source, _: &str, body: &[u8]) -> Option<PersonalData> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    Some(PersonalData {
        email: text("email"),
        note: text("note"),
        ..PersonalData::default()
    })
}

fn shop() -> Shop {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    let sealer = Sealer::new(&BASE64_STANDARD.encode(der.as_ref()), DAYS).unwrap();
    let keep = SignedDuration::from_hours(24 * i64::from(DAYS));
    Shop {
        disclosing: Disclosing {
            post: Posts::default(),
            opener: Some((Opener::new(Private(key)), keep)),
            disclosure: Disclosure {
                discloses: |_, topic| topic == "orders/create",
                disclosed: read,
            },
            clock: SetClock::new(noon()),
        },
        sealer,
    }
}

fn endpoint(personal: PersonalLevel) -> Endpoint {
    let mut settings = EndpointSettings::new("https://example.com/hook", &["*"]);
    settings.personal = personal;
    let mut endpoint = Endpoint::new("* ep_1".parse().unwrap(), settings, noon());
    endpoint.proof.proven_at = Some(noon());
    endpoint
}

fn event(topic: &str, id: &str) -> KeptEvent {
    let kind = EventType::ORDER_CREATED;
    let event_id = EventId::new(noon(), &[topic, id]);
    let json = json!({"id": event_id, "type": kind, "version": 1, "timestamp": noon(), "cause":
        {"topic": topic, "delivery_id": id, "received_at": noon()}, "subject": {"kind": "order", "id": "1", "version": null}});
    KeptEvent {
        store: "shopify#demo.myshopify.com".parse().unwrap(),
        id: event_id,
        kind,
        subject: "order#1".parse().unwrap(),
        cause: Some(id.parse().unwrap()),
        at: noon(),
        accepted_at: noon(),
        expires_at: noon(),
        json: json.to_string(),
        verdicts: Verdicts::new(),
        bus: BusVerdict::Off,
        bus_error: None,
    }
}

impl Shop {
    fn seal(&self, event: &KeptEvent) -> SealedBody {
        let cause = event.origin().cause.unwrap();
        let delivery = delivery(event, &cause).unwrap();
        self.sealer.seal(&delivery, BODY, noon()).unwrap()
    }

    async fn posted(&self, endpoint: &Endpoint, event: &KeptEvent, sealed: Option<&SealedBody>) -> String {
        let posted = self.disclosing.post_disclosing(endpoint, event, sealed, 1, false).await;
        posted.unwrap();
        self.disclosing.post.0.lock().unwrap().pop().unwrap()
    }
}

fn raw() -> Endpoint {
    let mut endpoint = endpoint(PersonalLevel::Full);
    endpoint.settings.format = PayloadFormat::Raw;
    endpoint.settings.types = vec!["delivery.received".to_owned()];
    endpoint
}

#[tokio::test]
async fn raw_payload_is_what_the_source_sent_of_every_topic_or_nothing_is_posted() {
    let shop = shop();
    let event = event("products/update", "d1");
    let sealed = shop.seal(&event);
    assert_eq!(shop.posted(&raw(), &event, Some(&sealed)).await.as_bytes(), BODY);
    let mut unproven = raw();
    unproven.proof.proven_at = None;
    let mut open = raw();
    open.settings.url = "http://example.com/hook".to_owned();
    let too_large = SealedBody::too_large(later());
    for (endpoint, sealed) in [
        (raw(), None),
        (raw(), Some(&too_large)),
        (unproven, Some(&sealed)),
        (open, Some(&sealed)),
    ] {
        let posted = shop
            .disclosing
            .post_disclosing(&endpoint, &event, sealed, 1, false)
            .await;
        assert_eq!(posted.unwrap().attempted, Err(NoAnswerError::NotKept));
        let posted = shop.disclosing.post(&endpoint, &event, 1, false).await;
        assert_eq!(posted.unwrap().attempted, Err(NoAnswerError::NotKept));
    }
    shop.disclosing
        .clock
        .pass(SignedDuration::from_hours(24 * i64::from(DAYS)));
    let posted = shop
        .disclosing
        .post_disclosing(&raw(), &event, Some(&sealed), 1, false)
        .await;
    assert_eq!(posted.unwrap().attempted, Err(NoAnswerError::NotKept));
    assert!(shop.disclosing.post.0.lock().unwrap().is_empty());
}

fn later() -> Timestamp {
    noon() + SignedDuration::from_hours(48)
}

#[tokio::test]
async fn sample_of_a_test_goes_to_a_raw_endpoint_as_it_is() {
    let shop = shop();
    let mut event = event("orders/create", "d1");
    event.json = json!({"id": event.id, "cause": null}).to_string();
    assert_eq!(shop.posted(&raw(), &event, None).await, event.json);
}

#[tokio::test]
async fn proven_endpoint_gets_the_level_that_it_asked_for() {
    let shop = shop();
    let event = event("orders/create", "d1");
    let sealed = shop.seal(&event);
    let full = shop.posted(&endpoint(PersonalLevel::Full), &event, Some(&sealed)).await;
    assert!(full.starts_with(event.json.strip_suffix('}').unwrap()), "{full}");
    let full: Value = serde_json::from_str(&full).unwrap();
    assert_eq!(
        full["personal"],
        json!({"email": "canary@example.com", "note": "at number 14"})
    );
    assert_eq!(full["meta"], json!({"personal": "full"}));
    let contact = shop
        .posted(&endpoint(PersonalLevel::Contact), &event, Some(&sealed))
        .await;
    let contact: Value = serde_json::from_str(&contact).unwrap();
    assert_eq!(contact["personal"], json!({"email": "canary@example.com"}));
    assert_eq!(contact["meta"], json!({"personal": "contact"}));
}

#[tokio::test]
async fn nothing_personal_goes_to_an_endpoint_that_has_not_proved_itself_or_has_http() {
    let shop = shop();
    let event = event("orders/create", "d1");
    let sealed = shop.seal(&event);
    let mut unproven = endpoint(PersonalLevel::Full);
    unproven.proof.proven_at = None;
    let mut plain = endpoint(PersonalLevel::Full);
    plain.settings.url = "http://example.com/hook".to_owned();
    for endpoint in [unproven, plain] {
        let posted = shop.posted(&endpoint, &event, Some(&sealed)).await;
        assert!(posted.contains(r#""meta":{"personal":"unproven"}"#), "{posted}");
        assert!(!posted.contains("canary"), "{posted}");
    }
    let none = endpoint(PersonalLevel::None);
    shop.disclosing.post(&none, &event, 1, false).await.unwrap();
    assert_eq!(shop.disclosing.post.0.lock().unwrap().pop().unwrap(), event.json);
}

#[tokio::test]
async fn what_cannot_be_opened_goes_without_and_says_why() {
    let shop = shop();
    let (event, other) = (event("orders/create", "d1"), event("orders/create", "d2"));
    let endpoint = endpoint(PersonalLevel::Full);
    let sealed = shop.seal(&event);
    let of_other = shop.seal(&other);
    let large = SealedBody::too_large(noon() + SignedDuration::from_hours(1));
    for (sealed, state) in [
        (None, "not_kept"),
        (Some(&of_other), "not_kept"),
        (Some(&large), "too_large"),
    ] {
        let posted = shop.posted(&endpoint, &event, sealed).await;
        assert!(
            posted.ends_with(&format!(r#","meta":{{"personal":"{state}"}}}}"#)),
            "{posted}"
        );
        assert!(!posted.contains("canary"));
    }
    let later: Timestamp = noon() + SignedDuration::from_hours(24 * i64::from(DAYS));
    shop.disclosing.clock.set(later);
    for sealed in [Some(&sealed), None] {
        let posted = shop.posted(&endpoint, &event, sealed).await;
        assert!(posted.contains(r#""meta":{"personal":"expired"}"#), "{posted}");
    }
    let mut without = shop;
    without.disclosing.opener = None;
    let posted = without.posted(&endpoint, &event, Some(&sealed)).await;
    assert!(posted.contains(r#""meta":{"personal":"not_kept"}"#), "{posted}");
}

#[tokio::test]
async fn events_without_personal_data_are_sent_as_they_are_kept() {
    let shop = shop();
    let endpoint = endpoint(PersonalLevel::Full);
    let refund = event("refunds/create", "d1");
    assert_eq!(shop.posted(&endpoint, &refund, None).await, refund.json);
    let mut payment = event("orders/create", "d1");
    payment.kind = EventType::PRIVACY_CUSTOMER_REDACTED;
    assert_eq!(shop.posted(&endpoint, &payment, None).await, payment.json);
    let mut published = event("orders/create", "d1");
    published.json = r#"{"type":"order.created","cause":null}"#.to_owned();
    assert_eq!(shop.posted(&endpoint, &published, None).await, published.json);
}

#[test]
fn disclosed_event_matches_its_type() {
    let sample: Value = hookline_domain::outbound::catalog::sample(&EventType::ORDER_CREATED);
    let event = Event::from_value(sample).unwrap();
    let (personal, meta) = (event.personal.clone().unwrap(), event.meta.unwrap());
    let plain = Event {
        personal: None,
        meta: None,
        ..event.clone()
    };
    let json = serde_json::to_string(&plain).unwrap();
    let json = with_members(&json, Some(&personal), meta.personal).unwrap();
    assert_eq!(Event::read(json.as_bytes()).unwrap(), event);
}

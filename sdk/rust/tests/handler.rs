//! Callbacks, their failures, and the memory of handled events. Requests are signed by the tests.

#![expect(clippy::unwrap_used, reason = "all of this is a test, where a panic is a failure")]

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_webhooks::{
    BoxError, EventType, Failure, Handler, MAX_BODY_BYTES, Outcome, ReadError, RecentIds, SecretError, Seen, Skip,
    Verifier, VerifyError, WebhookError,
};
use serde_json::{Value, json};
use sha2::Sha256;

const KEY: [u8; 32] = [7; 32];
const NOW: u64 = 1_796_000_000;

fn secret() -> String {
    format!("whsec_{}", BASE64_STANDARD.encode(KEY))
}

fn verifier() -> Verifier {
    Verifier::new([secret()]).unwrap()
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn handler() -> Handler {
    Handler::new(verifier()).with_clock(clock)
}

/// A signed request.
struct Request {
    signature: String,
    body: Vec<u8>,
}

const ID: &str = "evt_01M8KC7FD03QH5TX988ZJ0TNS4";

impl Request {
    fn new(event: &Value) -> Self {
        Self::of(serde_json::to_vec(event).unwrap())
    }

    fn of(body: Vec<u8>) -> Self {
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(&KEY).unwrap();
        mac.update(format!("{ID}.{NOW}.").as_bytes());
        mac.update(&body);
        let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        Self { signature, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        match name {
            "webhook-id" => Some(ID),
            "webhook-timestamp" => Some("1796000000"),
            "webhook-signature" => Some(&self.signature),
            _ => None,
        }
    }

    fn to(&self, handler: &Handler) -> Outcome {
        handler.handle(|name| self.header(name), &self.body)
    }
}

/// An event of a type, from the samples of docs/events.
fn event(kind: &str) -> Value {
    let file = format!("{}/../../docs/events/samples/{kind}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn request(kind: &str) -> Request {
    Request::new(&event(kind))
}

/// A callback that notes a line for each call.
fn noting(notes: &Arc<Mutex<Vec<String>>>, note: &str) -> impl Fn() + Send + Sync + use<> {
    let (notes, note) = (Arc::clone(notes), note.to_owned());
    move || notes.lock().unwrap().push(note.clone())
}

#[test]
fn callbacks_receive_the_events_of_their_types_in_the_order_in_which_they_were_given() {
    let notes = Arc::default();
    let [inventory, order, product, also] = ["inventory", "order", "product", "also"].map(|note| noting(&notes, note));
    let handler = handler()
        .on_inventory_change(move |event, product| {
            assert_eq!(event.kind, EventType::INVENTORY_UPDATED);
            assert_eq!(product.available, Some(false));
            inventory();
            Ok(())
        })
        .on_order_complete(move |event, checkout| {
            assert_eq!(event.session_id.as_deref(), Some("chat_7Q2M9K"));
            assert_eq!(checkout.lines.len(), 1);
            order();
            Ok(())
        })
        .on_product_change(move |event, data| {
            assert_eq!(data.is_none(), event.kind.is_deletion());
            product();
            Ok(())
        })
        .on(EventType::PRODUCT_DELETED, move |_| {
            also();
            Ok(())
        });
    for kind in [
        "inventory.updated",
        "checkout.completed",
        "product.created",
        "product.updated",
        "product.deleted",
    ] {
        let outcome = request(kind).to(&handler);
        assert!(matches!(outcome, Outcome::Handled), "{kind}: {outcome}");
    }
    let expected = ["inventory", "order", "product", "product", "product", "also"];
    assert_eq!(*notes.lock().unwrap(), expected);
    let outcome = request("order.created").to(&handler);
    assert!(
        matches!(&outcome, Outcome::Skipped(Skip::Type(kind)) if kind == "order.created"),
        "{outcome}"
    );
    assert_eq!(outcome.status(), 204, "an event that nobody wants is acknowledged");
}

#[test]
fn types_of_the_operators_own_have_callbacks() {
    let kind: EventType = "custom.back_in_stock_requested".parse().unwrap();
    let handler = handler().on(kind, |_| Ok(()));
    assert!(matches!(request("custom").to(&handler), Outcome::Handled));
}

#[test]
fn callback_that_fails_is_answered_with_500_and_the_event_is_handled_when_it_is_sent_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = handler()
        .seen(RecentIds::default())
        .on(EventType::ORDER_CREATED, move |_| {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 => Err("the database is away".into()),
                _ => Ok(()),
            }
        });
    let request = request("order.created");
    let outcome = request.to(&handler);
    assert_eq!(outcome.status(), 500);
    assert_eq!(outcome.to_string(), "a callback failed: the database is away");
    assert!(matches!(request.to(&handler), Outcome::Handled));
    assert!(matches!(request.to(&handler), Outcome::Skipped(Skip::Seen)));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn callback_after_one_that_fails_is_not_called() {
    let notes = Arc::default();
    let note = noting(&notes, "second");
    let handler =
        handler()
            .on(EventType::ORDER_CREATED, |_| Err("no".into()))
            .on(EventType::ORDER_CREATED, move |_| {
                note();
                Ok(())
            });
    assert_eq!(request("order.created").to(&handler).status(), 500);
    assert!(notes.lock().unwrap().is_empty());
}

#[test]
fn callback_that_panics_is_answered_with_500() {
    let handler = handler().on(EventType::ORDER_CREATED, |_| panic!("a mistake"));
    let request = request("order.created");
    for _ in 0..2 {
        let outcome = request.to(&handler);
        assert!(matches!(outcome, Outcome::Failed(Failure::Panic)), "{outcome}");
        assert_eq!(outcome.status(), 500);
    }
}

#[test]
fn callback_that_hangs_is_answered_with_500_and_remembered_if_it_succeeds_later() {
    let (let_go, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let (done, ended) = mpsc::channel();
    let handler = handler()
        .seen(Announcing(RecentIds::default(), done))
        .with_timeout(Duration::from_millis(1))
        .on(EventType::ORDER_CREATED, move |_| {
            held.lock().unwrap().recv().unwrap();
            Ok(())
        });
    let request = request("order.created");
    let outcome = request.to(&handler);
    assert!(matches!(outcome, Outcome::Failed(Failure::Timeout(_))), "{outcome}");
    assert_eq!(outcome.status(), 500);
    let copy = request.to(&handler);
    assert!(
        matches!(copy, Outcome::Failed(Failure::Timeout(_))),
        "a copy does not start while the first hangs: {copy}"
    );
    let_go.send(()).unwrap();
    ended.recv().unwrap();
    let handler = handler.with_timeout(Duration::from_mins(1));
    assert!(matches!(request.to(&handler), Outcome::Skipped(Skip::Seen)));
}

/// A memory that reports what it adds.
struct Announcing(RecentIds, mpsc::Sender<()>);

impl Seen for Announcing {
    fn contains(&self, id: &str) -> Result<bool, BoxError> {
        self.0.contains(id)
    }

    fn add(&self, id: &str) -> Result<(), BoxError> {
        self.0.add(id)?;
        Ok(self.1.send(())?)
    }
}

#[test]
fn copies_that_arrive_together_are_handled_once() {
    const COPIES: usize = 8;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = handler()
        .seen(RecentIds::default())
        .with_timeout(Duration::from_mins(1))
        .on(EventType::ORDER_CREATED, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
    let request = request("order.created");
    let together = Barrier::new(COPIES);
    thread::scope(|scope| {
        for _ in 0..COPIES {
            scope.spawn(|| {
                together.wait();
                assert_eq!(request.to(&handler).status(), 204);
            });
        }
    });
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// A memory that fails at one of its calls.
struct Broken {
    at_add: bool,
}

impl Seen for Broken {
    fn contains(&self, _: &str) -> Result<bool, BoxError> {
        if self.at_add { Ok(false) } else { Err("away".into()) }
    }

    fn add(&self, _: &str) -> Result<(), BoxError> {
        Err("away".into())
    }
}

#[test]
fn memory_that_fails_before_the_callbacks_is_answered_with_500_and_after_them_with_204() {
    let request = request("order.created");
    let with = |at_add| {
        handler()
            .seen(Broken { at_add })
            .on(EventType::ORDER_CREATED, |_| Ok(()))
    };
    let outcome = request.to(&with(false));
    assert!(matches!(outcome, Outcome::Failed(Failure::Seen(_))), "{outcome}");
    assert_eq!(outcome.status(), 500);
    let outcome = request.to(&with(true));
    assert!(matches!(outcome, Outcome::Forgotten(_)), "{outcome}");
    assert_eq!(outcome.status(), 204);
}

#[test]
fn memory_of_recent_ids_forgets_the_oldest() {
    let seen = RecentIds::new(2);
    for id in ["a", "b", "b", "c"] {
        seen.add(id).unwrap();
    }
    let known = ["a", "b", "c"].map(|id| seen.contains(id).unwrap());
    assert_eq!(known, [false, true, true]);
}

#[test]
fn request_without_a_right_signature_calls_nothing() {
    let notes = Arc::default();
    let note = noting(&notes, "called");
    let handler = handler().on(EventType::ORDER_CREATED, move |_| {
        note();
        Ok(())
    });
    let mut request = request("order.created");
    request.body.push(b' ');
    let outcome = request.to(&handler);
    assert!(matches!(outcome, Outcome::Refused(VerifyError::Signature)), "{outcome}");
    assert_eq!(outcome.status(), 403);
    assert!(notes.lock().unwrap().is_empty());
}

#[test]
fn handler_and_headers_of_a_framework_move_into_a_thread() {
    let request = request("order.created");
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, request.header(name).unwrap().parse().unwrap());
    }
    let (handler, body) = (handler().on(EventType::ORDER_CREATED, |_| Ok(())), request.body);
    let handle = move || handler.handle(|name| headers.get(name)?.to_str().ok(), &body);
    assert!(matches!(thread::spawn(handle).join().unwrap(), Outcome::Handled));
}

#[test]
fn body_over_the_limit_is_answered_with_413_and_one_at_it_is_verified() {
    let largest = Request::of(vec![b' '; MAX_BODY_BYTES]);
    assert!(matches!(largest.to(&handler()), Outcome::Malformed(_)));
    let larger = Request::of(vec![b' '; MAX_BODY_BYTES + 1]);
    assert_eq!(larger.to(&handler()).status(), 413);
}

#[test]
fn tolerance_is_a_setting() {
    let late = |seconds| move || UNIX_EPOCH + Duration::from_secs(NOW + seconds);
    let request = request("order.created");
    let with = |verifier: Verifier, seconds| request.to(&Handler::new(verifier).with_clock(late(seconds))).status();
    let minute = verifier().with_tolerance(Duration::from_mins(1));
    assert_eq!(with(minute.clone(), 60), 204);
    assert_eq!(with(minute, 61), 403);
    assert_eq!(with(verifier(), 300), 204);
    let before_1970 = Handler::new(verifier()).with_clock(|| UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(request.to(&before_1970).status(), 403);
}

#[test]
fn clock_is_the_systems_by_default() {
    let outcome = request("order.created").to(&Handler::new(verifier()));
    // The signature is of another day.
    assert!(matches!(outcome, Outcome::Refused(VerifyError::Timestamp)), "{outcome}");
}

#[test]
fn verifier_reads_events_and_tells_later_ones_apart() {
    let read = |event: &Value| {
        let request = Request::new(event);
        verifier().read(|name| request.header(name), &request.body, clock())
    };
    let mut value = event("inventory.updated");
    assert_eq!(read(&value).unwrap().kind, EventType::INVENTORY_UPDATED);
    value["type"] = json!("weather.changed");
    assert!(matches!(
        read(&value),
        Err(WebhookError::Event(ReadError::Type(kind))) if kind == "weather.changed"
    ));
    value["version"] = json!(2);
    assert!(matches!(read(&value), Err(WebhookError::Event(ReadError::Version(2)))));
    assert!(matches!(
        read(&json!({})),
        Err(WebhookError::Event(ReadError::Shape(_)))
    ));
    let unsigned = verifier().read(|_| None, b"{}", clock());
    assert!(matches!(unsigned, Err(WebhookError::Refused(VerifyError::Headers))));
}

#[test]
fn malformed_secrets_are_refused_without_being_shown() {
    let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![1; bytes]));
    for right in [of(24), of(64), format!(" {}\n", secret())] {
        assert!(Verifier::new([right]).is_ok());
    }
    for wrong in ["", "whsec_", "whsec_!!!!", &of(23), &of(65), &secret().replace('=', "")] {
        let error = Verifier::new([secret().as_str(), wrong]).unwrap_err();
        assert_eq!(error, SecretError::Malformed(2), "{wrong}");
    }
    assert_eq!(Verifier::new([""; 0]).unwrap_err(), SecretError::Missing);
    assert!(!format!("{:?} {:?}", verifier(), handler()).contains("BwcHBw"));
}

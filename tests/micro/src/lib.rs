//! Single steps of an event's way, each with what it needs at hand: what criterion times (`make micro`)
//! and what `tests/micro/count.py` counts the instructions of.

pub mod samples;

use std::hint::black_box;

use futures_util::FutureExt;
use hookline_domain::{
    catalogue::{apply::Apply, document::Document},
    consumer::{Message, NoCompliance, Reindex, Try},
    delivery::{
        Delivery,
        envelope::{self, MESSAGE_LIMIT},
    },
    event::Event,
    kernel::port::Clock,
    memory::{MemoryEntities, MemoryIndex, MemoryJobs, MemoryLedger, MemoryStores},
};
use hookline_sources::{self as sources, html, shopify, signature::SignedRequest};
use jiff::Timestamp;

use crate::samples::{at, delivery, product, secrets, signed};

const KIB: usize = 1024;

/// One step.
pub struct Step {
    /// As in `verify/4 KiB`.
    pub name: &'static str,
    make: Make,
}

type Make = fn() -> Made;

/// A step with what it needs.
pub struct Made {
    /// How much it reads, where that is what counts.
    pub bytes: Option<usize>,
    /// Does it once.
    pub run: Box<dyn Fn()>,
}

impl Step {
    /// Gets it what it needs. Of nothing else that is there, so that what is counted does not depend on other steps.
    #[must_use]
    pub fn make(&self) -> Made {
        (self.make)()
    }
}

/// All of them.
#[must_use]
pub fn steps() -> Vec<Step> {
    let all: [(&str, Make); 15] = [
        ("verify/1 KiB", || verify(KIB)),
        ("verify/4 KiB", || verify(4 * KIB)),
        ("verify/64 KiB", || verify(64 * KIB)),
        ("verify/1 MiB", || verify(1024 * KIB)),
        ("parse/4 KiB", || interpret(4 * KIB)),
        ("parse/200 KiB", || interpret(200 * KIB)),
        ("description's text", text),
        ("render/4 KiB", || render(4 * KIB)),
        ("render/200 KiB", || render(200 * KIB)),
        ("envelope, written/4 KiB", || pack(4 * KIB)),
        ("envelope, written/200 KiB", || pack(200 * KIB)),
        ("envelope, read/4 KiB", || open(4 * KIB)),
        ("envelope, read/200 KiB", || open(200 * KIB)),
        ("batch, of ten products", || batch(|n| (u64::from(n), n))),
        ("batch, of one product", || batch(|n| (0, n))),
    ];
    all.map(|(name, make)| Step { name, make }).into()
}

fn verify(bytes: usize) -> Made {
    let (secrets, body) = (secrets(), vec![b'{'; bytes]);
    let headers = signed(&body);
    Made {
        bytes: Some(bytes),
        run: Box::new(move || {
            let request = SignedRequest {
                headers: black_box(&headers),
                body: black_box(&body),
                addresses: &[],
            };
            black_box(shopify::SENDER.verify(&request, &secrets, Timestamp::UNIX_EPOCH)).expect("it is signed");
        }),
    }
}

/// From a delivery's body to what happened.
fn interpret(bytes: usize) -> Made {
    let delivery = delivery(product(bytes, 1, 1), 1);
    Made {
        bytes: Some(delivery.body.len()),
        run: Box::new(move || {
            black_box(sources::interpret(black_box(&delivery))).expect("it is a product");
        }),
    }
}

/// From a description's HTML to its text.
fn text() -> Made {
    let body: serde_json::Value = serde_json::from_slice(&product(16 * KIB, 1, 1)).expect("it is JSON");
    let html = body["body_html"].as_str().unwrap_or_default().to_owned();
    Made {
        bytes: Some(html.len()),
        run: Box::new(move || {
            black_box(html::text(black_box(&html)));
        }),
    }
}

/// From what happened to a document of the index, as text.
fn render(bytes: usize) -> Made {
    let delivery = delivery(product(bytes, 1, 1), 1);
    let event = sources::interpret(&delivery).expect("it is a product");
    let entity = event.entity(&delivery.key.store).expect("a product is an entity");
    let Event::ProductUpdated(product) = event else {
        unreachable!("of a product's state nothing else is made");
    };
    let observed_at = delivery.observed_at();
    Made {
        bytes: None,
        run: Box::new(move || {
            let document = Document::of_product(&entity, (*product).clone(), observed_at);
            black_box(serde_json::to_string(&document)).expect("a document is JSON");
        }),
    }
}

fn pack(bytes: usize) -> Made {
    let delivery = delivery(product(bytes, 1, 1), 1);
    Made {
        bytes: Some(delivery.body.len()),
        run: Box::new(move || {
            black_box(envelope::pack(black_box(&delivery), MESSAGE_LIMIT));
        }),
    }
}

fn open(bytes: usize) -> Made {
    let delivery = delivery(product(bytes, 1, 1), 1);
    let message = envelope::encode(&delivery).expect("it is not too large");
    Made {
        bytes: Some(message.len()),
        run: Box::new(move || {
            black_box(envelope::open(black_box(&message))).expect("it is ours");
        }),
    }
}

/// All that the consumer decides of ten deliveries, with its ports in memory: reading, grouping, fencing, rendering, the
/// ledger, the status. `of` says which product the `n`th is about, and when it was changed.
fn batch(of: fn(u32) -> (u64, u32)) -> Made {
    let messages: Vec<Message> = (0..10)
        .map(|n| {
            let (id, second) = of(n);
            message(delivery(product(4 * KIB, id, second), n))
        })
        .collect();
    let reindex = Reindex {
        ledger: MemoryLedger::default(),
        apply: Apply {
            entities: MemoryEntities::default(),
            stores: MemoryStores::default(),
            index: MemoryIndex::default(),
            clock: Noon,
        },
        jobs: MemoryJobs::default(),
        compliance: None::<NoCompliance>,
        interpret: sources::interpret,
    };
    Made {
        bytes: None,
        run: Box::new(move || {
            let processed = reindex.apply(messages.clone(), Timestamp::MAX);
            let processed = processed.now_or_never().expect("what is in memory answers at once");
            assert!(black_box(processed).iter().all(|message| message.verdict.is_settled()));
        }),
    }
}

fn message(delivery: Delivery) -> Message {
    Message {
        id: delivery.key.id.to_string(),
        delivery: Ok(delivery),
        tried: Try::default(),
    }
}

/// It is always noon.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        at("2026-11-14T16:05:00Z")
    }
}

//! Single steps of an event's processing, each with its inputs prepared: criterion times them (`make micro`)
//! and `tests/micro/count.py` counts their instructions.

pub mod samples;

use std::{cell::RefCell, hint::black_box};

use futures_util::FutureExt;
use hookline_domain::{
    catalogue::{document::Document, event_message},
    consumer::{Message, Reindex, Try},
    delivery::{
        Delivery,
        envelope::{self, MESSAGE_LIMIT},
    },
    event::Event,
    memory::{self, InMemory, MemoryFanOut, MemoryIndex},
    store::listening::{Audience, Listener, widen},
};
use hookline_events::Resource;
use hookline_sources::{self as sources, html, shopify, signature::SignedRequest};
use jiff::Timestamp;

use crate::samples::{at, delivery, product, secrets, signed};

const KIB: usize = 1024;

/// Step that can be prepared.
pub struct Step {
    /// Name, as in `verify/4 KiB`.
    pub name: &'static str,
    prepare: Prepare,
}

type Prepare = fn() -> PreparedStep;

/// Step with its inputs.
pub struct PreparedStep {
    /// Size of its input, if throughput is what matters.
    pub bytes: Option<usize>,
    /// Runs the step once.
    pub run: Box<dyn Fn()>,
}

impl Step {
    /// Prepares the inputs. Depends on no other step, so that counts do not either.
    #[must_use]
    pub fn prepare(&self) -> PreparedStep {
        (self.prepare)()
    }
}

/// Returns all steps.
#[must_use]
pub fn steps() -> Vec<Step> {
    let all: [(&str, Prepare); 17] = [
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
        ("batch, of ten products that change", || changing(false)),
        ("batch, of ten products that change, published", || changing(true)),
    ];
    all.map(|(name, prepare)| Step { name, prepare }).into()
}

fn verify(bytes: usize) -> PreparedStep {
    let (secrets, body) = (secrets(), vec![b'{'; bytes]);
    let headers = signed(&body);
    PreparedStep {
        bytes: Some(bytes),
        run: Box::new(move || {
            let request = SignedRequest {
                headers: black_box(&headers),
                body: black_box(&body),
                addresses: &[],
            };
            black_box(shopify::SENDER.verify(&request, &secrets, Timestamp::UNIX_EPOCH)).expect("the body is signed");
        }),
    }
}

/// Interprets a delivery's body as an event.
fn interpret(bytes: usize) -> PreparedStep {
    let delivery = delivery(product(bytes, 1, 1), 1);
    PreparedStep {
        bytes: Some(delivery.body.len()),
        run: Box::new(move || {
            black_box(sources::interpret(black_box(&delivery), None)).expect("the body is a product");
        }),
    }
}

/// Converts a description's HTML to text.
fn text() -> PreparedStep {
    let body: serde_json::Value = serde_json::from_slice(&product(16 * KIB, 1, 1)).expect("the body is JSON");
    let html = body["body_html"].as_str().unwrap_or_default().to_owned();
    PreparedStep {
        bytes: Some(html.len()),
        run: Box::new(move || {
            black_box(html::text(black_box(&html)));
        }),
    }
}

/// Renders an event as a document of the index.
fn render(bytes: usize) -> PreparedStep {
    let delivery = delivery(product(bytes, 1, 1), 1);
    let event = sources::interpret(&delivery, None).expect("the body is a product");
    let entity = event.entity(&delivery.key.store).expect("a product is an entity");
    let Event::ProductUpdated(product) = event else {
        unreachable!("a product's state gives this event");
    };
    let observed_at = delivery.observed_at();
    PreparedStep {
        bytes: None,
        run: Box::new(move || {
            let document = Document::of_product(&entity, (*product).clone(), observed_at);
            black_box(serde_json::to_string(&document)).expect("a document is JSON");
        }),
    }
}

fn pack(bytes: usize) -> PreparedStep {
    let delivery = delivery(product(bytes, 1, 1), 1);
    PreparedStep {
        bytes: Some(delivery.body.len()),
        run: Box::new(move || {
            black_box(envelope::pack(black_box(&delivery), MESSAGE_LIMIT));
        }),
    }
}

fn open(bytes: usize) -> PreparedStep {
    let delivery = delivery(product(bytes, 1, 1), 1);
    let message = envelope::encode(&delivery).expect("the body is not too large");
    PreparedStep {
        bytes: Some(message.len()),
        run: Box::new(move || {
            black_box(envelope::open(black_box(&message))).expect("the message is ours");
        }),
    }
}

/// Applies ten deliveries with the consumer's ports in memory: reading, grouping, fencing, rendering, the
/// ledger, the status. `of` returns the product of the `n`th delivery, and its time of change.
fn batch(of: fn(u32) -> (u64, u32)) -> PreparedStep {
    let messages: Vec<Message> = (0..10)
        .map(|n| {
            let (id, second) = of(n);
            message(delivery(product(4 * KIB, id, second), n))
        })
        .collect();
    let (reindex, _) = consumer_of(false);
    PreparedStep {
        bytes: None,
        run: Box::new(move || {
            let processed = reindex.apply(messages.clone(), Timestamp::MAX);
            let processed = processed.now_or_never().expect("ports in memory are ready at once");
            assert!(black_box(processed).iter().all(|message| message.verdict.is_settled()));
        }),
    }
}

/// Batches of [`changing`], each newer than the one before: as many as are counted, and as many to warm up.
const TURNS: u32 = 8;

/// Applies ten deliveries of ten products as [`batch`] does, each of which changes its product's time and title. If somebody
/// listens, also compares, commits, makes events, and writes them as a queue message. Starts over after the last batch.
fn changing(is_listened_to: bool) -> PreparedStep {
    let batches: Vec<Vec<Message>> = (0..TURNS)
        .map(|turn| {
            let message_of = |n: u32| {
                let mut body = product(4 * KIB, u64::from(n), 10 * turn + n);
                let title = b"\"title\":\"";
                let at = body
                    .windows(title.len())
                    .position(|window| window == title)
                    .expect("a product has a title");
                body[at + title.len()] = b'A' + u8::try_from(turn).expect("few turns");
                message(delivery(body, 10 * turn + n))
            };
            (0..10).map(message_of).collect()
        })
        .collect();
    let running = RefCell::new((0, consumer_of(is_listened_to)));
    PreparedStep {
        bytes: None,
        run: Box::new(move || {
            let (turn, consumer) = &mut *running.borrow_mut();
            if *turn == batches.len() {
                (*turn, *consumer) = (0, consumer_of(is_listened_to));
            }
            let (reindex, fan_out) = &*consumer;
            let processed = reindex.apply(batches[*turn].clone(), Timestamp::MAX);
            let processed = processed.now_or_never().expect("ports in memory are ready at once");
            assert!(black_box(processed).iter().all(|message| message.verdict.is_settled()));
            let sent = fan_out.take();
            assert_eq!(
                sent.is_empty(),
                !is_listened_to,
                "exactly what is listened to is published"
            );
            for (store, events) in sent {
                black_box(event_message::pack(&store, &events, 1024 * KIB));
            }
            *turn += 1;
        }),
    }
}

/// A consumer with its ports in memory, and its queue of events.
fn consumer_of(is_listened_to: bool) -> (Reindex<InMemory>, MemoryFanOut) {
    let clock = at("2026-11-14T16:05:00Z");
    let mut reindex: Reindex<InMemory> = memory::consumer(MemoryIndex::default(), clock, sources::INTERPRET);
    let fan_out = MemoryFanOut::default();
    reindex.apply.fan_out = Some(fan_out.clone());
    if is_listened_to {
        let listener = Listener {
            resources: [Resource::Product].into(),
            until: None,
        };
        let since = at("2026-11-14T00:00:00Z");
        let widened = widen(&reindex.apply.stores, Audience::All, "one", &listener, since).now_or_never();
        widened
            .expect("ports in memory are ready at once")
            .expect("they do not fail");
    }
    (reindex, fan_out)
}

fn message(delivery: Delivery) -> Message {
    Message {
        id: delivery.key.id.to_string(),
        delivery: Ok(delivery),
        sealed: None,
        tried: Try::default(),
    }
}

//! The model's outbox does what the one in memory does, which the real one is compared with.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use hookline_domain::{
    memory::MemoryOutboxes,
    outbound::{Acquired, EntryKey, Health, Lease, Outboxes},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{
    call::{Key, Request, Response},
    given::{Given, endpoint, id, key_of},
    outbox::Outbox,
    world::start,
};

/// Versions of two states, the later of which was accepted first.
const GIVEN: Given = Given {
    endpoints: 1,
    versions: Some([2, 1, 0]),
    is_ordered: true,
    late_from: None,
};

/// The result of work that waits for nothing.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("ports in memory answer at once"),
    }
}

fn second(second: i64) -> Timestamp {
    start() + SignedDuration::from_secs(second)
}

/// Makes a call of the outbox in memory.
fn perform(outboxes: &MemoryOutboxes, request: &Request) -> Response {
    let key = endpoint(0);
    let entries = |keys: &[Key]| keys.iter().map(|key| GIVEN.entry(*key)).collect::<Vec<_>>();
    match request {
        Request::Acquire { nonce, until, now } => {
            let lease = Lease {
                nonce: nonce.to_string(),
                until: *until,
            };
            Response::Acquired(match at_once(outboxes.acquire(&key, &lease, *now)).unwrap() {
                Acquired::Ours(notes) => Some(Box::new(notes.health)),
                Acquired::Held => None,
            })
        }
        Request::Release(nonce, health, next_at) => {
            let (nonce, notes) = (nonce.to_string(), super::ports::notes(*health.clone()));
            let released = outboxes.release(&key, &nonce, &notes, *next_at);
            Response::WasOurs(at_once(released).unwrap())
        }
        Request::Schedule(nonce, next_at) => {
            Response::WasOurs(at_once(outboxes.schedule(&key, &nonce.to_string(), *next_at)).unwrap())
        }
        Request::Page(limit) => {
            let page = at_once(outboxes.page(&key, *limit)).unwrap();
            let keys = page.iter().map(|entry| key_of(&entry.key));
            Response::Page(keys.collect())
        }
        Request::Add(keys) => {
            at_once(outboxes.add(&key, &entries(keys))).unwrap();
            Response::Done
        }
        Request::Remove(keys) => {
            let keys: Vec<EntryKey> = entries(keys).into_iter().map(|entry| entry.key).collect();
            at_once(outboxes.remove(&key, &keys)).unwrap();
            Response::Done
        }
        Request::Raise(events) => {
            let versions: Vec<_> = (events.iter())
                .map(|event| {
                    let entry = GIVEN.entry(Key {
                        due: start(),
                        event: *event,
                        run: 0,
                    });
                    (entry.subject, entry.version.unwrap())
                })
                .collect();
            Response::Raised(at_once(outboxes.raise_versions(&key, &versions, start())).unwrap())
        }
        Request::PageBack(before, limit) => {
            let before = before.map(|before| GIVEN.entry(before).key);
            let page = at_once(outboxes.page_back(&key, before.as_ref(), *limit)).unwrap();
            Response::Page(page.iter().map(|entry| key_of(&entry.key)).collect())
        }
        other => unreachable!("not a call of the outbox: {other:?}"),
    }
}

fn requests() -> impl Strategy<Value = Request> {
    let nonce = 1..4_u8;
    let time = (0..6_i64).prop_map(second);
    let keys = prop::collection::vec(
        (time.clone(), 0..2_u8, 0..2_u32).prop_map(|(due, event, run)| Key { due, event, run }),
        0..3,
    );
    let health = (0..3_usize).prop_map(|successes| {
        let mut health = Health::default();
        for _ in 0..successes {
            let id = id(0);
            health.note(
                hookline_domain::outbound::Meaning::Sent,
                &id,
                std::time::Duration::ZERO,
                10,
                start(),
            );
        }
        Box::new(health)
    });
    prop_oneof![
        (nonce.clone(), time.clone(), time.clone()).prop_map(|(nonce, until, now)| Request::Acquire {
            nonce,
            until,
            now
        }),
        (nonce.clone(), health, time.clone())
            .prop_map(|(nonce, health, next_at)| Request::Release(nonce, health, next_at)),
        (nonce, prop::option::of(time.clone())).prop_map(|(nonce, next_at)| Request::Schedule(nonce, next_at)),
        (0..4_usize).prop_map(Request::Page),
        keys.clone().prop_map(Request::Add),
        keys.prop_map(Request::Remove),
        // One at a time: no two are of one thing.
        (0..2_u8).prop_map(|event| Request::Raise(vec![event])),
        (prop::option::of((time, 0..2_u8, 0..2_u32)), 0..4_usize).prop_map(|(before, limit)| {
            Request::PageBack(before.map(|(due, event, run)| Key { due, event, run }), limit)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn outbox_of_the_model_answers_as_the_one_in_memory(requests in prop::collection::vec(requests(), 1..40)) {
        let (memory, mut model) = (MemoryOutboxes::default(), Outbox { versions: GIVEN.versions, ..Outbox::default() });
        for request in requests {
            prop_assert_eq!(model.perform(&request, None), perform(&memory, &request), "{:?}", request);
        }
    }
}

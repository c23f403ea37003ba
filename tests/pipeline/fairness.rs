//! A flood of updates from one store, and a single edit from another.
//!
//! **A simulation**: no emulator has SQS's fair queues. [`FairQueue`] chooses as AWS documents it
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>): a
//! group is noisy with at least 30 messages in flight that are more than a tenth of all; messages of quiet groups go
//! first, and of noisy ones those of the group with the fewest in flight. It cannot show how soon SQS notices, or how
//! often it errs. The store as the group of our messages is not simulated.

use std::collections::{BTreeMap, VecDeque};

use hookline_sources::shopify::Topic;
use serde_json::json;

use crate::harness::{Pipeline, Webhook};

/// As in `template.yaml`.
const BATCH: usize = 10;
const CONSUMERS: usize = 10;

const NOISY_IN_FLIGHT: usize = 30;

/// A queue of messages by group, and the batches in progress, each of which takes one turn.
struct FairQueue {
    fair: bool,
    waiting: BTreeMap<usize, VecDeque<(usize, String)>>,
    sent: usize,
    batches: VecDeque<Vec<(usize, String)>>,
}

impl FairQueue {
    fn new(fair: bool) -> Self {
        Self {
            fair,
            waiting: BTreeMap::new(),
            sent: 0,
            batches: VecDeque::new(),
        }
    }

    fn send(&mut self, group: usize, message: String) {
        self.waiting.entry(group).or_default().push_back((self.sent, message));
        self.sent += 1;
    }

    fn in_flight(&self, group: usize) -> usize {
        let all = self.batches.iter().flatten();
        all.filter(|(other, _)| *other == group).count()
    }

    fn is_noisy(&self, group: usize) -> bool {
        let all: usize = self.batches.iter().map(Vec::len).sum();
        let own = self.in_flight(group);
        self.fair && own >= NOISY_IN_FLIGHT && own * 10 > all
    }

    /// The next group to serve: among quiet groups, the group of the oldest message.
    fn next(&self) -> Option<usize> {
        let groups = self
            .waiting
            .iter()
            .filter_map(|(group, messages)| Some((*group, messages.front()?.0)));
        let rank = |(group, sent): &(usize, usize)| {
            let noisy = self.is_noisy(*group);
            (noisy, if noisy { self.in_flight(*group) } else { 0 }, *sent)
        };
        groups.min_by_key(rank).map(|(group, _)| group)
    }

    /// Plays one turn: every free consumer takes a batch, and the longest-running batch completes.
    fn turn(&mut self) -> Option<Vec<(usize, String)>> {
        while self.batches.len() < CONSUMERS {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(group) = self.next()
            {
                let (_, message) = self.waiting.get_mut(&group)?.pop_front()?;
                batch.push((group, message));
            }
            if batch.is_empty() {
                break;
            }
            self.batches.push_back(batch);
        }
        self.batches.pop_front()
    }
}

/// Number of turns until the quiet store's edit is done, if it arrives while a flood is being processed.
fn turns_until_quiet_is_done(fair: bool, flood: usize) -> usize {
    const NOISY: usize = 0;
    const QUIET: usize = 1;
    let mut queue = FairQueue::new(fair);
    for _ in 0..flood {
        queue.send(NOISY, String::new());
    }
    for _ in 0..CONSUMERS {
        queue.turn();
    }
    queue.send(QUIET, String::new());
    let mut turns = 0;
    loop {
        turns += 1;
        let batch = queue.turn().expect("the edit is still in the queue");
        if batch.iter().any(|(group, _)| *group == QUIET) {
            return turns;
        }
    }
}

/// With ten consumers, an edit waits for the batches in progress, not for the 100,000 updates. If a batch
/// of ten takes 50 ms, that is 50 ms instead of 50 s (docs/adr/0009-fair-queues.md).
#[test]
fn simulated_edit_does_not_wait_behind_a_hundred_thousand_updates() {
    let (without, with) = (
        turns_until_quiet_is_done(false, 100_000),
        turns_until_quiet_is_done(true, 100_000),
    );
    assert_eq!(without, 100_000 / BATCH - CONSUMERS + 1);
    assert!(with <= CONSUMERS, "{with} turns");
}

#[test]
fn simulated_flood_without_competition_is_not_throttled() {
    let mut queue = FairQueue::new(true);
    for _ in 0..1_000 {
        queue.send(0, String::new());
    }
    let turns = std::iter::from_fn(|| queue.turn()).count();
    assert_eq!(turns, 1_000 / BATCH);
}

fn update(store: usize, n: usize) -> Webhook {
    let body = json!({
        "id": n, "title": format!("Stove {n}"), "status": "active", "published_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-11-14T10:00:00-05:00", "variants": [{"id": n, "price": "39.00"}],
    });
    Webhook::new(Topic::ProductsUpdate, &format!("{n}"), body.to_string())
        .with("X-Shopify-Shop-Domain", &format!("store-{store}.myshopify.com"))
}

/// The real receiver, the real consumer and the messages they exchange; only the choice of the next batch is simulated.
#[tokio::test]
async fn messages_of_the_receiver_carry_their_store_as_group() {
    const FLOOD: usize = 200;
    let pipeline = Pipeline::start().await;
    for n in 0..FLOOD {
        assert_eq!(pipeline.send(&update(0, n)).await.0, 200);
    }
    assert_eq!(pipeline.send(&update(1, FLOOD)).await.0, 200);
    let groups = pipeline.sqs.groups();
    let group_of = |store: usize| Some(format!("shopify#store-{store}.myshopify.com"));
    assert!(groups[..FLOOD].iter().all(|group| *group == group_of(0)));
    assert_eq!(groups[FLOOD], group_of(1));

    let mut messages = Vec::new();
    while messages.len() <= FLOOD {
        let received = pipeline.sqs.receive().await;
        assert!(!received.is_empty(), "{} of {} messages", messages.len(), FLOOD + 1);
        messages.extend(received);
    }
    for fair in [false, true] {
        let mut queue = FairQueue::new(fair);
        let (flood, edit) = messages.split_at(FLOOD);
        for message in flood {
            queue.send(0, message.clone());
        }
        queue.turn();
        queue.send(1, edit[0].clone());
        let mut before = 0;
        while let Some(batch) = queue.turn() {
            let is_quiet = batch.iter().any(|(store, _)| *store == 1);
            let texts = batch.into_iter().map(|(_, message)| message).collect();
            assert_eq!(pipeline.consume(texts).await, 0);
            if is_quiet {
                break;
            }
            before += 1;
        }
        assert!(
            if fair {
                before < CONSUMERS
            } else {
                before >= FLOOD / BATCH - 2
            },
            "{fair}: {before} batches before"
        );
    }
}

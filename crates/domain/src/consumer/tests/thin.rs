//! Thin events, and removals of what may come back.

use super::*;
use crate::{
    catalogue::{
        entities::{Entries, FenceState},
        jobs::Task,
    },
    event::{
        Removal,
        thin::{Expected, Mark, Thing, Wanted},
    },
    store::stores::StoreUpdate,
};

const T1: &str = "2026-11-21T10:00:00Z";
const T2: &str = "2026-11-21T10:00:01Z";
const GONE: &str = "product.deleted";
const THIN: &str = "product.changed";

fn wanted(id: &str) -> Wanted {
    Wanted {
        thing: Thing::Product(id.parse().unwrap()),
        expected: Expected::AtLeast(Mark(7)),
    }
}

/// A body of ids, separated by commas, is a thin event.
fn interpret_thin(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body = std::str::from_utf8(&delivery.body).unwrap();
    match (delivery.key.topic.as_str(), body.split_once('|')) {
        (THIN, _) => Ok(Event::Thin(body.split(',').map(wanted).collect())),
        (GONE, Some((id, removed_at))) => Ok(Event::ProductRemoved(Removal {
            id: id.parse().unwrap(),
            at: at(removed_at),
            ordered: Ordered::Told,
        })),
        _ => interpret(delivery),
    }
}

fn reader() -> Consumer {
    let mut consumer = consumer();
    consumer.interpret.read = |delivery, _| interpret_thin(delivery);
    consumer
}

async fn connected() -> Consumer {
    let consumer = reader();
    let update = StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    };
    consumer.apply.stores.record(&store(STORE), &update).await.unwrap();
    consumer
}

fn asked(jobs: Vec<(crate::catalogue::jobs::Job, jiff::SignedDuration)>) -> Vec<(Vec<Wanted>, u8, Timestamp)> {
    let tasks = jobs.into_iter().map(|(job, _)| match job.task {
        Task::Ask {
            wanted,
            asked_before,
            told_at,
        } => (wanted, asked_before, told_at),
        other => panic!("it asks for things: {other:?}"),
    });
    tasks.collect()
}

#[tokio::test]
async fn things_of_a_batch_are_asked_for_once_with_one_job() {
    let consumer = connected().await;
    let batch = [
        delivery(STORE, THIN, "a", T1, "1,2"),
        delivery(STORE, THIN, "b", T1, "2,3"),
    ];
    let received_at = batch[1].received_at;
    assert_eq!(consumer.take(&batch).await, vec![settled(Fate::Applied); 2]);
    let jobs = consumer.jobs.jobs.take();
    assert_eq!(jobs[0].0.cause.as_ref().unwrap().delivery_id.as_deref(), Some("b"));
    let all = ["1", "2", "3"].map(wanted).to_vec();
    assert_eq!(asked(jobs), [(all, 0, received_at)]);
}

#[tokio::test]
async fn many_things_are_asked_for_fifty_at_a_time() {
    let consumer = connected().await;
    let ids: Vec<String> = (0..120).map(|n| n.to_string()).collect();
    consumer.take(&[delivery(STORE, THIN, "a", T1, &ids.join(","))]).await;
    let sizes: Vec<usize> = asked(consumer.jobs.jobs.take())
        .iter()
        .map(|(wanted, ..)| wanted.len())
        .collect();
    assert_eq!(sizes, [50, 50, 20]);
}

#[tokio::test]
async fn thin_event_waits_for_a_token() {
    let consumer = reader();
    let verdicts = consumer.take(&[delivery(STORE, THIN, "a", T1, "1")]).await;
    assert!(
        matches!(
            &verdicts[0],
            Verdict::Parked {
                code: ErrorCode::NotConnected,
                ..
            }
        ),
        "{verdicts:?}"
    );
    assert!(consumer.jobs.jobs.take().is_empty());
}

#[tokio::test]
async fn removal_that_is_told_is_ordered_by_its_second_and_may_come_back() {
    let consumer = reader();
    let state = |id: &str, changed_at: &str| {
        let body = format!("1|{changed_at}|stove|visible");
        delivery(STORE, UPDATE, id, changed_at, &body)
    };
    consumer.take(&[state("a", T1)]).await;
    let gone = delivery(STORE, GONE, "b", T2, &format!("1|{T2}"));
    assert_eq!(
        consumer.take(std::slice::from_ref(&gone)).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.title("1"), None);
    let entity = store(STORE).entity(Kind::Product, "1".parse().unwrap());
    let known = consumer.apply.entities.find(&[entity]).await.unwrap();
    assert!(matches!(known[0].as_ref().unwrap().entry, FenceState::Retired(_)));
    assert_eq!(consumer.take(&[state("c", T1)]).await, [settled(Fate::Superseded)]);
    assert_eq!(consumer.title("1"), None, "an old state that is late");
    assert_eq!(
        consumer.take(&[state("d", "2026-11-21T10:00:02Z")]).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("stove"));
}

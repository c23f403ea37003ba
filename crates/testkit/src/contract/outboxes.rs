//! Contract suite of [`Outboxes`] and [`OutboxRecords`].

use std::time::Duration;

use hookline_domain::{
    memory,
    outbound::{
        Acquired, EndpointKey, Entry, EntryKey, EntryPage, Health, Lease, Meaning, NoAnswerError, OutboxCount,
        OutboxNotes, OutboxRecords, OutboxState, Outboxes, Pool, RecentHours, SubjectKey,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::at_once;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! outboxes_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            outboxes,
            $start,
            [
                outbox_is_idle_and_empty_at_first,
                page_has_what_was_just_added_in_the_order_in_which_it_is_due,
                entry_reads_back_as_added,
                entry_that_is_added_twice_is_there_once,
                removed_entries_are_gone_and_others_stay,
                page_of_a_long_outbox_has_its_first_entries,
                outboxes_of_endpoints_are_apart,
                one_of_many_acquires_the_lease,
                live_lease_is_held_and_lapsed_one_is_acquired,
                holder_acquires_its_lease_again,
                notes_come_with_the_next_lease,
                lapsed_holder_releases_nothing,
                release_is_repeated_without_effect,
                look_is_scheduled_until_the_next_lease_is_acquired,
                outbox_is_overdue_by_its_next_look_or_the_end_of_its_lease,
                overdue_outboxes_are_found_however_many_there_are,
                entries_are_counted_up_to_a_bound,
                entries_are_listed_in_pages,
                entries_are_read_from_the_last_backwards,
                version_is_raised_and_never_lowered,
                one_state_of_many_is_the_greatest,
            ]
        );
    };
}

fn endpoint(n: usize) -> EndpointKey {
    format!("shopify#demo.myshopify.com ep_{n}").parse().unwrap()
}

/// An entry of the event [`kept`](super::messages::kept).
pub fn entry(nth: usize, due: Timestamp) -> Entry {
    let event = memory::event(&store("demo"), nth);
    Entry {
        key: EntryKey {
            due,
            event: event.id,
            run: 0,
        },
        store: store("demo"),
        subject: SubjectKey {
            kind: "product".to_owned(),
            id: format!("{nth}#1"),
        },
        version: None,
        accepted_at: due,
    }
}

/// Entries, of which the next is due a microsecond later.
fn entries(count: usize) -> Vec<Entry> {
    let due = |nth| noon() + SignedDuration::from_micros(i64::try_from(nth).unwrap());
    (0..count).map(|nth| entry(nth, due(nth))).collect()
}

fn keys(entries: &[Entry]) -> Vec<EntryKey> {
    entries.iter().map(|entry| entry.key.clone()).collect()
}

fn lease(nonce: &str, seconds: i64) -> Lease {
    Lease {
        nonce: nonce.to_owned(),
        until: noon_plus(seconds),
    }
}

/// Notes about an endpoint that has proven itself, with two hours of its statistics.
fn proven() -> OutboxNotes {
    let (mut health, event) = (Health::default(), entry(0, noon()).key.event);
    let mut hours = RecentHours::default();
    for (attempted, seconds) in [(Err(NoAnswerError::TimedOut), -3_600), (Err(NoAnswerError::Closed), 1)] {
        let took = Duration::from_millis(80);
        hours.note(&attempted, Meaning::of(&attempted), took, noon_plus(seconds));
    }
    for _ in 0..3 {
        health.note(Meaning::Sent, &event, Duration::from_millis(9), 10, noon());
    }
    assert_eq!((health.pool(), Health::default().pool()), (Pool::Fast, Pool::Slow));
    OutboxNotes { health, hours }
}

async fn acquire(port: &impl Outboxes, n: usize, lease: &Lease, now: Timestamp) -> Option<OutboxNotes> {
    match port.acquire(&endpoint(n), lease, now).await.unwrap() {
        Acquired::Ours(notes) => Some(*notes),
        Acquired::Held => None,
    }
}

async fn page(port: &impl Outboxes, n: usize, limit: usize) -> Vec<Entry> {
    port.page(&endpoint(n), limit).await.unwrap()
}

async fn overdue(port: &impl Outboxes, before: Timestamp) -> Vec<(EndpointKey, Pool)> {
    let mut overdue = port.overdue(before).await.unwrap();
    overdue.sort_by(|one, other| one.0.cmp(&other.0));
    overdue
}

pub async fn outbox_is_idle_and_empty_at_first<P: Outboxes + OutboxRecords>(port: &P) {
    assert_eq!(page(port, 1, 100).await, []);
    assert_eq!(overdue(port, Timestamp::MAX).await, []);
    let count = port.count(&endpoint(1), 100).await.unwrap();
    assert_eq!(count, OutboxCount::default());
    let listed = port.list(&endpoint(1), None, 100).await.unwrap();
    assert_eq!(listed, EntryPage::default());
    assert_eq!(port.state(&endpoint(1)).await.unwrap(), OutboxState::default());
    assert_eq!(
        acquire(port, 1, &lease("a", 60), noon()).await,
        Some(OutboxNotes::default())
    );
    let held = port.state(&endpoint(1)).await.unwrap();
    assert_eq!((held.next_at, held.held_until), (None, Some(lease("a", 60).until)));
    let notes = OutboxNotes::default();
    assert!(port.release(&endpoint(1), "a", &notes, noon_plus(9)).await.unwrap());
    let released = port.state(&endpoint(1)).await.unwrap();
    assert_eq!((released.next_at, released.held_until), (Some(noon_plus(9)), None));
}

pub async fn page_has_what_was_just_added_in_the_order_in_which_it_is_due(port: &impl Outboxes) {
    let mut added = vec![
        entry(1, noon_plus(5)),
        entry(0, noon_plus(7)),
        entry(2, noon_plus(-3)),
        entry(3, noon_plus(86_400)),
    ];
    port.add(&endpoint(1), &added).await.unwrap();
    added.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(page(port, 1, 100).await, added);
    // Between them.
    let late = entry(4, noon_plus(6));
    port.add(&endpoint(1), std::slice::from_ref(&late)).await.unwrap();
    added.insert(2, late);
    assert_eq!(page(port, 1, 100).await, added);
    for limit in 0..=5 {
        assert_eq!(page(port, 1, limit).await, added[..limit]);
    }
}

pub async fn entry_reads_back_as_added(port: &impl Outboxes) {
    let mut added = entry(0, noon() + SignedDuration::from_micros(1));
    added.key.run = u32::MAX;
    added.accepted_at = noon_plus(-86_400);
    port.add(&endpoint(1), std::slice::from_ref(&added)).await.unwrap();
    assert_eq!(page(port, 1, 1).await, [added]);
}

pub async fn entry_that_is_added_twice_is_there_once(port: &impl Outboxes) {
    let added = entries(30);
    let twice: Vec<Entry> = added.iter().flat_map(|entry| [entry.clone(), entry.clone()]).collect();
    for _ in 0..2 {
        port.add(&endpoint(1), &twice).await.unwrap();
        assert_eq!(page(port, 1, 100).await, added);
    }
    // Another run is another entry.
    let mut again = added[0].clone();
    again.key.run = 1;
    port.add(&endpoint(1), &[again]).await.unwrap();
    assert_eq!(page(port, 1, 100).await.len(), 31);
    port.add(&endpoint(1), &[]).await.unwrap();
}

pub async fn removed_entries_are_gone_and_others_stay(port: &impl Outboxes) {
    let added = entries(130);
    port.add(&endpoint(1), &added).await.unwrap();
    let mut removed = keys(&added[7..77]);
    removed.extend_from_within(..3);
    removed.push(entry(500, noon()).key);
    for _ in 0..2 {
        port.remove(&endpoint(1), &removed).await.unwrap();
        let left = [&added[..7], &added[77..]].concat();
        assert_eq!(page(port, 1, 200).await, left);
    }
    port.remove(&endpoint(1), &[]).await.unwrap();
    port.remove(&endpoint(2), &removed).await.unwrap();
}

pub async fn page_of_a_long_outbox_has_its_first_entries(port: &impl Outboxes) {
    let added = entries(1_500);
    port.add(&endpoint(1), &added).await.unwrap();
    assert_eq!(page(port, 1, 100).await, added[..100]);
    assert_eq!(page(port, 1, 1_200).await, added[..1_200]);
    assert_eq!(page(port, 1, 2_000).await, added);
}

pub async fn outboxes_of_endpoints_are_apart(port: &impl Outboxes) {
    // Ids of which one begins with the other.
    let (one, other) = (entries(3), entries(5));
    port.add(&endpoint(1), &one).await.unwrap();
    port.add(&endpoint(11), &other).await.unwrap();
    port.remove(&endpoint(11), &keys(&other[..1])).await.unwrap();
    assert_eq!(page(port, 1, 10).await, one);
    assert_eq!(page(port, 11, 10).await, other[1..]);
    assert!(acquire(port, 1, &lease("a", 60), noon()).await.is_some());
    assert!(acquire(port, 11, &lease("b", 60), noon()).await.is_some());
}

pub async fn one_of_many_acquires_the_lease<P: Outboxes + Clone + 'static>(port: &P) {
    // At first, and where one has lapsed.
    for round in 0..2 {
        let racers = (0..8).map(|racer| {
            let (port, nonce) = (port.clone(), format!("{round}-{racer}"));
            let now = noon_plus(100 * round);
            async move { acquire(&port, 1, &lease(&nonce, 100 * round + 60), now).await.is_some() }
        });
        let acquired = at_once(racers.collect()).await;
        assert_eq!(acquired.into_iter().filter(|acquired| *acquired).count(), 1);
    }
}

pub async fn live_lease_is_held_and_lapsed_one_is_acquired(port: &impl Outboxes) {
    assert!(acquire(port, 1, &lease("a", 60), noon()).await.is_some());
    for seconds in [0, 1, 59] {
        assert_eq!(acquire(port, 1, &lease("b", 90), noon_plus(seconds)).await, None);
    }
    assert!(acquire(port, 1, &lease("b", 90), noon_plus(60)).await.is_some());
    assert_eq!(acquire(port, 1, &lease("a", 120), noon_plus(61)).await, None);
}

pub async fn holder_acquires_its_lease_again(port: &impl Outboxes) {
    // The answer was lost.
    for _ in 0..2 {
        assert!(acquire(port, 1, &lease("a", 60), noon()).await.is_some());
    }
    assert_eq!(acquire(port, 1, &lease("b", 60), noon()).await, None);
}

pub async fn notes_come_with_the_next_lease<P: Outboxes + OutboxRecords>(port: &P) {
    let notes = proven();
    acquire(port, 1, &lease("a", 60), noon()).await.unwrap();
    assert!(port.release(&endpoint(1), "a", &notes, noon()).await.unwrap());
    assert_eq!(acquire(port, 1, &lease("b", 60), noon()).await, Some(notes.clone()));
    // Of a holder that has died, what the last one said.
    assert_eq!(acquire(port, 1, &lease("c", 120), noon_plus(60)).await, Some(notes));
    // Without hours.
    assert!(
        port.release(&endpoint(1), "c", &OutboxNotes::default(), noon())
            .await
            .unwrap()
    );
    assert_eq!(port.state(&endpoint(1)).await.unwrap().notes, OutboxNotes::default());
}

pub async fn lapsed_holder_releases_nothing(port: &impl Outboxes) {
    acquire(port, 1, &lease("a", 60), noon()).await.unwrap();
    assert!(!port.release(&endpoint(1), "b", &proven(), noon()).await.unwrap());
    assert!(!port.release(&endpoint(2), "a", &proven(), noon()).await.unwrap());
    acquire(port, 1, &lease("b", 120), noon_plus(60)).await.unwrap();
    assert!(!port.release(&endpoint(1), "a", &proven(), noon()).await.unwrap());
    assert_eq!(
        acquire(port, 1, &lease("c", 120), noon_plus(61)).await,
        None,
        "b holds it"
    );
    let notes = OutboxNotes::default();
    assert!(port.release(&endpoint(1), "b", &notes, noon_plus(70)).await.unwrap());
    // After the release, also.
    assert!(!port.release(&endpoint(1), "a", &proven(), noon()).await.unwrap());
    assert_eq!(acquire(port, 1, &lease("c", 120), noon_plus(71)).await, Some(notes));
}

pub async fn release_is_repeated_without_effect(port: &impl Outboxes) {
    acquire(port, 1, &lease("a", 60), noon()).await.unwrap();
    // The answer was lost.
    for _ in 0..2 {
        let notes = OutboxNotes::default();
        assert!(port.release(&endpoint(1), "a", &notes, noon()).await.unwrap());
    }
    assert!(port.schedule(&endpoint(1), "a", None).await.unwrap());
    assert!(port.release(&endpoint(1), "a", &proven(), noon()).await.unwrap());
    assert_eq!(overdue(port, noon_plus(60)).await, [], "the look is gone");
    acquire(port, 1, &lease("b", 60), noon()).await.unwrap();
    assert!(!port.release(&endpoint(1), "a", &proven(), noon()).await.unwrap());
    assert!(port.release(&endpoint(1), "b", &proven(), noon()).await.unwrap());
    assert!(!port.release(&endpoint(1), "a", &proven(), noon()).await.unwrap());
}

pub async fn look_is_scheduled_until_the_next_lease_is_acquired(port: &impl Outboxes) {
    assert!(!port.schedule(&endpoint(1), "a", Some(noon())).await.unwrap());
    acquire(port, 1, &lease("a", 60), noon()).await.unwrap();
    assert!(
        !port.schedule(&endpoint(1), "a", Some(noon())).await.unwrap(),
        "it is held"
    );
    port.release(&endpoint(1), "a", &OutboxNotes::default(), noon())
        .await
        .unwrap();
    for next_at in [Some(noon_plus(9)), None, Some(noon_plus(30))] {
        assert!(port.schedule(&endpoint(1), "a", next_at).await.unwrap());
        assert!(!port.schedule(&endpoint(1), "b", Some(noon())).await.unwrap());
    }
    acquire(port, 1, &lease("b", 60), noon()).await.unwrap();
    assert!(!port.schedule(&endpoint(1), "a", Some(noon())).await.unwrap());
    port.release(&endpoint(1), "b", &OutboxNotes::default(), noon_plus(40))
        .await
        .unwrap();
    assert!(!port.schedule(&endpoint(1), "a", Some(noon())).await.unwrap());
    assert_eq!(overdue(port, noon_plus(40)).await, []);
    assert_eq!(overdue(port, noon_plus(41)).await.len(), 1);
}

pub async fn outbox_is_overdue_by_its_next_look_or_the_end_of_its_lease(port: &impl Outboxes) {
    let all: EndpointKey = "* ep_all".parse().unwrap();
    acquire(port, 1, &lease("a", 60), noon()).await.unwrap();
    port.acquire(&all, &lease("b", 30), noon()).await.unwrap();
    let slow = (endpoint(1), Pool::Slow);
    assert_eq!(overdue(port, noon_plus(30)).await, []);
    assert_eq!(overdue(port, noon_plus(31)).await, [(all.clone(), Pool::Slow)]);
    assert_eq!(
        overdue(port, noon_plus(61)).await,
        [slow.clone(), (all.clone(), Pool::Slow)]
    );
    port.release(&all, "b", &proven(), noon_plus(10)).await.unwrap();
    assert_eq!(overdue(port, noon_plus(10)).await, []);
    assert_eq!(overdue(port, noon_plus(11)).await, [(all.clone(), Pool::Fast)]);
    port.schedule(&all, "b", Some(noon_plus(20))).await.unwrap();
    assert_eq!(overdue(port, noon_plus(20)).await, []);
    assert_eq!(overdue(port, noon_plus(21)).await, [(all.clone(), Pool::Fast)]);
    // While a lease is held, its end counts and not the look that was to come.
    port.acquire(&all, &lease("c", 100), noon()).await.unwrap();
    assert_eq!(overdue(port, noon_plus(100)).await, std::slice::from_ref(&slow));
    assert_eq!(
        overdue(port, noon_plus(101)).await,
        [slow.clone(), (all.clone(), Pool::Fast)]
    );
    port.release(&all, "c", &proven(), noon_plus(10)).await.unwrap();
    port.schedule(&all, "c", None).await.unwrap();
    assert_eq!(overdue(port, Timestamp::MAX).await, [slow], "nothing is open");
}

pub async fn overdue_outboxes_are_found_however_many_there_are(port: &impl Outboxes) {
    let mut expected = Vec::new();
    for n in 0..60 {
        let nonce = n.to_string();
        acquire(port, n, &lease(&nonce, 60), noon()).await.unwrap();
        let seconds = i64::try_from(n).unwrap();
        let notes = if n % 2 == 0 { proven() } else { OutboxNotes::default() };
        port.release(&endpoint(n), &nonce, &notes, noon_plus(seconds))
            .await
            .unwrap();
        if n < 50 {
            expected.push((endpoint(n), notes.health.pool()));
        }
    }
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(overdue(port, noon_plus(50)).await, expected);
}

pub async fn entries_are_counted_up_to_a_bound<P: Outboxes + OutboxRecords>(port: &P) {
    let mut added = entries(120);
    // A retry is due later than others and was accepted earlier.
    added[90].accepted_at = noon_plus(-600);
    port.add(&endpoint(1), &added).await.unwrap();
    port.add(&endpoint(2), &added[..1]).await.unwrap();
    for (most, entries, has_more, oldest) in [
        (0, 0, true, None),
        (1, 1, true, Some(noon())),
        (90, 90, true, Some(noon())),
        (119, 119, true, Some(noon_plus(-600))),
        (120, 120, false, Some(noon_plus(-600))),
        (5_000, 120, false, Some(noon_plus(-600))),
    ] {
        let expected = OutboxCount {
            entries,
            has_more,
            oldest,
        };
        assert_eq!(port.count(&endpoint(1), most).await.unwrap(), expected, "{most}");
    }
}

pub async fn entries_are_listed_in_pages<P: Outboxes + OutboxRecords>(port: &P) {
    let added = entries(23);
    port.add(&endpoint(1), &added).await.unwrap();
    port.add(&endpoint(2), &entries(40)).await.unwrap();
    for limit in [1, 5, 22, 23, 100] {
        let (mut after, mut all) = (None, Vec::new());
        loop {
            let page = port.list(&endpoint(1), after.as_ref(), limit).await.unwrap();
            assert!(page.entries.len() <= limit);
            all.extend(page.entries);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(all, added, "{limit}");
    }
    // After a key that is no longer there.
    port.remove(&endpoint(1), &keys(&added[..10])).await.unwrap();
    let page = port.list(&endpoint(1), Some(&added[5].key), 100).await.unwrap();
    assert_eq!(page.entries, added[10..]);
}

pub async fn entries_are_read_from_the_last_backwards(port: &impl Outboxes) {
    let entries: Vec<Entry> = (0..5)
        .map(|nth| entry(nth, noon_plus(i64::try_from(nth).unwrap())))
        .collect();
    port.add(&endpoint(1), &entries).await.unwrap();
    let last = port.page_back(&endpoint(1), None, 2).await.unwrap();
    assert_eq!(last, [entries[4].clone(), entries[3].clone()]);
    let before = port.page_back(&endpoint(1), Some(&last[1].key), 9).await.unwrap();
    assert_eq!(before, [entries[2].clone(), entries[1].clone(), entries[0].clone()]);
    assert_eq!(
        port.page_back(&endpoint(1), Some(&entries[0].key), 9).await.unwrap(),
        []
    );
}

pub async fn version_is_raised_and_never_lowered(port: &impl Outboxes) {
    let (one, two): (SubjectKey, SubjectKey) = ("product#1".parse().unwrap(), "product#2".parse().unwrap());
    let highest = 9_223_372_036_854_775_807;
    for (versions, expected) in [
        (vec![(one.clone(), 7), (two.clone(), 1)], vec![true, true]),
        (vec![(one.clone(), 7)], vec![true]),
        (vec![(one.clone(), 6), (two.clone(), 2)], vec![false, true]),
        (vec![(two.clone(), highest)], vec![true]),
        (vec![(two, highest - 1), (one.clone(), 8)], vec![false, true]),
    ] {
        let raised = port.raise_versions(&endpoint(1), &versions, noon()).await.unwrap();
        assert_eq!(raised, expected, "{versions:?}");
    }
    let raised = port.raise_versions(&endpoint(2), &[(one, 1)], noon()).await.unwrap();
    assert_eq!(raised, [true], "of each endpoint");
    assert_eq!(port.page(&endpoint(1), 9).await.unwrap(), [], "versions are no entries");
}

pub async fn one_state_of_many_is_the_greatest<P: Outboxes + Clone + 'static>(port: &P) {
    let raising = (1..=8).map(|version| {
        let (port, subject) = (port.clone(), "product#1".parse().unwrap());
        async move {
            (
                version,
                port.raise_versions(&endpoint(1), &[(subject, version)], noon())
                    .await
                    .unwrap()[0],
            )
        }
    });
    // In the order in which they came to their end.
    let raised = at_once(raising.collect()).await;
    assert!(
        raised.contains(&(8, true)),
        "the greatest, whenever it comes: {raised:?}"
    );
    let subject: SubjectKey = "product#1".parse().unwrap();
    let lower = port
        .raise_versions(&endpoint(1), &[(subject, 7)], noon())
        .await
        .unwrap();
    assert_eq!(lower, [false]);
}

//! Contract suite of [`EventLog`] and [`EventRecords`], and of [`Erase`] for events.

use hookline_domain::{
    kernel::{erase::Erase, ids::StoreKey},
    memory,
    outbound::{
        BusVerdict, EventFilter, EventLog, EventPage, EventRecords, Kept, KeptEvent, Settled, TypePattern, Verdict,
        Verdicts,
    },
};
use hookline_events::{EventType, Subject};
use jiff::{SignedDuration, Timestamp};

use super::at_once;
use crate::builders::{noon, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! event_log_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            event_log,
            $start,
            [
                event_is_not_kept_at_first,
                event_reads_back_as_kept,
                event_kept_before_counts,
                some_of_many_are_kept_before,
                concurrent_copies_are_kept_once,
                verdict_is_recorded_while_queued,
                verdicts_of_many_are_recorded,
                verdict_of_an_unknown_event_changes_nothing,
                events_are_listed_newest_first_in_pages,
                filters_select_type_subject_cause_and_time,
                large_event_is_kept_whole,
                events_are_erased_up_to_a_time_and_for_one_store,
                removed_events_are_kept_no_longer,
            ]
        );
    };
}

fn kept(store: &StoreKey, nth: usize) -> KeptEvent {
    let event = memory::event(store, nth);
    KeptEvent {
        json: serde_json::to_string(&event).unwrap(),
        store: store.clone(),
        id: event.id,
        kind: event.kind,
        subject: hookline_domain::outbound::SubjectKey {
            kind: event.subject.kind,
            id: event.subject.id,
        },
        cause: None,
        at: event.timestamp,
        accepted_at: noon(),
        expires_at: noon() + SignedDuration::from_hours(14 * 24),
        verdicts: Verdicts::from([
            ("* ep_1".parse().unwrap(), Verdict::Queued),
            (
                format!("{store} ep_2").parse().unwrap(),
                Verdict::Filtered("data.available = false".to_owned()),
            ),
        ]),
        bus: BusVerdict::Queued,
        bus_error: None,
    }
}

fn some(count: usize) -> Vec<KeptEvent> {
    (0..count).map(|nth| kept(&store("demo"), nth)).collect()
}

fn settled(event: &KeptEvent, bus: BusVerdict, error: Option<&str>) -> Settled {
    Settled {
        store: event.store.clone(),
        id: event.id.clone(),
        bus,
        error: error.map(str::to_owned),
    }
}

async fn keep(log: &impl EventLog, events: &[KeptEvent]) -> Vec<Kept> {
    let kept = log.keep(events).await.into_iter();
    kept.map(Result::unwrap).collect()
}

async fn settle(log: &impl EventLog, all: &[Settled]) {
    let outcomes = log.settle(all).await;
    assert_eq!(outcomes.len(), all.len());
    for outcome in outcomes {
        outcome.unwrap();
    }
}

async fn find(log: &impl EventRecords, event: &KeptEvent) -> KeptEvent {
    log.find(&event.store, &event.id).await.unwrap().unwrap()
}

async fn list(log: &impl EventRecords, filter: &EventFilter, limit: usize) -> EventPage {
    log.list(&store("demo"), filter, limit).await.unwrap()
}

pub async fn event_is_not_kept_at_first(log: &impl EventRecords) {
    let event = kept(&store("demo"), 0);
    assert_eq!(log.find(&event.store, &event.id).await.unwrap(), None);
    assert_eq!(list(log, &EventFilter::default(), 10).await, EventPage::default());
}

pub async fn event_reads_back_as_kept<L: EventLog + EventRecords>(log: &L) {
    assert_eq!(log.keep(&[]).await.len(), 0);
    for (nth, bus) in BusVerdict::ALL.into_iter().enumerate() {
        let mut event = kept(&store("demo"), nth);
        event.bus = bus;
        event.json = event.json.replace("note", "crème 🏕 \\ufffe");
        assert_eq!(keep(log, std::slice::from_ref(&event)).await, [Kept::New]);
        assert_eq!(find(log, &event).await, event);
        // Ids are of a store.
        assert_eq!(log.find(&store("other"), &event.id).await.unwrap(), None);
    }
}

pub async fn event_kept_before_counts<L: EventLog + EventRecords>(log: &L) {
    let first = kept(&store("demo"), 0);
    keep(log, std::slice::from_ref(&first)).await;
    let again = KeptEvent {
        accepted_at: noon() + SignedDuration::from_secs(9),
        expires_at: noon() + SignedDuration::from_secs(99),
        json: "{}".to_owned(),
        bus: BusVerdict::Off,
        ..first.clone()
    };
    for _ in 0..2 {
        assert_eq!(
            keep(log, std::slice::from_ref(&again)).await,
            [Kept::Before(Box::new(first.clone()))]
        );
        assert_eq!(find(log, &first).await, first);
    }
    // The same id in another store is another event.
    let other = kept(&store("other"), 0);
    let other = KeptEvent { id: first.id, ..other };
    assert_eq!(keep(log, &[other]).await, [Kept::New]);
}

pub async fn some_of_many_are_kept_before<L: EventLog + EventRecords>(log: &L) {
    let events = some(130);
    let (even, odd): (Vec<_>, Vec<_>) = events.iter().cloned().enumerate().partition(|(nth, _)| nth % 2 == 0);
    let even: Vec<KeptEvent> = even.into_iter().map(|(_, event)| event).collect();
    assert_eq!(keep(log, &even).await, vec![Kept::New; even.len()]);
    let outcomes = keep(log, &events).await;
    assert_eq!(outcomes.len(), events.len());
    for (nth, (event, outcome)) in events.iter().zip(outcomes).enumerate() {
        let expected = if nth % 2 == 0 {
            Kept::Before(Box::new(event.clone()))
        } else {
            Kept::New
        };
        assert_eq!(outcome, expected, "{nth}");
    }
    for (_, event) in &odd {
        assert_eq!(find(log, event).await, *event);
    }
}

pub async fn concurrent_copies_are_kept_once<L: EventLog + EventRecords + Clone + 'static>(log: &L) {
    let copies = (0..4).map(|copy| {
        let log = log.clone();
        let mut events = some(10);
        for event in &mut events {
            event.accepted_at = noon() + SignedDuration::from_secs(copy);
        }
        async move { keep(&log, &events).await }
    });
    let outcomes = at_once(copies.collect()).await;
    for (nth, event) in some(10).iter().enumerate() {
        let new = outcomes.iter().filter(|outcomes| outcomes[nth] == Kept::New).count();
        assert_eq!(new, 1, "{nth}");
        let first = Kept::Before(Box::new(find(log, event).await));
        assert!(
            outcomes
                .iter()
                .all(|outcomes| [&Kept::New, &first].contains(&&outcomes[nth])),
            "all others see what is kept"
        );
    }
}

pub async fn verdict_is_recorded_while_queued<L: EventLog + EventRecords>(log: &L) {
    let event = kept(&store("demo"), 0);
    keep(log, std::slice::from_ref(&event)).await;
    let refused = settled(&event, BusVerdict::Queued, Some("throttled (ThrottlingException)"));
    settle(log, std::slice::from_ref(&refused)).await;
    let found = find(log, &event).await;
    assert_eq!((found.bus, &found.bus_error), (BusVerdict::Queued, &refused.error));
    settle(log, &[settled(&event, BusVerdict::Sent, None)]).await;
    let sent = KeptEvent {
        bus: BusVerdict::Sent,
        ..event.clone()
    };
    assert_eq!(find(log, &event).await, sent);
    // A late refusal.
    settle(log, &[refused]).await;
    assert_eq!(find(log, &event).await, sent);
}

pub async fn verdicts_of_many_are_recorded<L: EventLog + EventRecords>(log: &L) {
    let events = some(60);
    keep(log, &events).await;
    let first: Vec<Settled> = (events.iter().enumerate())
        .map(|(nth, event)| match nth % 3 {
            0 => settled(event, BusVerdict::Sent, None),
            1 => settled(event, BusVerdict::Queued, Some("missing")),
            _ => settled(event, BusVerdict::Off, None),
        })
        .collect();
    settle(log, &first).await;
    // Verdicts stand, whatever comes late.
    let late: Vec<Settled> = (events.iter())
        .map(|event| settled(event, BusVerdict::Queued, Some("late")))
        .collect();
    settle(log, &late).await;
    for (nth, event) in events.iter().enumerate() {
        let found = find(log, event).await;
        let (bus, error) = match nth % 3 {
            0 => (BusVerdict::Sent, None),
            1 => (BusVerdict::Queued, Some("late")),
            _ => (BusVerdict::Off, None),
        };
        assert_eq!((found.bus, found.bus_error.as_deref()), (bus, error), "{nth}");
        assert_eq!(found.json, event.json);
    }
    let sent: Vec<Settled> = (events.iter())
        .map(|event| settled(event, BusVerdict::Sent, None))
        .collect();
    settle(log, &sent).await;
    let found = find(log, &events[1]).await;
    assert_eq!((found.bus, found.bus_error), (BusVerdict::Sent, None));
}

pub async fn verdict_of_an_unknown_event_changes_nothing<L: EventLog + EventRecords>(log: &L) {
    let events = some(2);
    let sent: Vec<Settled> = (events.iter())
        .map(|event| settled(event, BusVerdict::Sent, None))
        .collect();
    settle(log, &sent[..1]).await;
    settle(log, &sent).await;
    assert_eq!(list(log, &EventFilter::default(), 10).await, EventPage::default());
}

pub async fn events_are_listed_newest_first_in_pages<L: EventLog + EventRecords>(log: &L) {
    let mut events = some(23);
    keep(log, &events).await;
    keep(log, &[kept(&store("other"), 50)]).await;
    events.reverse();
    for limit in [1, 5, 23, 100] {
        let (mut filter, mut all) = (EventFilter::default(), Vec::new());
        loop {
            let page = list(log, &filter, limit).await;
            assert!(page.events.len() <= limit);
            all.extend(page.events);
            filter.before = page.next;
            if filter.before.is_none() {
                break;
            }
        }
        assert_eq!(all, events, "{limit}");
    }
}

pub async fn filters_select_type_subject_cause_and_time<L: EventLog + EventRecords>(log: &L) {
    let mut events = some(40);
    for (nth, event) in events.iter_mut().enumerate() {
        if nth % 2 == 0 {
            event.kind = EventType::INVENTORY_UPDATED;
        }
        let Subject { kind, .. } = memory::event(&event.store, nth).subject;
        event.subject.kind = kind;
        event.subject.id = (nth % 3).to_string();
        event.cause = (nth % 7 > 0).then(|| format!("delivery-{}", nth / 2 % 2).parse().unwrap());
    }
    keep(log, &events).await;
    events.reverse();
    let kind = Some(TypePattern::One(EventType::INVENTORY_UPDATED));
    let cause = events[0].cause.clone();
    let subject = Some(events[0].subject.clone());
    let from = Some(events[10].at);
    let before = Some(events[4].id.clone());
    for mask in 0..32 {
        let filter = EventFilter {
            kind: kind.clone().filter(|_| mask & 1 > 0),
            subject: subject.clone().filter(|_| mask & 2 > 0),
            from: from.filter(|_| mask & 4 > 0),
            before: before.clone().filter(|_| mask & 8 > 0),
            cause: cause.clone().filter(|_| mask & 16 > 0),
            after: None,
        };
        let expected: Vec<KeptEvent> = events.iter().filter(|event| filter.selects(event)).cloned().collect();
        assert!(!expected.is_empty(), "{filter:?}");
        let page = list(log, &filter, 100).await;
        assert_eq!((page.events, page.next), (expected.clone(), None), "{filter:?}");
        let page = list(log, &filter, 2).await;
        assert_eq!(page.events, expected[..expected.len().min(2)], "{filter:?}");
        let rest = EventFilter {
            before: page.next.or(filter.before.clone()),
            ..filter
        };
        if expected.len() > 2 {
            assert_eq!(list(log, &rest, 100).await.events, expected[2..]);
        }
    }
    for (pattern, count) in [("*", 40), ("inventory.*", 20), ("custom.noted.*", 0)] {
        let filter = EventFilter {
            kind: Some(pattern.parse().unwrap()),
            ..EventFilter::default()
        };
        assert_eq!(list(log, &filter, 100).await.events.len(), count, "{pattern}");
    }
    // Oldest first, between two events.
    let between = EventFilter {
        after: Some(events[20].id.clone()),
        before: Some(events[4].id.clone()),
        ..EventFilter::default()
    };
    let expected: Vec<KeptEvent> = events[5..20].iter().rev().cloned().collect();
    let page = list(log, &between, 100).await;
    assert_eq!((page.events, page.next), (expected.clone(), None));
    let page = list(log, &between, 7).await;
    assert_eq!(page.events, expected[..7]);
    let rest = EventFilter {
        after: page.next,
        ..between
    };
    assert_eq!(list(log, &rest, 100).await.events, expected[7..]);
    let later = EventFilter {
        from: Some(noon() + SignedDuration::from_hours(1)),
        ..EventFilter::default()
    };
    assert_eq!(list(log, &later, 10).await, EventPage::default());
    let before = EventFilter {
        before: Some(events[7].id.clone()),
        ..later
    };
    assert_eq!(list(log, &before, 10).await, EventPage::default());
}

pub async fn large_event_is_kept_whole<L: EventLog + EventRecords>(log: &L) {
    let mut events = some(25);
    for (nth, event) in events.iter_mut().enumerate() {
        // Does not compress.
        let words = (0..12_000_u64).map(|word| (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ nth as u64).to_string());
        event.json = words.collect::<String>().chars().take(60_000).collect();
    }
    keep(log, &events).await;
    let outcomes = keep(log, &events).await;
    for (event, outcome) in events.iter().zip(outcomes) {
        assert_eq!(outcome, Kept::Before(Box::new(event.clone())));
    }
}

async fn erase(log: &impl Erase, until: Timestamp) -> usize {
    let (mut removed, mut after) = (0, None);
    loop {
        let erased = log.erase(&store("demo"), until, after.as_deref()).await.unwrap();
        removed += erased.removed;
        after = erased.next;
        if after.is_none() {
            return removed;
        }
    }
}

pub async fn events_are_erased_up_to_a_time_and_for_one_store<L: EventLog + EventRecords + Erase>(log: &L) {
    let events = some(30);
    keep(log, &events).await;
    keep(log, &[kept(&store("other"), 1)]).await;
    let mut times: Vec<Timestamp> = events.iter().map(|event| event.at).collect();
    times.sort();
    // Of the millisecond itself, also.
    assert_eq!(erase(log, times[9] + SignedDuration::from_micros(7)).await, 10);
    let left = list(log, &EventFilter::default(), 100).await.events;
    assert_eq!(left.iter().map(|event| event.at).min(), Some(times[10]));
    assert_eq!((erase(log, times[29]).await, erase(log, times[29]).await), (20, 0));
    let other = log.list(&store("other"), &EventFilter::default(), 10).await.unwrap();
    assert_eq!(other.events.len(), 1);
}

pub async fn removed_events_are_kept_no_longer<L: EventLog + EventRecords>(log: &L) {
    let events = some(30);
    keep(log, &events).await;
    let removed: Vec<_> = events[1..]
        .iter()
        .map(|event| (event.store.clone(), event.id.clone()))
        .collect();
    for _ in 0..2 {
        log.remove(&removed).await.unwrap();
        assert_eq!(list(log, &EventFilter::default(), 100).await.events, events[..1]);
    }
}

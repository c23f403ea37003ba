//! Contract suite of [`Messages`] and [`MessageRecords`], beside an [`EventLog`].

use hookline_domain::{
    delivery::sealed::{SealedBody, SealedParts},
    kernel::erase::Erase,
    memory,
    outbound::{
        AttemptCode, AttemptRecord, BusVerdict, EndpointKey, EventFilter, EventLog, EventRecords, Excerpt,
        KEPT_ATTEMPTS, KeptEvent, KeptSealed, Known, MessageFate, MessageFilter, MessagePage, MessageRecord,
        MessageRecords, Messages, SubjectKey, TypePattern,
    },
};
use hookline_events::{EventId, EventType};
use jiff::SignedDuration;

use super::at_once;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract). The port is a pair: the records, and the events beside them.
#[macro_export]
macro_rules! messages_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            messages,
            $start,
            [
                message_has_no_record_at_first,
                record_reads_back_as_written,
                record_is_written_after_the_one_that_was_read,
                some_of_many_records_are_refused,
                one_of_many_writers_wins,
                repeated_record_of_one_call_counts_once,
                records_of_endpoints_are_apart,
                events_and_records_are_found_in_the_order_given,
                event_of_another_store_is_not_found,
                sealed_bodies_are_found_beside_their_events_and_on_no_list,
                records_are_listed_newest_first_in_pages,
                filters_select_fate_type_and_time,
            ]
        );
    };
}

/// An event of the store `demo`, as it is kept.
pub fn kept(nth: usize) -> KeptEvent {
    let event = memory::event(&store("demo"), nth);
    KeptEvent {
        json: serde_json::to_string(&event).unwrap(),
        store: store("demo"),
        id: event.id,
        kind: event.kind,
        subject: SubjectKey {
            kind: event.subject.kind,
            id: event.subject.id,
        },
        cause: None,
        at: event.timestamp,
        accepted_at: noon(),
        expires_at: noon() + SignedDuration::from_hours(19 * 24),
        verdicts: hookline_domain::outbound::Verdicts::new(),
        bus: BusVerdict::Off,
        bus_error: None,
    }
}

fn id(nth: usize) -> EventId {
    kept(nth).id
}

fn endpoint(n: usize) -> EndpointKey {
    format!("shopify#demo.myshopify.com ep_{n}").parse().unwrap()
}

/// Record of a message of which nothing is known yet.
fn first() -> MessageRecord {
    MessageRecord::new(store("demo"), Some(EventType::PRODUCT_UPDATED), noon())
}

/// Record with all that a record can have.
fn whole(revision: u32) -> MessageRecord {
    let attempt = |n: usize| AttemptRecord {
        at: noon() + SignedDuration::from_nanos(1_234_567_891 * i64::try_from(n).unwrap()),
        took_ms: u32::MAX,
        status: Some(503),
        code: Some(AttemptCode::Unavailable),
        number: Some(u32::MAX),
        revision: Some(u32::MAX),
        excerpt: Excerpt::of("\"\\ € \u{1}".repeat(KEPT_ATTEMPTS * n).as_bytes()),
    };
    MessageRecord {
        run: u32::MAX,
        fate: Some(MessageFate::Exhausted),
        failed: 10,
        due: Some(noon() + SignedDuration::from_micros(1)),
        general: 2,
        general_at: Some(noon_plus(-1)),
        attempts: (0..KEPT_ATTEMPTS).map(attempt).collect(),
        revision,
        ..first()
    }
}

async fn put(port: &impl Messages, n: usize, records: &[(EventId, MessageRecord)]) -> Vec<bool> {
    let written = port.put(&endpoint(n), records).await;
    assert_eq!(written.len(), records.len());
    written.into_iter().map(Result::unwrap).collect()
}

async fn find_one(port: &impl MessageRecords, n: usize, event: &EventId) -> Option<MessageRecord> {
    port.find_one(&endpoint(n), event).await.unwrap()
}

async fn list(port: &impl MessageRecords, filter: &MessageFilter, limit: usize) -> MessagePage {
    port.list(&endpoint(1), filter, limit).await.unwrap()
}

pub async fn message_has_no_record_at_first<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    let known = port.find(&endpoint(1), &[(store("demo"), id(0))]).await.unwrap();
    assert_eq!(known, [Known::default()]);
    assert_eq!(port.find(&endpoint(1), &[]).await.unwrap(), []);
    assert_eq!(find_one(port, 1, &id(0)).await, None);
    assert_eq!(list(port, &MessageFilter::default(), 10).await, MessagePage::default());
    assert!(put(port, 1, &[]).await.is_empty());
}

pub async fn record_reads_back_as_written<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    // With a call for one record, and with one for three.
    for count in [1, 3] {
        let mut revision = 0;
        let bare = |revision| MessageRecord {
            kind: None,
            revision,
            ..first()
        };
        let steps: [&dyn Fn(u32) -> MessageRecord; 4] = [&bare, &whole, &bare, &whole];
        for step in steps {
            revision += 1;
            let record = step(revision);
            let records: Vec<_> = (0..count).map(|nth| (id(100 * count + nth), record.clone())).collect();
            assert_eq!(put(port, 1, &records).await, vec![true; count]);
            for (event, _) in &records {
                assert_eq!(find_one(port, 1, event).await.as_ref(), Some(&record));
            }
        }
    }
    for (nth, fate) in MessageFate::ALL.into_iter().enumerate() {
        let record = MessageRecord {
            fate: Some(fate),
            ..first()
        };
        assert_eq!(put(port, 1, &[(id(nth), record.clone())]).await, [true]);
        assert_eq!(find_one(port, 1, &id(nth)).await, Some(record));
    }
}

pub async fn record_is_written_after_the_one_that_was_read<M: Messages + MessageRecords, L: EventLog>(
    (port, _): &(M, L),
) {
    for count in [1, 3] {
        let all = |revision: u32, failed: u32| -> Vec<_> {
            let record = MessageRecord {
                revision,
                failed,
                ..first()
            };
            (0..count).map(|nth| (id(100 * count + nth), record.clone())).collect()
        };
        for (revision, failed, is_written) in [
            (2, 1, false),
            (1, 2, true),
            (1, 3, false),
            (3, 4, false),
            (2, 5, true),
            (2, 6, false),
            (1, 7, false),
            (3, 8, true),
        ] {
            let before = find_one(port, 1, &id(100 * count)).await;
            let written = put(port, 1, &all(revision, failed)).await;
            assert_eq!(written, vec![is_written; count], "{count} {revision} {failed}");
            let after = find_one(port, 1, &id(100 * count)).await;
            if is_written {
                assert_eq!(after.unwrap().failed, failed);
            } else {
                assert_eq!(after, before);
            }
        }
    }
}

pub async fn some_of_many_records_are_refused<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    let with = |revision: u32| move |nth: usize| (id(nth), MessageRecord { revision, ..first() });
    let even: Vec<_> = (0..60).filter(|nth| nth % 2 == 0).map(with(1)).collect();
    assert_eq!(put(port, 1, &even).await, vec![true; 30]);
    // First and second writes, each of which half the messages refuse.
    let mixed: Vec<_> = (0..60).map(|nth| with(if nth % 3 == 0 { 1 } else { 2 })(nth)).collect();
    let expected: Vec<bool> = (0..60).map(|nth| (nth % 3 == 0) != (nth % 2 == 0)).collect();
    assert_eq!(put(port, 1, &mixed).await, expected);
    for (nth, (event, record)) in mixed.iter().enumerate() {
        let stored = find_one(port, 1, event).await.map(|stored| stored.revision);
        let refused = (nth % 2 == 0).then_some(1);
        let expected = if expected[nth] { Some(record.revision) } else { refused };
        assert_eq!(stored, expected, "{nth}");
    }
}

pub async fn one_of_many_writers_wins<M, L: EventLog>((port, _): &(M, L))
where
    M: Messages + MessageRecords + Clone + 'static,
{
    for count in [1, 10] {
        for revision in 1..=2 {
            let writers = (0..6).map(|failed| {
                let port = port.clone();
                let record = MessageRecord {
                    revision,
                    failed,
                    ..first()
                };
                let records: Vec<_> = (0..count).map(|nth| (id(100 * count + nth), record.clone())).collect();
                async move { put(&port, 1, &records).await }
            });
            let written = at_once(writers.collect()).await;
            for nth in 0..count {
                let won = written.iter().filter(|written| written[nth]).count();
                assert_eq!(won, 1, "{count} {revision} {nth}");
                let stored = find_one(port, 1, &id(100 * count + nth)).await.unwrap();
                assert_eq!(stored.revision, revision);
            }
        }
    }
}

pub async fn repeated_record_of_one_call_counts_once<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    let of = |nth: usize, revision: u32, failed: u32| {
        let record = MessageRecord {
            revision,
            failed,
            ..first()
        };
        (id(nth), record)
    };
    let records = [of(0, 1, 1), of(1, 1, 1), of(0, 1, 2), of(1, 2, 2), of(2, 1, 1)];
    assert_eq!(put(port, 1, &records).await, [true, true, false, true, true]);
    for (nth, failed) in [(0, 1), (1, 2), (2, 1)] {
        assert_eq!(find_one(port, 1, &id(nth)).await.unwrap().failed, failed);
    }
}

pub async fn records_of_endpoints_are_apart<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    // Ids of which one begins with the other.
    assert_eq!(put(port, 1, &[(id(0), first())]).await, [true]);
    assert_eq!(find_one(port, 11, &id(0)).await, None);
    assert_eq!(put(port, 11, &[(id(0), whole(1))]).await, [true]);
    assert_eq!(find_one(port, 1, &id(0)).await, Some(first()));
    assert_eq!(list(port, &MessageFilter::default(), 10).await.records.len(), 1);
}

pub async fn events_and_records_are_found_in_the_order_given<M: Messages + MessageRecords, L: EventLog>(
    (port, log): &(M, L),
) {
    let events: Vec<KeptEvent> = (0..120).map(kept).collect();
    let with_event: Vec<_> = events.iter().step_by(2).cloned().collect();
    for kept in log.keep(&with_event).await {
        kept.unwrap();
    }
    let recorded: Vec<_> = (0..120)
        .step_by(3)
        .map(|nth| (id(nth), if nth % 2 == 0 { whole(1) } else { first() }))
        .collect();
    put(port, 1, &recorded).await;
    let expected: Vec<Known> = (0..120)
        .map(|nth| Known {
            event: (nth % 2 == 0).then(|| events[nth].clone()),
            record: (nth % 3 == 0).then(|| if nth % 2 == 0 { whole(1) } else { first() }),
            sealed: None,
        })
        .collect();
    // The last ones in reverse, and one twice.
    let mut order: Vec<usize> = (0..90).chain((90..120).rev()).collect();
    order.insert(7, 6);
    order.push(119);
    for count in [1, 2, 50, 51, 60, order.len()] {
        let order = &order[order.len() - count..];
        let pairs: Vec<_> = order.iter().map(|nth| (store("demo"), id(*nth))).collect();
        let known = port.find(&endpoint(1), &pairs).await.unwrap();
        assert_eq!(port.known(&endpoint(1), &pairs).await.unwrap(), known);
        let expected: Vec<Known> = order.iter().map(|nth| expected[*nth].clone()).collect();
        assert!(known == expected, "{count}");
    }
}

pub async fn event_of_another_store_is_not_found<M: Messages, L: EventLog>((port, log): &(M, L)) {
    log.keep(&[kept(0)]).await.remove(0).unwrap();
    let pairs = [(store("other"), id(0)), (store("demo"), id(0))];
    let known = port.find(&endpoint(1), &pairs).await.unwrap();
    assert_eq!((&known[0].event, &known[1].event), (&None, &Some(kept(0))));
}

pub async fn sealed_bodies_are_found_beside_their_events_and_on_no_list<
    M: Messages,
    L: EventLog + EventRecords + Erase,
>(
    (port, log): &(M, L),
) {
    let parts = SealedParts {
        wrapped_key: &[1; 384],
        nonce: &[2; 12],
        text: &[3; 200],
    };
    let events: Vec<KeptEvent> = (0..60).map(kept).collect();
    for kept in log.keep(&events).await {
        kept.unwrap();
    }
    let body = |nth: usize| {
        let expires_at = noon() + SignedDuration::from_secs(i64::try_from(nth).unwrap());
        SealedBody::new(expires_at, &parts)
    };
    let sealed = (0..60).step_by(3).map(|nth| KeptSealed {
        store: store("demo"),
        id: id(nth),
        sealed: body(nth),
    });
    let sealed: Vec<KeptSealed> = sealed.collect();
    // Again, because the message of the fan-out queue came twice.
    for _ in 0..2 {
        for kept in log.keep_sealed(&sealed).await {
            kept.unwrap();
        }
    }
    let pairs: Vec<_> = (0..60).map(|nth| (store("demo"), id(nth))).collect();
    for (nth, known) in port
        .find_with_sealed(&endpoint(1), &pairs)
        .await
        .unwrap()
        .iter()
        .enumerate()
    {
        assert_eq!(known.event.as_ref(), Some(&events[nth]));
        assert_eq!(known.sealed, (nth % 3 == 0).then(|| body(nth)), "{nth}");
    }
    let without = port.find(&endpoint(1), &pairs).await.unwrap();
    assert!(without.iter().all(|known| known.sealed.is_none()));
    for filter in [
        EventFilter::default(),
        EventFilter {
            after: Some(EventId::first_of(noon() - SignedDuration::from_hours(1))),
            ..EventFilter::default()
        },
    ] {
        let listed = log.list(&store("demo"), &filter, 100).await.unwrap();
        assert_eq!((listed.events.len(), listed.next), (60, None));
    }
    log.remove(&[(store("demo"), id(0))]).await.unwrap();
    log.erase(&store("demo"), noon(), None).await.unwrap();
    let left = port.find_with_sealed(&endpoint(1), &pairs).await.unwrap();
    assert!(
        left.iter().all(|known| known.sealed.is_none()),
        "an erasure leaves none"
    );
    assert_eq!(left.iter().filter(|known| known.event.is_some()).count(), 59);
}

pub async fn records_are_listed_newest_first_in_pages<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    let mut records: Vec<_> = (0..23).map(|nth| (id(nth), first())).collect();
    put(port, 1, &records).await;
    put(port, 2, &records).await;
    records.reverse();
    for limit in [1, 5, 23, 100] {
        let (mut filter, mut all) = (MessageFilter::default(), Vec::new());
        loop {
            let page = list(port, &filter, limit).await;
            assert!(page.records.len() <= limit);
            all.extend(page.records);
            filter.before = page.next;
            if filter.before.is_none() {
                break;
            }
        }
        assert_eq!(all, records, "{limit}");
    }
}

pub async fn filters_select_fate_type_and_time<M: Messages + MessageRecords, L: EventLog>((port, _): &(M, L)) {
    let kinds = [
        Some(EventType::INVENTORY_UPDATED),
        Some(EventType::PRODUCT_UPDATED),
        None,
    ];
    let record = |nth: usize| MessageRecord {
        kind: kinds[nth % 3].clone(),
        fate: [None, Some(MessageFate::Sent), Some(MessageFate::Exhausted), None][nth % 4],
        ..first()
    };
    let mut records: Vec<_> = (0..40).map(|nth| (id(nth), record(nth))).collect();
    put(port, 1, &records).await;
    records.reverse();
    for mask in 0..16 {
        let filter = MessageFilter {
            fate: Some(MessageFate::Sent).filter(|_| mask & 1 > 0),
            kind: Some(TypePattern::One(EventType::INVENTORY_UPDATED)).filter(|_| mask & 2 > 0),
            from: Some(records[30].0.timestamp()).filter(|_| mask & 4 > 0),
            before: Some(records[2].0.clone()).filter(|_| mask & 8 > 0),
        };
        let selected = records.iter().filter(|(event, record)| filter.selects(event, record));
        let expected: Vec<_> = selected.cloned().collect();
        assert!(expected.len() > 1, "{filter:?}");
        let page = list(port, &filter, 100).await;
        assert_eq!((page.records, page.next), (expected.clone(), None), "{filter:?}");
        let page = list(port, &filter, 1).await;
        assert_eq!(page.records, expected[..1], "{filter:?}");
        let rest = MessageFilter {
            before: page.next,
            ..filter
        };
        assert_eq!(list(port, &rest, 100).await.records, expected[1..]);
    }
    for before in [0, 20, 30] {
        let nothing = MessageFilter {
            from: Some(records[before].0.timestamp()),
            before: Some(records[before].0.clone()),
            ..MessageFilter::default()
        };
        assert_eq!(list(port, &nothing, 100).await, MessagePage::default(), "{before}");
        let later = MessageFilter {
            from: Some(noon_plus(86_400)),
            ..nothing
        };
        assert_eq!(list(port, &later, 100).await, MessagePage::default(), "{before}");
    }
    for (pattern, count) in [("*", 40), ("inventory.*", 14), ("product.*", 13), ("custom.noted.*", 0)] {
        let filter = MessageFilter {
            kind: Some(pattern.parse().unwrap()),
            ..MessageFilter::default()
        };
        assert_eq!(list(port, &filter, 100).await.records.len(), count, "{pattern}");
    }
}

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::{
    memory::{InMemory, MemoryEndpoints, MemoryEventLog, MemoryMessages, MemoryOutboxes, MemoryWakeUps, event, noon},
    outbound::{AttemptRecord, EndpointSettings, FateName, Messages},
};

/// Plays the dispatcher while somebody waits for the outcome of a test.
#[derive(Clone, Default)]
struct Dispatching {
    messages: MemoryMessages,
    outboxes: MemoryOutboxes,
    /// Pauses before it posts; none if it never does.
    after: Option<usize>,
    pauses: Arc<AtomicUsize>,
}

impl Pause for Dispatching {
    async fn pause(&self, _: SignedDuration) {
        let nth = self.pauses.fetch_add(1, Ordering::Relaxed) + 1;
        if self.after == Some(nth) {
            let first = self.outboxes.entries(&key()).remove(0);
            let mut record = MessageRecord::new(first.store, Some(EventType::PRODUCT_UPDATED), noon());
            record.fate = Some(MessageFate::Sent);
            record.attempts.push(AttemptRecord {
                at: noon(),
                took_ms: 7,
                status: Some(200),
                code: None,
                number: None,
                revision: None,
                excerpt: None,
            });
            self.messages.put(&key(), &[(first.key.event, record)]).await;
        }
    }
}

enum Ports {}

impl ResendPorts for Ports {
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type Messages = MemoryMessages;
    type Events = MemoryEventLog;
    type WakeUps = MemoryWakeUps;
    type Pause = Dispatching;
    type Clock = Timestamp;
}

// The bundle of tests of other crates is complete.
const _: fn() = || {
    fn is_bundle<P: ResendPorts>() {}
    is_bundle::<InMemory<crate::memory::SetClock>>();
};

fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

fn key() -> EndpointKey {
    EndpointKey {
        scope: Scope::Store(store()),
        id: "ep_1".parse().unwrap(),
    }
}

fn resend(after: Option<usize>) -> Resend<Ports> {
    let events = MemoryEventLog::default();
    let (messages, outboxes) = (MemoryMessages::beside(events.clone()), MemoryOutboxes::default());
    let endpoints = MemoryEndpoints::default();
    let settings = EndpointSettings::new("https://example.com/", &["*"]);
    endpoints.insert(Endpoint::new(key(), settings, noon()));
    Resend {
        endpoints,
        pause: Dispatching {
            messages: messages.clone(),
            outboxes: outboxes.clone(),
            after,
            pauses: Arc::default(),
        },
        outboxes,
        messages,
        events,
        wake_ups: MemoryWakeUps::default(),
        clock: noon(),
    }
}

fn id(nth: usize) -> EventId {
    event(&store(), nth).id
}

impl Resend<Ports> {
    /// Keeps an event, and a record with this fate if there is one.
    #[expect(clippy::option_option, reason = "an open message has a record without a fate")]
    async fn with(&self, nth: usize, verdict: Verdict, record: Option<Option<MessageFate>>) {
        let event = event(&store(), nth);
        let kept = KeptEvent {
            store: store(),
            subject: "note#1".parse().unwrap(),
            cause: None,
            at: event.timestamp,
            accepted_at: event.timestamp,
            expires_at: Timestamp::MAX,
            json: serde_json::to_string(&event).unwrap(),
            verdicts: Verdicts::from([(key(), verdict)]),
            bus: BusVerdict::Off,
            bus_error: None,
            kind: event.kind,
            id: event.id,
        };
        self.events.keep(&[kept]).await;
        if let Some(fate) = record {
            let record = MessageRecord {
                fate,
                run: 3,
                ..MessageRecord::new(store(), None, noon())
            };
            self.messages.put(&key(), &[(id(nth), record)]).await;
        }
    }

    fn runs(&self) -> Vec<(EventId, u32)> {
        let entries = self.outboxes.entries(&key()).into_iter();
        entries.map(|entry| (entry.key.event, entry.key.run)).collect()
    }
}

#[tokio::test]
async fn settled_message_gets_another_run_that_waits_from_now() {
    let resend = resend(None);
    resend
        .with(0, Verdict::Queued, Some(Some(MessageFate::Exhausted)))
        .await;
    let message = resend.retry(&key(), &id(0)).await.unwrap();
    assert_eq!((message.fate, message.run), (FateName::Open, 4));
    let entry = resend.outboxes.entries(&key()).remove(0);
    assert_eq!((entry.key.run, entry.key.due, entry.accepted_at), (4, noon(), noon()));
    assert_eq!(resend.wake_ups.take().len(), 1);
    // Again, before the dispatcher has looked: the same entry.
    resend.retry(&key(), &id(0)).await.unwrap();
    assert_eq!(resend.runs(), [(id(0), 4)]);
}

#[tokio::test]
async fn message_is_not_retried_if_it_is_open_unknown_or_its_event_is_gone() {
    let resend = resend(None);
    resend.with(0, Verdict::Queued, Some(None)).await;
    resend.with(1, Verdict::NotSubscribed, None).await;
    resend.with(2, Verdict::Queued, Some(Some(MessageFate::Sent))).await;
    resend.events.remove(&[(store(), id(2))]).await.unwrap();
    assert!(matches!(resend.retry(&key(), &id(0)).await, Err(ResendError::Open(_))));
    assert!(matches!(
        resend.retry(&key(), &id(1)).await,
        Err(ResendError::NoMessage)
    ));
    assert!(matches!(resend.retry(&key(), &id(2)).await, Err(ResendError::NotKept)));
    resend.with(3, Verdict::Queued, None).await;
    let untried = resend.retry(&key(), &id(3)).await.unwrap_err();
    assert_eq!(untried.to_string(), "the message is still open: Waits to be sent.");
    assert_eq!(resend.runs(), []);
    resend
        .endpoints
        .change(&key(), |one| one.state = EndpointState::Deleting);
    assert!(matches!(
        resend.retry(&key(), &id(0)).await,
        Err(ResendError::State { .. })
    ));
}

#[tokio::test]
async fn paused_endpoint_is_not_woken() {
    let resend = resend(None);
    resend.with(0, Verdict::Queued, Some(Some(MessageFate::Sent))).await;
    resend.endpoints.change(&key(), |one| one.state = EndpointState::Paused);
    resend.retry(&key(), &id(0)).await.unwrap();
    assert_eq!((resend.runs().len(), resend.wake_ups.take().len()), (1, 0));
}

fn range(only: ReplayOnly) -> ReplayRange {
    ReplayRange {
        from: noon() + SignedDuration::from_secs(1),
        to: noon() + SignedDuration::from_secs(5),
        types: vec![],
        only,
        after: None,
        is_dry_run: false,
    }
}

#[tokio::test]
async fn replay_sends_the_messages_of_a_time_that_have_such_a_fate() {
    let resend = resend(None);
    for (nth, fate) in [
        (0, Some(Some(MessageFate::Exhausted))),
        (1, Some(Some(MessageFate::Exhausted))),
        (2, Some(Some(MessageFate::Sent))),
        (3, Some(None)),
        (4, None),
        (5, Some(Some(MessageFate::Expired))),
    ] {
        resend.with(nth, Verdict::Queued, fate).await;
    }
    let replay = async |range| resend.replay(&key(), &store(), &range).await.unwrap();
    let dry = ReplayRange {
        is_dry_run: true,
        ..range(ReplayOnly::All)
    };
    let done = replay(dry).await;
    assert_eq!((done.queued, done.events, done.next), (2, 4, None));
    assert_eq!((resend.runs(), resend.wake_ups.take().len()), (vec![], 0));
    assert_eq!(replay(range(ReplayOnly::Failed)).await.queued, 1);
    assert_eq!(resend.runs(), [(id(1), 4)]);
    assert_eq!(resend.wake_ups.take().len(), 1);
    replay(range(ReplayOnly::All)).await;
    assert_eq!(resend.runs(), [(id(1), 4), (id(2), 4)]);
    let others = ReplayRange {
        types: vec!["product.*".parse().unwrap(), "order.*".parse().unwrap()],
        ..range(ReplayOnly::All)
    };
    assert_eq!(replay(others).await.queued, 0);
}

#[tokio::test]
async fn long_replay_goes_on_where_the_last_call_ended() {
    let resend = resend(None);
    for nth in 0..1150 {
        resend
            .with(nth, Verdict::Queued, Some(Some(MessageFate::Expired)))
            .await;
    }
    let whole = ReplayRange {
        from: noon(),
        to: Timestamp::MAX,
        ..range(ReplayOnly::Failed)
    };
    let first = resend.replay(&key(), &store(), &whole).await.unwrap();
    assert_eq!((first.queued, first.next.clone()), (1000, Some(id(999))));
    let rest = ReplayRange {
        after: first.next,
        ..whole
    };
    let rest = resend.replay(&key(), &store(), &rest).await.unwrap();
    assert_eq!((rest.queued, rest.next), (150, None));
    assert_eq!(resend.runs().len(), 1150);
}

#[tokio::test]
async fn test_goes_first_to_this_endpoint_only_and_waits_for_its_attempt() {
    let resend = resend(Some(3));
    let tested = resend
        .test(&key(), &EventType::PRODUCT_UPDATED, &store())
        .await
        .unwrap();
    assert!(!tested.is_waiting);
    assert_eq!(
        (tested.message.fate, tested.message.attempts.len()),
        (FateName::Sent, 1)
    );
    assert_eq!(resend.pause.pauses.load(Ordering::Relaxed), 3);
    let entry = resend.outboxes.entries(&key()).remove(0);
    assert_eq!((entry.key.due, entry.version), (Timestamp::UNIX_EPOCH, None));
    let kept = resend.events.find(&store(), &entry.key.event).await.unwrap().unwrap();
    assert_eq!(kept.verdicts, Verdicts::from([(key(), Verdict::Queued)]));
    let event: Value = serde_json::from_str(&kept.json).unwrap();
    assert_eq!(
        (&event["id"], &event["store"]["id"], &event["cause"]),
        (&json!(kept.id), &json!("demo.myshopify.com"), &Value::Null)
    );
    assert_eq!(event["data"], catalog::sample(&EventType::PRODUCT_UPDATED)["data"]);
}

#[tokio::test]
async fn test_that_is_not_attempted_in_time_is_waiting_and_a_paused_endpoint_is_not_tested() {
    let resend = resend(None);
    let custom: EventType = "custom.noted".parse().unwrap();
    let tested = resend.test(&key(), &custom, &store()).await.unwrap();
    assert_eq!((tested.is_waiting, tested.message.fate), (true, FateName::Open));
    assert_eq!(resend.pause.pauses.load(Ordering::Relaxed), 48, "12 seconds");
    assert_eq!(tested.message.r#type, Some(custom.clone()));
    resend.endpoints.change(&key(), |one| one.state = EndpointState::Paused);
    let refused = resend.test(&key(), &custom, &store()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the endpoint is paused: activate it, then test it");
}

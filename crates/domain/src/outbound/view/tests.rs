use std::time::Duration;

use hookline_events::{EventId, EventType};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    kernel::ids::StoreKey,
    memory::{MemoryEndpoints, MemoryEventLog, MemoryMessages, MemoryOutboxes, event, noon},
    outbound::{
        AttemptCode, AttemptRecord, BusVerdict, Endpoint, EndpointKey, EndpointSettings, EndpointState, Entry,
        EntryKey, EventLog, Excerpt, Health, KeptEvent, Lease, Meaning, MessageFate, MessageRecord, Messages,
        OutboxCount, OutboxNotes, OutboxState, Outboxes, Scope, SealedHeaders, SubjectKey, Verdict, Verdicts,
        WhenPaused,
    },
};

fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

fn endpoint_of(scope: Scope) -> Endpoint {
    let key = EndpointKey {
        scope,
        id: "ep_1".parse().unwrap(),
    };
    let settings = EndpointSettings::new("https://example.com/hook?token=t", &["custom.*"]);
    Endpoint::new(key, settings, noon())
}

fn endpoint() -> Endpoint {
    endpoint_of(Scope::Store(store()))
}

fn in_state(state: EndpointState) -> Endpoint {
    Endpoint {
        state,
        state_reason: (state == EndpointState::Paused).then(|| "maintenance".to_owned()),
        ..endpoint()
    }
}

fn id(nth: usize) -> EventId {
    event(&store(), nth).id
}

fn kind() -> EventType {
    "custom.noted".parse().unwrap()
}

fn record(fate: Option<MessageFate>, attempts: &[Option<AttemptCode>]) -> MessageRecord {
    let attempts = attempts.iter().zip(0..).map(|(code, nth)| AttemptRecord {
        at: after(nth),
        took_ms: 120,
        status: Some(if code.is_some() { 500 } else { 200 }),
        code: *code,
        number: u32::try_from(nth + 1).ok(),
        revision: Some(1),
        excerpt: code.and(Excerpt::of(b"no such sku")),
    });
    MessageRecord {
        fate,
        failed: 2,
        attempts: attempts.collect(),
        ..MessageRecord::new(store(), Some(kind()), after(9))
    }
}

fn kept(nth: usize, verdicts: Verdicts) -> KeptEvent {
    let event = event(&store(), nth);
    KeptEvent {
        store: store(),
        subject: SubjectKey {
            kind: event.subject.kind.clone(),
            id: event.subject.id.clone(),
        },
        cause: None,
        at: event.timestamp,
        accepted_at: event.timestamp,
        expires_at: after(9999),
        json: serde_json::to_string(&event).unwrap(),
        verdicts,
        bus: BusVerdict::Off,
        bus_error: None,
        kind: event.kind,
        id: event.id,
    }
}

#[test]
fn state_of_an_endpoint_is_a_sentence_that_says_what_happens_to_messages() {
    let mut discarding = in_state(EndpointState::Paused);
    discarding.settings.when_paused = WhenPaused::Discard;
    discarding.state_reason = None;
    for (endpoint, now, expected) in [
        (endpoint(), noon(), "Messages are sent."),
        (
            in_state(EndpointState::Paused),
            noon(),
            "Paused since 12:00 UTC (maintenance). Messages wait until it is activated.",
        ),
        (
            discarding,
            after(86_400),
            "Paused since 21 November 12:00 UTC. Events that come meanwhile are not sent later either.",
        ),
        (
            in_state(EndpointState::Disabled(AttemptCode::Gone)),
            noon(),
            "Disabled since 12:00 UTC. It answered 410, which means that it is gone for good. The endpoint is disabled. \
             Messages wait until it is activated.",
        ),
        (
            in_state(EndpointState::Disabled(AttemptCode::TlsFailed)),
            after(8 * 86_400),
            "Disabled since 21 November 12:00 UTC. TLS failed. It collects no more messages until it is activated.",
        ),
        (
            in_state(EndpointState::Deleting),
            noon(),
            "Deleted at 12:00 UTC; its messages are being discarded.",
        ),
    ] {
        assert_eq!(EndpointView::of(&endpoint, now).state_sentence, expected);
    }
}

#[test]
fn viewers_see_no_query_and_nobody_a_secret() {
    let view = EndpointView::of(&endpoint(), noon());
    assert_eq!(view.settings.url, "https://example.com/hook?token=t");
    assert_eq!(view.without_query().settings.url, "https://example.com/hook");
}

#[test]
fn every_fate_of_a_message_is_a_sentence() {
    let failed = Some(AttemptCode::Failed);
    for (fate, attempts, expected) in [
        (
            MessageFate::Sent,
            &[failed, None][..],
            "Sent at 12:00:01 UTC on the second attempt.",
        ),
        (
            MessageFate::Exhausted,
            &[failed],
            "Given up at 12:00:09 UTC after 2 failed attempts; retry it by hand. The last failure: It failed on this message. Its \
             own log says why.",
        ),
    ] {
        let view = MessageView::of(&endpoint(), &id(0), &record(Some(fate), attempts), after(60));
        assert_eq!(view.sentence, expected);
        assert_eq!(view.fate, Some(fate).into());
    }
    for fate in MessageFate::ALL {
        let view = MessageView::of(&endpoint(), &id(0), &record(Some(fate), &[]), after(60));
        assert!(view.sentence.ends_with('.'), "{}", view.sentence);
        assert_eq!(view.fate.as_str(), fate.as_str());
    }
}

#[test]
fn open_message_says_what_it_waits_for() {
    let mut retried = record(None, &[Some(AttemptCode::TimedOut)]);
    retried.due = Some(after(300));
    let view = MessageView::of(&endpoint(), &id(0), &retried, after(60));
    assert_eq!(view.next_attempt_at, Some(after(300)));
    assert!(
        view.sentence
            .starts_with("Waits: the second attempt is due at 12:05:00 UTC. The last failure: It did")
    );
    let untried = |endpoint: &Endpoint| {
        let view = MessageView::untried(endpoint, &id(0), &store(), Some(&kind()), after(60));
        (view.fate, view.sentence)
    };
    for (state, expected) in [
        (EndpointState::Active, "Waits to be sent."),
        (
            EndpointState::Paused,
            "Waits: the endpoint is paused since 12:00 UTC (maintenance).",
        ),
        (
            EndpointState::Disabled(AttemptCode::Gone),
            "Waits: the endpoint is disabled since 12:00 UTC. Activate it to send what waits.",
        ),
        (
            EndpointState::Deleting,
            "The endpoint is deleted, and the message will be discarded.",
        ),
    ] {
        assert_eq!(untried(&in_state(state)), (FateName::Open, expected.to_owned()));
    }
}

fn count(entries: usize, has_more: bool) -> OutboxCount {
    OutboxCount {
        entries,
        has_more,
        oldest: (entries > 0).then(noon),
    }
}

fn state(meanings: &[Meaning]) -> OutboxState {
    let mut health = Health::default();
    // As the dispatcher does when it reads the endpoint.
    health.reset(noon());
    for (nth, meaning) in meanings.iter().enumerate() {
        health.note(*meaning, &id(nth), Duration::from_millis(1200), 10, after(60));
    }
    OutboxState {
        notes: OutboxNotes {
            health,
            ..OutboxNotes::default()
        },
        ..OutboxState::default()
    }
}

#[test]
fn status_says_how_the_endpoint_answers_what_waits_and_what_is_next() {
    let general = Meaning::General {
        code: AttemptCode::TimedOut,
        wait: None,
    };
    let own = Meaning::Own(AttemptCode::Failed);
    let now = after(61);
    for (endpoint, state, count, expected) in [
        (
            endpoint(),
            OutboxState::default(),
            count(0, false),
            "Nothing has been sent yet. Nothing waits.",
        ),
        (
            endpoint(),
            state(&[Meaning::Sent]),
            count(0, false),
            "Answers in 1,200 ms. Nothing waits.",
        ),
        (
            endpoint(),
            state(&[own]),
            count(1, false),
            "Has taken no message yet. 1 message waits, the oldest since 12:00 UTC.",
        ),
        (
            endpoint(),
            state(&[general; 8]),
            count(1000, true),
            "Has taken no message since 12:01 UTC. More than 1,000 messages wait, the oldest since 12:00 UTC. Next attempt at \
             12:01 UTC.",
        ),
        (
            in_state(EndpointState::Paused),
            state(&[Meaning::Sent]),
            count(12, false),
            "Paused since 12:00 UTC (maintenance). 12 messages wait, the oldest since 12:00 UTC.",
        ),
        (
            in_state(EndpointState::Disabled(AttemptCode::Gone)),
            OutboxState::default(),
            count(0, false),
            "Disabled since 12:00 UTC; activate it to send what waits. Nothing waits.",
        ),
    ] {
        let due = (count.entries > 0).then(noon);
        let status = EndpointStatus::of(&endpoint, state, count, due, now);
        assert_eq!(status.sentence, expected);
        let is_next = status.next_attempt_at.is_some();
        assert_eq!(is_next, count.entries > 0 && endpoint.state == EndpointState::Active);
    }
}

#[test]
fn health_from_before_an_activation_does_not_count() {
    let general = Meaning::General {
        code: AttemptCode::TimedOut,
        wait: None,
    };
    let activated = Endpoint {
        reset_at: after(60),
        ..endpoint()
    };
    let status = EndpointStatus::of(&activated, state(&[general; 8]), count(0, false), None, after(61));
    assert_eq!((status.breaker, status.failing_since), (BreakerState::Closed, None));
}

#[tokio::test]
async fn status_is_read_from_the_outbox() {
    let (outboxes, endpoint) = (MemoryOutboxes::default(), endpoint());
    let entry = |nth, due| Entry {
        key: EntryKey {
            due,
            event: id(nth),
            run: 0,
        },
        store: store(),
        subject: "note#1".parse().unwrap(),
        version: None,
        accepted_at: noon(),
    };
    outboxes
        .add(&endpoint.key, &[entry(0, after(300)), entry(1, after(600))])
        .await
        .unwrap();
    let lease = Lease {
        nonce: "a".to_owned(),
        until: after(90),
    };
    outboxes.acquire(&endpoint.key, &lease, noon()).await.unwrap();
    let held = crate::outbound::OutboxRecords::state(&outboxes, &endpoint.key)
        .await
        .unwrap();
    assert_eq!(held.held_until, Some(after(90)));
    let notes = state(&[Meaning::Sent]).notes;
    outboxes.release(&endpoint.key, "a", &notes, noon()).await.unwrap();
    let status = status(&outboxes, &endpoint, after(60)).await.unwrap();
    assert_eq!(
        (status.queue.messages, status.mean_ms, status.next_attempt_at),
        (2, Some(1200), Some(after(300)))
    );
}

struct World {
    endpoints: MemoryEndpoints,
    events: MemoryEventLog,
    messages: MemoryMessages,
    outboxes: MemoryOutboxes,
}

impl World {
    async fn of(all: &[(&Endpoint, Verdict)]) -> Self {
        let events = MemoryEventLog::default();
        let verdicts: Verdicts = all
            .iter()
            .map(|(one, verdict)| (one.key.clone(), verdict.clone()))
            .collect();
        events.keep(&[kept(0, verdicts)]).await;
        let world = Self {
            endpoints: MemoryEndpoints::default(),
            messages: MemoryMessages::beside(events.clone()),
            events,
            outboxes: MemoryOutboxes::default(),
        };
        for (endpoint, _) in all {
            world.endpoints.insert((*endpoint).clone());
        }
        world
    }

    async fn find(&self, endpoint: &Endpoint) -> Option<MessageView> {
        let ports = (&self.messages, &self.outboxes, &self.events);
        find_message(ports, endpoint, &id(0), after(60)).await.unwrap()
    }
}

#[tokio::test]
async fn message_is_found_by_its_record_by_its_event_or_by_its_entry() {
    let (own, of_all) = (endpoint(), endpoint_of(Scope::All));
    let world = World::of(&[(&own, Verdict::Queued), (&of_all, Verdict::Queued)]).await;
    assert_eq!(world.find(&own).await.unwrap().sentence, "Waits to be sent.");
    assert_eq!(
        world.find(&of_all).await,
        None,
        "nothing says in which store it happened"
    );
    let entry = Entry {
        key: EntryKey {
            due: noon(),
            event: id(0),
            run: 0,
        },
        store: store(),
        subject: "note#0".parse().unwrap(),
        version: None,
        accepted_at: noon(),
    };
    world
        .outboxes
        .add(&of_all.key, std::slice::from_ref(&entry))
        .await
        .unwrap();
    assert_eq!(world.find(&of_all).await.unwrap().r#type, Some(kind()));
    let (open, next) = open_messages((&world.messages, &world.outboxes), &of_all, None, 10, noon())
        .await
        .unwrap();
    assert_eq!((open.len(), next), (1, None));
    assert_eq!((open[0].fate, open[0].r#type.clone()), (FateName::Open, Some(kind())));
    let sent = record(Some(MessageFate::Sent), &[None]);
    world.messages.put(&own.key, &[(id(0), sent)]).await;
    assert_eq!(world.find(&own).await.unwrap().fate, FateName::Sent);
    let none = World::of(&[(&own, Verdict::NotSubscribed)]).await;
    assert_eq!(none.find(&own).await, None);
}

#[tokio::test]
async fn one_message_shows_the_refusal_and_the_headers_that_were_certainly_sent() {
    let mut own = endpoint();
    own.credentials.headers = Some(SealedHeaders {
        names: vec!["X-Team".to_owned()],
        sealed: vec![],
    });
    let world = World::of(&[(&own, Verdict::Queued)]).await;
    let mut failed = record(None, &[Some(AttemptCode::Failed), Some(AttemptCode::TimedOut)]);
    failed.attempts[1].status = None;
    failed.attempts[1].excerpt = None;
    world.messages.put(&own.key, &[(id(0), failed.clone())]).await;
    let shown = world.find(&own).await.unwrap();
    let excerpt = shown.attempts[0].excerpt.as_ref().map(Excerpt::as_str);
    assert_eq!(excerpt, Some("no such sku"));
    assert_eq!(
        shown.attempts[1].request_headers, None,
        "nobody knows whether it was sent"
    );
    let value = |view: &MessageView, name: &str| {
        let headers = view.attempts[0].request_headers.as_ref().unwrap();
        let header = headers.iter().find(|header| header.name == name);
        header.map(|header| header.value.clone().unwrap_or_else(|| "?".to_owned()))
    };
    let at = |revision: u32| {
        let mut endpoint = own.clone();
        endpoint.revision = revision;
        MessageView::in_detail(&endpoint, &id(0), &failed, after(60))
    };
    for (name, sent, after_a_change) in [
        ("webhook-id", Some(id(0).to_string()), Some(id(0).to_string())),
        ("webhook-signature", Some("v1,…".to_owned()), Some("?".to_owned())),
        ("hookline-attempt", Some("1".to_owned()), Some("1".to_owned())),
        ("hookline-replay", None, None),
        ("x-team", Some("?".to_owned()), None),
    ] {
        assert_eq!(value(&at(1), name), sent, "{name}");
        assert_eq!(value(&at(2), name), after_a_change, "{name}");
    }
    let hidden = shown.without_excerpts();
    assert_eq!(hidden.attempts[0].excerpt, None);
    assert!(hidden.attempts[0].request_headers.is_some());
    let listed = MessageView::of(&own, &id(0), &failed, after(60));
    assert!(
        listed
            .attempts
            .iter()
            .all(|attempt| attempt.excerpt.is_none() && attempt.request_headers.is_none())
    );
}

#[tokio::test]
async fn why_tells_the_fate_at_each_endpoint() {
    let (own, of_all) = (endpoint(), endpoint_of(Scope::All));
    let filtered = Verdict::Filtered("data.available = false".to_owned());
    let world = World::of(&[(&own, filtered), (&of_all, Verdict::Queued)]).await;
    let kept = crate::outbound::EventRecords::find(&world.events, &store(), &id(0))
        .await
        .unwrap()
        .unwrap();
    let ports = (&world.endpoints, &world.messages);
    let told = why(ports, &kept, |_| true, after(60)).await.unwrap();
    let told: Vec<(&str, Option<FateName>, &str)> =
        told.iter().map(|one| (&*one.owner, one.fate, &*one.sentence)).collect();
    let expected = [
        (
            "shopify#demo.myshopify.com",
            None,
            "Not sent: the condition data.available = false did not hold.",
        ),
        ("*", Some(FateName::Open), "Waits to be sent."),
    ];
    assert_eq!(told, expected);
    let sent = record(Some(MessageFate::Sent), &[None]);
    world.messages.put(&of_all.key, &[(id(0), sent)]).await;
    world.endpoints.remove(&own.key);
    let told = why(ports, &kept, |_| true, after(60)).await.unwrap();
    assert_eq!((told[0].url.clone(), told[1].attempts.len()), (None, 1));
    assert_eq!(
        told[1].url.as_deref(),
        Some("https://example.com/hook"),
        "a query may hold a token"
    );
    assert_eq!(why(ports, &kept, |_| false, noon()).await.unwrap(), []);
}

#[test]
fn numbers_are_grouped() {
    let grouped = [0, 999, 1204, 1_000_000].map(thousands);
    assert_eq!(grouped, ["0", "999", "1,204", "1,000,000"]);
}

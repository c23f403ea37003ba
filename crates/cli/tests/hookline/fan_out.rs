//! `hookline dlq fan-out`: the reason of each letter, and redriving.

use hookline_domain::{
    catalogue::event_message,
    memory,
    outbound::{BusVerdict, EventLog, KeptEvent, Settled, SubjectKey},
};
use hookline_testkit::{
    builders::{noon, store},
    emulator::EVENTS_TABLE,
};

use crate::harness::{CliOutput, Stack};

/// A stack with a fan-out queue and its dead letters.
struct FanOut {
    stack: Stack,
    queue: String,
    dead_letters: String,
}

impl FanOut {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let create = async |name: &str| {
            let made = stack.sqs.create_queue().queue_name(name).send().await.unwrap();
            made.queue_url.unwrap()
        };
        let (queue, dead_letters) = (create("fan-out").await, create("fan-out-dead").await);
        Self {
            stack,
            queue,
            dead_letters,
        }
    }

    async fn run(&self, arguments: &[&str]) -> CliOutput {
        let places = [
            "--fan-out-queue-url",
            &self.queue,
            "--fan-out-dead-letter-queue-url",
            &self.dead_letters,
            "--events-table",
            EVENTS_TABLE,
        ];
        self.stack
            .run(&[&["dlq", "fan-out"], arguments, &places].concat())
            .await
    }

    /// Adds a letter with two events from `nth` on, and returns its text.
    async fn put(&self, nth: usize) -> String {
        let events = [
            memory::event(&store("demo"), nth),
            memory::event(&store("demo"), nth + 1),
        ];
        let text = event_message::pack(&store("demo"), &events, usize::MAX).remove(0);
        self.stack.put(&self.dead_letters, &text).await;
        text
    }

    /// Keeps an event as one that the bus has refused, or accepted.
    async fn keep(&self, nth: usize, error: Option<&str>) {
        let event = memory::event(&store("demo"), nth);
        let kept = KeptEvent {
            store: store("demo"),
            id: event.id.clone(),
            kind: event.kind,
            subject: SubjectKey {
                kind: event.subject.kind,
                id: event.subject.id,
            },
            cause: None,
            at: event.timestamp,
            accepted_at: noon(),
            expires_at: noon(),
            json: "{}".to_owned(),
            verdicts: hookline_domain::outbound::Verdicts::new(),
            bus: BusVerdict::Queued,
            bus_error: None,
        };
        let settled = Settled {
            store: store("demo"),
            id: event.id,
            bus: error.map_or(BusVerdict::Sent, |_| BusVerdict::Queued),
            error: error.map(str::to_owned),
        };
        let log = self.stack.dynamodb.aws().event_log(EVENTS_TABLE);
        log.keep(&[kept]).await.remove(0).unwrap();
        log.settle(&[settled]).await.remove(0).unwrap();
    }
}

#[tokio::test]
async fn list_tells_the_reason_of_each_letter_and_removes_none() {
    let fan_out = FanOut::start().await;
    for (nth, errors) in [
        (0, [None, Some("missing (ResourceNotFoundException)")]),
        (10, [None, None]),
    ] {
        fan_out.put(nth).await;
        fan_out.keep(nth, errors[0]).await;
        fan_out.keep(nth + 1, errors[1]).await;
    }
    fan_out.put(20).await;
    let mut future = fan_out.put(30).await;
    future = future.replacen(r#""version":1"#, r#""version":2"#, 1);
    fan_out.stack.put(&fan_out.dead_letters, &future).await;
    fan_out.stack.put(&fan_out.dead_letters, "not ours").await;
    let output = fan_out.run(&["list", "--json"]).await;
    let mut reasons: Vec<String> = output
        .objects()
        .iter()
        .map(|letter| format!("{} {}", letter["events"], letter["reason"].as_str().unwrap()))
        .collect();
    reasons.sort();
    assert_eq!(
        reasons,
        [
            "0 not ours: the message's first line names no store of events",
            "2 2 of its events are not kept; the function's log has the reason",
            "2 2 of its events are not kept; the function's log has the reason",
            "2 an event has version 2 of the schema; update the fan-out function, then redrive",
            "2 every event is with its listeners; redriving changes nothing",
            "2 only the event bus refuses: 1 of its events, missing (ResourceNotFoundException)",
        ]
    );
    let again = fan_out.run(&["list", "--json"]).await;
    assert_eq!(again.objects().len(), 6, "all are visible again");
}

#[tokio::test]
async fn redrive_moves_letters_unchanged_and_leaves_foreign_messages() {
    let fan_out = FanOut::start().await;
    let mut sent = Vec::new();
    for nth in 0..12 {
        sent.push(fan_out.put(2 * nth).await);
    }
    fan_out.stack.put(&fan_out.dead_letters, "not ours").await;
    let output = fan_out.run(&["redrive", "--dry-run", "--json"]).await;
    assert_eq!(output.objects().len(), 12);
    assert!(output.err.contains("12 dead letters would be moved"), "{output:?}");
    let output = fan_out.run(&["redrive", "--limit", "5", "--json"]).await;
    assert_eq!(output.objects().len(), 5, "{output:?}");
    let output = fan_out.run(&["redrive"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.err.contains("7 dead letters moved"), "{output:?}");
    assert!(output.err.contains("1 message not ours left"), "{output:?}");
    let received = fan_out.stack.receive_all(&fan_out.queue).await;
    let mut received: Vec<String> = received.into_iter().map(|message| message.body.unwrap()).collect();
    received.sort();
    sent.sort();
    assert_eq!(received, sent);
    assert_eq!(fan_out.run(&["list", "--json"]).await.objects().len(), 1);
}

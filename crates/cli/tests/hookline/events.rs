//! `hookline event`: lists, shows and publishes events.

use hookline_domain::{
    catalogue::event_message,
    memory,
    outbound::{BusVerdict, EventLog, KeptEvent, Settled, SubjectKey},
    store::stores::{StoreUpdate, Stores},
};
use hookline_events::{Cause, EventId};
use hookline_testkit::{
    builders::{noon, store},
    emulator::{EVENTS_TABLE, STORES_TABLE},
};

use crate::harness::{CliOutput, Stack};

const STORE: &str = "demo.myshopify.com";

/// A stack with a fan-out queue and a table of events.
struct Events {
    stack: Stack,
    queue: String,
}

impl Events {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let made = stack.sqs.create_queue().queue_name("fan-out").send().await.unwrap();
        let stores = stack.dynamodb.aws().stores(STORES_TABLE);
        stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
        Self {
            stack,
            queue: made.queue_url.unwrap(),
        }
    }

    async fn run(&self, arguments: &[&str]) -> CliOutput {
        let places = ["--fan-out-queue-url", &self.queue, "--events-table", EVENTS_TABLE];
        self.stack.run(&[&["event"], arguments, &places].concat()).await
    }

    /// Keeps an event of a type, `nth` seconds after noon, that a delivery caused.
    async fn keep(&self, nth: usize, kind: &str) -> EventId {
        let mut event = memory::event(&store("demo"), nth);
        event.kind = kind.parse().unwrap();
        event.changed = Some(vec!["inventory".to_owned(), "price".to_owned()]);
        event.cause = Some(Cause {
            topic: "products/update".to_owned(),
            delivery_id: Some(format!("delivery-{nth}")),
            received_at: noon(),
        });
        let kept = KeptEvent {
            json: serde_json::to_string(&event).unwrap(),
            store: store("demo"),
            id: event.id.clone(),
            kind: event.kind,
            subject: SubjectKey {
                kind: event.subject.kind,
                id: event.subject.id,
            },
            cause: Some(format!("delivery-{nth}").parse().unwrap()),
            at: event.timestamp,
            accepted_at: noon(),
            expires_at: noon(),
            verdicts: hookline_domain::outbound::Verdicts::new(),
            bus: BusVerdict::Queued,
            bus_error: None,
        };
        let settled = Settled {
            store: store("demo"),
            id: event.id.clone(),
            bus: BusVerdict::Queued,
            error: Some("throttled".to_owned()),
        };
        let log = self.stack.dynamodb.aws().event_log(EVENTS_TABLE);
        log.keep(&[kept]).await.remove(0).unwrap();
        log.settle(&[settled]).await.remove(0).unwrap();
        event.id
    }

    /// Takes the events of one message of the fan-out queue.
    async fn sent(&self) -> Vec<hookline_events::Event> {
        let received = self.stack.sqs.receive_message().queue_url(&self.queue).send().await;
        let message = received.unwrap().messages.unwrap().remove(0);
        let handle = message.receipt_handle.unwrap();
        let delete = self
            .stack
            .sqs
            .delete_message()
            .queue_url(&self.queue)
            .receipt_handle(handle);
        delete.send().await.unwrap();
        let text = message.body.unwrap();
        let opened = event_message::open(&text).unwrap();
        assert_eq!(opened.store, store("demo"));
        opened.events.into_iter().map(|sent| sent.unwrap().event).collect()
    }
}

#[tokio::test]
async fn events_are_listed_newest_first_with_change_and_cause() {
    let events = Events::start().await;
    for (nth, kind) in ["custom.noted", "custom.stock.low", "custom.noted"].iter().enumerate() {
        events.keep(nth, kind).await;
    }
    let all = events.run(&["list", STORE]).await;
    assert_eq!(all.status, 0, "{all:?}");
    let lines: Vec<&str> = all.out.lines().collect();
    assert!(lines[0].contains("TIME") && lines[0].contains("CHANGED"), "{}", all.out);
    assert!(
        lines[1].contains("note#2") && lines[1].contains("inventory, price") && lines[1].contains("delivery-2"),
        "{}",
        all.out
    );
    let subjects = async |more: &[&str]| {
        let listed = events.run(&[&["list", STORE, "--json"], more].concat()).await;
        let rows = listed.objects();
        let subjects = rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned());
        (subjects.collect::<Vec<_>>(), listed.err)
    };
    assert_eq!(subjects(&["--type", "custom.stock.*"]).await.0, ["note#1"]);
    assert_eq!(subjects(&["--subject", "note#0"]).await.0, ["note#0"]);
    assert_eq!(subjects(&["--cause", "delivery-2"]).await.0, ["note#2"]);
    assert_eq!(
        subjects(&["--from", "2026-11-21T12:00:01Z"]).await.0,
        ["note#2", "note#1"]
    );
    let (two, said) = subjects(&["--limit", "2"]).await;
    assert_eq!(two, ["note#2", "note#1"]);
    assert!(said.contains("--limit"), "{said}");
    let unknown = events.run(&["list", STORE, "--type", "weather"]).await;
    assert!(unknown.status == 2 && unknown.err.contains("product.*"), "{unknown:?}");
}

#[tokio::test]
async fn event_is_shown_with_payload_targets_and_the_command_that_traces_its_cause() {
    let events = Events::start().await;
    let id = events.keep(3, "custom.noted").await;
    let shown = events.run(&["show", STORE, id.as_str()]).await;
    assert_eq!(shown.status, 0, "{shown:?}");
    for words in [
        "hookline trace delivery-3 --store demo.myshopify.com --topic products/update",
        "bus queued (it is being sent): throttled",
        "inventory, price",
        "\n  \"subject\": {\n",
    ] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    let object = events.run(&["show", STORE, id.as_str(), "--json"]).await.object();
    assert_eq!(object["payload"]["id"], id.as_str());
    let other = memory::event(&store("demo"), 9).id;
    let unknown = events.run(&["show", STORE, other.as_str()]).await;
    assert!(
        unknown.status == 2 && unknown.err.contains("hookline event list"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn event_is_published_once_per_key() {
    let events = Events::start().await;
    let file = std::env::temp_dir().join(format!("hookline-event-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"count": 3}"#).unwrap();
    let data = format!("@{}", file.display());
    let publish = async |data: &str, more: &[&str]| {
        let arguments = ["publish", STORE, "custom.restocked", "--data", data];
        events.run(&[&arguments[..], more].concat()).await
    };
    let first = publish(&data, &["--key", "k"]).await;
    assert_eq!(first.status, 0, "{first:?}");
    assert!(
        first.err.contains("Nobody listens") && first.err.contains("hookline event show"),
        "{first:?}"
    );
    let sent = events.sent().await;
    assert_eq!(
        (sent[0].id.as_str(), sent[0].kind.as_str()),
        (first.out.trim(), "custom.restocked")
    );
    let again = publish("{}", &["--key", "k", "--json"]).await.object();
    assert_eq!(
        (&again["id"], &again["repeated"]),
        (&first.out.trim().into(), &true.into())
    );
    assert_eq!(events.sent().await[0].id, sent[0].id);
    let random = publish("{}", &["--subject", "product#7"]).await;
    assert_ne!(random.out, first.out);
    assert_eq!(events.sent().await[0].subject.id, "7");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn malformed_event_is_refused_with_what_to_do() {
    let events = Events::start().await;
    // `{"x":""}` has eight bytes.
    let large = format!(r#"{{"x":"{}"}}"#, "a".repeat(48 * 1024 - 7));
    for (arguments, words) in [
        (&[STORE, "order.created", "--data", "{}"][..], "custom."),
        (&[STORE, "custom.a", "--data", "[1]"], "not a JSON object"),
        (&[STORE, "custom.a", "--data", "@/nowhere.json"], "cannot be read"),
        (&[STORE, "custom.a", "--data", "{}", "--key", "a b"], "idempotency key"),
        (&[STORE, "custom.a", "--data", &large], "49153 bytes"),
        (
            &[STORE, "custom.a", "--data", "{}", "--session", &"s".repeat(129)],
            "session id",
        ),
        (&[STORE, "custom.a", "--data", "{}", "--session", "a\nb"], "session id"),
        (
            &["unknown.myshopify.com", "custom.a", "--data", "{}"],
            "hookline store list",
        ),
    ] {
        let refused = events.run(&[&["publish"], arguments].concat()).await;
        assert!(
            refused.status == 2 && refused.err.contains(words),
            "{words}: {refused:?}"
        );
    }
}

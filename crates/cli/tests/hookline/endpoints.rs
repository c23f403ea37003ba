//! `hookline endpoint`, `hookline message` and `hookline event why`, against tables, queues and a key.

use hookline_domain::{
    memory,
    outbound::{
        AttemptCode, AttemptRecord, BusVerdict, EndpointKey, EventLog, Excerpt, KeptEvent, MessageFate, MessageRecord,
        Messages, Scope, SubjectKey, Verdict, Verdicts,
    },
    store::stores::{StoreUpdate, Stores},
};
use hookline_outbound::OpenKeys;
use hookline_testkit::{
    builders::{noon, noon_plus, store},
    emulator::{ENDPOINTS_TABLE, EVENTS_TABLE, MESSAGES_TABLE, OUTBOXES_TABLE, STORES_TABLE},
    kms::Kms,
};

use crate::harness::{CliOutput, Stack, finish};

const STORE: &str = "demo.myshopify.com";

struct Endpoints {
    stack: Stack,
    kms: Kms,
    fast: String,
    slow: String,
}

impl Endpoints {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let mut queues = Vec::new();
        for name in ["dispatch", "slow-dispatch"] {
            let made = stack.sqs.create_queue().queue_name(name).send().await.unwrap();
            queues.push(made.queue_url.unwrap());
        }
        let stores = stack.dynamodb.aws().stores(STORES_TABLE);
        stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
        Self {
            stack,
            kms: Kms::start().await,
            slow: queues.remove(1),
            fast: queues.remove(0),
        }
    }

    async fn run(&self, arguments: &[&str]) -> CliOutput {
        let mut command = self.stack.hookline(arguments);
        command
            .env("AWS_ENDPOINT_URL_KMS", self.kms.endpoint())
            .env("ENDPOINT_KEY_ARN", self.kms.key())
            .env("ENDPOINTS_TABLE", ENDPOINTS_TABLE)
            .env("OUTBOXES_TABLE", OUTBOXES_TABLE)
            .env("MESSAGES_TABLE", MESSAGES_TABLE)
            .env("EVENTS_TABLE", EVENTS_TABLE)
            .env("DISPATCH_QUEUE_URL", &self.fast)
            .env("SLOW_DISPATCH_QUEUE_URL", &self.slow);
        finish(command.spawn().unwrap()).await
    }

    async fn object(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(output.status, 0, "{output:?}");
        output.objects().remove(0)
    }

    /// Adds an endpoint and returns its id.
    async fn add(&self) -> (String, serde_json::Value) {
        let url = "https://example.com/hook";
        let added = self
            .object(&[
                "endpoint", "add", url, "--store", STORE, "--types", "custom.*", "--header", "x-key: v",
            ])
            .await;
        (added["endpoint"]["id"].as_str().unwrap().to_owned(), added)
    }
}

#[tokio::test]
async fn credentials_are_set_shown_without_what_is_secret_and_removed() {
    let endpoints = Endpoints::start().await;
    let (id, _) = endpoints.add().await;
    let run = async |arguments: &[&str]| {
        let command = ["endpoint", "change", &id, "--store", STORE];
        endpoints.run(&[&command, arguments].concat()).await
    };
    let url = "https://login.example.com/token";
    let token = ["--oauth2-token-url", url, "--oauth2-client-id", "hookline"];
    let incomplete = run(&token).await;
    assert!(
        incomplete.status == 2 && incomplete.err.contains("--oauth2-client-secret"),
        "{incomplete:?}"
    );
    let secret = ["--oauth2-client-secret", "s3cret", "--oauth2-scope", "events"];
    let pem = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/endpoints/certificates/tls-ok.pem"
    );
    let other = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/endpoints/certificates/tls-other-name.pem"
    );
    let wrong = run(&["--client-certificate", pem, "--client-key", other]).await;
    assert!(wrong.status == 2 && wrong.err.contains("not the key"), "{wrong:?}");
    let certificate = ["--client-certificate", pem, "--client-key", pem];
    let changed = run(&[&token[..], &secret, &certificate].concat()).await;
    let expected = format!("{url}, client hookline, scope events");
    for part in [&*expected, "CN=Hookline tests, tls-ok, ends at 9999", "x-key"] {
        assert!(changed.out.contains(part), "{part}: {changed:?}");
    }
    assert!(!changed.out.contains("s3cret") && !changed.err.contains("s3cret"));
    let beside = run(&["--header", "authorization: a"]).await;
    assert!(beside.status == 2 && beside.err.contains("beside auth"), "{beside:?}");
    let removed = run(&["--no-auth", "--no-client-certificate"]).await;
    assert!(
        !removed.out.contains(url) && !removed.out.contains("tls-ok"),
        "{removed:?}"
    );
}

#[tokio::test]
async fn endpoint_is_added_shown_changed_paused_rotated_and_removed() {
    let endpoints = Endpoints::start().await;
    let (id, added) = endpoints.add().await;
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"));
    let of = ["--store", STORE];
    let run = async |arguments: &[&str]| endpoints.run(&[arguments, &of].concat()).await;
    let shown = run(&["endpoint", "show", &id]).await;
    assert!(
        shown.out.contains("active: Messages are sent.") && shown.out.contains("x-key"),
        "{shown:?}"
    );
    assert!(!shown.out.contains("whsec_"));
    let list = run(&["endpoint", "list"]).await;
    assert!(list.out.contains(&id) && list.err.contains("1 endpoint"), "{list:?}");
    let other = endpoints.run(&["endpoint", "list", "--all-stores"]).await;
    assert!(other.err.contains("0 endpoints"), "{other:?}");
    let changed = run(&["endpoint", "change", &id, "--keep-days", "3", "--no-headers"]).await;
    assert!(
        changed.out.contains("\"keep_days\": 3") && !changed.out.contains("x-key"),
        "{changed:?}"
    );
    let unchanged = run(&["endpoint", "change", &id, "--keep-days", "3"]).await;
    assert!(unchanged.status == 2 && unchanged.err.contains("nothing is to be changed"));
    let wrong = run(&["endpoint", "change", &id, "--keep-days", "15"]).await;
    assert!(wrong.status == 2 && wrong.err.contains("keep_days must be 1 to 14"));
    let paused = run(&["endpoint", "pause", &id, "--reason", "maintenance"]).await;
    assert!(paused.err.contains("(maintenance)"), "{paused:?}");
    let refused = run(&["endpoint", "test", &id]).await;
    assert!(
        refused.status == 2 && refused.err.contains("activate it"),
        "{refused:?}"
    );
    let activated = run(&["endpoint", "activate", &id, "--backlog", "drop"]).await;
    assert!(activated.err.contains("Messages are sent."), "{activated:?}");
    let rotated = run(&["endpoint", "rotate", &id, "--overlap-hours", "2"]).await;
    assert!(
        rotated.out.contains("whsec_") && rotated.err.contains("2 hours"),
        "{rotated:?}"
    );
    let status = run(&["endpoint", "status", &id]).await;
    assert_eq!(status.out, "Nothing has been sent yet. Nothing waits.\n");
    let counted = run(&["endpoint", "stats", &id]).await;
    assert!(counted.out.starts_with("24 hours since 20"), "{counted:?}");
    assert!(counted.out.ends_with("Nothing was sent in this time.\n"), "{counted:?}");
    let wrong = run(&["endpoint", "stats", &id, "--hours", "721"]).await;
    assert!(wrong.status == 2 && wrong.err.contains("1..=720"), "{wrong:?}");
    let unsure = run(&["endpoint", "remove", &id]).await;
    assert!(unsure.status == 2 && unsure.err.contains("--yes"), "{unsure:?}");
    let removed = run(&["endpoint", "remove", &id, "--yes"]).await;
    assert!(removed.err.contains("Deleted at"), "{removed:?}");
    let unknown = run(&["endpoint", "show", "ep_1"]).await;
    assert!(
        unknown.err.contains("hookline endpoint list --store demo"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn what_is_sealed_opens_with_the_key_of_the_dispatcher() {
    use hookline_domain::outbound::{EndpointRecords, EndpointVault};

    let endpoints = Endpoints::start().await;
    let (id, added) = endpoints.add().await;
    let key = EndpointKey {
        scope: Scope::Store(store("demo")),
        id: id.parse().unwrap(),
    };
    let stored = endpoints
        .stack
        .dynamodb
        .aws()
        .endpoints(ENDPOINTS_TABLE)
        .read(&key)
        .await;
    let secret = stored.unwrap().unwrap().secrets.remove(0);
    let vault = endpoints.kms.aws().vault(endpoints.kms.key());
    let open = EndpointVault::open(&vault, &key, &secret.sealed).await.unwrap();
    let keys = OpenKeys::from_bytes(&open).unwrap();
    assert_eq!(added["secret"], keys.secret.text().reveal());
}

#[tokio::test]
async fn messages_are_listed_retried_replayed_and_explained() {
    let endpoints = Endpoints::start().await;
    let (id, _) = endpoints.add().await;
    let key = EndpointKey {
        scope: Scope::Store(store("demo")),
        id: id.parse().unwrap(),
    };
    let event = memory::event(&store("demo"), 0);
    let kept = KeptEvent {
        json: serde_json::to_string(&event).unwrap(),
        store: store("demo"),
        subject: SubjectKey {
            kind: event.subject.kind,
            id: event.subject.id,
        },
        cause: None,
        at: event.timestamp,
        accepted_at: noon(),
        expires_at: noon_plus(86_400),
        verdicts: Verdicts::from([(key.clone(), Verdict::Queued)]),
        bus: BusVerdict::Off,
        bus_error: None,
        kind: event.kind.clone(),
        id: event.id.clone(),
    };
    let aws = endpoints.stack.dynamodb.aws();
    aws.event_log(EVENTS_TABLE).keep(&[kept]).await.remove(0).unwrap();
    let mut record = MessageRecord::new(store("demo"), Some(event.kind), noon());
    record.fate = Some(MessageFate::Exhausted);
    record.attempts.push(AttemptRecord {
        at: noon(),
        took_ms: 70,
        status: Some(500),
        code: Some(AttemptCode::Failed),
        number: Some(1),
        revision: Some(1),
        excerpt: Excerpt::of(b"no such sku"),
    });
    let put = aws
        .messages(MESSAGES_TABLE, EVENTS_TABLE)
        .put(&key, &[(event.id.clone(), record)])
        .await;
    assert!(put[0].as_ref().is_ok_and(|written| *written));
    let (of, event) = (["--store", STORE], event.id.to_string());
    let run = async |arguments: &[&str]| endpoints.run(&[arguments, &of].concat()).await;
    let list = run(&["message", "list", &id, "--fate", "exhausted"]).await;
    assert!(list.out.contains(&event) && list.out.contains("500"), "{list:?}");
    let shown = run(&["message", "show", &id, &event]).await;
    assert!(
        shown.out.contains("Given up") && shown.out.contains("70 ms"),
        "{shown:?}"
    );
    assert!(shown.out.contains("It said: no such sku"), "{shown:?}");
    assert!(shown.out.contains(&format!("> webhook-id: {event}")), "{shown:?}");
    assert!(shown.out.contains("> webhook-timestamp: (not shown)"), "{shown:?}");
    let why = endpoints.run(&["event", "why", STORE, &event]).await;
    assert!(why.out.contains("exhausted") && why.out.contains("Given up"), "{why:?}");
    let from = noon_plus(-60).to_string();
    let dry = run(&["endpoint", "replay", &id, "--from", &from, "--dry-run"]).await;
    assert!(dry.err.contains("1 message would be sent again, of 1 event"), "{dry:?}");
    let retried = run(&["message", "retry", &id, &event]).await;
    assert_eq!(retried.status, 0, "{retried:?}");
    let open = run(&["message", "list", &id, "--fate", "open"]).await;
    assert!(open.out.contains(&event), "{open:?}");
    let woken = endpoints
        .stack
        .sqs
        .receive_message()
        .queue_url(&endpoints.slow)
        .send()
        .await;
    let body = woken.unwrap().messages.unwrap().remove(0).body.unwrap();
    assert!(body.contains(&id), "{body}");
}

//! `hookline listen` against a stack's API over HTTP and WebSocket, made by hand, and a handler that checks signatures.

use std::{
    collections::{HashMap, VecDeque},
    process::Stdio,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt, StreamExt};
use hookline_domain::memory;
use hookline_testkit::builders::store;
use hookline_webhooks::Verifier;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::mpsc,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

const SECRET: &str = "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=";
const SNAPSHOT: &str = r#"{"type":"snapshot","store":"demo.myshopify.com"}"#;
const UPDATE: &str = r#"{"type":"update","store":"demo.myshopify.com"}"#;

/// A request, as received.
#[derive(Debug, Clone)]
struct Request {
    line: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

type Requests = Arc<Mutex<Vec<Request>>>;

/// A server that answers each request; returns its URL and the requests that it gets.
async fn serve(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Requests::default();
    let received = Arc::clone(&requests);
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (received, answer) = (Arc::clone(&received), Arc::clone(&answer));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let request = read(&mut stream).await;
                let (status, body) = answer(&request);
                received.lock().unwrap().push(request);
                let head = format!(
                    "HTTP/1.1 {status} Said\r\nlocation: /elsewhere\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            });
        }
    });
    (url, requests)
}

async fn read(stream: &mut BufReader<TcpStream>) -> Request {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: HashMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Request {
        line: lines.swap_remove(0),
        headers,
        body,
    }
}

/// A WebSocket API that sends frames to each connection once it watches, and closes all connections but the last. Returns
/// its URL, and what its clients say.
async fn live(frames: Vec<Vec<String>>) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (sender, heard) = mpsc::unbounded_channel();
    let mut frames = VecDeque::from(frames);
    tokio::spawn(async move {
        while let Some(frames_now) = frames.pop_front() {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            let watch = socket.next().await.unwrap().unwrap();
            sender.send(watch.to_text().unwrap().to_owned()).unwrap();
            for frame in frames_now {
                socket.send(Message::text(frame)).await.unwrap();
            }
            if frames.is_empty() {
                // Holds the connection open until the client closes it.
                while let Some(Ok(_)) = socket.next().await {}
            } else {
                socket.close(None).await.unwrap();
            }
        }
    });
    (url, heard)
}

/// The HTTP API of a stack.
async fn api(live_url: String) -> (String, Requests) {
    serve(move |request| {
        let body = match request.line.split(' ').nth(1).unwrap() {
            "/api/me" => json!({"live_url": live_url}),
            "/api/live/tickets" => json!({"ticket": "a-ticket", "expires_in": 30}),
            _ => json!({}),
        };
        (200, body.to_string())
    })
    .await
}

/// The command, running.
struct Listening {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Listening {
    fn start(api_url: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hookline"))
            .args(["listen", "demo.myshopify.com", "--api-url", api_url])
            .args(arguments)
            .env_clear()
            .env("HOOKLINE_TOKEN", "hl_token")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err }
    }

    /// The next line of standard error that contains `part`.
    async fn says(&mut self, part: &str) -> String {
        let mut said = Vec::new();
        while let Some(line) = self.err.next_line().await.unwrap() {
            if line.contains(part) {
                return line;
            }
            said.push(line);
        }
        panic!("it says {said:?} and not {part:?}")
    }

    async fn prints(&mut self) -> String {
        self.out.next_line().await.unwrap().unwrap()
    }

    /// Interrupts it, and returns its exit status and the rest of what it says.
    async fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .await
                .unwrap()
                .success()
        );
        self.end().await
    }

    async fn end(&mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        while let Some(line) = self.err.next_line().await.unwrap() {
            rest.push(line);
        }
        (self.child.wait().await.unwrap().code(), rest.join("\n"))
    }
}

fn event(nth: usize) -> String {
    serde_json::to_string(&memory::event(&store("demo"), nth)).unwrap()
}

fn frame(json: &str) -> String {
    format!(r#"{{"type":"event","event":{json}}}"#)
}

fn lines(requests: &Requests) -> Vec<String> {
    let requests = requests.lock().unwrap();
    requests
        .iter()
        .map(|request| request.line.replace(" HTTP/1.1", ""))
        .collect()
}

#[tokio::test]
async fn events_are_forwarded_as_signed_webhooks_and_the_session_ends_with_the_command() {
    // A later version, with an order of fields that a parser would change.
    let odd = event(2).replacen(r#""version":1"#, r#""later":{"z":1,"a":2},"version":2"#, 1);
    let other = event(3).replace("custom.noted", "product.noted");
    let frames = [
        SNAPSHOT.to_owned(),
        frame(&event(1)),
        UPDATE.to_owned(),
        frame(&other),
        frame(&odd),
    ];
    let (live_url, mut heard) = live(vec![frames.to_vec()]).await;
    let (api_url, calls) = api(live_url).await;
    let (handler_url, posts) = serve(|_| (204, String::new())).await;
    let arguments = [
        "--forward",
        &handler_url,
        "--secret",
        SECRET,
        "--types",
        "custom.*",
        "--json",
    ];
    let mut command = Listening::start(&api_url, &arguments);
    command.says("listening to demo.myshopify.com").await;
    for number in ["1", "2"] {
        let line: Value = serde_json::from_str(&command.prints().await).unwrap();
        assert_eq!((&line["status"], &line["error"]), (&json!(204), &Value::Null), "{line}");
        assert_eq!(
            (&line["type"], &line["subject"]["id"]),
            (&json!("custom.noted"), &json!(number))
        );
    }
    let (status, said) = command.interrupt().await;
    assert_eq!(
        (status, said.as_str()),
        (Some(0), "· 2 events, 2 answered with success")
    );

    let verifier = Verifier::new([SECRET]).unwrap();
    let bodies: Vec<String> = posts
        .lock()
        .unwrap()
        .iter()
        .map(|post| {
            let header = |name: &str| post.headers.get(name).map(String::as_str);
            let id = verifier
                .verify(header, &post.body, jiff::Timestamp::now().into())
                .unwrap();
            assert!(String::from_utf8_lossy(&post.body).contains(id));
            assert_eq!(header("content-type"), Some("application/json"));
            String::from_utf8(post.body.clone()).unwrap()
        })
        .collect();
    assert_eq!(bodies, [event(1), odd], "byte for byte, in order, each once");

    let watch: Value = serde_json::from_str(&heard.recv().await.unwrap()).unwrap();
    assert_eq!(watch["events"], true);
    let calls = calls.lock().unwrap().clone();
    let begun: Value = serde_json::from_slice(&calls[1].body).unwrap();
    assert_eq!(begun["types"], json!(["custom.*"]));
    let session = begun["session"].as_str().unwrap();
    let made: Vec<_> = calls.iter().map(|call| call.line.replace(" HTTP/1.1", "")).collect();
    assert_eq!(
        made,
        [
            "GET /api/me",
            "POST /api/stores/demo.myshopify.com/listen",
            "POST /api/live/tickets",
            &format!("DELETE /api/stores/demo.myshopify.com/listen/{session}"),
        ]
    );
    assert!(
        calls
            .iter()
            .all(|call| call.headers["authorization"] == "Bearer hl_token")
    );
}

#[tokio::test]
async fn broken_connection_is_opened_again_with_another_ticket_and_failures_are_printed() {
    let first = vec![SNAPSHOT.to_owned(), frame(&event(1))];
    let second = vec![SNAPSHOT.to_owned(), frame(&event(2))];
    let (live_url, _heard) = live(vec![first, second]).await;
    let (api_url, calls) = api(live_url).await;
    let (handler_url, posts) = serve(|_| (302, String::new())).await;
    let mut command = Listening::start(&api_url, &["--forward", &handler_url]);
    let began = jiff::Timestamp::now();
    let secret = command.says("your handler's secret is").await;
    assert!(secret.contains("whsec_"), "{secret}");
    command.says("not connected, trying again: the server closed it").await;
    command.says("connected again after").await;
    for subject in ["note 1", "note 2"] {
        let line = command.prints().await;
        assert!(line.contains(subject) && line.contains("  302  "), "{line}");
    }
    let (status, said) = command.interrupt().await;
    let (counts, missing) = said.split_once('\n').unwrap();
    assert_eq!(
        (status, counts),
        (Some(1), "· 2 events, 0 answered with success, 2 failed")
    );
    let (before, from) = missing.split_once(" --from ").unwrap();
    assert_eq!(
        before,
        "· events during 1 break are not among them; to list all: hookline event list demo.myshopify.com"
    );
    assert!(from.parse::<jiff::Timestamp>().unwrap() <= began);
    assert_eq!(lines(&posts), ["POST /", "POST /"], "a redirect is not followed");
    let tickets = lines(&calls).iter().filter(|line| line.contains("tickets")).count();
    assert_eq!(tickets, 2);
}

#[tokio::test]
async fn handler_that_does_not_run_is_named_and_without_one_events_are_only_printed() {
    let (live_url, _heard) = live(vec![vec![SNAPSHOT.to_owned(), frame(&event(1))]]).await;
    let (api_url, _) = api(live_url).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let mut command = Listening::start(&api_url, &["--forward", &nowhere, "--secret", SECRET]);
    let line = command.prints().await;
    assert!(line.contains("failed: Connection refused"), "{line}");
    assert_eq!(command.interrupt().await.0, Some(1));

    let omitted = r#"{"type":"event_omitted","id":"evt_01M8KC7FD03QH5TX988ZJ0TNS4"}"#.to_owned();
    let (live_url, _heard) = live(vec![vec![SNAPSHOT.to_owned(), omitted, frame(&event(1))]]).await;
    let (api_url, _) = api(live_url).await;
    let mut command = Listening::start(&api_url, &[]);
    command.says("listening to").await;
    let said = command.says("too large for the connection").await;
    assert!(
        said.ends_with("hookline event show demo.myshopify.com evt_01M8KC7FD03QH5TX988ZJ0TNS4"),
        "{said}"
    );
    let line = command.prints().await;
    assert!(line.contains("custom.noted ") && line.ends_with(" note 1"), "{line}");
    assert_eq!(command.interrupt().await, (Some(0), "· 1 event".to_owned()));
}

#[tokio::test]
async fn refusals_end_the_command_and_say_what_to_do() {
    for (status, body, part) in [
        (
            403,
            r#"{"message":"Forbidden"}"#,
            "hookline token create --role admin --store demo.myshopify.com",
        ),
        (
            403,
            r#"{"error":"this token may see the store"}"#,
            "this token may see the store",
        ),
        (404, r#"{"message":"Not Found"}"#, "update the stack with `make deploy`"),
        (
            503,
            r#"{"error":"try again in a moment"}"#,
            "the API answers 503: try again in a moment",
        ),
    ] {
        let (api_url, _) = serve(move |_| (status, body.to_owned())).await;
        let mut command = Listening::start(&api_url, &[]);
        let (exit, said) = command.end().await;
        assert_eq!(exit, Some(2));
        assert!(said.contains(part), "{said}");
    }
    // The connection is refused: another store's, or a token that was revoked meanwhile.
    for (frame, part) in [
        (
            r#"{"type":"refused","message":"this store is unknown, or you may not see it"}"#,
            "this store is unknown",
        ),
        (r#"{"type":"revoked"}"#, "the token has been revoked"),
    ] {
        let (live_url, _heard) = live(vec![vec![frame.to_owned()]]).await;
        let (api_url, calls) = api(live_url).await;
        let mut command = Listening::start(&api_url, &[]);
        let (exit, said) = command.end().await;
        assert_eq!(exit, Some(2));
        assert!(said.contains(part), "{said}");
        assert!(
            lines(&calls).iter().any(|line| line.starts_with("DELETE ")),
            "the session is ended"
        );
    }
}

#[tokio::test]
async fn missing_or_malformed_settings_are_named() {
    for (arguments, variables, part) in [
        (
            &["listen", "demo.myshopify.com"][..],
            &[("HOOKLINE_TOKEN", "hl_x")][..],
            "API_URL is not set",
        ),
        (
            &["listen", "demo.myshopify.com", "--api-url", "http://127.0.0.1:1"],
            &[],
            "set HOOKLINE_TOKEN",
        ),
        (
            &["listen", "demo.myshopify.com", "--types", "prodct.*"],
            &[],
            "\"prodct.*\" is no type of events",
        ),
        (
            &["listen", "demo.myshopify.com", "--forward", "localhost:3000"],
            &[],
            "not an address",
        ),
        (
            &[
                "listen",
                "demo.myshopify.com",
                "--forward",
                "http://localhost",
                "--secret",
                "whsec_short",
            ],
            &[],
            "base64 of 24 to 64 bytes",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_hookline"))
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}

//! Requests to the handler on this machine, and what is printed of each.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::Result;
use hookline_events::EventId;
use hookline_outbound::SigningSecret;
use jiff::Timestamp;
use reqwest::{Client, Url, redirect::Policy};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc::UnboundedReceiver;

use super::api::cause;
use crate::output::Output;

/// Time within which an answer must begin.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An event that has arrived. Only what is needed is read of it, so that events of later versions pass.
#[derive(Debug, Deserialize)]
pub struct Arrived {
    pub id: EventId,
    #[serde(rename = "type")]
    pub kind: String,
    subject: Subject,
    /// Its JSON, byte for byte.
    #[serde(skip)]
    pub json: String,
}

/// Thing that an event is about.
#[derive(Debug, Deserialize, Serialize)]
struct Subject {
    kind: String,
    id: String,
}

/// Sends signed webhooks to one address.
pub struct Forward {
    client: Client,
    url: Url,
    secret: SigningSecret,
    timeout: Duration,
}

/// Counts of events.
#[derive(Debug, Default)]
pub struct Tally {
    pub seen: Cell<usize>,
    pub succeeded: Cell<usize>,
    pub failed: Cell<usize>,
    /// Number of connections that broke.
    pub breaks: Cell<usize>,
    /// Earliest time of events that the first break may have withheld.
    pub missing_from: Cell<Option<Timestamp>>,
}

/// Outcome of a request.
#[derive(Debug, Serialize)]
struct Outcome {
    /// Status of the answer.
    status: Option<u16>,
    /// Time until the answer began.
    ms: Option<u128>,
    /// Reason why there is no answer.
    error: Option<String>,
}

/// Line about an event, for programs.
#[derive(Serialize)]
struct Printed<'a> {
    at: Timestamp,
    id: &'a EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a Subject,
    #[serde(flatten)]
    outcome: Option<&'a Outcome>,
    event: &'a RawValue,
}

impl Tally {
    /// Notes that a connection broke, whose last events may be missing from this time on.
    pub fn broke(&self, missing_from: Timestamp) {
        self.breaks.set(self.breaks.get() + 1);
        self.missing_from.set(self.missing_from.get().or(Some(missing_from)));
    }

    /// Number of events that were not sent to the handler.
    pub fn unsent(&self) -> usize {
        self.seen.get() - self.succeeded.get() - self.failed.get()
    }
}

impl Outcome {
    fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

impl Forward {
    pub fn new(url: Url, secret: SigningSecret) -> Result<Self> {
        Self::with_timeout(url, secret, TIMEOUT)
    }

    #[expect(clippy::disallowed_methods, reason = "the person at this machine names the handler")]
    fn with_timeout(url: Url, secret: SigningSecret, timeout: Duration) -> Result<Self> {
        let client = Client::builder()
            .timeout(timeout)
            .redirect(Policy::none())
            // The handler is on this machine or near it.
            .no_proxy()
            .user_agent(concat!("hookline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            url,
            secret,
            timeout,
        })
    }

    async fn post(&self, event: &Arrived) -> Outcome {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json");
        for (name, value) in self.secret.headers(&event.id, event.json.as_bytes(), Timestamp::now()) {
            request = request.header(name, value);
        }
        let began = Instant::now();
        match request.body(event.json.clone()).send().await {
            Ok(response) => Outcome {
                status: Some(response.status().as_u16()),
                ms: Some(began.elapsed().as_millis()),
                error: None,
            },
            Err(error) => Outcome {
                status: None,
                ms: None,
                error: Some(if error.is_timeout() {
                    format!("no answer within {:?}", self.timeout)
                } else {
                    cause(&error)
                }),
            },
        }
    }
}

/// Sends events one after another, if there is where to, and prints a line for each.
///
/// # Errors
/// If nothing can be printed.
pub async fn deliver(
    out: &Output,
    forward: Option<&Forward>,
    mut events: UnboundedReceiver<Arrived>,
    tally: &Tally,
) -> Result<()> {
    while let Some(event) = events.recv().await {
        let outcome = match forward {
            Some(forward) => Some(forward.post(&event).await),
            None => None,
        };
        if let Some(outcome) = &outcome {
            let counter = if outcome.succeeded() {
                &tally.succeeded
            } else {
                &tally.failed
            };
            counter.set(counter.get() + 1);
        }
        print(out, &event, outcome.as_ref())?;
    }
    Ok(())
}

fn print(out: &Output, event: &Arrived, outcome: Option<&Outcome>) -> Result<()> {
    let at = Timestamp::now();
    if out.json {
        return out.object(&Printed {
            at,
            id: &event.id,
            kind: &event.kind,
            subject: &event.subject,
            outcome,
            event: serde_json::from_str(&event.json)?,
        });
    }
    let Subject { kind, id } = &event.subject;
    let ending = match outcome {
        None => String::new(),
        Some(Outcome { error: Some(error), .. }) => format!("  failed: {error}"),
        Some(Outcome { status, ms, .. }) => {
            format!("  {}  {} ms", status.unwrap_or_default(), ms.unwrap_or_default())
        }
    };
    out.text(&format!(
        "{}  {:<26} {kind} {id}{ending}",
        at.strftime("%H:%M:%SZ"),
        event.kind
    ))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use super::*;

    /// Address of a handler that does this with each connection.
    fn handler(handle: impl Fn(TcpStream) + Send + 'static) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || listener.incoming().for_each(|stream| handle(stream.unwrap())));
        format!("http://{address}").parse().unwrap()
    }

    /// Reads one request; false at the end of the connection.
    fn read(stream: &mut BufReader<TcpStream>) -> bool {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or_default() == 0 {
                return false;
            }
            if let Some(text) = line.to_lowercase().strip_prefix("content-length: ") {
                length = text.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        stream.read_exact(&mut vec![0; length]).is_ok()
    }

    fn arrived() -> Arrived {
        let json = r#"{"id":"evt_01M8KC7FD03QH5TX988ZJ0TNS4","type":"a","subject":{"kind":"a","id":"1"}}"#;
        let mut arrived: Arrived = serde_json::from_str(json).unwrap();
        json.clone_into(&mut arrived.json);
        arrived
    }

    fn forward(url: Url, timeout: Duration) -> Forward {
        Forward::with_timeout(url, SigningSecret::generate().unwrap(), timeout).unwrap()
    }

    #[tokio::test]
    async fn handler_that_hangs_is_given_up_and_named() {
        let url = handler(|stream| {
            let mut stream = BufReader::new(stream);
            // Answers nothing until the command closes the connection.
            while read(&mut stream) {}
        });
        let outcome = forward(url, Duration::from_millis(50)).post(&arrived()).await;
        assert_eq!(
            (outcome.status, outcome.error.as_deref()),
            (None, Some("no answer within 50ms"))
        );
    }

    #[tokio::test]
    async fn second_answer_of_a_handler_is_not_taken_for_that_to_the_next_event() {
        let url = handler(|stream| {
            let mut stream = BufReader::new(stream);
            while read(&mut stream) {
                let twice = b"HTTP/1.1 204 Yes\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
                stream.get_mut().write_all(twice).unwrap();
            }
        });
        let forward = forward(url, TIMEOUT);
        for _ in 0..10 {
            let outcome = forward.post(&arrived()).await;
            assert_eq!((outcome.status, outcome.error), (Some(204), None));
        }
    }

    #[tokio::test]
    async fn handler_that_breaks_off_is_named() {
        let url = handler(|stream| {
            let mut stream = BufReader::new(stream);
            read(&mut stream);
            stream.get_mut().write_all(b"HTTP/1.1 2").unwrap();
        });
        let outcome = forward(url, TIMEOUT).post(&arrived()).await;
        assert_eq!(outcome.status, None);
        assert!(outcome.error.is_some());
    }
}

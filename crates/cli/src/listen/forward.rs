//! Requests to the handler on this machine, and what is printed of each.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::Result;
use hookline_domain::outbound::SigningSecret;
use hookline_events::EventId;
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
}

/// Counts of events.
#[derive(Debug, Default)]
pub struct Tally {
    pub seen: Cell<usize>,
    pub succeeded: Cell<usize>,
    pub failed: Cell<usize>,
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
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // The handler is on this machine or near it.
            .no_proxy()
            .user_agent(concat!("hookline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, url, secret })
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
                    format!("no answer within {} s", TIMEOUT.as_secs())
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

//! The WebSocket over which events arrive. It is opened again whenever it breaks.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::{SinkExt, StreamExt};
use hookline_domain::outbound::TypePattern;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::{net::TcpStream, sync::mpsc::UnboundedSender};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error as SocketError, Message},
};

use super::{
    api::{Api, CallError},
    forward::{Arrived, Tally},
};
use crate::output::say;

/// Interval between pings. API Gateway closes connections after ten idle minutes, and all after two hours
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>).
const PING_EVERY: Duration = Duration::from_mins(2);

/// Time for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits between attempts to connect: doubled from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// Time from an event until it arrives here, generously: events of this time before a break may be missing, too.
const ON_THE_WAY: SignedDuration = SignedDuration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connections to the WebSocket API, one after another.
pub struct Connection<'a> {
    pub api: &'a Api,
    pub live_url: Url,
    /// Types of events to take; all if there are none.
    pub types: &'a [TypePattern],
}

/// A message of the server. Others than these are about the store's status.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    /// Of `event`: as it was sent, byte for byte.
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// Of `event_omitted`.
    id: Option<String>,
    /// Of `refused`.
    message: Option<String>,
}

/// Reason why a connection has ended. The next one may succeed.
struct Broken(String);

impl Connection<'_> {
    /// Takes events until the server refuses for good.
    pub async fn follow(&self, events: &UnboundedSender<Arrived>, tally: &Tally) -> Result<()> {
        let (mut wait, mut broken_at) = (FIRST_WAIT, None);
        let mut heard_at = Timestamp::now();
        loop {
            let Broken(reason) = self.follow_once(events, tally, &mut broken_at, &mut heard_at).await?;
            if broken_at.is_none() {
                broken_at = Some(Instant::now());
                wait = FIRST_WAIT;
                tally.broke(heard_at - ON_THE_WAY);
                say(&format!("· not connected, trying again: {reason}"));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// Takes events of one connection until it breaks. Clears `broken_at` once it is established; `heard_at` is the time of
    /// the last message.
    async fn follow_once(
        &self,
        events: &UnboundedSender<Arrived>,
        tally: &Tally,
        broken_at: &mut Option<Instant>,
        heard_at: &mut Timestamp,
    ) -> Result<Broken> {
        let mut socket = match self.open().await {
            Ok(socket) => socket,
            Err(refused @ CallError::Refused(_)) => return Err(refused.into()),
            Err(CallError::Unavailable(reason)) => return Ok(Broken(reason)),
        };
        let mut has_answered = true;
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING_EVERY, PING_EVERY);
        loop {
            let received = tokio::select! {
                received = socket.next() => received,
                _ = ping.tick() => {
                    if !has_answered {
                        return Ok(Broken("the server does not answer".to_owned()));
                    }
                    if let Err(error) = socket.send(Message::text(r#"{"action":"ping"}"#)).await {
                        return Ok(Broken(error.to_string()));
                    }
                    has_answered = false;
                    continue;
                }
            };
            let text = match received {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_))) | None => return Ok(Broken("the server closed it".to_owned())),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Ok(Broken(error.to_string())),
            };
            has_answered = true;
            *heard_at = Timestamp::now();
            self.take(&text, events, tally, broken_at)?;
        }
    }

    async fn open(&self) -> Result<Socket, CallError> {
        let mut url = self.live_url.clone();
        url.query_pairs_mut().append_pair("ticket", &self.api.ticket().await?);
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connect_async(url.as_str())).await;
        let (mut socket, _) = match connected {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => return Err(CallError::Unavailable(not_opened(&error))),
            Err(_) => return Err(CallError::Unavailable("the WebSocket API does not answer".to_owned())),
        };
        let watch = json!({"action": "watch", "store": self.api.store, "list": false, "events": true});
        match socket.send(Message::text(watch.to_string())).await {
            Ok(()) => Ok(socket),
            Err(error) => Err(CallError::Unavailable(not_opened(&error))),
        }
    }

    /// Handles one message of the server.
    fn take(
        &self,
        text: &str,
        events: &UnboundedSender<Arrived>,
        tally: &Tally,
        broken_at: &mut Option<Instant>,
    ) -> Result<()> {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else {
            say("· the server sent something that this version of the command does not understand; update it");
            return Ok(());
        };
        match (frame.kind, frame.event) {
            ("snapshot", _) => match broken_at.take() {
                Some(since) => say(&format!(
                    "· connected again after {} s; events in between were not forwarded",
                    since.elapsed().as_secs()
                )),
                None => say(&format!("· listening to {}; press Ctrl-C to stop", self.api.store)),
            },
            ("event", Some(json)) => match serde_json::from_str::<Arrived>(json.get()) {
                Ok(mut arrived) if self.selects(&arrived.kind) => {
                    json.get().clone_into(&mut arrived.json);
                    tally.seen.set(tally.seen.get() + 1);
                    // The receiver lives as long as the command.
                    let _never_closed = events.send(arrived);
                }
                Ok(_) => {}
                Err(_) => say("· an event of a form that this version of the command does not understand; update it"),
            },
            ("event_omitted", _) => say(&format!(
                "· an event is too large for the connection and was not forwarded; to see it: hookline event show {} {}",
                self.api.store,
                frame.id.unwrap_or_default()
            )),
            ("refused", _) => bail!(frame.message.unwrap_or_default()),
            ("revoked", _) => bail!("the token has been revoked or has expired"),
            _ => {}
        }
        Ok(())
    }

    fn selects(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|types| types.selects(kind))
    }
}

fn not_opened(error: &SocketError) -> String {
    match error {
        SocketError::Http(response) => format!("the WebSocket API answers {}", response.status().as_u16()),
        // The text of others may hold the URL, and with it the ticket.
        SocketError::Io(error) => format!("the WebSocket API cannot be reached: {error}"),
        SocketError::Tls(error) => format!("the WebSocket API cannot be reached: {error}"),
        _ => "the WebSocket API cannot be reached".to_owned(),
    }
}

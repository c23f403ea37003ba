//! `hookline endpoint check`: sends a receiver signed requests, right and wrong, and compares its answers with the contract.
//! Needs no stack.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use futures_util::stream;
use hookline_domain::outbound::catalog;
use hookline_events::{EventId, EventType};
use hookline_outbound::{SIGNATURE_HEADER, SigningKey, SigningKeys, SigningSecret};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Body, Client, RequestBuilder, Url, redirect::Policy};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    args::CheckArgs,
    listen::cause,
    output::{Output, Row, count, say},
};

/// Time after which the dispatcher gives up, unless a setting says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Time within which an answer should come.
const SOON: Duration = Duration::from_secs(5);

/// Age of a request that is too old: Standard Webhooks allows five minutes.
const STALE: SignedDuration = SignedDuration::from_mins(10);

/// Bytes of a large request.
const LARGE_BYTES: usize = 256 * 1024;

/// Pause within a slow request.
const PAUSE: Duration = Duration::from_secs(1);

/// A check.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct CheckRow {
    check: &'static str,
    expected: &'static str,
    seen: String,
    passed: bool,
}

impl Row for CheckRow {
    const HEADINGS: &'static [&'static str] = &["", "CHECK", "EXPECTED", "SEEN"];

    fn cells(&self) -> Vec<String> {
        let mark = if self.passed { "ok" } else { "FAILED" };
        vec![
            mark.to_owned(),
            self.check.to_owned(),
            self.expected.to_owned(),
            self.seen.clone(),
        ]
    }
}

/// Expected answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Success,
    Refusal,
}

impl Expected {
    fn text(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Refusal => "4xx",
        }
    }

    fn is(self, status: u16) -> bool {
        match self {
            Self::Success => (200..300).contains(&status),
            Self::Refusal => (400..500).contains(&status),
        }
    }
}

/// A signed request.
#[derive(Clone)]
struct Signed {
    id: EventId,
    body: String,
    headers: Vec<(&'static str, String)>,
}

struct Checking {
    client: Client,
    url: Url,
    secret: SigningSecret,
    rows: Vec<CheckRow>,
    slowest: Duration,
    /// Outcome of the first request that should succeed: `None` if it was answered.
    first_error: Option<String>,
}

pub async fn run(out: &Output, args: &CheckArgs) -> Result<bool> {
    let rows = check(args).await?;
    let failed = rows.iter().filter(|row| !row.passed).count();
    out.rows(&rows)?;
    say(&match failed {
        0 => format!("· all {} checks passed", rows.len()),
        failed => format!("· {} failed, of {}", count(failed, "check"), rows.len()),
    });
    Ok(failed == 0)
}

async fn check(args: &CheckArgs) -> Result<Vec<CheckRow>> {
    let secret = SigningSecret::parse(&args.secret)?;
    let second = args.second_secret.as_deref().map(SigningSecret::parse).transpose()?;
    let unknown = SigningSecret::generate()?;
    let mut checking = Checking {
        client: client()?,
        url: args.url.clone(),
        secret,
        rows: vec![],
        slowest: Duration::ZERO,
        first_error: None,
    };
    checking.signatures(&unknown, second).await?;
    checking.contents().await?;
    checking.connections().await?;
    Ok(checking.rows)
}

#[expect(clippy::disallowed_methods, reason = "the person at this machine names the receiver")]
fn client() -> Result<Client> {
    Ok(Client::builder()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        // The receiver may be on this machine.
        .no_proxy()
        .user_agent(concat!("hookline/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// A sample with a new id, changed.
fn sample(change: impl FnOnce(&mut Value)) -> Result<(EventId, String)> {
    let random = uuid::Uuid::new_v4().to_string();
    let id = EventId::new(Timestamp::now(), &["check", &random]);
    let mut event = catalog::sample(&EventType::PRODUCT_UPDATED);
    event["id"] = json!(id);
    event["timestamp"] = json!(id.timestamp());
    event["store"]["id"] = json!("check.invalid");
    change(&mut event);
    Ok((id, serde_json::to_string(&event)?))
}

/// Sample of [`LARGE_BYTES`] exactly. The filler goes into one made-up event: two of them need not be equally
/// long, because a time without its last digit is written shorter.
fn large_sample() -> Result<(EventId, String)> {
    const EMPTY: &str = "\"filler\":\"\"";
    let (id, event) = sample(|event| event["filler"] = json!(""))?;
    let filler = "x".repeat(LARGE_BYTES.saturating_sub(event.len()));
    Ok((id, event.replacen(EMPTY, &format!("\"filler\":\"{filler}\""), 1)))
}

impl Signed {
    fn by(secret: &SigningSecret, (id, body): (EventId, String), at: Timestamp) -> Self {
        let headers = secret.headers(&id, body.as_bytes(), at).into();
        Self { id, body, headers }
    }

    fn signature(&self) -> &str {
        let signature = self.headers.iter().find(|(name, _)| *name == SIGNATURE_HEADER);
        signature.map_or("", |(_, signature)| signature)
    }

    /// The same with these signatures.
    fn with_signature(mut self, signature: &str) -> Self {
        for header in &mut self.headers {
            if header.0 == SIGNATURE_HEADER {
                signature.clone_into(&mut header.1);
            }
        }
        self
    }
}

impl Checking {
    async fn signatures(&mut self, unknown: &SigningSecret, second: Option<SigningSecret>) -> Result<()> {
        let now = Timestamp::now();
        let right = Signed::by(&self.secret, sample(|_| {})?, now);
        self.expect("right signature", Expected::Success, &right).await;
        let wrong = Signed::by(unknown, sample(|_| {})?, now);
        self.expect("signature of another secret", Expected::Refusal, &wrong)
            .await;
        let mut changed = Signed::by(&self.secret, sample(|_| {})?, now);
        changed.body.push(' ');
        self.expect("body changed after it was signed", Expected::Refusal, &changed)
            .await;
        let mut bare = Signed::by(&self.secret, sample(|_| {})?, now);
        bare.headers.retain(|(name, _)| *name != SIGNATURE_HEADER);
        self.expect("no signature", Expected::Refusal, &bare).await;
        let earlier = now.checked_sub(STALE).unwrap_or(now);
        let stale = Signed::by(&self.secret, sample(|_| {})?, earlier);
        self.expect("right signature of ten minutes ago", Expected::Refusal, &stale)
            .await;
        let own = Signed::by(&self.secret, sample(|_| {})?, now);
        let other = Signed::by(unknown, (own.id.clone(), own.body.clone()), now);
        let both = format!("{} {}", other.signature(), own.signature());
        let doubled = own.with_signature(&both);
        self.expect("two signatures, the second one right", Expected::Success, &doubled)
            .await;
        let (name, rotated) = if let Some(second) = second {
            let rotated = Signed::by(&second, sample(|_| {})?, now);
            ("second secret of a rotation", rotated)
        } else {
            // Only the secrets' own kind counts: a signature of the other is skipped.
            let own = Signed::by(&self.secret, sample(|_| {})?, now);
            let keys = SigningKeys {
                secrets: vec![self.secret.clone()],
                keys: vec![SigningKey::generate()?],
            };
            let headers = keys.headers(own.id.as_str(), own.body.as_bytes(), now);
            let text = headers.into_iter().find(|(name, _)| *name == SIGNATURE_HEADER);
            let signed = own.with_signature(&text.map(|(_, text)| text).unwrap_or_default());
            ("right signature beside one of another kind", signed)
        };
        self.expect(name, Expected::Success, &rotated).await;
        Ok(())
    }

    async fn contents(&mut self) -> Result<()> {
        let now = Timestamp::now();
        let once = Signed::by(&self.secret, sample(|_| {})?, now);
        let first = self.send(self.post(&once)).await;
        let seen = match first {
            Ok(_) => self.send(self.post(&once)).await,
            Err(error) => Err(error),
        };
        self.note("same event twice", Expected::Success, &seen);
        let unknown_type = sample(|event| event["type"] = json!("check.unknown"))?;
        let unknown_type = Signed::by(&self.secret, unknown_type, now);
        self.expect("unknown type of event", Expected::Success, &unknown_type)
            .await;
        let unknown_field = sample(|event| event["added_later"] = json!({"a": 1}))?;
        let unknown_field = Signed::by(&self.secret, unknown_field, now);
        self.expect("unknown field", Expected::Success, &unknown_field).await;
        let large = Signed::by(&self.secret, large_sample()?, now);
        self.expect("256 KiB", Expected::Success, &large).await;
        Ok(())
    }

    async fn connections(&mut self) -> Result<()> {
        let seen = self.send(self.client.get(self.url.clone())).await;
        self.note("GET", Expected::Refusal, &seen);
        let slow = Signed::by(&self.secret, sample(|_| {})?, Timestamp::now());
        let slowest = self.slowest;
        let seen = self.send(self.slowly(&slow)).await;
        // The pause is ours.
        self.slowest = slowest;
        self.note("body in two parts, a second apart", Expected::Success, &seen);
        // The connection of the first is kept for the second.
        let mut seen = Ok(0);
        for _ in 0..2 {
            let next = Signed::by(&self.secret, sample(|_| {})?, Timestamp::now());
            seen = self.send(self.post(&next)).await;
            if seen.as_ref().is_ok_and(|status| !Expected::Success.is(*status)) {
                break;
            }
        }
        self.note("two requests on one connection", Expected::Success, &seen);
        let (seen, passed) = match (self.url.scheme(), &self.first_error) {
            ("https", Some(error)) => (error.clone(), false),
            ("https", None) => ("valid".to_owned(), true),
            _ => ("not checked: the address begins with http://".to_owned(), true),
        };
        self.rows.push(CheckRow {
            check: "certificate",
            expected: "valid, with its chain",
            seen,
            passed,
        });
        let has_answered = self.slowest > Duration::ZERO;
        self.rows.push(CheckRow {
            check: "slowest answer",
            expected: "under 5 s",
            seen: if has_answered {
                format!("{} ms", self.slowest.as_millis())
            } else {
                "no answer".to_owned()
            },
            passed: has_answered && self.slowest < SOON,
        });
        Ok(())
    }

    async fn expect(&mut self, check: &'static str, expected: Expected, signed: &Signed) {
        let seen = self.send(self.post(signed)).await;
        if self.rows.is_empty() {
            self.first_error = seen.as_ref().err().map(ToString::to_string);
        }
        self.note(check, expected, &seen);
    }

    fn note(&mut self, check: &'static str, expected: Expected, seen: &Result<u16>) {
        self.rows.push(CheckRow {
            check,
            expected: expected.text(),
            passed: seen.as_ref().is_ok_and(|status| expected.is(*status)),
            seen: match seen {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
        });
    }

    fn post(&self, signed: &Signed) -> RequestBuilder {
        self.headed(signed).body(signed.body.clone())
    }

    /// A request whose body comes in two parts.
    fn slowly(&self, signed: &Signed) -> RequestBuilder {
        let (first, second) = signed
            .body
            .split_at(signed.body.floor_char_boundary(signed.body.len() / 2));
        let parts = vec![(Duration::ZERO, first.to_owned()), (PAUSE, second.to_owned())];
        let parts = stream::unfold(parts.into_iter(), |mut parts| async move {
            let (wait, part) = parts.next()?;
            tokio::time::sleep(wait).await;
            Some((Ok::<_, Infallible>(part), parts))
        });
        self.headed(signed)
            // Not chunked: many servers do not read that, and the dispatcher does not send it.
            .header("content-length", signed.body.len())
            .body(Body::wrap_stream(parts))
    }

    fn headed(&self, signed: &Signed) -> RequestBuilder {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json");
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        request
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<u16> {
        let began = Instant::now();
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let took = began.elapsed();
                self.slowest = self.slowest.max(took);
                // Read, so that the connection can be used again.
                response
                    .bytes()
                    .await
                    .map(drop)
                    .or_else(|_| Ok::<_, anyhow::Error>(()))?;
                Ok(status)
            }
            Err(error) if error.is_timeout() => {
                self.slowest = TIMEOUT;
                Err(anyhow!("no answer within {} s", TIMEOUT.as_secs()))
            }
            Err(error) => Err(anyhow!("{}", cause(&error))),
        }
    }
}

#[cfg(test)]
mod tests;

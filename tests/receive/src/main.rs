//! Signs requests as Hookline sends them, for the tests of `examples/receive`: a JSON object a line on standard input, with a body
//! and what signs it, and a line for each on standard output, with all headers of its request.
//!
//! Headers and signatures are those of `hookline-outbound`, which the dispatcher uses.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_events::{Store, Subject};
use hookline_outbound::{CustomHeaders, Headers, Message, SigningKey, SigningKeys, SigningSecret};
use jiff::Timestamp;
use serde::Deserialize;

/// A request to be signed.
#[derive(Deserialize)]
struct Unsigned {
    /// Id of the event.
    id: String,
    /// Type of the event.
    #[serde(rename = "type")]
    kind: String,
    /// Time of the attempt, in seconds since 1970.
    timestamp: i64,
    /// Body in base64.
    body: String,
    /// Secrets, `whsec_…`.
    secrets: Vec<String>,
    /// Private keys, `whsk_…`.
    keys: Vec<String>,
}

fn main() -> Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let unsigned: Unsigned = serde_json::from_str(&line?).context("the line is not a request to be signed")?;
        serde_json::to_writer(&mut out, &signed(&unsigned)?)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Headers of a request.
fn signed(unsigned: &Unsigned) -> Result<BTreeMap<String, String>> {
    let secrets = unsigned.secrets.iter().map(|text| SigningSecret::parse(text));
    let keys = unsigned.keys.iter().map(|text| SigningKey::parse(text));
    let keys = SigningKeys {
        secrets: secrets.collect::<Result<_, _>>()?,
        keys: keys.collect::<Result<_, _>>()?,
    };
    let store = Store {
        source: "shopify".into(),
        id: "demo.myshopify.com".into(),
    };
    let subject = Subject {
        kind: "product".into(),
        id: "788".into(),
        version: None,
    };
    let now = Timestamp::from_second(unsigned.timestamp)?;
    let message = Message {
        id: &unsigned.id,
        kind: &unsigned.kind,
        store: &store,
        subject: &subject,
        topic: None,
        timestamp: now,
        attempt: 1,
        is_replay: false,
    };
    let body = BASE64_STANDARD.decode(&unsigned.body)?;
    let headers = Headers::of(&message, &keys, &CustomHeaders::default(), &body, now);
    let pairs = headers
        .iter()
        .map(|(name, value)| Ok((name.to_string(), value.to_str()?.to_owned())));
    pairs.collect()
}

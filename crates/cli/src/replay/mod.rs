//! `hookline replay`: deliveries are applied again, each as a delivery of its own, and each one's fate is told.

mod fate;
mod found;

use anyhow::Result;
use hookline_domain::delivery::{Delivery, receive::Receive, replay};
use jiff::Timestamp;
use serde::Serialize;

use self::fate::{Told, Waiting};
use crate::{
    args::Replay,
    clock::Now,
    letters::seconds,
    output::{Output, Row, count, say},
    pace,
    places::Connected,
    saved::Keeper,
};

/// What has become of one replay.
#[derive(Debug, Serialize)]
pub struct Report {
    pub source: String,
    pub store: String,
    pub topic: String,
    /// The original's id.
    pub delivery_id: String,
    /// The replay's own id, once it has one.
    pub replay_id: Option<String>,
    /// Where its body was found.
    pub from: String,
    pub received_at: Timestamp,
    pub fate: &'static str,
    pub why: String,
}

impl Report {
    fn new(delivery: &Delivery, from: &str, fate: &'static str, why: String) -> Self {
        Self {
            source: delivery.key.store.source.to_string(),
            store: delivery.key.store.label().into_owned(),
            topic: delivery.key.topic.to_string(),
            delivery_id: delivery.key.id.to_string(),
            replay_id: None,
            from: from.to_owned(),
            received_at: delivery.received_at,
            fate,
            why,
        }
    }
}

impl Row for Report {
    const HEADINGS: &'static [&'static str] = &["STORE", "TOPIC", "DELIVERY", "FIRST RECEIVED", "FROM", "FATE", "WHY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.store.clone(),
            self.topic.clone(),
            self.delivery_id.clone(),
            seconds(self.received_at),
            self.from.clone(),
            self.fate.to_owned(),
            self.why.clone(),
        ]
    }
}

pub async fn run(places: &Connected, out: &Output, wanted: &Replay) -> Result<bool> {
    let found = found::find(places, wanted).await?;
    if wanted.dry_run {
        let would = found
            .iter()
            .map(|found| Report::new(&found.delivery, &found.from, "would be replayed", String::new()));
        out.rows(&would.collect::<Vec<_>>())?;
        say(&format!(
            "· {} would be replayed. Nothing was changed",
            count(found.len(), "delivery")
        ));
        return Ok(true);
    }
    let receive = Receive {
        ledger: places.ledger()?,
        queue: places.event_queue()?,
        bodies: places.bodies(),
        clock: Now,
    };
    let mut waiting = Waiting::new(places)?;
    let mut keeper = wanted.save.as_deref().map(Keeper::new).transpose()?;
    let mut reports = Vec::new();
    let bar = pace::bar(u64::try_from(found.len()).unwrap_or(u64::MAX), "sending");
    let mut pace = wanted.rate.pace();
    for found in found {
        pace.next().await;
        if let Some(keeper) = &mut keeper {
            keeper.keep(&found.delivery)?;
        }
        match replay::send(&receive, &found.delivery).await {
            Ok(key) => waiting.add(found, key),
            Err(failed) => {
                let why = format!("{:#}", anyhow::Error::from(failed));
                reports.push(Report::new(&found.delivery, &found.from, "not sent", why));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let Told {
        reports: told,
        unsettled,
    } = waiting.settle(wanted.wait).await?;
    reports.extend(told);
    out.rows(&reports)?;
    let not_sent = reports.iter().filter(|report| report.fate == "not sent").count();
    let parked = reports.iter().filter(|report| report.fate == "parked").count();
    say(&format!(
        "· {} sent, {unsettled} not settled within {} s, {parked} parked, {not_sent} not sent",
        count(reports.len() - not_sent, "replay"),
        wanted.wait
    ));
    Ok(unsettled + parked + not_sent == 0)
}

//! `hookline replay`: sends deliveries again, each as a new delivery, and reports the outcome of each.

mod originals;
mod pending;

use anyhow::Result;
use hookline_aws::{DynamoLedger, S3Bodies, SqsEventQueue};
use hookline_domain::delivery::{
    Delivery,
    receive::{Receive, ReceivePorts},
    replay,
};
use jiff::Timestamp;
use serde::Serialize;

use self::pending::{PendingReplays, ReplayOutcomes};
use crate::{
    args::ReplayArgs,
    clock::MachineClock,
    delivery_file::DeliveryWriter,
    output::{Output, Row, count, progress_bar, say, timestamp},
    resources::Resources,
};

/// Outcome of one replay.
#[derive(Debug, Serialize)]
pub struct ReplayReport {
    pub source: String,
    pub store: String,
    pub topic: String,
    /// Id of the original.
    pub delivery_id: String,
    /// Id of the replay, once it was sent.
    pub replay_id: Option<String>,
    /// Place where its body was found.
    pub from: String,
    pub received_at: Timestamp,
    pub fate: &'static str,
    pub why: String,
}

impl ReplayReport {
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

impl Row for ReplayReport {
    const HEADINGS: &'static [&'static str] = &["STORE", "TOPIC", "DELIVERY", "FIRST RECEIVED", "FROM", "FATE", "WHY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.store.clone(),
            self.topic.clone(),
            self.delivery_id.clone(),
            timestamp(self.received_at),
            self.from.clone(),
            self.fate.to_owned(),
            self.why.clone(),
        ]
    }
}

/// Ports that receive the replays.
enum Ports {}

impl ReceivePorts for Ports {
    type Ledger = DynamoLedger;
    type Queue = SqsEventQueue;
    type Bodies = S3Bodies;
    type Clock = MachineClock;
}

pub async fn run(resources: &Resources, out: &Output, args: &ReplayArgs) -> Result<bool> {
    let found = originals::find(resources, args).await?;
    if args.dry_run {
        let would = found
            .iter()
            .map(|found| ReplayReport::new(&found.delivery, &found.from, "would be replayed", String::new()));
        out.rows(&would.collect::<Vec<_>>())?;
        say(&format!(
            "· {} would be replayed. Nothing was changed",
            count(found.len(), "delivery")
        ));
        return Ok(true);
    }
    let receive = Receive::<Ports> {
        ledger: resources.ledger()?,
        queue: resources.event_queue()?,
        bodies: resources.bodies(),
        clock: MachineClock,
    };
    let mut waiting = PendingReplays::new(resources)?;
    let mut writer = args.save.as_deref().map(DeliveryWriter::new).transpose()?;
    let mut reports = Vec::new();
    let bar = progress_bar(u64::try_from(found.len()).unwrap_or(u64::MAX), "sending");
    let mut limiter = args.rate.limiter();
    for found in found {
        limiter.next().await;
        if let Some(writer) = &mut writer {
            writer.write(&found.delivery)?;
        }
        match replay::send(&receive, &found.delivery).await {
            Ok(key) => waiting.add(found, key),
            Err(failed) => {
                let why = format!("{:#}", anyhow::Error::from(failed));
                reports.push(ReplayReport::new(&found.delivery, &found.from, "not sent", why));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let ReplayOutcomes {
        reports: waited,
        unsettled,
    } = waiting.wait(args.wait).await?;
    reports.extend(waited);
    out.rows(&reports)?;
    let not_sent = reports.iter().filter(|report| report.fate == "not sent").count();
    let parked = reports.iter().filter(|report| report.fate == "parked").count();
    say(&format!(
        "· {} sent, {unsettled} not completed within {} s, {parked} parked, {not_sent} not sent",
        count(reports.len() - not_sent, "replay"),
        args.wait
    ));
    Ok(unsettled + parked + not_sent == 0)
}

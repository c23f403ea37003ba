//! Waits until the consumer has completed the replays, and explains the outcome of each.

use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use hookline_aws::DynamoLedger;
use hookline_domain::{
    delivery::ledger::{Fate, LedgerRecord, Records},
    kernel::ids::DeliveryKey,
};
use tokio::time::Instant;

use super::{ReplayReport, originals::Original};
use crate::{explain::Explainer, output::progress_bar, resources::Resources};

/// Time between two reads of the ledger.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Concurrent requests.
const MAX_CONCURRENT_REQUESTS: usize = 10;

/// Replays that were sent.
pub struct PendingReplays {
    ledger: DynamoLedger,
    explainer: Explainer,
    replays: Vec<(Original, DeliveryKey)>,
}

/// Outcomes of the replays.
pub struct ReplayOutcomes {
    pub reports: Vec<ReplayReport>,
    /// Replays that are not completed.
    pub unsettled: usize,
}

impl PendingReplays {
    pub fn new(resources: &Resources) -> Result<Self> {
        Ok(Self {
            ledger: resources.ledger()?,
            explainer: Explainer::new(resources)?,
            replays: Vec::new(),
        })
    }

    pub fn add(&mut self, found: Original, replay: DeliveryKey) {
        self.replays.push((found, replay));
    }

    /// Polls the ledger until all are completed or the time is over. Reports come in the order of sending.
    pub async fn wait(self, seconds: u64) -> Result<ReplayOutcomes> {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut fates: Vec<Option<LedgerRecord>> = vec![None; self.replays.len()];
        let bar = progress_bar(u64::try_from(fates.len()).unwrap_or(u64::MAX), "waiting for");
        loop {
            let open = (0..fates.len()).filter(|at| !is_settled(fates[*at].as_ref()));
            let records: Vec<_> = stream::iter(open)
                .map(async |at| (at, self.ledger.find(&self.replays[at].1).await))
                .buffer_unordered(MAX_CONCURRENT_REQUESTS)
                .collect()
                .await;
            for (at, record) in records {
                // Repeat a failed read, because the replays are already in the queue.
                if let Ok(record) = record {
                    fates[at] = record;
                }
            }
            let settled = fates.iter().filter(|record| is_settled(record.as_ref())).count();
            bar.set_position(u64::try_from(settled).unwrap_or(u64::MAX));
            if settled == fates.len() || Instant::now() >= until {
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        bar.finish_and_clear();
        let mut reports = Vec::new();
        let mut unsettled = 0;
        for ((found, replay), record) in self.replays.iter().zip(&fates) {
            let fate = record.as_ref().and_then(|record| record.fate);
            unsettled += usize::from(fate.is_none());
            let (fate, why) = outcome(&self.explainer, found, replay, record.as_ref(), fate).await?;
            let mut row = ReplayReport::new(&found.delivery, &found.from, fate, why);
            row.replay_id = Some(replay.id.to_string());
            reports.push(row);
        }
        Ok(ReplayOutcomes { reports, unsettled })
    }
}

fn is_settled(record: Option<&LedgerRecord>) -> bool {
    record.is_some_and(|record| record.fate.is_some())
}

async fn outcome(
    explainer: &Explainer,
    found: &Original,
    replay: &DeliveryKey,
    record: Option<&LedgerRecord>,
    fate: Option<Fate>,
) -> Result<(&'static str, String)> {
    let problem = record.and_then(|record| record.problem.as_ref());
    Ok(match (fate, problem) {
        (Some(fate), problem) => (fate.as_str(), explainer.explain(&found.delivery, fate, problem).await?),
        (None, Some(problem)) => (
            "tried again",
            format!("{}. To look again later: hookline trace {}", problem, replay.id),
        ),
        (None, None) => (
            "waiting",
            format!("not received yet. To look again later: hookline trace {}", replay.id),
        ),
    })
}

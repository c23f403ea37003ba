//! Waits until the consumer has settled the replays, and asks why each has the fate it has.

use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use hookline_aws::DynamoLedger;
use hookline_domain::{
    delivery::ledger::{Fate, LedgerRecord, Records},
    kernel::ids::DeliveryKey,
};
use tokio::time::Instant;

use super::{Report, found::Found};
use crate::{pace, places::Connected, why::Witnesses};

/// How long to wait before the ledger is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// How many requests are under way at once.
const AT_ONCE: usize = 10;

/// Replays that are on their way.
pub struct Waiting {
    ledger: DynamoLedger,
    witnesses: Witnesses,
    replays: Vec<(Found, DeliveryKey)>,
}

/// What has become of them.
pub struct Told {
    pub reports: Vec<Report>,
    /// How many the ledger has no fate of.
    pub unsettled: usize,
}

impl Waiting {
    pub fn new(places: &Connected) -> Result<Self> {
        Ok(Self {
            ledger: places.ledger()?,
            witnesses: Witnesses::new(places)?,
            replays: Vec::new(),
        })
    }

    pub fn add(&mut self, found: Found, replay: DeliveryKey) {
        self.replays.push((found, replay));
    }

    /// Asks until all are settled, or so many seconds have passed. In the order in which they were sent.
    pub async fn settle(self, seconds: u64) -> Result<Told> {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut fates: Vec<Option<LedgerRecord>> = vec![None; self.replays.len()];
        let bar = pace::bar(u64::try_from(fates.len()).unwrap_or(u64::MAX), "waiting for");
        loop {
            let open = (0..fates.len()).filter(|at| !is_settled(fates[*at].as_ref()));
            let asked: Vec<_> = stream::iter(open)
                .map(async |at| (at, self.ledger.find(&self.replays[at].1).await))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for (at, record) in asked {
                // A ledger that does not answer is asked again: the replays are on their way all the same.
                if let Ok(record) = record {
                    fates[at] = record;
                }
            }
            let settled = fates.iter().filter(|record| is_settled(record.as_ref())).count();
            bar.set_position(u64::try_from(settled).unwrap_or(u64::MAX));
            if settled == fates.len() || Instant::now() >= until {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        bar.finish_and_clear();
        let mut reports = Vec::new();
        let mut unsettled = 0;
        for ((found, replay), record) in self.replays.iter().zip(&fates) {
            let fate = record.as_ref().and_then(|record| record.fate);
            unsettled += usize::from(fate.is_none());
            let (fate, why) = tell(&self.witnesses, found, replay, record.as_ref(), fate).await?;
            let mut row = Report::new(&found.delivery, &found.from, fate, why);
            row.replay_id = Some(replay.id.to_string());
            reports.push(row);
        }
        Ok(Told { reports, unsettled })
    }
}

fn is_settled(record: Option<&LedgerRecord>) -> bool {
    record.is_some_and(|record| record.fate.is_some())
}

async fn tell(
    witnesses: &Witnesses,
    found: &Found,
    replay: &DeliveryKey,
    record: Option<&LedgerRecord>,
    fate: Option<Fate>,
) -> Result<(&'static str, String)> {
    let problem = record.and_then(|record| record.problem.as_ref());
    Ok(match (fate, problem) {
        (Some(fate), problem) => (fate.as_str(), witnesses.why(&found.delivery, fate, problem).await?),
        (None, Some(problem)) => (
            "tried again",
            format!("{}; later: hookline trace {}", problem, replay.id),
        ),
        (None, None) => (
            "waiting",
            format!("not received yet; later: hookline trace {}", replay.id),
        ),
    })
}

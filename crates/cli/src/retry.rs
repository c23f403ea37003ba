//! `hookline retry`: has the queue deliver failed deliveries again now, like *Try now* in the panel.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_aws::{DynamoStores, SqsEventQueue};
use hookline_domain::{
    delivery::{
        failed::{FailedDeliveries, FailedDelivery},
        ledger::{DeadLetter, LedgerRecord, explain},
        retry::{RetryError, RetryOutcome, retry},
    },
    kernel::ids::{DeliveryId, DeliveryKey},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{RetryArgs, values::StoreArg},
    output::{Output, say},
    records,
    resources::Resources,
};

/// Concurrent requests.
const MAX_CONCURRENT_REQUESTS: usize = 10;

/// Outcome for one delivery.
#[derive(Debug, Serialize)]
struct RetryReport {
    source: String,
    store: String,
    topic: String,
    delivery_id: String,
    outcome: &'static str,
    message: String,
    /// Command to run next, if any.
    command: Option<String>,
}

/// Result for one delivery: the queue retries it, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Yes,
    No,
}

pub async fn run(resources: &Resources, out: &Output, args: &RetryArgs) -> Result<bool> {
    let (queue, stores) = (resources.event_queue()?, resources.stores()?);
    let mut all_tried = true;
    for id in &args.id {
        let found = find(resources, &stores, id, args).await?;
        if found.is_empty() {
            say(&format!(
                "hookline: the ledger, which remembers deliveries for 7 days, does not know {id}, and it is not among the \
                 failed deliveries{}",
                if args.store.is_some() { " of this store" } else { "" }
            ));
            all_tried = false;
        }
        for (delivery, failed, record) in found {
            let now = Timestamp::now();
            let (tried, report) = match (failed, record) {
                (Some(failed), _) => of_failed(&queue, &failed, now).await?,
                (None, Some(record)) => {
                    let message = explain(&record, None, DeadLetter::NotLooked, now);
                    (Tried::No, RetryReport::new(&delivery, "not_failed", message, None))
                }
                (None, None) => continue,
            };
            all_tried &= tried == Tried::Yes;
            report.write(out)?;
        }
    }
    Ok(all_tried)
}

/// Finds deliveries with this id in the ledger and among the store's failed ones.
async fn find(
    resources: &Resources,
    stores: &DynamoStores,
    id: &DeliveryId,
    args: &RetryArgs,
) -> Result<Vec<(DeliveryKey, Option<FailedDelivery>, Option<LedgerRecord>)>> {
    let mut records = records::find(&resources.ledger()?, id, args.store.as_ref(), args.topic.as_ref()).await?;
    // A search also finds replays, which have their own ids.
    records.retain(|record| record.delivery.id == *id);
    let known: Vec<(DeliveryKey, Option<LedgerRecord>)> = match &args.store {
        // Only the store still knows a delivery that waits longer than the ledger's retention.
        Some(StoreArg(store)) if records.is_empty() => {
            let keys = records::keys(id, store, args.topic.as_ref());
            keys.into_iter().map(|key| (key, None)).collect()
        }
        _ => records
            .into_iter()
            .map(|record| (record.delivery.clone(), Some(record)))
            .collect(),
    };
    let found: Vec<_> = stream::iter(known)
        .map(async |(key, record)| stores.failed(&key).await.map(|failed| (key, failed, record)))
        .buffered(MAX_CONCURRENT_REQUESTS)
        .try_collect()
        .await?;
    let is_known = |(_, failed, record): &(_, Option<_>, Option<_>)| failed.is_some() || record.is_some();
    Ok(found.into_iter().filter(is_known).collect())
}

async fn of_failed(queue: &SqsEventQueue, failed: &FailedDelivery, now: Timestamp) -> Result<(Tried, RetryReport)> {
    let DeliveryKey { store, id, .. } = &failed.delivery;
    let no = |outcome, command| {
        let report = RetryReport::new(&failed.delivery, outcome, failed.sentence(now), Some(command));
        Ok((Tried::No, report))
    };
    let retried = match retry(failed, queue, now).await {
        Ok(retried) => retried,
        Err(RetryError::DeadLetter) => return no("dead_letter", format!("hookline dlq redrive --id {id}")),
        Err(RetryError::Expired) => return no("expired", format!("hookline resync {}", store.label())),
        Err(RetryError::Unavailable(failure)) => return Err(failure.into()),
    };
    let outcome = match retried {
        RetryOutcome::Now => "tried_now",
        RetryOutcome::Already => "being_tried",
        RetryOutcome::OnItsWay => "on_its_way",
    };
    let command = format!("hookline trace {id} --store {}", store.label());
    let report = RetryReport::new(&failed.delivery, outcome, failed.retried(retried, now), Some(command));
    Ok((Tried::Yes, report))
}

impl RetryReport {
    fn new(delivery: &DeliveryKey, outcome: &'static str, message: String, command: Option<String>) -> Self {
        Self {
            source: delivery.store.source.to_string(),
            store: delivery.store.label().into_owned(),
            topic: delivery.topic.to_string(),
            delivery_id: delivery.id.to_string(),
            outcome,
            message,
            command,
        }
    }

    fn write(&self, out: &Output) -> Result<()> {
        if out.json {
            return out.object(self);
        }
        let Self {
            topic,
            delivery_id,
            store,
            message,
            ..
        } = self;
        out.text(&format!("{topic} {delivery_id} of {store}: {message}"))?;
        self.command
            .iter()
            .try_for_each(|command| out.text(&format!("  {command}")))
    }
}

//! The consumer's side of SQS: a batch in, the messages that must come again out.
//!
//! Partial batch responses: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>. A message
//! is text to us until it has been looked at, so one that is not ours spoils no other. An empty `itemIdentifier`
//! would fail the whole batch, so a message without an id is never named: the invocation fails instead, after the
//! others have had their effect.
//!
//! **Time.** Each call has its own patience, but a batch makes many: when everything is slow their sum is longer than the
//! function may run. So the work races the deadline. What is not done by then comes again, all of the batch; every step
//! may be repeated. An answer in time is better than Lambda's end of the process: that loses the connections, and the
//! batch is just as undone.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hookline_domain::{
    catalogue::{entities::Entities, index::Index, jobs::Jobs},
    consumer::{Comply, Keep, Processed, Raw, Reindex, Try, Unpack, Verdict},
    delivery::{
        archive::Archive,
        bodies::Bodies,
        failed::{FailedDeliveries, TRIED_EVERY},
        ledger::Ledger,
        queue::{Delayed, Redelivery, wait_for_index},
    },
    kernel::{
        failure::ErrorCode,
        port::{Cause, Clock, chain},
    },
    store::stores::Stores,
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

use crate::start::StartError;

/// What is kept of the function's time to settle a batch with.
const SETTLE_MARGIN: SignedDuration = SignedDuration::from_secs(8);

/// What is kept of it to answer with.
const ANSWER_MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// What SQS hands over, as far as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct SqsBatch {
    /// The messages.
    #[serde(rename = "Records", default)]
    pub records: Vec<SqsRecord>,
}

/// One message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// What names it in the answer.
    #[serde(default)]
    pub message_id: Option<String>,
    /// What was sent.
    #[serde(default)]
    pub body: Option<String>,
    /// The queue's receipt of this try.
    #[serde(default)]
    pub receipt_handle: Option<String>,
    /// What the queue says of it.
    #[serde(default)]
    pub attributes: SqsAttributes,
}

/// What the queue says of a message, as far as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct SqsAttributes {
    /// The number of this try, in digits.
    #[serde(rename = "ApproximateReceiveCount", default)]
    pub receive_count: Option<String>,
}

impl From<SqsRecord> for Raw {
    fn from(record: SqsRecord) -> Self {
        let number = record.attributes.receive_count.and_then(|count| count.parse().ok());
        Self {
            id: record.message_id.unwrap_or_default(),
            text: record.body.unwrap_or_default(),
            tried: Try {
                number: number.unwrap_or(1),
                receipt: record.receipt_handle,
            },
        }
    }
}

impl SqsRecord {
    /// When it is to be handed out again if the index has not answered; `None` if it does not say what is needed for that.
    pub(crate) fn delayed_for_index(&self, usual: SignedDuration) -> Option<Delayed> {
        let receives = self.attributes.receive_count.as_ref()?.parse().ok()?;
        Some(Delayed {
            receipt: self.receipt_handle.clone()?,
            wait: wait_for_index(receives, usual),
        })
    }
}

/// Which messages must come again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsAnswer {
    /// None of them: all are done with.
    pub batch_item_failures: Vec<SqsFailure>,
    /// Those of them that come again at a time of their own. Not part of the answer: the queue is told before.
    #[serde(skip)]
    pub delayed: Vec<Delayed>,
}

/// One message that must come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsFailure {
    /// Its id; never empty.
    pub item_identifier: String,
}

/// A message that must come again has no id to say so with: the whole batch must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message without an id must come again, so the whole batch must")]
pub struct Unnamed;

/// Applies one batch, or asks for all of it again when the time is up. Keeps what is settled in the time that is left.
///
/// # Errors
/// [`Unnamed`], which no queue of SQS causes.
pub async fn consume<L: Ledger, E: Entities, S: Stores + FailedDeliveries, I: Index, J: Jobs, P: Comply, C: Clock>(
    reindex: &Reindex<L, E, S, I, J, P, C>,
    unpack: &Unpack<impl Bodies>,
    keep: &Keep<impl Archive>,
    batch: SqsBatch,
    deadline: Timestamp,
) -> Result<SqsAnswer, Unnamed> {
    let started = Instant::now();
    let delayed = delayed_for_index(&batch.records, TRIED_EVERY);
    let messages: Vec<Raw> = batch.records.into_iter().map(Raw::from).collect();
    let ids: Vec<String> = messages.iter().map(|message| message.id.clone()).collect();
    let stop_at = deadline.checked_sub(SETTLE_MARGIN).unwrap_or(deadline);
    let work = async {
        let (messages, fetched) = unpack.open(messages).await;
        let copies = keep.copy(&messages);
        (reindex.apply(messages, stop_at).await, fetched, copies)
    };
    let time_left = || time_left(deadline, reindex.apply.clock.now());
    let Ok((processed, fetched, copies)) = tokio::time::timeout(time_left(), work).await else {
        let batch_size = ids.len();
        tracing::warn!(
            service = "reindex",
            outcome = "retry",
            batch_size,
            "the time is up before the batch is done; all of it comes again"
        );
        return again(ids);
    };
    let kept = tokio::time::timeout(time_left(), keep.keep(copies, &processed, reindex.apply.clock.now())).await;
    if kept.is_err() {
        tracing::warn!(
            service = "reindex",
            batch_size = ids.len(),
            "the time is up before all that has been settled is in the archive"
        );
    }
    // What is not cleared by then expires.
    let _cleared = tokio::time::timeout(time_left(), unpack.clear(fetched, &processed)).await;
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    for message in &processed {
        log(message, processed.len(), duration_us);
    }
    let waits_for_index = |message: &&Processed| {
        matches!(
            &message.verdict,
            Verdict::Retry {
                code: ErrorCode::IndexUnavailable,
                ..
            }
        )
    };
    let waiting = processed.iter().filter(waits_for_index);
    let delayed = waiting
        .filter_map(|message| delayed.get(&message.message_id).cloned())
        .collect();
    let answer = again(
        processed
            .into_iter()
            .filter(|message| !message.verdict.is_settled())
            .map(|message| message.message_id)
            .collect(),
    )?;
    Ok(SqsAnswer { delayed, ..answer })
}

/// When each message is to be handed out again, should the index not answer.
pub(crate) fn delayed_for_index(records: &[SqsRecord], usual: SignedDuration) -> BTreeMap<String, Delayed> {
    let delayed = records.iter().filter_map(|record| {
        let id = record.message_id.clone()?;
        Some((id, record.delayed_for_index(usual)?))
    });
    delayed.collect()
}

/// Tells the queue when messages come again. What it does not take comes when the queue would have it come.
pub(crate) async fn delay(
    redelivery: Option<&impl Redelivery>,
    delayed: &[Delayed],
    service: &'static str,
    left: Duration,
) {
    let Some(redelivery) = redelivery.filter(|_| !delayed.is_empty()) else {
        return;
    };
    match tokio::time::timeout(left, redelivery.delay(delayed)).await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => {
            tracing::warn!(service, error = %chain(&failure), "failed to have messages come again soon");
        }
        Err(_) => tracing::warn!(service, "failed to have messages come again soon: the time is up"),
    }
}

/// How long the work may take.
pub(crate) fn time_left(deadline: Timestamp, now: Timestamp) -> Duration {
    let left = deadline.duration_since(now).saturating_sub(ANSWER_MARGIN);
    Duration::try_from(left).unwrap_or_default()
}

pub(crate) fn again(ids: Vec<String>) -> Result<SqsAnswer, Unnamed> {
    if ids.iter().any(String::is_empty) {
        return Err(Unnamed);
    }
    let failure = |item_identifier| SqsFailure { item_identifier };
    Ok(SqsAnswer {
        batch_item_failures: ids.into_iter().map(failure).collect(),
        delayed: Vec::new(),
    })
}

fn log(processed: &Processed, batch_size: usize, duration_us: u64) {
    let (outcome, code, cause, reason) = match &processed.verdict {
        Verdict::Settled(fate) => (fate.as_str(), None, None, None),
        Verdict::Parked { code, message } => ("parked", Some(code), None, Some(message)),
        Verdict::Retry { code, cause, message } => ("retry", Some(code), *cause, Some(message)),
        Verdict::NotOurs { message } => ("not_ours", None, None, Some(message)),
    };
    let delivery = processed.delivery.as_ref();
    tracing::info!(
        service = "reindex",
        outcome,
        code = code.map(tracing::field::debug),
        cause = cause.map(Cause::as_str),
        reason,
        store = delivery.map(|key| key.store.label()).as_deref(),
        topic = delivery.map(|key| key.topic.as_str()),
        delivery_id = delivery.map(|key| key.id.as_str()),
        message_id = processed.message_id,
        batch_size,
        duration_us,
        "delivery processed"
    );
}

/// Applies batches until Lambda ends the function.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn run<L, E, S, I, J, P, C, B, A, R>(
    reindex: Reindex<L, E, S, I, J, P, C>,
    unpack: Unpack<B>,
    keep: Keep<A>,
    redelivery: Option<R>,
) -> Result<(), StartError>
where
    A: Archive + 'static,
    R: Redelivery + 'static,
    B: Bodies + 'static,
    L: Ledger + 'static,
    E: Entities + 'static,
    S: Stores + FailedDeliveries + 'static,
    I: Index + 'static,
    J: Jobs + 'static,
    P: Comply + 'static,
    C: Clock + 'static,
{
    let function = Arc::new((reindex, unpack, keep, redelivery));
    let handle = service_fn(move |event: LambdaEvent<SqsBatch>| {
        let function = Arc::clone(&function);
        // On the heap, for the compiler would else have to lay out all of it in one piece.
        Box::pin(async move {
            let (reindex, unpack, keep, redelivery) = &*function;
            let until = deadline(&event.context);
            let answer = consume(reindex, unpack, keep, event.payload, until).await?;
            let left = time_left(until, reindex.apply.clock.now());
            delay(redelivery.as_ref(), &answer.delayed, "reindex", left).await;
            Ok::<_, StartError>(answer)
        })
    });
    lambda_runtime::run(handle).await
}

pub(crate) fn deadline(context: &Context) -> Timestamp {
    i64::try_from(context.deadline)
        .ok()
        .and_then(|deadline| Timestamp::from_millisecond(deadline).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;

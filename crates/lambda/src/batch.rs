//! SQS event source of the consumer: takes a batch, returns the messages to retry.
//!
//! Partial batch responses: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>. Bodies of
//! messages are deserialized as text and parsed one by one, so a foreign message does not fail the others. An empty
//! `itemIdentifier` would fail the whole batch, so a message without an id is never named in the response: the
//! invocation fails instead, after the other messages have taken effect.
//!
//! **Time.** Each call has its own timeout, but a batch makes many calls: when everything is slow, the sum exceeds the
//! function's timeout. So the work is bounded by the deadline. If it is not done by then, the whole batch is retried;
//! every step may be repeated. Returning in time is better than being stopped by Lambda, which loses the connections
//! and leaves the batch just as undone.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hookline_domain::{
    consumer::{ConsumerPorts, Keep, Processed, Raw, Reindex, Try, Unpack, Verdict},
    delivery::{
        archive::Archive,
        bodies::Bodies,
        failed::TRIED_EVERY,
        queue::{Delayed, Redelivery, wait_for_index},
    },
    kernel::{
        failure::ErrorCode,
        port::{Cause, Clock, chain},
    },
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

use crate::start::StartError;

/// Part of the function's time reserved for completing a batch.
const SETTLE_MARGIN: SignedDuration = SignedDuration::from_secs(8);

/// Part of the function's time reserved for the response.
const RESPONSE_MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// Event that Lambda's SQS event source sends; only the fields that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct SqsBatch {
    /// The messages.
    #[serde(rename = "Records", default)]
    pub records: Vec<SqsRecord>,
}

/// A message of the batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsRecord {
    /// Id that names the message in the response.
    #[serde(default)]
    pub message_id: Option<String>,
    /// Body, as sent.
    #[serde(default)]
    pub body: Option<String>,
    /// ARN of the queue.
    #[serde(rename = "eventSourceARN", default)]
    pub event_source_arn: Option<String>,
    /// Receipt handle of this receive.
    #[serde(default)]
    pub receipt_handle: Option<String>,
    /// Attributes that SQS adds.
    #[serde(default)]
    pub attributes: SqsAttributes,
}

/// Attributes that SQS adds to a message; only those that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct SqsAttributes {
    /// Number of this receive, from 1, in decimal digits.
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
    /// Delay until the next receive if the index is unavailable; `None` if the message lacks its receive count or its
    /// receipt handle.
    pub(crate) fn delayed_for_index(&self, usual: SignedDuration) -> Option<Delayed> {
        let receives = self.attributes.receive_count.as_ref()?.parse().ok()?;
        Some(Delayed {
            receipt: self.receipt_handle.clone()?,
            wait: wait_for_index(receives, usual),
        })
    }
}

/// Partial batch response: the messages to retry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsBatchResponse {
    /// Messages to retry; empty if the whole batch is done.
    pub batch_item_failures: Vec<SqsFailure>,
    /// Delays of those messages that are retried at another time than the queue's default. Not part of the response:
    /// they are sent to the queue before it.
    #[serde(skip)]
    pub delayed: Vec<Delayed>,
}

/// A message to retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsFailure {
    /// Id of the message; never empty.
    pub item_identifier: String,
}

/// A message to retry has no id, so the whole batch is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message to retry has no id, so the whole batch is retried")]
pub struct MissingMessageIdError;

/// Applies one batch; if time runs out, returns all of it for a retry. Archives completed deliveries in the time that
/// is left.
///
/// # Errors
/// [`MissingMessageIdError`], which cannot happen with messages from SQS.
pub async fn consume<P: ConsumerPorts>(
    reindex: &Reindex<P>,
    unpack: &Unpack<impl Bodies>,
    keep: &Keep<impl Archive>,
    batch: SqsBatch,
    deadline: Timestamp,
) -> Result<SqsBatchResponse, MissingMessageIdError> {
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
            "ran out of time before the batch was done; all of it is retried"
        );
        return retry_response(ids);
    };
    let kept = tokio::time::timeout(time_left(), keep.keep(copies, &processed, reindex.apply.clock.now())).await;
    if kept.is_err() {
        tracing::warn!(
            service = "reindex",
            batch_size = ids.len(),
            "ran out of time before all completed deliveries were archived"
        );
    }
    // Bodies that are not removed by then expire.
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
    let response = retry_response(
        processed
            .into_iter()
            .filter(|message| !message.verdict.is_settled())
            .map(|message| message.message_id)
            .collect(),
    )?;
    Ok(SqsBatchResponse { delayed, ..response })
}

/// Delays until the next receive of each message, by message id, if the index is unavailable.
pub(crate) fn delayed_for_index(records: &[SqsRecord], usual: SignedDuration) -> BTreeMap<String, Delayed> {
    let delayed = records.iter().filter_map(|record| {
        let id = record.message_id.clone()?;
        Some((id, record.delayed_for_index(usual)?))
    });
    delayed.collect()
}

/// Sets the time until the next receive of each message. If that fails, the queue's visibility timeout applies.
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
            tracing::warn!(service, error = %chain(&failure), "failed to schedule early retries");
        }
        Err(_) => tracing::warn!(service, "failed to schedule early retries: out of time"),
    }
}

/// Returns the time left for the work, without the margin for the response.
pub(crate) fn time_left(deadline: Timestamp, now: Timestamp) -> Duration {
    let left = deadline.duration_since(now).saturating_sub(RESPONSE_MARGIN);
    Duration::try_from(left).unwrap_or_default()
}

/// Builds the response that returns these messages for a retry.
pub(crate) fn retry_response(ids: Vec<String>) -> Result<SqsBatchResponse, MissingMessageIdError> {
    if ids.iter().any(String::is_empty) {
        return Err(MissingMessageIdError);
    }
    let failure = |item_identifier| SqsFailure { item_identifier };
    Ok(SqsBatchResponse {
        batch_item_failures: ids.into_iter().map(failure).collect(),
        delayed: Vec::new(),
    })
}

fn log(processed: &Processed, batch_size: usize, duration_us: u64) {
    let (outcome, code, cause, reason) = match &processed.verdict {
        Verdict::Settled(fate) => (fate.as_str(), None, None, None),
        Verdict::Parked { code, message } => ("parked", Some(code), None, Some(message)),
        Verdict::Retry { code, cause, message } => ("retry", Some(code), *cause, Some(message)),
        Verdict::Behind => ("behind", None, None, None),
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

/// Applies batches until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<P: ConsumerPorts + 'static>(
    reindex: Reindex<P>,
    unpack: Unpack<impl Bodies + 'static>,
    keep: Keep<impl Archive + 'static>,
    redelivery: Option<impl Redelivery + 'static>,
) -> Result<(), StartError> {
    let function = Arc::new((reindex, unpack, keep, redelivery));
    let handle = service_fn(move |event: LambdaEvent<SqsBatch>| {
        let function = Arc::clone(&function);
        // Boxed, because the compiler would otherwise lay out the whole future inline.
        Box::pin(async move {
            let (reindex, unpack, keep, redelivery) = &*function;
            let until = deadline(&event.context);
            let response = consume(reindex, unpack, keep, event.payload, until).await?;
            let left = time_left(until, reindex.apply.clock.now());
            delay(redelivery.as_ref(), &response.delayed, "reindex", left).await;
            Ok::<_, StartError>(response)
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

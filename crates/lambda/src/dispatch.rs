//! SQS event sources of the dispatcher: takes wake-ups, works on their outboxes at once, and returns the wake-ups to retry.
//!
//! A wake-up carries nothing worth keeping, so one whose outbox somebody else holds is done. One whose run has failed is
//! received again soon, because nobody else may know that there is something to do.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use futures_util::{StreamExt, stream};
use hookline_domain::{
    delivery::queue::{Delayed, Redelivery},
    kernel::port::{Clock, chain},
    outbound::{Dispatch, DispatchPorts, EndpointKey, Lease, Pool, Run, WakeUp},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{LambdaEvent, service_fn};

use crate::{
    batch::{MissingMessageIdError, SqsBatch, SqsBatchResponse, SqsRecord, deadline, delay, retry_response, time_left},
    start::StartError,
};

const SERVICE: &str = "dispatch";

/// Part of the function's time in which no attempt begins: the longest attempt, with its records.
const ATTEMPT_MARGIN: SignedDuration = SignedDuration::from_secs(36);

/// Time by which a lease outlives the invocation that holds it: more than the difference of two clocks.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// Wait before a wake-up is received again whose run has failed.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(20);

/// An invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Text that no other invocation has.
    pub id: String,
    /// End of the invocation.
    pub deadline: Timestamp,
    /// Pool of the queue that the wake-ups came from.
    pub pool: Pool,
}

/// Works on the outboxes of one batch of wake-ups.
///
/// # Errors
/// [`MissingMessageIdError`], which cannot happen with messages from SQS.
pub async fn consume<P: DispatchPorts>(
    dispatch: &Dispatch<P>,
    batch: SqsBatch,
    invocation: &Invocation,
) -> Result<SqsBatchResponse, MissingMessageIdError> {
    let (mut outboxes, mut failed) = (BTreeMap::<EndpointKey, Vec<SqsRecord>>::new(), Vec::new());
    for record in batch.records {
        match WakeUp::parse(record.body.as_deref().unwrap_or_default()) {
            Ok(wake_up) => outboxes.entry(wake_up.endpoint).or_default().push(record),
            Err(error) => {
                tracing::warn!(service = SERVICE, outcome = "parked", reason = %chain(&error), "wake-up is unreadable");
                failed.push(record.message_id.unwrap_or_default());
            }
        }
    }
    // Collected, because the compiler cannot prove that the closure is Send.
    let runs: Vec<_> = (0..)
        .zip(outboxes)
        .map(|(nth, (endpoint, records)): (usize, _)| async move {
            let is_done = run_one(dispatch, &endpoint, nth, invocation).await;
            (records, is_done)
        })
        .collect();
    let count = runs.len().max(1);
    let runs: Vec<_> = stream::iter(runs).buffer_unordered(count).collect().await;
    let mut delayed = Vec::new();
    for record in runs
        .into_iter()
        .filter(|(_, is_done)| !is_done)
        .flat_map(|(records, _)| records)
    {
        failed.push(record.message_id.unwrap_or_default());
        delayed.extend(record.receipt_handle.map(|receipt| Delayed {
            receipt,
            wait: RETRY_AFTER,
        }));
    }
    let response = retry_response(failed)?;
    Ok(SqsBatchResponse { delayed, ..response })
}

/// Works on one outbox. Returns false if the wake-up is to be received again.
async fn run_one<P: DispatchPorts>(
    dispatch: &Dispatch<P>,
    endpoint: &EndpointKey,
    nth: usize,
    invocation: &Invocation,
) -> bool {
    let started = Instant::now();
    let lease = Lease {
        nonce: format!("{}/{nth}", invocation.id),
        until: (invocation.deadline.checked_add(LEASE_MARGIN)).unwrap_or(invocation.deadline),
    };
    let stop_at = (invocation.deadline.checked_sub(ATTEMPT_MARGIN)).unwrap_or(invocation.deadline);
    let left = time_left(invocation.deadline, dispatch.clock.now());
    let run = tokio::time::timeout(left, dispatch.run(endpoint, &lease, invocation.pool, stop_at)).await;
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let owner = endpoint.scope.to_string();
    let (pool, id) = (invocation.pool.as_str(), endpoint.id.as_str());
    match run {
        Ok(Ok(Run::Held)) => {
            tracing::debug!(
                service = SERVICE,
                outcome = "held",
                pool,
                owner,
                endpoint = id,
                "outbox is held"
            );
            true
        }
        Ok(Ok(Run::Worked { attempts, sent })) => {
            tracing::info!(
                service = SERVICE,
                outcome = "worked",
                pool,
                owner,
                endpoint = id,
                attempts,
                sent,
                duration_us,
                "outbox dispatched"
            );
            true
        }
        Ok(Err(failure)) => {
            let (cause, reason) = (failure.cause.as_str(), chain(&failure));
            tracing::warn!(
                service = SERVICE,
                outcome = "retry",
                pool,
                owner,
                endpoint = id,
                cause,
                reason,
                duration_us,
                "outbox could not be dispatched; the wake-up is retried"
            );
            false
        }
        Err(_) => {
            tracing::warn!(
                service = SERVICE,
                outcome = "retry",
                pool,
                owner,
                endpoint = id,
                duration_us,
                "ran out of time; the wake-up is retried"
            );
            false
        }
    }
}

/// Works on outboxes until Lambda stops the function. `slow_queue` is the name of the queue of the slow pool; `redelivery` delays
/// messages of the fast queue and of the slow one. Calls `rest` after each batch, before the function is frozen.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<P: DispatchPorts + 'static>(
    dispatch: Dispatch<P>,
    slow_queue: String,
    redelivery: [impl Redelivery + 'static; 2],
    rest: impl Fn(&Dispatch<P>) + Send + Sync + 'static,
) -> Result<(), StartError>
where
    Dispatch<P>: Send + Sync,
{
    let function = Arc::new((dispatch, slow_queue, redelivery, rest));
    let handle = service_fn(move |event: LambdaEvent<SqsBatch>| {
        let function = Arc::clone(&function);
        // Boxed, because the compiler would otherwise lay out the whole future inline.
        Box::pin(async move {
            let (dispatch, slow_queue, [fast, slow], rest) = &*function;
            let invocation = Invocation {
                id: event.context.request_id.clone(),
                deadline: deadline(&event.context),
                pool: pool(&event.payload, slow_queue),
            };
            let response = consume(dispatch, event.payload, &invocation).await;
            rest(dispatch);
            let response = response?;
            let left = time_left(invocation.deadline, dispatch.clock.now());
            let redelivery = if invocation.pool == Pool::Fast { fast } else { slow };
            delay(Some(redelivery), &response.delayed, SERVICE, left).await;
            Ok::<_, StartError>(response)
        })
    });
    lambda_runtime::run(handle).await
}

/// Pool of a batch, by the ARN of its queue: a batch comes from one queue.
fn pool(batch: &SqsBatch, slow_queue: &str) -> Pool {
    let arn = batch
        .records
        .first()
        .and_then(|record| record.event_source_arn.as_deref());
    let name = arn.and_then(|arn| arn.rsplit(':').next());
    if name == Some(slow_queue) {
        Pool::Slow
    } else {
        Pool::Fast
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hookline_domain::{
        kernel::port::PortError,
        memory::{
            MemoryEndpoints, MemoryEventLog, MemoryFanOut, MemoryMessages, MemoryOutboxes, MemoryStats, MemoryWakeUps,
            SetClock,
        },
        outbound::{Endpoint, EndpointSettings, Entry, EntryKey, KeptEvent, NoAnswerError, Outboxes, Post, Posted},
    };

    use super::*;
    use crate::testing::noon;

    struct Nobody;

    impl Post for Nobody {
        async fn post(&self, _: &Endpoint, _: &KeptEvent, _: u32, _: bool) -> Result<Posted, PortError> {
            Ok(Posted {
                attempted: Err(NoAnswerError::ConnectionRefused),
                took: Duration::from_millis(1),
            })
        }
    }

    enum Ports {}

    impl DispatchPorts for Ports {
        type Endpoints = MemoryEndpoints;
        type Outboxes = MemoryOutboxes;
        type Messages = MemoryMessages;
        type Stats = MemoryStats;
        type WakeUps = MemoryWakeUps;
        type FanOut = MemoryFanOut;
        type Post = Nobody;
        type Clock = SetClock;
    }

    fn dispatch() -> Dispatch<Ports> {
        Dispatch {
            endpoints: MemoryEndpoints::default(),
            outboxes: MemoryOutboxes::default(),
            messages: MemoryMessages::beside(MemoryEventLog::default()),
            stats: MemoryStats::default(),
            wake_ups: MemoryWakeUps::default(),
            fan_out: MemoryFanOut::default(),
            post: Nobody,
            clock: SetClock::new(noon()),
        }
    }

    fn key(n: usize) -> EndpointKey {
        format!("* ep_{n}").parse().unwrap()
    }

    fn wake_up(id: &str, body: String) -> SqsRecord {
        SqsRecord {
            message_id: Some(id.to_owned()),
            body: Some(body),
            receipt_handle: Some(format!("receipt of {id}")),
            ..SqsRecord::default()
        }
    }

    fn for_endpoint(id: &str, n: usize) -> SqsRecord {
        wake_up(id, WakeUp { endpoint: key(n) }.body())
    }

    fn invocation() -> Invocation {
        Invocation {
            id: "one".to_owned(),
            deadline: noon() + SignedDuration::from_secs(60),
            pool: Pool::Slow,
        }
    }

    async fn take(dispatch: &Dispatch<Ports>, records: Vec<SqsRecord>) -> SqsBatchResponse {
        consume(dispatch, SqsBatch { records }, &invocation()).await.unwrap()
    }

    #[tokio::test]
    async fn outboxes_of_a_batch_are_worked_on_once_each_and_what_is_unreadable_is_parked() {
        let dispatch = dispatch();
        for n in 0..3 {
            let settings = EndpointSettings::new("https://example.com/", &["*"]);
            dispatch.endpoints.insert(Endpoint::new(key(n), settings, noon()));
            let event = hookline_domain::memory::event(&"shopify#demo.myshopify.com".parse().unwrap(), n);
            let entry = Entry {
                key: EntryKey {
                    due: noon(),
                    event: event.id,
                    run: 0,
                },
                store: "shopify#demo.myshopify.com".parse().unwrap(),
                subject: "note#1".parse().unwrap(),
                version: None,
                accepted_at: noon(),
            };
            dispatch.outboxes.add(&key(n), &[entry]).await.unwrap();
        }
        let mut records: Vec<_> = (0..3).map(|n| for_endpoint(&n.to_string(), n)).collect();
        records.push(for_endpoint("again", 0));
        records.push(wake_up("foreign", "{}".to_owned()));
        let response = take(&dispatch, records).await;
        let failed: Vec<_> = (response.batch_item_failures.iter())
            .map(|one| &*one.item_identifier)
            .collect();
        assert_eq!((failed, response.delayed), (vec!["foreign"], vec![]));
        for n in 0..3 {
            assert_eq!(
                dispatch.outboxes.entries(&key(n)),
                [],
                "{n}: its event is not kept, so it expired"
            );
        }
    }

    #[tokio::test]
    async fn wake_up_of_a_held_outbox_is_done() {
        let dispatch = dispatch();
        let lease = Lease {
            nonce: "another".to_owned(),
            until: noon() + SignedDuration::from_secs(60),
        };
        dispatch.outboxes.acquire(&key(1), &lease, noon()).await.unwrap();
        assert_eq!(
            take(&dispatch, vec![for_endpoint("a", 1)]).await,
            SqsBatchResponse::default()
        );
    }

    #[test]
    fn pool_is_that_of_the_queue() {
        let from = |arn: Option<&str>| SqsBatch {
            records: vec![SqsRecord {
                event_source_arn: arn.map(str::to_owned),
                ..SqsRecord::default()
            }],
        };
        let slow = "slow-dispatch";
        assert_eq!(
            pool(&from(Some("arn:aws:sqs:eu-central-1:1:slow-dispatch")), slow),
            Pool::Slow
        );
        assert_eq!(
            pool(&from(Some("arn:aws:sqs:eu-central-1:1:dispatch")), slow),
            Pool::Fast
        );
        assert_eq!(pool(&from(None), slow), Pool::Fast);
    }
}

//! SQS event source of the fan-out function: takes a batch, returns the messages to retry. Like [`batch`](crate::batch).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hookline_domain::{
    delivery::queue::Redelivery,
    kernel::port::Clock,
    outbound::{Distribute, FanOutMessage, FanOutPorts, Handled, Outcome},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{LambdaEvent, service_fn};

use crate::{
    batch::{
        MissingMessageIdError, SqsBatch, SqsBatchResponse, deadline, delay, delayed_for_index, retry_response,
        time_left,
    },
    start::StartError,
};

/// Visibility timeout of the fan-out queue in template.yaml.
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_mins(3);

const SERVICE: &str = "fan-out";

/// Hands one batch to its targets; if time runs out, returns all of it for a retry. Retries begin after 20 s, like those of
/// messages that wait for the index.
///
/// # Errors
/// [`MissingMessageIdError`], which cannot happen with messages from SQS.
pub async fn consume<P: FanOutPorts>(
    fan_out: &Distribute<P>,
    batch: SqsBatch,
    deadline: Timestamp,
) -> Result<SqsBatchResponse, MissingMessageIdError> {
    let started = Instant::now();
    let delays = delayed_for_index(&batch.records, VISIBILITY_TIMEOUT);
    let messages: Vec<FanOutMessage> = batch
        .records
        .into_iter()
        .map(|record| FanOutMessage {
            id: record.message_id.unwrap_or_default(),
            text: record.body.unwrap_or_default(),
        })
        .collect();
    let ids: Vec<String> = messages.iter().map(|message| message.id.clone()).collect();
    let left = time_left(deadline, fan_out.clock.now());
    let Ok(handled) = tokio::time::timeout(left, fan_out.take(messages)).await else {
        tracing::warn!(
            service = SERVICE,
            outcome = "retry",
            batch_size = ids.len(),
            "ran out of time before the batch was done; all of it is retried"
        );
        return retry_response(ids);
    };
    let duration = started.elapsed();
    for message in &handled {
        log(message, handled.len(), duration);
    }
    let failed = |message: &&Handled| matches!(message.outcome, Outcome::Retry { .. } | Outcome::BusFailed { .. });
    let waiting = handled.iter().filter(failed);
    let delayed = waiting.filter_map(|message| delays.get(&message.id).cloned()).collect();
    let unfinished = handled.into_iter().filter(|message| !message.outcome.is_done());
    let response = retry_response(unfinished.map(|message| message.id).collect())?;
    Ok(SqsBatchResponse { delayed, ..response })
}

fn log(handled: &Handled, batch_size: usize, duration: Duration) {
    let (outcome, cause, reason) = match &handled.outcome {
        Outcome::Done => ("done", None, None),
        Outcome::Parked { reason } => ("parked", None, Some(reason)),
        Outcome::BusFailed { reason } => ("bus_failed", None, Some(reason)),
        Outcome::Retry { cause, reason } => ("retry", Some(*cause), Some(reason)),
    };
    tracing::info!(
        service = SERVICE,
        outcome,
        cause,
        reason,
        store = handled.store.as_ref().map(|store| store.label()).as_deref(),
        events = handled.events,
        new = handled.new,
        dropped = handled.dropped,
        message_id = handled.id,
        batch_size,
        duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        "events distributed"
    );
}

/// Hands batches to their targets until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<P: FanOutPorts + 'static>(
    fan_out: Distribute<P>,
    redelivery: impl Redelivery + 'static,
) -> Result<(), StartError>
where
    Distribute<P>: Send + Sync,
{
    let function = Arc::new((fan_out, redelivery));
    let handle = service_fn(move |event: LambdaEvent<SqsBatch>| {
        let function = Arc::clone(&function);
        // Boxed, because the compiler would otherwise lay out the whole future inline.
        Box::pin(async move {
            let (fan_out, redelivery) = &*function;
            let until = deadline(&event.context);
            let response = consume(fan_out, event.payload, until).await?;
            let left = time_left(until, fan_out.clock.now());
            delay(Some(redelivery), &response.delayed, SERVICE, left).await;
            Ok::<_, StartError>(response)
        })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        catalogue::event_message,
        kernel::port::PortError,
        memory::{
            self, InMemory, MemoryBus, MemoryEndpoints, MemoryEventLog, MemoryOutboxes, MemoryPush, MemoryStores,
            MemoryWakeUps, MemoryWatchers, SetClock,
        },
        outbound::{Bus, BusEvent, Webhooks},
    };

    use super::*;
    use crate::{
        batch::{SqsAttributes, SqsRecord},
        testing::{STORE, noon},
    };

    fn webhooks<P>() -> Webhooks<P>
    where
        P: FanOutPorts<Endpoints = MemoryEndpoints, Outboxes = MemoryOutboxes, WakeUps = MemoryWakeUps>,
    {
        Webhooks {
            endpoints: MemoryEndpoints::default(),
            outboxes: MemoryOutboxes::default(),
            wake_ups: MemoryWakeUps::default(),
        }
    }

    fn fan_out(bus: &MemoryBus) -> Distribute<InMemory<SetClock>> {
        Distribute {
            log: MemoryEventLog::default(),
            stores: MemoryStores::default(),
            webhooks: webhooks(),
            bus: Some(bus.clone()),
            watch: None,
            clock: SetClock::new(noon()),
            retention: SignedDuration::from_hours(24),
        }
    }

    fn record(id: &str, body: &str) -> SqsRecord {
        SqsRecord {
            message_id: Some(id.to_owned()),
            body: Some(body.to_owned()),
            receipt_handle: Some(format!("receipt of {id}")),
            attributes: SqsAttributes {
                receive_count: Some("2".to_owned()),
            },
            ..SqsRecord::default()
        }
    }

    fn event(id: &str, nth: usize) -> SqsRecord {
        let store = format!("shopify#{STORE}").parse().unwrap();
        let messages = event_message::pack(&store, &[memory::event(&store, nth)], usize::MAX);
        record(id, &messages[0])
    }

    async fn take(
        fan_out: &Distribute<InMemory<SetClock>>,
        records: Vec<SqsRecord>,
        until: Timestamp,
    ) -> SqsBatchResponse {
        consume(fan_out, SqsBatch { records }, until).await.unwrap()
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        let failures = response.batch_item_failures.iter();
        failures.map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn unfinished_messages_are_retried_and_those_that_wait_for_the_bus_soon() {
        let bus = MemoryBus::default();
        bus.refuse([false, true]);
        let records = vec![event("done", 0), event("refused", 1), record("foreign", "{}")];
        let response = take(&fan_out(&bus), records, Timestamp::MAX).await;
        assert_eq!(failed(&response), ["refused", "foreign"]);
        let [delayed] = &response.delayed[..] else {
            panic!("{response:?}")
        };
        assert_eq!(
            (delayed.receipt.as_str(), delayed.wait.as_secs()),
            ("receipt of refused", 60)
        );
    }

    /// A bus that never answers.
    struct HangingBus;

    impl Bus for HangingBus {
        async fn post(&self, _: &[BusEvent]) -> Vec<Result<(), PortError>> {
            std::future::pending().await
        }
    }

    enum Hanging {}

    impl FanOutPorts for Hanging {
        type Log = MemoryEventLog;
        type Stores = MemoryStores;
        type Endpoints = MemoryEndpoints;
        type Outboxes = MemoryOutboxes;
        type WakeUps = MemoryWakeUps;
        type Bus = HangingBus;
        type Watchers = MemoryWatchers;
        type Push = MemoryPush;
        type Pause = SetClock;
        type Clock = Timestamp;
    }

    #[tokio::test(start_paused = true)]
    async fn batch_is_retried_whole_before_time_is_up() {
        let hanging = Distribute::<Hanging> {
            log: MemoryEventLog::default(),
            stores: MemoryStores::default(),
            webhooks: webhooks(),
            bus: Some(HangingBus),
            watch: None,
            clock: noon(),
            retention: SignedDuration::from_hours(24),
        };
        let batch = SqsBatch {
            records: vec![event("a", 0), event("b", 1)],
        };
        let began = tokio::time::Instant::now();
        let response = consume(&hanging, batch, noon() + SignedDuration::from_secs(10))
            .await
            .unwrap();
        assert_eq!(failed(&response), ["a", "b"]);
        assert_eq!(began.elapsed().as_secs(), 9);
    }

    #[tokio::test]
    async fn message_without_an_id_fails_the_batch() {
        let bus = MemoryBus::default();
        let mut foreign = record("", "{}");
        foreign.message_id = None;
        let batch = SqsBatch {
            records: vec![foreign, event("done", 0)],
        };
        let outcome = consume(&fan_out(&bus), batch, Timestamp::MAX).await;
        assert_eq!(outcome.unwrap_err(), MissingMessageIdError);
        assert_eq!(bus.posted().len(), 1, "the others have taken effect");
    }
}

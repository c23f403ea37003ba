//! [`Bus`] on EventBridge.

use std::time::Duration;

use aws_sdk_eventbridge::{Client, primitives::DateTime, types::PutEventsRequestEntry};
use hookline_domain::{
    kernel::port::PortError,
    outbound::{Bus, BusEvent},
};
use hookline_transport::cause_of;
use jiff::Timestamp;

use crate::failure;

const PORT: &str = "event bus";

/// Maximum entries of one request (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>).
const MAX_ENTRIES: usize = 10;

/// Maximum size of the entries of one request, as EventBridge counts
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>). AWS announced 1 MB in January 2026;
/// its documentation says 256 KB, which every region accepts.
const MAX_REQUEST_BYTES: usize = 256_000;

/// Size that EventBridge counts for a time.
const TIME_BYTES: usize = 14;

/// Attempts to post the entries that a request did not accept, and the pause before the second, which doubles.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// [`Bus`] on EventBridge: `PutEvents` with up to ten events.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    arn: String,
}

impl EventBridgeBus {
    pub(crate) fn new(client: Client, arn: impl Into<String>) -> Self {
        Self {
            client,
            arn: arn.into(),
        }
    }

    fn entry(&self, event: &BusEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.arn)
            .source(&event.source)
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .time(time(event.time))
            .build()
    }

    /// Posts the events in these places with one request, and once more those that it did not accept.
    async fn post_some(&self, events: &[BusEvent], mut places: Vec<usize>, outcomes: &mut [Option<PortError>]) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            let entries = places.iter().map(|place| self.entry(&events[*place])).collect();
            let posted = match self.client.put_events().set_entries(Some(entries)).send().await {
                Ok(posted) => posted,
                Err(error) => {
                    // The SDK has repeated the request already.
                    let failure = failure::of_call(PORT, error);
                    for place in places {
                        outcomes[place] = Some(failure.again());
                    }
                    return;
                }
            };
            let mut refused = Vec::new();
            for (nth, place) in places.into_iter().enumerate() {
                let result = posted.entries().get(nth);
                let is_posted =
                    result.is_some_and(|result| result.error_code().is_none() && result.event_id().is_some());
                outcomes[place] = if is_posted {
                    None
                } else {
                    refused.push(place);
                    let code = result.and_then(|result| result.error_code());
                    Some(PortError::because(
                        PORT,
                        cause_of(code, None),
                        code,
                        "the bus did not accept an entry",
                    ))
                };
            }
            if refused.is_empty() || attempt == ATTEMPTS {
                return;
            }
            places = refused;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

impl Bus for EventBridgeBus {
    async fn post(&self, events: &[BusEvent]) -> Vec<Result<(), PortError>> {
        let mut outcomes: Vec<Option<PortError>> = events.iter().map(|_| None).collect();
        for request in requests(events) {
            self.post_some(events, request, &mut outcomes).await;
        }
        outcomes
            .into_iter()
            .map(|refused| refused.map_or(Ok(()), Err))
            .collect()
    }
}

/// Places of the events of each request.
fn requests(events: &[BusEvent]) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (place, event) in events.iter().enumerate() {
        let size = TIME_BYTES + event.source.len() + event.detail_type.len() + event.detail.len();
        match requests.last_mut() {
            Some(request) if request.len() < MAX_ENTRIES && size <= room => {
                request.push(place);
                room -= size;
            }
            _ => {
                requests.push(vec![place]);
                room = MAX_REQUEST_BYTES.saturating_sub(size);
            }
        }
    }
    requests
}

/// A time in the SDK's form. EventBridge keeps seconds.
fn time(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(sizes: &[usize]) -> Vec<BusEvent> {
        let event = |size: &usize| BusEvent {
            source: String::new(),
            detail_type: String::new(),
            detail: "x".repeat(*size - TIME_BYTES),
            time: Timestamp::UNIX_EPOCH,
        };
        sizes.iter().map(event).collect()
    }

    fn lengths(sizes: &[usize]) -> Vec<usize> {
        requests(&events(sizes)).iter().map(Vec::len).collect()
    }

    #[test]
    fn request_has_ten_events_at_most_and_fits() {
        assert_eq!(lengths(&[20; 25]), [10, 10, 5]);
        assert_eq!(lengths(&[64_000; 6]), [4, 2]);
        assert_eq!(lengths(&[20, 255_980, 20]), [2, 1]);
        assert_eq!(lengths(&[300_000, 20]), [1, 1]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}

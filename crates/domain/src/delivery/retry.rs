//! Use case: retry a failed delivery now instead of at its next try.

use jiff::Timestamp;

use crate::{
    delivery::{
        failed::{FailedDelivery, Stage},
        queue::TryNow,
    },
    kernel::port::PortError,
};

/// Outcome of requesting a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOutcome {
    /// The queue retries it now.
    Now,
    /// The queue is retrying it already.
    Already,
    /// It was redriven and has not been tried since.
    OnItsWay,
}

/// A delivery cannot be tried now.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The queue has given it up: redrive it.
    #[error("it is a dead letter")]
    DeadLetter,
    /// The queue has removed it.
    #[error("its dead letter has expired")]
    Expired,
    /// The queue did not answer. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Retries a failed delivery at `now` that the queue would retry later.
///
/// # Errors
/// [`RetryError`] if the queue no longer retries it, or did not answer.
pub async fn retry(failed: &FailedDelivery, queue: &impl TryNow, now: Timestamp) -> Result<RetryOutcome, RetryError> {
    match (failed.stage(now), &failed.receipt) {
        (Stage::Retrying { .. }, Some(receipt)) => Ok(if queue.try_now(receipt).await? {
            RetryOutcome::Now
        } else {
            RetryOutcome::Already
        }),
        (Stage::Retrying { .. }, None) => Ok(RetryOutcome::OnItsWay),
        (Stage::DeadLetter, _) => Err(RetryError::DeadLetter),
        (Stage::Expired, _) => Err(RetryError::Expired),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        delivery::ledger::Problem,
        kernel::{failure::ErrorCode, ids::DeliveryKey},
    };

    /// A queue whose messages wait, or do not.
    struct Waits(bool);

    impl TryNow for Waits {
        async fn try_now(&self, _: &str) -> Result<bool, PortError> {
            Ok(self.0)
        }
    }

    /// Outcome and sentence for every stage of a delivery.
    #[tokio::test]
    async fn every_stage_has_its_outcome_and_sentence() {
        let table = include_str!("../../../../docs/states.md");
        let tried: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let waiting = FailedDelivery {
            delivery: DeliveryKey {
                store: "shopify#demo.myshopify.com".parse().unwrap(),
                topic: "products/update".parse().unwrap(),
                id: "a".parse().unwrap(),
            },
            subject: None,
            problem: Problem {
                at: tried,
                code: ErrorCode::StorageUnavailable,
                cause: None,
                message: "the problem".to_owned(),
            },
            received_at: tried,
            tries: 1,
            parked: false,
            redriven_at: None,
            receipt: Some("receipt".to_owned()),
        };
        let redriven = FailedDelivery {
            redriven_at: Some(tried),
            receipt: None,
            ..waiting.clone()
        };
        let cases = [
            (
                &waiting,
                60,
                true,
                "It is tried now; its next try was due about 12:03 UTC.",
            ),
            (&waiting, 180, true, "It is tried now."),
            (&waiting, 60, false, "It is being tried already."),
            (&redriven, 60, true, "It is on its way to be tried."),
        ];
        for (failed, seconds, waits, says) in cases {
            let now = tried + SignedDuration::from_secs(seconds);
            let retried = retry(failed, &Waits(waits), now).await.unwrap();
            let says = format!("{says} The result shows within seconds.");
            assert_eq!(failed.retried(retried, now), says);
            assert!(table.contains(&says), "{says}");
        }
        let late = |hours| retry(&waiting, &Waits(true), tried + SignedDuration::from_hours(hours));
        assert!(matches!(late(1).await, Err(RetryError::DeadLetter)));
        assert!(matches!(late(15 * 24).await, Err(RetryError::Expired)));
    }
}

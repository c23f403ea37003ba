//! Explanations of failed deliveries, in sentences that panel, API and command share.

use jiff::Timestamp;

use super::{FailedDelivery, KEPT_DAYS, Stage};
use crate::{
    delivery::retry::RetryOutcome,
    kernel::{
        advice::{lasts, remove_cause},
        time::clock_time,
    },
};

impl FailedDelivery {
    /// Explains the delivery at `now`: what its state means and what to do.
    #[must_use]
    pub fn sentence(&self, now: Timestamp) -> String {
        let problem = &self.problem;
        let remove = remove_cause(problem.code, problem.cause);
        match self.stage(now) {
            Stage::Retrying {
                next_try_at,
                dead_letter_at,
            } => {
                let dead_letter = clock_time(dead_letter_at, now);
                if let Some(at) = self.redriven_at {
                    return format!(
                        "It went back to the queue at {} and is tried again; if it keeps failing, it is a dead letter again \
                         about {dead_letter}. Nothing to do until then.",
                        clock_time(at, now)
                    );
                }
                let next = if next_try_at <= now {
                    "any moment now".to_owned()
                } else {
                    format!("about {}", clock_time(next_try_at, now))
                };
                let queue = format!("It is still in the queue: next try {next}, dead letter about {dead_letter}.");
                if self.parked {
                    format!("It cannot be applied as it is ({problem}). {queue} {remove} try it now; or dismiss it.")
                } else {
                    let todo = if lasts(problem.code, problem.cause) {
                        format!("{remove} try it now.")
                    } else {
                        "Nothing to do until then.".to_owned()
                    };
                    format!("It has failed so far ({problem}). {queue} {todo}")
                }
            }
            Stage::DeadLetter => format!(
                "It failed until the queue gave up ({problem}). It is a dead letter until {}. {remove} redrive it; or dismiss \
                 it.",
                self.expires_at().strftime("%-d %B %Y")
            ),
            Stage::Expired => format!(
                "It failed ({problem}), and dead letters are kept for {KEPT_DAYS} days, so its body is gone. Resync the store, \
                 which fetches its current state, then dismiss it."
            ),
        }
    }

    /// Describes the outcome of retrying it at `now`.
    #[must_use]
    pub fn retried(&self, retried: RetryOutcome, now: Timestamp) -> String {
        let outcome = match (retried, self.stage(now)) {
            (RetryOutcome::Now, Stage::Retrying { next_try_at, .. }) if next_try_at > now => {
                format!(
                    "It is tried now; its next try was due about {}.",
                    clock_time(next_try_at, now)
                )
            }
            (RetryOutcome::Now, _) => "It is tried now.".to_owned(),
            (RetryOutcome::Already, _) => "It is being tried already.".to_owned(),
            (RetryOutcome::OnItsWay, _) => "It is on its way to be tried.".to_owned(),
        };
        outcome + " The result shows within seconds."
    }
}

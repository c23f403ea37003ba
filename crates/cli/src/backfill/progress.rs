//! Progress of a run: a bar on a terminal, a line every few seconds elsewhere.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use hookline_domain::{
    kernel::ids::StoreKey,
    sync::{
        backfill::BackfillEvent,
        reconcile::{Progress as Read, Step, WaitReason},
    },
};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;

use super::duration_text;
use crate::output::say;

/// Time between two lines without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

const READING: &str = "{msg} [{bar:32}] {percent}%, {elapsed}, {eta} left";

/// Shows a run's progress to a person.
pub struct Progress {
    store: String,
    bar: Option<ProgressBar>,
    pace: Pace,
    /// Time of the last line, without a bar.
    printed_at: Option<Instant>,
    /// Last message about what the run waits for.
    waits: String,
}

/// Position and time at which this run began reading.
#[derive(Default)]
struct Pace(Option<(Instant, Read)>);

impl Pace {
    /// Products per second and the estimated time left, from what this run has read.
    fn of(&mut self, read: Read, now: Instant) -> Option<(f64, SignedDuration)> {
        let (since, first) = self.0.get_or_insert((now, read));
        let seconds = now.duration_since(*since).as_secs_f64();
        let bytes = read.bytes.0.saturating_sub(first.bytes.0);
        // The export was restarted.
        if read.bytes.0 < first.bytes.0 || read.products < first.products {
            self.0 = Some((now, read));
            return None;
        }
        if seconds < 0.1 || bytes == 0 {
            return None;
        }
        let remaining = read.bytes.1.saturating_sub(read.bytes.0);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (rate, remaining) = (
            (read.products - first.products) as f64 / seconds,
            remaining as f64 / bytes as f64 * seconds,
        );
        let remaining = SignedDuration::try_from_secs_f64(remaining).ok()?;
        Some((rate, remaining))
    }
}

impl Progress {
    pub fn new(store: &StoreKey) -> Self {
        Self {
            store: store.label().into_owned(),
            bar: io::stderr().is_terminal().then(ProgressBar::new_spinner),
            pace: Pace::default(),
            printed_at: None,
            waits: String::new(),
        }
    }

    /// Shows one step of a run.
    pub fn show(&mut self, step: BackfillEvent) {
        match step {
            BackfillEvent::Resumes(checkpoint) => {
                let done = match &checkpoint.step {
                    Step::Begin => "the beginning".to_owned(),
                    Step::Read { found, .. } => format!("product {}, where an earlier run stopped", found.compared),
                    Step::Deleted { .. } => "the deletions; all products have been read".to_owned(),
                };
                self.say(&format!(
                    "· {}: continues from {done} (--restart starts over)",
                    self.store
                ));
            }
            BackfillEvent::Read(read) => self.read(read),
            BackfillEvent::Waits { why, how_long } => self.waits(&why, how_long),
            BackfillEvent::Failed { reason } => self.say(&format!("· {}: failed, retrying: {reason}", self.store)),
        }
    }

    /// Removes the bar.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn read(&mut self, read: Read) {
        let now = Instant::now();
        self.waits.clear();
        let pace = self.pace.of(read, now);
        let rate = pace.map(|(rate, _)| format!(", {rate:.0}/s")).unwrap_or_default();
        let products = format!("{}: {} products{rate}", self.store, read.products);
        if let Some(bar) = &self.bar {
            if bar.length() != Some(read.bytes.1) {
                bar.set_length(read.bytes.1);
                bar.set_style(ProgressStyle::with_template(READING).unwrap_or_else(|_| ProgressStyle::default_bar()));
            }
            bar.set_position(read.bytes.0);
            bar.set_message(products);
        } else if self.printed_at.is_none_or(|at| now.duration_since(at) >= LINE_EVERY) {
            self.printed_at = Some(now);
            let percent = read.bytes.0.saturating_mul(100) / read.bytes.1.max(1);
            let remaining = pace
                .map(|(_, remaining)| format!(", {} left", duration_text(remaining)))
                .unwrap_or_default();
            say(&format!("· {products}, {percent}% of the export{remaining}"));
        }
    }

    fn waits(&mut self, why: &WaitReason, how_long: SignedDuration) {
        let waits = match why {
            WaitReason::More => return,
            WaitReason::Writing { objects: 0 } => "Shopify is writing the export".to_owned(),
            WaitReason::Writing { objects } => format!("Shopify is writing the export, {objects} objects so far"),
            WaitReason::BegunAgain { reason } => format!("the export failed ({reason}); requesting another"),
            WaitReason::Interrupted { reason } => format!("reading was interrupted ({reason}); resuming from there"),
            WaitReason::Grace => format!(
                "waiting {} before missing products count as deleted",
                duration_text(how_long)
            ),
        };
        let waits = format!("{}: {waits}", self.store);
        if let (Some(bar), WaitReason::Writing { .. }) = (&self.bar, why) {
            bar.set_message(waits);
            bar.tick();
        } else if waits != self.waits {
            self.say(&format!("· {waits}"));
            self.waits = waits;
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_estimated_from_the_bytes_of_this_run() {
        let read = |products, bytes| Read {
            products,
            bytes: (bytes, 1_000),
            objects: 0,
        };
        let (mut pace, start) = (Pace::default(), Instant::now());
        // The bytes that an earlier run read do not count for a resumed run.
        assert!(pace.of(read(500, 500), start).is_none());
        let (rate, remaining) = pace.of(read(600, 600), start + Duration::from_secs(2)).unwrap();
        assert!((rate - 50.0).abs() < 0.01, "{rate}");
        assert_eq!(remaining, SignedDuration::from_secs(8));
        // A new export starts from its beginning.
        assert!(pace.of(read(1, 1), start + Duration::from_secs(3)).is_none());
        assert!(pace.of(read(11, 101), start + Duration::from_secs(4)).is_some());
    }
}

//! How far a run has come: a bar on a terminal, a line now and then elsewhere.

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

use super::spoken;
use crate::output::say;

/// How often there is a line where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

const READING: &str = "{msg} [{bar:32}] {percent}%, {elapsed}, {eta} left";

/// Tells a person how far it has come.
pub struct Progress {
    store: String,
    bar: Option<ProgressBar>,
    pace: Pace,
    /// When a line was last said, where there is no bar.
    said_at: Option<Instant>,
    /// What it waits for, as it was last said.
    waits: String,
}

/// Where reading began, in this run, and when.
#[derive(Default)]
struct Pace(Option<(Instant, Read)>);

impl Pace {
    /// Products a second, and the time that is left, as the reading since the beginning of this run shows it.
    fn of(&mut self, read: Read, now: Instant) -> Option<(f64, SignedDuration)> {
        let (since, first) = self.0.get_or_insert((now, read));
        let seconds = now.duration_since(*since).as_secs_f64();
        let bytes = read.bytes.0.saturating_sub(first.bytes.0);
        // The export was begun again, or nothing has been read yet.
        if read.bytes.0 < first.bytes.0 || read.products < first.products {
            self.0 = Some((now, read));
            return None;
        }
        if seconds < 0.1 || bytes == 0 {
            return None;
        }
        let left = read.bytes.1.saturating_sub(read.bytes.0);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (rate, left) = (
            (read.products - first.products) as f64 / seconds,
            left as f64 / bytes as f64 * seconds,
        );
        let left = SignedDuration::try_from_secs_f64(left).ok()?;
        Some((rate, left))
    }
}

impl Progress {
    pub fn new(store: &StoreKey) -> Self {
        Self {
            store: store.label().into_owned(),
            bar: io::stderr().is_terminal().then(ProgressBar::new_spinner),
            pace: Pace::default(),
            said_at: None,
            waits: String::new(),
        }
    }

    /// Tells it.
    pub fn tell(&mut self, told: BackfillEvent) {
        match told {
            BackfillEvent::Resumes(checkpoint) => {
                let done = match &checkpoint.step {
                    Step::Begin => "its beginning".to_owned(),
                    Step::Read { found, .. } => format!("product {}, where a run before stopped", found.compared),
                    Step::Deleted { .. } => "what is deleted; all products have been read".to_owned(),
                };
                self.say(&format!(
                    "· {}: goes on from {done} (--restart begins anew)",
                    self.store
                ));
            }
            BackfillEvent::Read(read) => self.read(read),
            BackfillEvent::Waits { why, how_long } => self.waits(&why, how_long),
            BackfillEvent::Failed { reason } => self.say(&format!("· {}: tries again: {reason}", self.store)),
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
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
        } else if self.said_at.is_none_or(|at| now.duration_since(at) >= LINE_EVERY) {
            self.said_at = Some(now);
            let percent = read.bytes.0.saturating_mul(100) / read.bytes.1.max(1);
            let left = pace
                .map(|(_, left)| format!(", {} left", spoken(left)))
                .unwrap_or_default();
            say(&format!("· {products}, {percent}% of the export{left}"));
        }
    }

    fn waits(&mut self, why: &WaitReason, how_long: SignedDuration) {
        let waits = match why {
            WaitReason::More => return,
            WaitReason::Writing { objects: 0 } => "Shopify is writing the export".to_owned(),
            WaitReason::Writing { objects } => format!("Shopify is writing the export, {objects} objects so far"),
            WaitReason::BegunAgain { reason } => format!("the export failed ({reason}); another one is asked for"),
            WaitReason::Interrupted { reason } => format!("reading was interrupted ({reason}); it goes on from there"),
            WaitReason::Grace => format!("what is gone has to be gone for {} before it counts", spoken(how_long)),
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
    fn the_time_that_is_left_is_told_by_what_this_run_has_read() {
        let read = |products, bytes| Read {
            products,
            bytes: (bytes, 1_000),
            objects: 0,
        };
        let (mut pace, start) = (Pace::default(), Instant::now());
        // A run that goes on has not read what the one before has.
        assert!(pace.of(read(500, 500), start).is_none());
        let (rate, left) = pace.of(read(600, 600), start + Duration::from_secs(2)).unwrap();
        assert!((rate - 50.0).abs() < 0.01, "{rate}");
        assert_eq!(left, SignedDuration::from_secs(8));
        // Another export from its beginning.
        assert!(pace.of(read(1, 1), start + Duration::from_secs(3)).is_none());
        assert!(pace.of(read(11, 101), start + Duration::from_secs(4)).is_some());
    }
}

//! `hookline dlq redrive`: moves dead letters back into the event queue. Each is sent before it is removed, so a crash in
//! between leaves a second copy and loses none.

use anyhow::Result;
use hookline_domain::delivery::dead_letters::{Letter, Pace, Redriven};
use indicatif::ProgressBar;
use jiff::Timestamp;

use crate::{
    args::HidingOptions,
    dead_letters::{DeadLetterSummary, DeadLetterWalk},
    output::{Output, count, progress_bar, say},
    rate::{Rate, RateLimiter},
    resources::Resources,
    selection::Selection,
};

/// Selection of the letters to move, and the rate.
pub struct RedriveRequest<'a> {
    pub selection: &'a Selection,
    pub rate: Rate,
    pub limit: usize,
    pub hiding: HidingOptions,
}

/// Progress of a redrive: limits the rate and collects the moved letters.
struct RedriveProgress {
    limiter: RateLimiter,
    bar: ProgressBar,
    moved: Vec<DeadLetterSummary>,
}

impl Pace for RedriveProgress {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn has_time(&self) -> bool {
        true
    }

    async fn next(&mut self) {
        self.limiter.next().await;
    }

    fn moved(&mut self, letter: Letter) {
        self.moved.push(DeadLetterSummary::from(&letter));
        self.bar.inc(1);
    }
}

pub async fn run(resources: &Resources, out: &Output, request: &RedriveRequest<'_>) -> Result<bool> {
    let queue = resources.event_queue()?;
    let mut walk = DeadLetterWalk::new(resources, request.selection, request.hiding)?;
    let mut moving = RedriveProgress {
        bar: progress_bar(walk.approximate_count().await?, "moving"),
        limiter: request.rate.limiter(),
        moved: Vec::new(),
    };
    let at_most = request.rate.within_half(walk.0.hidden_for());
    let mut done = Redriven::default();
    let ended = done
        .run(
            &mut walk.0,
            (&queue, &resources.stores()?),
            (request.limit, at_most),
            &mut moving,
        )
        .await;
    moving.bar.finish_and_clear();
    walk.give_back().await?;
    out.rows(&moving.moved)?;
    say(&format!(
        "· {} moved to the event queue",
        count(done.moved, "dead letter")
    ));
    if done.not_ours > 0 {
        say(&format!(
            "· {} not ours left in the dead-letter queue. To remove them: hookline dlq purge --not-ours",
            count(done.not_ours, "message")
        ));
    }
    if done.again > 0 {
        say(&format!(
            "· {} left of deliveries that this run had already moved: they are copies, or failed again",
            count(done.again, "dead letter")
        ));
    }
    ended?;
    Ok(true)
}

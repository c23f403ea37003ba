//! `hookline dlq redrive`: letters go back into the event queue. Sent first, removed then: dying in between leaves a
//! second copy, never none.

use anyhow::Result;
use hookline_domain::delivery::dead_letters::{Letter, Pace, Redriven};
use indicatif::ProgressBar;
use jiff::Timestamp;

use crate::{
    args::Hiding,
    letters::{Summary, Walk},
    output::{Output, count, say},
    pace::{self, Rate},
    places::Connected,
    select::Selection,
};

/// What is to be moved, and how fast.
pub struct Wanted<'a> {
    pub selection: &'a Selection,
    pub rate: Rate,
    pub limit: usize,
    pub hiding: Hiding,
}

/// Keeps the rate, and what was moved.
struct Moving {
    pace: pace::Pace,
    bar: ProgressBar,
    moved: Vec<Summary>,
}

impl Pace for Moving {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn has_time(&self) -> bool {
        true
    }

    async fn next(&mut self) {
        self.pace.next().await;
    }

    fn moved(&mut self, letter: Letter) {
        self.moved.push(Summary::from(&letter));
        self.bar.inc(1);
    }
}

pub async fn run(places: &Connected, out: &Output, wanted: &Wanted<'_>) -> Result<bool> {
    let queue = places.event_queue()?;
    let mut walk = Walk::new(places, wanted.selection, wanted.hiding)?;
    let mut moving = Moving {
        bar: pace::bar(walk.about().await?, "moving"),
        pace: wanted.rate.pace(),
        moved: Vec::new(),
    };
    let at_most = wanted.rate.within_half(walk.0.hidden_for());
    let mut done = Redriven::default();
    let ended = done
        .run(
            &mut walk.0,
            (&queue, &places.stores()?),
            (wanted.limit, at_most),
            &mut moving,
        )
        .await;
    moving.bar.finish_and_clear();
    walk.give_back().await?;
    out.rows(&moving.moved)?;
    say(&format!("· {} moved to the event queue", count(done.moved, "letter")));
    if done.not_ours > 0 {
        say(&format!(
            "· {} not ours left where they were: hookline dlq purge --not-ours",
            count(done.not_ours, "message")
        ));
    }
    if done.again > 0 {
        say(&format!(
            "· {} left of deliveries that had just been moved: they are copies, or have failed again",
            count(done.again, "letter")
        ));
    }
    ended?;
    Ok(true)
}

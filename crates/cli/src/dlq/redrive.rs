//! `hookline dlq redrive`: letters go back into the event queue. Sent first, removed then: dying in between leaves a
//! second copy, never none.

use std::collections::BTreeSet;

use anyhow::Result;
use hookline_domain::queue::EventQueue;

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

/// What has been done so far.
#[derive(Default)]
struct Done {
    moved: Vec<Summary>,
    not_ours: usize,
    /// Letters of deliveries that have been moved in this run.
    again: usize,
}

pub async fn run(places: &Connected, out: &Output, wanted: &Wanted<'_>) -> Result<bool> {
    let queue = places.event_queue()?;
    let mut walk = Walk::new(places, wanted.selection, wanted.hiding)?;
    let mut done = Done::default();
    let ended = send(&mut walk, &queue, wanted, &mut done).await;
    walk.give_back().await?;
    out.rows(&done.moved)?;
    say(&format!(
        "· {} moved to the event queue",
        count(done.moved.len(), "letter")
    ));
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
    ended.map(|()| true)
}

async fn send(walk: &mut Walk<'_>, queue: &impl EventQueue, wanted: &Wanted<'_>, done: &mut Done) -> Result<()> {
    let bar = pace::bar(walk.about().await?, "moving");
    let mut pace = wanted.rate.pace();
    let at_most = wanted.rate.within_half(walk.hidden_for());
    let mut known = BTreeSet::new();
    while done.moved.len() < wanted.limit {
        let Some(letters) = walk.next(at_most).await? else {
            break;
        };
        for letter in letters {
            let Ok(delivery) = &letter.delivery else {
                done.not_ours += 1;
                continue;
            };
            if done.moved.len() == wanted.limit {
                break;
            }
            // What fails at once is back before this run has ended, and would be moved for ever.
            if !known.insert(delivery.key.clone()) {
                done.again += 1;
                continue;
            }
            pace.next().await;
            queue.send(&delivery.key.store, letter.dead.text.clone()).await?;
            walk.remove(&letter).await?;
            done.moved.push(Summary::from(&letter));
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

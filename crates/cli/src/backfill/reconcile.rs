//! `hookline reconcile`.

use std::collections::BTreeMap;

use anyhow::Result;
use hookline_domain::{
    kernel::ids::{StoreKey, Topic},
    store::stores::{Reconciled, Skipped, Stores},
    sync::reconcile::Scope,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{Ended, Through, spoken, tallied::Tally};
use crate::{
    args::store::Reconcile,
    output::{Output, Row, count, say},
    places::Connected,
    store::all,
};

/// What was found in one store, as a program reads it.
#[derive(Debug, Serialize)]
struct Found {
    store: String,
    compared: u64,
    missed: BTreeMap<Topic, u64>,
    regrouped: u64,
    mended: u64,
    skipped: u64,
    unread: Vec<Skipped>,
    #[serde(flatten)]
    tally: Tally,
    began_at: Timestamp,
    ended_at: Timestamp,
}

/// What was missed of one topic, as a person reads it.
#[derive(Debug, Serialize)]
struct Line {
    store: String,
    topic: String,
    missed: u64,
}

impl Row for Line {
    const HEADINGS: &'static [&'static str] = &["STORE", "TOPIC", "MISSED"];

    fn cells(&self) -> Vec<String> {
        vec![self.store.clone(), self.topic.clone(), self.missed.to_string()]
    }
}

pub async fn run(places: &Connected, out: &Output, wanted: &Reconcile) -> Result<bool> {
    let stores = whose(places, wanted).await?;
    let through = Through {
        places,
        admin: &wanted.admin,
        index: &wanted.index,
        scope: Scope::Differing,
        grace: wanted.grace.0,
        anew: wanted.restart,
    };
    let (mut lines, mut failed) = (Vec::new(), 0);
    for store in &stores {
        let had_baseline = has_baseline(places, store).await?;
        match through.run(store).await {
            Ok(Ended::Through(done, tally)) => {
                lines.extend(told(out, store, &done, tally, had_baseline)?);
            }
            Ok(Ended::Stopped) => {
                say("· stopped; the same command goes on from where it was");
                return Ok(false);
            }
            // One store's trouble is no reason to leave out the others.
            Err(why) if wanted.all => {
                say(&format!("· {}: {why:#}", store.label()));
                failed += 1;
            }
            Err(why) => return Err(why),
        }
    }
    if !out.json {
        out.rows(&lines)?;
    }
    if wanted.all {
        say(&format!(
            "· {} compared, {failed} failed",
            count(stores.len() - failed, "store")
        ));
    }
    Ok(failed == 0)
}

/// Which stores are meant.
async fn whose(places: &Connected, wanted: &Reconcile) -> Result<Vec<StoreKey>> {
    if let Some(store) = &wanted.store {
        return Ok(vec![store.0.clone()]);
    }
    let all = all(&places.stores()?).await?;
    let connected = all
        .into_iter()
        .filter(|(_, view)| view.record.enabled && view.record.connected);
    Ok(connected.map(|(store, _)| store).collect())
}

/// Whether what differs can be counted as missed: nothing is before a store has been gone through once.
async fn has_baseline(places: &Connected, store: &StoreKey) -> Result<bool> {
    let record = places.stores()?.find(store).await?;
    Ok(record.is_some_and(|record| record.has_baseline()))
}

/// Tells what was found, and returns the lines of the table that comes at the end.
fn told(out: &Output, store: &StoreKey, done: &Reconciled, tally: Tally, had_baseline: bool) -> Result<Vec<Line>> {
    let name = store.label().into_owned();
    if out.json {
        out.object(&Found {
            store: name,
            compared: done.compared,
            missed: done.missed.clone(),
            regrouped: done.regrouped,
            mended: done.mended,
            skipped: done.skipped,
            unread: done.unread.clone(),
            tally,
            began_at: done.began_at,
            ended_at: done.ended_at,
        })?;
        return Ok(Vec::new());
    }
    let missed: u64 = done.missed.values().sum();
    say(&format!(
        "· {name}: {} products compared in {}; {missed} missed webhooks, {} in other collections, {} \
         mended; {} indexed, {} deleted",
        done.compared,
        spoken(done.ended_at.duration_since(done.began_at)),
        done.regrouped,
        done.mended,
        tally.indexed,
        tally.deleted
    ));
    for skipped in &done.unread {
        say(&format!("· {name}: could not be read, and stays as it was: {skipped}"));
    }
    if done.skipped > 0 {
        say(&format!(
            "· {name}: {} could not be read in all",
            count(usize::try_from(done.skipped).unwrap_or(usize::MAX), "record")
        ));
    }
    if !had_baseline {
        say(&format!(
            "· {name}: this was the first time since it was added, so nothing counts as missed; from now on it does"
        ));
    }
    let line = |(topic, missed): (&Topic, &u64)| Line {
        store: name.clone(),
        topic: topic.to_string(),
        missed: *missed,
    };
    Ok(done.missed.iter().map(line).collect())
}

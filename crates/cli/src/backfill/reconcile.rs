//! `hookline reconcile`: compares stores' catalogs with the index.

use std::collections::BTreeMap;

use anyhow::Result;
use hookline_domain::{
    kernel::ids::{StoreKey, Topic},
    store::stores::{Reconciled, Skipped, Stores},
    sync::reconcile::Scope,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{CatalogRun, RunOutcome, counting_index::IndexCounts, duration_text};
use crate::{
    args::store::ReconcileArgs,
    output::{Output, Row, count, say},
    resources::Resources,
    store::all,
};

/// Findings in one store, for programs.
#[derive(Debug, Serialize)]
struct ReconcileReport {
    store: String,
    compared: u64,
    missed: BTreeMap<Topic, u64>,
    regrouped: u64,
    mended: u64,
    skipped: u64,
    unread: Vec<Skipped>,
    #[serde(flatten)]
    tally: IndexCounts,
    began_at: Timestamp,
    ended_at: Timestamp,
}

/// Missed webhooks of one topic, for people.
#[derive(Debug, Serialize)]
struct MissedRow {
    store: String,
    topic: String,
    missed: u64,
}

impl Row for MissedRow {
    const HEADINGS: &'static [&'static str] = &["STORE", "TOPIC", "MISSED"];

    fn cells(&self) -> Vec<String> {
        vec![self.store.clone(), self.topic.clone(), self.missed.to_string()]
    }
}

pub async fn run(resources: &Resources, out: &Output, args: &ReconcileArgs) -> Result<bool> {
    let stores = selected_stores(resources, args).await?;
    let run = CatalogRun {
        resources,
        admin: &args.admin,
        index: &args.index,
        scope: Scope::Differing,
        grace: args.grace.0,
        restart: args.restart,
    };
    let (mut lines, mut failed) = (Vec::new(), 0);
    for store in &stores {
        let had_baseline = has_baseline(resources, store).await?;
        match run.run(store).await {
            Ok(RunOutcome::Completed(done, tally)) => {
                lines.extend(report(out, store, &done, tally, had_baseline)?);
            }
            Ok(RunOutcome::Interrupted) => {
                say("· stopped; run the same command again to continue");
                return Ok(false);
            }
            // The failure of one store must not skip the others.
            Err(why) if args.all => {
                say(&format!("· {}: {why:#}", store.label()));
                failed += 1;
            }
            Err(why) => return Err(why),
        }
    }
    if !out.json {
        out.rows(&lines)?;
    }
    if args.all {
        say(&format!(
            "· {} compared, {failed} failed",
            count(stores.len() - failed, "store")
        ));
    }
    Ok(failed == 0)
}

/// Stores to compare: the one named, or every enabled store with a token.
async fn selected_stores(resources: &Resources, args: &ReconcileArgs) -> Result<Vec<StoreKey>> {
    if let Some(store) = &args.store {
        return Ok(vec![store.0.clone()]);
    }
    let all = all(&resources.stores()?).await?;
    let connected = all
        .into_iter()
        .filter(|(_, view)| view.record.enabled && view.record.connected);
    Ok(connected.map(|(store, _)| store).collect())
}

/// True if differences count as missed webhooks: a store's first run has nothing to compare with.
async fn has_baseline(resources: &Resources, store: &StoreKey) -> Result<bool> {
    let record = resources.stores()?.find(store).await?;
    Ok(record.is_some_and(|record| record.has_baseline()))
}

/// Reports the findings, and returns the store's rows of the table at the end.
fn report(
    out: &Output,
    store: &StoreKey,
    done: &Reconciled,
    tally: IndexCounts,
    had_baseline: bool,
) -> Result<Vec<MissedRow>> {
    let name = store.label().into_owned();
    if out.json {
        out.object(&ReconcileReport {
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
        duration_text(done.ended_at.duration_since(done.began_at)),
        done.regrouped,
        done.mended,
        tally.indexed,
        tally.deleted
    ));
    for skipped in &done.unread {
        say(&format!("· {name}: not read, left as it was: {skipped}"));
    }
    if done.skipped > 0 {
        say(&format!(
            "· {name}: {} not read in total",
            count(usize::try_from(done.skipped).unwrap_or(usize::MAX), "record")
        ));
    }
    if !had_baseline {
        say(&format!(
            "· {name}: this was its first run, so no difference counts as a missed webhook; later runs count them"
        ));
    }
    let line = |(topic, missed): (&Topic, &u64)| MissedRow {
        store: name.clone(),
        topic: topic.to_string(),
        missed: *missed,
    };
    Ok(done.missed.iter().map(line).collect())
}

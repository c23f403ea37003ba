//! `hookline resync`: indexes a store's whole catalog.

use anyhow::Result;
use hookline_domain::sync::reconcile::{GRACE, Scope};
use jiff::SignedDuration;
use serde::Serialize;

use super::{CatalogRun, RunOutcome, counting_index::IndexCounts, duration_text};
use crate::{
    args::store::ResyncArgs,
    output::{Output, Row, say},
    resources::Resources,
};

/// Result of a run.
#[derive(Debug, Serialize)]
struct ResyncReport {
    store: String,
    products: u64,
    #[serde(flatten)]
    tally: IndexCounts,
    seconds: f64,
    products_per_second: f64,
}

impl Row for ResyncReport {
    const HEADINGS: &'static [&'static str] = &[
        "STORE",
        "PRODUCTS",
        "INDEXED",
        "HIDDEN",
        "DELETED",
        "SUPERSEDED",
        "TOOK",
        "PRODUCTS/S",
    ];

    fn cells(&self) -> Vec<String> {
        let took = SignedDuration::try_from_secs_f64(self.seconds).unwrap_or_default();
        vec![
            self.store.clone(),
            self.products.to_string(),
            self.tally.indexed.to_string(),
            self.tally.hidden.to_string(),
            self.tally.deleted.to_string(),
            self.tally.superseded.to_string(),
            duration_text(took),
            format!("{:.0}", self.products_per_second),
        ]
    }
}

pub async fn run(resources: &Resources, out: &Output, args: &ResyncArgs) -> Result<bool> {
    let store = &args.store.0;
    let run = CatalogRun {
        resources,
        admin: &args.admin,
        index: &args.index,
        scope: Scope::Everything,
        grace: GRACE,
        restart: args.restart,
    };
    let RunOutcome::Completed(done, tally) = run.run(store).await? else {
        say("· stopped; run the same command again to continue");
        return Ok(false);
    };
    let seconds = done.ended_at.duration_since(done.began_at).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let products_per_second = done.compared as f64 / seconds.max(0.001);
    out.rows(&[ResyncReport {
        store: store.label().into_owned(),
        products: done.compared,
        tally,
        seconds,
        products_per_second,
    }])?;
    Ok(true)
}

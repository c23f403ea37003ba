//! `hookline resync`.

use anyhow::Result;
use hookline_domain::sync::reconcile::{GRACE, Scope};
use jiff::SignedDuration;
use serde::Serialize;

use super::{Ended, Through, spoken, tallied::Tally};
use crate::{
    args::store::Resync,
    output::{Output, Row, say},
    places::Connected,
};

/// What was indexed.
#[derive(Debug, Serialize)]
struct Resynced {
    store: String,
    products: u64,
    #[serde(flatten)]
    tally: Tally,
    seconds: f64,
    products_per_second: f64,
}

impl Row for Resynced {
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
            spoken(took),
            format!("{:.0}", self.products_per_second),
        ]
    }
}

pub async fn run(places: &Connected, out: &Output, wanted: &Resync) -> Result<bool> {
    let store = &wanted.store.0;
    let through = Through {
        places,
        admin: &wanted.admin,
        index: &wanted.index,
        scope: Scope::Everything,
        grace: GRACE,
        anew: wanted.restart,
    };
    let Ended::Through(done, tally) = through.run(store).await? else {
        say("· stopped; the same command goes on from where it was");
        return Ok(false);
    };
    let seconds = done.ended_at.duration_since(done.began_at).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let products_per_second = done.compared as f64 / seconds.max(0.001);
    out.rows(&[Resynced {
        store: store.label().into_owned(),
        products: done.compared,
        tally,
        seconds,
        products_per_second,
    }])?;
    Ok(true)
}

//! `hookline store list`: lists all stores with their states.

use anyhow::Result;
use hookline_domain::{
    kernel::ids::StoreKey,
    store::{
        status::{Status, StoreState, Summary},
        stores::{self, StoreList, StoreView},
    },
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    output::{Output, Row, count, say, timestamp},
    resources::Resources,
};

/// State of one store.
#[derive(Debug, Serialize)]
struct StoreRow {
    source: String,
    store: String,
    state: StoreState,
    retrying: usize,
    dead_letters: usize,
    enabled: bool,
    connected: bool,
    last_event_at: Option<Timestamp>,
    last_sync_at: Option<Timestamp>,
    missed_24h: u64,
    reconciled_at: Option<Timestamp>,
}

impl StoreRow {
    fn new(store: &StoreKey, view: &StoreView, now: Timestamp) -> Self {
        let record = &view.record;
        let summary = Summary::of(store, view, now);
        Self {
            source: store.source.to_string(),
            store: store.label().into_owned(),
            state: summary.state,
            retrying: summary.retrying,
            dead_letters: summary.dead_letters,
            enabled: record.enabled,
            connected: record.connected,
            last_event_at: record.last_event_at,
            last_sync_at: record.last_sync_at,
            missed_24h: Status::of(store, view.clone(), now).missed_24h.total,
            reconciled_at: record.reconciled.as_ref().map(|found| found.ended_at),
        }
    }
}

impl Row for StoreRow {
    const HEADINGS: &'static [&'static str] = &[
        "STORE",
        "STATE",
        "DEAD LETTERS",
        "ENABLED",
        "CONNECTED",
        "LAST EVENT",
        "LAST SYNC",
        "MISSED 24H",
        "RECONCILED",
    ];

    fn cells(&self) -> Vec<String> {
        let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let time = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), timestamp);
        let state = match self.state {
            StoreState::Live => "live",
            StoreState::Idle => "idle",
            StoreState::Attention => "attention",
        };
        vec![
            self.store.clone(),
            state.to_owned(),
            self.dead_letters.to_string(),
            yes_or_no(self.enabled),
            yes_or_no(self.connected),
            time(self.last_event_at),
            time(self.last_sync_at),
            self.missed_24h.to_string(),
            time(self.reconciled_at),
        ]
    }
}

pub async fn run(resources: &Resources, out: &Output) -> Result<bool> {
    let now = Timestamp::now();
    let stores = all(&resources.stores()?).await?;
    let listed: Vec<StoreRow> = stores
        .iter()
        .map(|(store, view)| StoreRow::new(store, view, now))
        .collect();
    out.rows(&listed)?;
    let unconnected = listed.iter().filter(|line| line.enabled && !line.connected).count();
    say(&format!("· {}", count(listed.len(), "store")));
    if unconnected > 0 {
        say(&format!(
            "· {unconnected} enabled without a token, so nothing can be fetched from them. To add one: hookline store add"
        ));
    }
    Ok(true)
}

/// Every known store, by name.
pub async fn all(list: &impl StoreList) -> Result<Vec<(StoreKey, StoreView)>> {
    Ok(stores::all(list).await?.into_iter().collect())
}

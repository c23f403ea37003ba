//! `hookline event why`: the fate of an event at each endpoint, and the reason.

use anyhow::{Result, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    outbound::{self, EndpointId, EndpointWhy, EventRecords, Scope},
};
use hookline_events::EventId;
use jiff::Timestamp;
use serde::Serialize;

use super::trace_command;
use crate::{
    output::{Output, Row, say},
    resources::Resources,
};

#[derive(Debug, Serialize)]
struct WhyRow(EndpointWhy);

impl Row for WhyRow {
    const HEADINGS: &'static [&'static str] = &["ENDPOINT", "OWNER", "VERDICT", "FATE", "WHY"];

    fn cells(&self) -> Vec<String> {
        let Self(why) = self;
        vec![
            why.endpoint.clone(),
            why.owner.clone(),
            why.verdict.clone(),
            why.fate.map_or("-", outbound::FateName::as_str).to_owned(),
            why.sentence.clone(),
        ]
    }
}

pub async fn run(
    resources: &Resources,
    out: &Output,
    store: &StoreKey,
    id: &EventId,
    endpoint: Option<&EndpointId>,
) -> Result<bool> {
    let label = store.label();
    let Some(kept) = resources.events()?.find(store, id).await? else {
        bail!(
            "{label} has no event {id}: it was never published there, or it has expired. To list events: hookline event list \
             {label}"
        );
    };
    let (endpoints, messages) = (resources.endpoints()?, resources.messages()?);
    let shows = |key: &outbound::EndpointKey| endpoint.is_none_or(|id| key.id == *id);
    let why = outbound::why((&endpoints, &messages), &kept, shows, Timestamp::now()).await?;
    let rows: Vec<WhyRow> = why
        .into_iter()
        .map(|mut row| {
            // As on the command line.
            if row.owner != Scope::All.to_string() {
                row.owner = label.to_string();
            }
            WhyRow(row)
        })
        .collect();
    out.rows(&rows)?;
    match (rows.is_empty(), endpoint) {
        (true, Some(endpoint)) => say(&format!("· {endpoint} was not there when the event was accepted")),
        (true, None) => say("· there was no endpoint when the event was accepted"),
        (false, _) => {}
    }
    if let Some(trace) = kept.origin().cause.and_then(|cause| trace_command(store, &cause)) {
        say(&format!("· to trace the webhook that caused it: {trace}"));
    }
    Ok(true)
}

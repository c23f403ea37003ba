//! `hookline event show`: one event with its payload, its targets and its cause.

use anyhow::{Result, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    outbound::{BusVerdict, EventRecords, KeptEvent, Origin},
};
use hookline_events::{Cause, EventId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::trace_command;
use crate::{
    output::{Output, timestamp},
    resources::Resources,
};

/// Everything that is known of an event.
#[derive(Debug, Serialize)]
struct EventReport {
    id: EventId,
    r#type: String,
    store: String,
    subject: String,
    timestamp: Timestamp,
    accepted_at: Timestamp,
    expires_at: Timestamp,
    changed: Option<Vec<String>>,
    cause: Option<Cause>,
    /// Command that traces the delivery that caused it.
    trace: Option<String>,
    targets: Vec<Target>,
    payload: Value,
}

/// Outcome of an event at a target.
#[derive(Debug, Serialize)]
struct Target {
    /// Name of the target.
    #[serde(rename = "target")]
    name: &'static str,
    verdict: &'static str,
    error: Option<String>,
}

impl Target {
    fn line(&self) -> String {
        let error = self
            .error
            .as_ref()
            .map_or_else(String::new, |error| format!(": {error}"));
        let meaning = match BusVerdict::named(self.verdict) {
            Some(BusVerdict::Off) => " (it was not there when the event was accepted)",
            Some(BusVerdict::Queued) => " (it is being sent)",
            Some(BusVerdict::Sent) | None => "",
        };
        format!("{} {}{meaning}{error}", self.name, self.verdict)
    }
}

impl EventReport {
    fn of(kept: KeptEvent) -> Result<Self> {
        let Origin { changed, cause, .. } = kept.origin();
        Ok(Self {
            trace: cause.as_ref().and_then(|cause| trace_command(&kept.store, cause)),
            id: kept.id,
            r#type: kept.kind.to_string(),
            store: kept.store.label().into_owned(),
            subject: kept.subject.to_string(),
            timestamp: kept.at,
            accepted_at: kept.accepted_at,
            expires_at: kept.expires_at,
            changed,
            cause,
            targets: vec![Target {
                name: "bus",
                verdict: kept.bus.as_str(),
                error: kept.bus_error,
            }],
            payload: serde_json::from_str(&kept.json)?,
        })
    }

    /// The report for a person: one fact per line, then the payload.
    fn page(&self) -> Result<String> {
        let cause = self.cause.as_ref().map_or_else(
            || "none: it was published by hand".to_owned(),
            |cause| format!("{}, received {}", cause.topic, timestamp(cause.received_at)),
        );
        let mut facts = vec![
            ("event", Some(self.id.to_string())),
            ("type", Some(self.r#type.clone())),
            ("store", Some(self.store.clone())),
            ("subject", Some(self.subject.clone())),
            ("time", Some(timestamp(self.timestamp))),
            ("changed", self.changed.as_ref().map(|changed| changed.join(", "))),
            ("cause", Some(cause)),
            ("trace", self.trace.clone()),
        ];
        facts.extend(self.targets.iter().map(|target| ("target", Some(target.line()))));
        facts.extend([
            ("accepted", Some(timestamp(self.accepted_at))),
            ("forgotten", Some(timestamp(self.expires_at))),
        ]);
        let lines = facts
            .into_iter()
            .filter_map(|(name, fact)| Some(format!("{name:<12} {}", fact?)));
        let lines: Vec<String> = lines.collect();
        let payload = serde_json::to_string_pretty(&self.payload)?;
        Ok(format!("{}\n\n{payload}", lines.join("\n")))
    }
}

pub async fn run(resources: &Resources, out: &Output, store: &StoreKey, id: &EventId) -> Result<bool> {
    let Some(kept) = resources.events()?.find(store, id).await? else {
        bail!(
            "{} has no event {id}: it was never published there, or it has expired. To list events: hookline event list {}",
            store.label(),
            store.label()
        );
    };
    let report = EventReport::of(kept)?;
    if out.json {
        out.object(&report)?;
    } else {
        out.text(&report.page()?)?;
    }
    Ok(true)
}

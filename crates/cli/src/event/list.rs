//! `hookline event list`: events of a store, newest first.

use anyhow::Result;
use hookline_domain::outbound::{EventFilter, EventRecords, KeptEvent, Origin};
use hookline_events::{Cause, EventId};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::ListEventsArgs,
    output::{Output, Row, count, say, timestamp},
    resources::Resources,
};

/// Events read per page.
const EVENTS_PER_PAGE: usize = 200;

/// An event, without its payload.
#[derive(Debug, Serialize)]
struct EventRow {
    id: EventId,
    r#type: String,
    timestamp: Timestamp,
    subject: String,
    changed: Option<Vec<String>>,
    cause: Option<Cause>,
}

impl EventRow {
    fn of(kept: &KeptEvent) -> Self {
        let Origin { changed, cause, .. } = kept.origin();
        Self {
            id: kept.id.clone(),
            r#type: kept.kind.to_string(),
            timestamp: kept.at,
            subject: kept.subject.to_string(),
            changed,
            cause,
        }
    }
}

impl Row for EventRow {
    const HEADINGS: &'static [&'static str] = &["TIME", "TYPE", "SUBJECT", "CHANGED", "CAUSE", "ID"];

    fn cells(&self) -> Vec<String> {
        let or_dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
        let cause = self.cause.as_ref().map(|cause| match &cause.delivery_id {
            Some(id) => format!("{} {id}", cause.topic),
            None => cause.topic.clone(),
        });
        vec![
            timestamp(self.timestamp),
            self.r#type.clone(),
            self.subject.clone(),
            or_dash(self.changed.as_ref().map(|changed| changed.join(", "))),
            or_dash(cause),
            self.id.to_string(),
        ]
    }
}

pub async fn run(resources: &Resources, out: &Output, args: ListEventsArgs) -> Result<bool> {
    let events = resources.events()?;
    let mut filter = EventFilter {
        kind: args.r#type,
        subject: args.subject,
        cause: args.cause,
        from: args.from.map(|from| from.0),
        before: None,
        after: None,
    };
    let mut rows = Vec::new();
    let has_more = loop {
        let left = args.limit - rows.len();
        if left == 0 {
            break filter.before.is_some();
        }
        let page = events.list(&args.store.0, &filter, left.min(EVENTS_PER_PAGE)).await?;
        rows.extend(page.events.iter().map(EventRow::of));
        filter.before = page.next;
        if filter.before.is_none() {
            break false;
        }
    };
    out.rows(&rows)?;
    let more = if has_more {
        "; there may be older ones: give a higher --limit"
    } else {
        ""
    };
    say(&format!("· {}{more}", count(rows.len(), "event")));
    if rows.is_empty() {
        say("· events are published for stores that somebody listens to, and kept for some days");
    }
    Ok(true)
}

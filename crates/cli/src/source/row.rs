//! One inbound endpoint in a table.

use hookline_domain::store::{
    inbound::{BoundStores, InboundEndpoint, InboundSettings},
    stores::{Counter, Hour},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::output::Row;

/// Hours of the counts that are shown.
const HOURS: u32 = 24;

/// An endpoint with its counts of the last 24 hours.
#[derive(Debug, Clone, Serialize)]
pub struct EndpointRow {
    source: String,
    endpoint: String,
    stores: String,
    taken: u64,
    duplicate: u64,
    forged: u64,
    stale: u64,
    unbound: u64,
    ignored: u64,
    unreadable: u64,
    elsewhere: u64,
}

/// An endpoint with everything about it, for programs.
#[derive(Debug, Serialize)]
pub struct EndpointDetails<'a> {
    #[serde(flatten)]
    row: EndpointRow,
    settings: &'a InboundSettings,
    revision: u64,
}

impl<'a> EndpointDetails<'a> {
    pub fn new(row: EndpointRow, endpoint: &'a InboundEndpoint) -> Self {
        Self {
            row,
            settings: &endpoint.settings,
            revision: endpoint.revision,
        }
    }
}

impl EndpointRow {
    pub fn new(endpoint: &InboundEndpoint, now: Timestamp) -> Self {
        let oldest = Hour::of(now).back(HOURS);
        let sum = |wanted: &[Counter]| {
            let counts = endpoint.counts.iter();
            let counted = counts.filter(|((hour, counter), _)| *hour > oldest && wanted.contains(counter));
            counted.map(|(_, count)| count).sum()
        };
        Self {
            source: endpoint.source.to_string(),
            endpoint: endpoint.name.to_string(),
            stores: match &endpoint.settings.stores {
                BoundStores::Any => "all".to_owned(),
                BoundStores::Listed(stores) => match stores.len() {
                    1 => stores.iter().map(ToString::to_string).collect(),
                    count => count.to_string(),
                },
            },
            taken: sum(&[Counter::Taken]),
            duplicate: sum(&[Counter::Duplicate]),
            forged: sum(&[Counter::Forged]),
            stale: sum(&[Counter::Stale]),
            unbound: sum(&[Counter::Unbound]),
            ignored: sum(&[Counter::UnknownTopic, Counter::OtherMode, Counter::Ping]),
            unreadable: sum(&[Counter::Unreadable]),
            elsewhere: sum(&[Counter::Elsewhere]),
        }
    }
}

impl Row for EndpointRow {
    const HEADINGS: &'static [&'static str] = &[
        "SOURCE",
        "ENDPOINT",
        "STORES",
        "TAKEN",
        "DUPLICATE",
        "FORGED",
        "STALE",
        "UNBOUND",
        "IGNORED",
        "UNREADABLE",
        "ELSEWHERE",
    ];

    fn cells(&self) -> Vec<String> {
        let counts = [
            self.taken,
            self.duplicate,
            self.forged,
            self.stale,
            self.unbound,
            self.ignored,
            self.unreadable,
            self.elsewhere,
        ];
        let texts = [self.source.clone(), self.endpoint.clone(), self.stores.clone()];
        texts.into_iter().chain(counts.map(|count| count.to_string())).collect()
    }
}

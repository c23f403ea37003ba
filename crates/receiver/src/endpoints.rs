//! Inbound endpoints of a receiver: what each may do, read at the start, when one is unknown or a signature does not match (at
//! most once a minute), and every few minutes after a response was sent.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use hookline_domain::{
    kernel::{
        ids::{InboundName, Source},
        port::{Clock, PortError, chain},
    },
    store::{
        inbound::{InboundEndpoint, InboundEndpoints, SenderCheck},
        stores::{Counter, HOURS_KEPT, Hour},
    },
};
use hookline_sources::Inbound;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

/// Shortest time between reads that requests cause, so that forged ones cannot cause a read each, which costs money.
const REQUESTED_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Time between regular reads.
const REFRESH_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// An endpoint, ready to receive.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) inbound: Inbound,
    /// Addresses that senders may have; `None` does not look at them. A range that cannot be read is left out: the list is
    /// checked where it is written.
    senders: Option<(Vec<IpNet>, SenderCheck)>,
}

impl Side {
    pub(crate) fn new(function: &'static str, endpoint: Option<InboundEndpoint>) -> Self {
        let senders = endpoint
            .as_ref()
            .and_then(|endpoint| endpoint.settings.senders.as_ref());
        let senders = senders.map(|senders| {
            let ranges = senders.ranges.iter().filter_map(|range| range.parse().ok());
            (ranges.collect(), senders.check)
        });
        Self {
            inbound: Inbound { function, endpoint },
            senders,
        }
    }

    /// Name of the endpoint; `None` at sources that have none.
    pub(crate) fn name(&self) -> Option<&InboundName> {
        self.inbound.endpoint.as_ref().map(|endpoint| &endpoint.name)
    }

    /// Decision about a sender's address, if it is not in the list. An empty list only watches.
    pub(crate) fn elsewhere(&self, sender: Option<IpAddr>) -> Option<SenderCheck> {
        let (ranges, check) = self.senders.as_ref()?;
        let is_known = sender.is_some_and(|sender| ranges.iter().any(|range| range.contains(&sender)));
        match is_known {
            true => None,
            false if ranges.is_empty() => Some(SenderCheck::Watch),
            false => Some(*check),
        }
    }

    /// Counts that are too old to matter.
    pub(crate) fn outdated(&self, now: Timestamp) -> Vec<(Hour, Counter)> {
        let oldest = Hour::of(now).back(HOURS_KEPT);
        let counts = self.inbound.endpoint.iter().flat_map(|endpoint| endpoint.counts.keys());
        counts.filter(|(hour, _)| *hour < oldest).cloned().collect()
    }
}

/// Inbound endpoints of a source.
#[derive(Debug)]
pub(crate) struct Endpoints<E, C> {
    source: Source,
    function: &'static str,
    table: E,
    clock: C,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    sides: Arc<BTreeMap<InboundName, Arc<Side>>>,
    read_at: Timestamp,
}

impl<E: InboundEndpoints, C: Clock> Endpoints<E, C> {
    /// Reads the endpoints for the first time.
    pub(crate) async fn read(source: Source, function: &'static str, table: E, clock: C) -> Result<Self, PortError> {
        let current = Current {
            sides: sides(function, table.inbound(&source).await?),
            read_at: clock.now(),
        };
        Ok(Self {
            source,
            function,
            table,
            clock,
            current: RwLock::new(current),
        })
    }

    /// All endpoints, as they are known.
    pub(crate) fn current(&self) -> Arc<BTreeMap<InboundName, Arc<Side>>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).sides)
    }

    /// Returns an endpoint; reads them all again if it is unknown.
    pub(crate) async fn find(&self, name: &InboundName) -> Option<Arc<Side>> {
        if let Some(side) = self.current().get(name) {
            return Some(Arc::clone(side));
        }
        self.refresh(REQUESTED_INTERVAL).await;
        self.current().get(name).cloned()
    }

    /// Reads the endpoints again after a mismatch, and returns this one if that has changed it.
    pub(crate) async fn after_mismatch(&self, side: &Side) -> Option<Arc<Side>> {
        self.refresh(REQUESTED_INTERVAL).await;
        let current = self.current().get(side.name()?).cloned()?;
        (current.inbound.endpoint != side.inbound.endpoint).then_some(current)
    }

    /// Reads the endpoints again if that is due. Call it after the response was sent.
    pub(crate) async fn keep_fresh(&self) {
        self.refresh(REFRESH_INTERVAL).await;
    }

    /// Reads the endpoints again if the last read is older than `older_than`. If that fails, the known ones stay.
    async fn refresh(&self, older_than: SignedDuration) {
        let now = self.clock.now();
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(current.read_at) < older_than {
                return;
            }
            current.read_at = now;
        }
        match self.table.inbound(&self.source).await {
            Ok(read) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                current.sides = sides(self.function, read);
            }
            Err(failure) => {
                tracing::warn!(error = %chain(&failure), "failed to refresh the inbound endpoints; the known ones stay in use");
            }
        }
    }
}

fn sides(function: &'static str, endpoints: Vec<InboundEndpoint>) -> Arc<BTreeMap<InboundName, Arc<Side>>> {
    let sides = endpoints.into_iter().map(|endpoint| {
        let name = endpoint.name.clone();
        (name, Arc::new(Side::new(function, Some(endpoint))))
    });
    Arc::new(sides.collect())
}

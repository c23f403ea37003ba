//! Endpoints of a run, and how they behave.

use std::time::Duration;

use hookline_domain::outbound::{EndpointKey, EndpointSettings, Ordering, Scope};
use hookline_webhooks::Verifier;

use super::events::{OTHER_STORE, STATE, STORE, SentEvent};

/// Behaviour of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes everything.
    Takes,
    /// Answers 500 to every second message when it first sees it.
    Refuses,
    /// Takes some messages and then answers 410, until a person says that it is back.
    LeavesAfter(u32),
    /// Leaves its first requests without an answer; then, of this number of messages in a row, two when it first sees them. A third
    /// it takes and leaves without an answer.
    Breaks(u32),
    /// Answers 429 with `retry-after: 1` to one of this number of messages in a row when it first sees it.
    Throttles(u32),
}

/// Number of an endpoint's first requests that get no answer: enough to open the breaker.
pub const BROKEN_AT_FIRST: u32 = 5;

/// Change of an endpoint by a person during the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// None.
    None,
    /// Pauses it, and activates it later.
    Pauses,
    /// Deletes it.
    Deletes,
}

/// An endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name, which is the path of its URL and the end of its id.
    pub name: &'static str,
    /// Its store; `None` of one of all stores.
    pub store: Option<&'static str>,
    /// The only type that it wants, if it does not want all.
    pub only: Option<&'static str>,
    pub is_ordered: bool,
    pub timeout: Duration,
    pub behaviour: Behaviour,
    pub person: Person,
}

/// An endpoint that has been created.
#[derive(Clone)]
pub struct Watched {
    pub plan: Plan,
    pub key: EndpointKey,
    pub verifier: Verifier,
}

/// The endpoints of a run of this many events.
pub fn all(events: usize) -> Vec<Plan> {
    let healthy = Plan {
        name: "steady",
        store: Some(STORE),
        only: None,
        is_ordered: false,
        timeout: Duration::from_secs(10),
        behaviour: Behaviour::Takes,
        person: Person::None,
    };
    // Some 30 misbehaviours with a pause each, however long the run is.
    let one_of = u32::try_from(events / 30).unwrap_or(u32::MAX).max(10);
    vec![
        healthy,
        Plan {
            name: "ordered",
            only: Some(STATE),
            is_ordered: true,
            ..healthy
        },
        Plan {
            name: "refusing",
            behaviour: Behaviour::Refuses,
            ..healthy
        },
        Plan {
            name: "leaving",
            behaviour: Behaviour::LeavesAfter(20),
            ..healthy
        },
        Plan {
            name: "breaking",
            behaviour: Behaviour::Breaks(one_of),
            timeout: Duration::from_secs(1),
            ..healthy
        },
        Plan {
            name: "throttling",
            behaviour: Behaviour::Throttles(one_of),
            ..healthy
        },
        Plan {
            name: "paused",
            person: Person::Pauses,
            ..healthy
        },
        Plan {
            name: "deleted",
            person: Person::Deletes,
            ..healthy
        },
        Plan {
            name: "elsewhere",
            store: Some(OTHER_STORE),
            is_ordered: true,
            ..healthy
        },
        Plan {
            name: "everywhere",
            store: None,
            is_ordered: true,
            ..healthy
        },
    ]
}

impl Plan {
    /// Id of the endpoint.
    pub fn id(&self) -> String {
        format!("ep_{}", self.name)
    }

    pub fn key(&self) -> anyhow::Result<EndpointKey> {
        let scope = match self.store {
            Some(store) => Scope::Store(format!("shopify#{store}").parse()?),
            None => Scope::All,
        };
        let id = self.id().parse()?;
        Ok(EndpointKey { scope, id })
    }

    /// Settings, for a receiver at this address.
    pub fn settings(&self, address: &str) -> EndpointSettings {
        let url = format!("http://{address}/{}", self.name);
        let mut settings = EndpointSettings::new(&url, &[self.only.unwrap_or("*")]);
        if self.is_ordered {
            settings.ordering = Ordering::Entity;
        }
        settings.timeout_seconds = u16::try_from(self.timeout.as_secs()).unwrap_or(u16::MAX);
        settings
    }

    /// Returns true if it wants this event.
    pub fn wants(&self, event: &SentEvent) -> bool {
        self.store.is_none_or(|store| store == event.store) && self.only.is_none_or(|only| only == event.kind)
    }
}

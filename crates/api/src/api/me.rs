//! `GET /api/me`: the caller's principal, and the addresses of this deployment.

use std::borrow::Cow;

use hookline_domain::access::{Principal, Reach, Role};
use hookline_sources::{Families, receivers};
use jiff::Timestamp;
use serde::Serialize;

/// Addresses of this deployment that callers need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Address of the WebSocket API, `wss://…`; `None` if this deployment has none.
    pub live_url: Option<String>,
    /// Address of the receivers, without the topic.
    pub receivers_url: Option<String>,
    /// Families of events that are wanted: those of others have no receivers.
    pub events_of: Families,
    /// Addresses from which webhooks are sent, for firewalls; empty if they change.
    pub egress_addresses: Vec<String>,
}

/// Address for the webhooks of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Receiver {
    /// Topic, as in `products/update`.
    topic: &'static str,
    /// Complete URL: nothing is to be appended.
    url: String,
}

impl About {
    /// Addresses of all receivers; empty if the function's configuration has no `RECEIVER_URL`.
    pub(super) fn receivers(&self) -> Vec<Receiver> {
        let topics = self
            .receivers_url
            .iter()
            .flat_map(|base| receivers(base, &self.events_of).map(|(topic, url)| Receiver { topic, url }));
        topics.collect()
    }
}

/// The caller, and the addresses of this deployment.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Me<'a> {
    /// Id of a token (`tok_…`, not secret), or `shopify:<shop>:<user id>`.
    principal: &'a str,
    /// Role in the stores within reach.
    role: Role,
    /// Names of the stores within reach, or `*` alone for all present and future stores.
    stores: Vec<Cow<'a, str>>,
    /// Time at which the token expires.
    expires_at: Timestamp,
    /// Address of the WebSocket API, `wss://…`; null if this deployment has none.
    live_url: Option<&'a str>,
    /// Addresses for the webhooks of each topic; empty if the deployment does not know them.
    receivers: Vec<Receiver>,
    /// Addresses or ranges from which webhooks are sent, for firewalls, as the operator has set them; empty if they change.
    egress_addresses: &'a [String],
}

impl<'a> Me<'a> {
    pub(super) fn of(principal: &'a Principal, about: &'a About) -> Self {
        Self {
            principal: &principal.id,
            role: principal.role,
            stores: match &principal.reach {
                Reach::All => vec!["*".into()],
                Reach::Stores(stores) => stores.iter().map(|store| store.label()).collect(),
            },
            expires_at: principal.expires_at,
            live_url: about.live_url.as_deref(),
            receivers: about.receivers(),
            egress_addresses: &about.egress_addresses,
        }
    }
}

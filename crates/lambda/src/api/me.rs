//! `GET /api/me`: who asks, and where everything is.

use hookline_domain::access::{Principal, Reach, Role};
use hookline_sources::shopify::Topic;
use jiff::Timestamp;
use serde::Serialize;

/// Where things are, for whoever looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Where stores are followed live, `wss://…`; none if this deployment has no such place.
    pub live_url: Option<String>,
    /// Where webhooks go, without the topic.
    pub receivers_url: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Me<'a> {
    principal: &'a str,
    role: Role,
    stores: Vec<&'a str>,
    expires_at: Timestamp,
    live_url: Option<&'a str>,
    receivers_url: Option<&'a str>,
    topics: Vec<&'static str>,
}

impl<'a> Me<'a> {
    pub(super) fn of(principal: &'a Principal, about: &'a About) -> Self {
        Self {
            principal: &principal.id,
            role: principal.role,
            stores: match &principal.reach {
                Reach::All => vec!["*"],
                Reach::Stores(stores) => stores.iter().map(|store| store.store.as_str()).collect(),
            },
            expires_at: principal.expires_at,
            live_url: about.live_url.as_deref(),
            receivers_url: about.receivers_url.as_deref(),
            topics: Topic::ALL.into_iter().map(Topic::name).collect(),
        }
    }
}

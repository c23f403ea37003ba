//! Attempts: to names that lead inward, and to a real server that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endpoints;
mod guard;
mod identities;
mod network;
mod server;
mod spellings;
mod tokens;

use hookline_domain::{
    memory,
    outbound::{BusVerdict, KeptEvent, Verdicts},
};
use hookline_outbound::UrlRules;

/// Rules that allow as much as any deployment does.
fn rules() -> UrlRules {
    UrlRules {
        allow_http: true,
        own_hosts: vec![],
    }
}

/// An event to be posted.
fn kept() -> KeptEvent {
    let store = "shopify#demo.myshopify.com".parse().unwrap();
    let event = memory::event(&store, 1);
    KeptEvent {
        store,
        subject: "note#1".parse().unwrap(),
        cause: None,
        at: event.timestamp,
        accepted_at: event.timestamp,
        expires_at: event.timestamp,
        json: serde_json::to_string(&event).unwrap(),
        verdicts: Verdicts::default(),
        bus: BusVerdict::Off,
        bus_error: None,
        kind: event.kind.clone(),
        id: event.id,
    }
}

//! Attempts: to names that lead inward, and to a real server that misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod endpoints;
mod guard;
mod network;
mod spellings;

use hookline_outbound::UrlRules;

/// Rules that allow as much as any deployment does.
fn rules() -> UrlRules {
    UrlRules {
        allow_http: true,
        own_hosts: vec![],
    }
}

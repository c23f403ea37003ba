//! Client of a Shopify store: [`Catalogue`](hookline_domain::sync::vendor::Catalogue) and
//! [`Subscriptions`](hookline_domain::sync::vendor::VendorSubscriptions) on the Admin GraphQL API, and the access tokens.
//!
//! ```text
//! let time = Time::of(clock);
//! let http = Http::new(&admin_url)?;                                    // SHOPIFY_ADMIN_URL, or DEFAULT_ADMIN_URL
//! let app = App::new(client_id, aws.secret(&client_secrets));
//! let tokens = Tokens::new(aws.connections(table), aws.vault(key), app, http.clone(), time.clone());
//! let admin = ShopifyAdmin::new(http, tokens, time);
//! let catalogue = admin.until(deadline);                                // cheap: shares connections, tokens, limits
//! ```
//!
//! The documents are in `queries/`; a test checks them against Shopify's schema. Deliberately elsewhere: use of the
//! responses (`hookline-domain`) and storage of tokens (`hookline-aws`).

mod bucket;
mod client;
mod collections;
mod exports;
mod gid;
mod http;
mod lines;
mod operation;
mod products;
mod record;
mod response;
mod subscriptions;
mod time;
mod tokens;

pub use self::{
    client::{CALL_TIMEOUT, ShopifyAdmin},
    http::{AdminUrlError, DEFAULT_ADMIN_URL, Http},
    lines::ExportLines,
    time::{Sleep, Time},
    tokens::{Access, App, Credential, GrantedToken, Prepared, Tokens},
};

/// Version of the Admin API. Each version is supported for a year
/// (<https://shopify.dev/docs/api/usage/versioning>); after that, Shopify responds with the oldest supported one.
pub const API_VERSION: &str = "2026-10";

/// Scopes that the catalogue needs (<https://shopify.dev/docs/api/usage/access-scopes>).
pub const SCOPES: [&str; 2] = ["read_products", "read_inventory"];

//! Shopify's webhooks (<https://shopify.dev/docs/api/webhooks/latest>).

mod delivery;
mod payload;
mod topic;

pub use self::{
    delivery::{BODY_LIMIT, HeaderError, captured, delivery, named_store, store, verify},
    payload::{interpret, problem},
    topic::Topic,
};

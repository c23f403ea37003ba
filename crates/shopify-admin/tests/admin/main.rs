//! Tests of the Admin client against the local Shopify, which implements Shopify's real schema.

#![expect(
    clippy::unwrap_used,
    reason = "all of this runs inside of tests, where a panic is a failure"
)]

mod documents;
mod exports;
mod limits;
mod products;
mod same_state;
mod scripted;
mod shop;
mod subscriptions;
mod tokens;

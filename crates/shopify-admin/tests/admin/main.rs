//! The Admin client against the local Shopify, which answers Shopify's real schema.

mod documents;
mod exports;
mod limits;
mod products;
mod shop;
mod subscriptions;
mod tokens;

//! Shopify's webhooks (<https://shopify.dev/docs/api/webhooks/latest>), and who is signed in to its admin.

mod delivery;
mod events;
mod json;
mod payload;
mod personal;
mod proof;
mod session;
mod shop;
mod subscribing;
mod topic;

pub use self::{
    delivery::{BODY_LIMIT, HeaderError, captured, delivery, named_store, store, verify},
    json::{mended, problem, whole_number},
    payload::{filled, interpret},
    session::{SESSION_LIMIT, Session, SessionError},
    shop::{ShopNameError, shop_name},
    subscribing::{Subscribing, address, has_scope, included, left_out, subscribing, wanted},
    topic::{Topic, is_personal},
};

//! What vendors send, and what it means in our words. Wire structs stay private; what leaves is a
//! [`Delivery`](hookline_domain::delivery::Delivery) or an [`Event`](hookline_domain::event::Event).

pub mod html;
pub mod shopify;
pub mod signature;

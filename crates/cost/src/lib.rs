//! Estimates the cost of webhooks on AWS, per stage, from calls and times that `make bench` measured and a dated price table;
//! beside it, the published prices of hosted gateways. Makes no request.

mod bill;
mod fixed;
mod hosted;
mod measured;
mod outbound;
pub mod prices;
mod publishing;

pub use self::{
    bill::{BillLine, Load, Stage, is_delivery_path, lines, total},
    fixed::{Fixed, fixed},
    hosted::{Offer, offers},
    measured::{Measured, Work},
    outbound::is_outbound,
};

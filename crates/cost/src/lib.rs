//! What so many webhooks cost on AWS, per stage: from calls and times that `make bench` has measured and a dated price table;
//! and beside it what hosted gateways publish. Asks nobody.

mod bill;
mod fixed;
mod hosted;
mod measured;
pub mod prices;

pub use self::{
    bill::{Line, Load, Stage, is_the_way, lines, total},
    fixed::{Fixed, fixed},
    hosted::{Offer, offers},
    measured::{Measured, Work},
};

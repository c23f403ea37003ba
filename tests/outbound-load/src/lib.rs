//! Load of outbound webhooks in virtual time.
//!
//! ```text
//!   publish ─▶ outbox + wake-up ─▶ queue (fast, slow) ─▶ pollers ─▶ dispatch::consume ─▶ Dispatch::run ─▶ endpoint
//!                                     ▲    10 wake-ups each, at most so many at once          │
//!                                     └────────────── sweep, each minute ◀── outboxes ◀───────┘
//! ```
//!
//! The product's own: the entry point of the dispatcher, its use case, the sweep, all rules. Simulated: the clock, which is
//! tokio's and stands still while anything can be done; tables, which are those in memory, with 4 ms a call; queues, which hand
//! out what was visible first, ten at a time, 10 ms after it was sent, and are not fair; starts of functions, which are warm;
//! endpoints, which take a set time. The fan-out function is left out: entries and wake-ups are written as it writes them.

mod away;
mod goals;
mod hung;
mod ports;
mod queue;
mod world;

pub use self::{
    away::{Away, Waited},
    goals::{Goal, Line},
    hung::{Beside, Hung, Percentiles},
    ports::Billed,
};

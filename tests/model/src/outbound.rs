//! The dispatcher, explored exhaustively: fan-out adds entries and sends wake-ups, two dispatchers work on one outbox, the sweep
//! wakes it, and a person pauses, activates or deletes the endpoint, or retries a message by hand.
//!
//! The product's own [`Dispatch`](hookline_domain::outbound::Dispatch), [`sweep`](hookline_domain::outbound::sweep) and
//! [`Manage`](hookline_domain::outbound::Manage) run on ports that hand each call to the model (`ports`, `endpoints`). Fan-out's part
//! and the retry by hand are not those of the product: they are the shortest functions that keep the order of writes of the design
//! (`functions`).
//!
//! There are one or two endpoints, each with an outbox, wake-ups and records of its own (`line`). An outbox does what
//! [`MemoryOutboxes`](hookline_domain::memory::MemoryOutboxes) does, which a test compares. Time passes only in steps of its own: a
//! moment, in which an endpoint is read again and a first retry comes due, or so long that leases lapse and processes are over
//! their time; so a process that goes on after that is a zombie. When nothing runs and nothing is to be received, the clock goes on
//! to whatever is due next.
//!
//! [`bug`] lists well-known mistakes; the search must find each of them.

mod accounts;
pub mod bug;
pub mod call;
mod endpoints;
pub mod functions;
mod given;
mod line;
pub mod model;
mod outbox;
mod ports;
pub mod promises;
#[cfg(test)]
mod tests;
pub mod world;

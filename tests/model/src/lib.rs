//! The protocol, explored exhaustively: senders that retry, a queue that duplicates and reorders, functions that die
//! before or after any call, two consumers at once, leases that lapse.
//!
//! The model explores **the product's own code**: [`Receive`](hookline_domain::delivery::receive::Receive),
//! [`Reindex`](hookline_domain::consumer::Reindex) and [`Reconcile`](hookline_domain::sync::reconcile::Reconcile) run
//! on ports that hand each call to the model ([`script`]). A function in the middle of its work is determined by its
//! responses so far; run again with those, it makes the same call. The model decides whose call happens next, whether
//! its response arrives, and which function dies when ([`world`]). The effect of a call on the tables and the index
//! comes from the domain's transition functions, which the contract suites of the real adapters also follow.
//!
//! A search is exhaustive for its scenario: a few deliveries, and a limited number of attempts, deaths and errors.
//! [`bug`] lists well-known mistakes; the search must find each of them. The dispatcher has a model of its own: [`outbound`].

pub mod action;
pub mod asked;
pub mod bug;
pub mod call;
mod calls;
pub mod events;
pub mod explore;
mod fence;
mod functions;
pub mod model;
pub mod outbound;
mod ports;
pub mod promises;
mod reconciler;
pub mod script;
pub mod told;
pub mod world;

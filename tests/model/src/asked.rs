//! Sources that must be queried, explored exhaustively: jobs ask for a product that is edited, removed and restored
//! meanwhile; answers lag; the store is disconnected and connected again; workers die before or after any call.
//!
//! The product's own [`SyncWorker`](hookline_domain::sync::worker::SyncWorker),
//! [`Apply::uninstall`](hookline_domain::catalogue::apply::Apply::uninstall) and
//! [`connect`](hookline_domain::store::stores::connect) run on ports that hand each call to the model (`ports`). There is
//! one store with one product (`world`). Time passes by a millisecond with each question, and the clocks of two processes
//! never show the same microsecond, so that no two ask at one time; by a second as often as a scenario says, and to whatever is due next when nothing runs.
//!
//! Events are no part of it: they are committed and sent as those of other sources are, and removals of the index go
//! before them.
//!
//! [`bug`] lists well-known mistakes; the search must find each of them.

pub mod bug;
pub mod call;
pub mod model;
mod ports;
pub mod world;

//! The entry side of every function: what it is told by its environment, how it answers HTTP and SQS, how it logs.
//!
//! Nothing here names an SDK: adapters come in through the ports of `hookline-domain`.

pub mod batch;
pub mod clock;
pub mod config;
pub mod gateway;
pub mod jobs;
pub mod rotating;
pub mod schedule;
pub mod serve;
pub mod start;
#[cfg(test)]
mod testing;

pub use self::{
    clock::{Sleep, SystemClock},
    config::{Environment, ReconcileConfig, ReindexConfig, SyncConfig},
    serve::serve,
    start::start,
};

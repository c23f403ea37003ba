//! Entry points of the functions: configuration, HTTP, SQS, streams and logs.
//!
//! Nothing here names an SDK: adapters come in through the ports of `hookline-domain`.

pub mod batch;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod fan_out;
pub mod gateway;
pub mod jobs;
pub mod rotating;
pub mod schedule;
pub mod serve;
pub mod start;
pub mod sweep;
#[cfg(test)]
mod testing;

pub use self::{
    clock::{Sleep, SystemClock},
    config::{
        DispatchConfig, Environment, FanOutConfig, FromEnvironment, ReconcileConfig, ReindexConfig, SweepConfig,
        SyncConfig,
    },
    serve::serve,
    start::start,
};

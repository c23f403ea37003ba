//! The entry side of every function: what it is told by its environment, how it answers HTTP and SQS, how it logs.
//!
//! Nothing here names an SDK: adapters come in through the ports of `hookline-domain`.

pub mod api;
pub mod authorizer;
pub mod batch;
pub mod clock;
pub mod config;
pub mod gateway;
pub mod guard;
pub mod jobs;
pub mod live;
pub mod panel;
pub mod receiver;
pub mod rotating;
pub mod schedule;
mod secret_usage;
pub mod serve;
pub mod start;
pub mod stream;
pub mod tally;
#[cfg(test)]
mod testing;
mod tickets;
pub mod webhook;

pub use self::{
    clock::{Sleep, SystemClock},
    config::{
        ActionsConfig, AuthorizerConfig, Environment, LiveConnectConfig, LiveDisconnectConfig, LivePushConfig,
        PanelConfig, ReceiverConfig, ReconcileConfig, ReindexConfig, SearchConfig, StatusConfig, SyncConfig,
    },
    receiver::{Ports, Receiver},
    serve::serve,
    start::start,
    webhook::serve_webhooks,
};

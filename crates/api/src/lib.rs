//! Requests of people and other programs: the HTTP API, its authorizer, the WebSocket API and the panel's files.
//!
//! Nothing here names an SDK: adapters come in through the ports of `hookline-domain`.

pub mod api;
pub mod authorizer;
pub mod config;
pub mod guard;
pub mod live;
pub mod panel;
pub mod stream;
#[cfg(test)]
mod testing;
mod tickets;

pub use self::config::{
    ActionsConfig, AuthorizerConfig, EndpointTables, EndpointsConfig, LiveConnectConfig, LiveDisconnectConfig,
    LivePushConfig, PanelConfig, SearchConfig, StatusConfig,
};

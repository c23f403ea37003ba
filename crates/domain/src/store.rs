//! Stores: their records, status, activity and connections.

pub mod activity;
pub mod connections;
pub mod inbound;
pub mod listening;
pub mod rotation;
pub mod sessions;
pub mod status;
pub mod stores;

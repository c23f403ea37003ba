//! `GET /api/stores/{store}/status`: how one store is doing.

use hookline_domain::{
    access::{Principal, Reach},
    delivery::queue::Depths,
    kernel::ids::StoreKey,
    live::Lag,
    store::{status::Status, stores::StoreView},
};
use jiff::Timestamp;
use serde::Serialize;

use super::me::{About, Receiver};

/// How a store is doing: what its record tells, and what its latest deliveries do.
#[derive(Serialize)]
pub(super) struct StoreStatus {
    #[serde(flatten)]
    status: Status,
    /// How long the latest deliveries took.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<Lag>,
    receivers: Vec<Receiver>,
    /// Of all stores, so for those only who may see all.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<Depths>,
}

impl StoreStatus {
    pub(super) fn of(
        (store, view): (&StoreKey, StoreView),
        lag: Option<Lag>,
        queues: Option<Depths>,
        about: &About,
        now: Timestamp,
    ) -> Self {
        Self {
            status: Status::of(store, view, now),
            lag,
            receivers: about.receivers(),
            queues,
        }
    }

    /// Whether they may know how deep the queues are, which all stores share.
    pub(super) fn with_queues(principal: &Principal) -> bool {
        principal.reach == Reach::All
    }
}

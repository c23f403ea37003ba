//! `GET /api/stores/{store}/status`: the status of one store.

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

/// Status of a store, from its record and its latest deliveries.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StoreStatus {
    #[serde(flatten)]
    status: Status,
    /// Lag of the latest deliveries; absent if the deployment does not record them.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<Lag>,
    /// Addresses for its webhooks; empty if the deployment does not know them.
    receivers: Vec<Receiver>,
    /// Depths of the queues, which all stores share; only for principals that may see all stores.
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

    /// Returns true if the principal may see the depths of the queues, which all stores share.
    pub(super) fn with_queues(principal: &Principal) -> bool {
        principal.reach == Reach::All
    }
}

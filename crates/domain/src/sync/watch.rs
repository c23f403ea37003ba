//! Watchdog: checks that a store's webhooks can reach us, by its subscriptions and by our own queue, and restores
//! missing subscriptions.
//!
//! Subscriptions vanish: the vendor removes them after some failures in a row, and reports it by e-mail only
//! (<https://shopify.dev/docs/apps/build/webhooks/troubleshoot>). Only those made through the store's Admin API can be
//! listed, so subscriptions are checked and restored only for stores that use those.

use std::sync::Arc;

use crate::{
    delivery::queue::Backlog,
    kernel::{
        ids::StoreKey,
        port::{Clock, chain},
    },
    store::stores::{StoreUpdate, Stores, Watched},
    sync::{
        refetch::SyncError,
        registration::{self, Standing},
        vendor::{Catalogue, VendorSubscriptions, WantedSubscription},
    },
};

/// Returns the subscriptions that a store should have: those that send to the receivers at this address, for a token
/// with these scopes, with these fields, for the events that somebody wants. Supplied by the function, which knows the
/// vendor and what is wanted.
pub type Wants = Arc<dyn Fn(&str, &[String], &[String]) -> Vec<WantedSubscription> + Send + Sync>;

/// Checks that webhooks can reach us.
pub struct Watchdog<W, Q> {
    /// The stores' subscriptions.
    pub subscriptions: W,
    /// Our own queue.
    pub backlog: Q,
    /// Address of the receivers, without the topic; if `None`, no subscription is checked.
    pub receivers: Option<String>,
    /// Returns what a store should have.
    pub wants: Wants,
}

impl<W: VendorSubscriptions, Q: Backlog> Watchdog<W, Q> {
    /// Checks, restores subscriptions that are missing or send to a former address, and records the result in the
    /// status.
    ///
    /// # Errors
    /// [`SyncError`]: the store or a table did not respond. A store that rejects a subscription is no error: the topic
    /// stays missing, and the next check tries again.
    pub async fn look(
        &self,
        store: &StoreKey,
        catalogue: &impl Catalogue,
        stores: &impl Stores,
        clock: &impl Clock,
    ) -> Result<Watched, SyncError> {
        let record = stores.find(store).await?.unwrap_or_default();
        let by_api = record.watched.is_some_and(|watched| watched.by_api);
        let mut watched = Watched {
            waiting: Some(self.backlog.waiting().await?),
            ..Watched::unseen(clock.now(), by_api)
        };
        if let (true, Some(receivers)) = (watched.by_api, &self.receivers) {
            let scopes = catalogue.shop(store).await?.scopes;
            let wanted = (self.wants)(receivers, &scopes, &[]);
            for finding in registration::look(&self.subscriptions, store, &wanted).await? {
                // A selection of fields may be intended; more personal data than we read may not.
                if finding.reaches_us() && !finding.sends_other_fields() {
                    continue;
                }
                let topic = finding.wanted.topic.clone();
                match registration::mend(&self.subscriptions, store, &finding).await {
                    Ok(_) => watched.restored.push(topic),
                    Err(failure) => {
                        tracing::warn!(%store, %topic, error = %chain(&failure), "failed to restore a subscription");
                        match finding.standing {
                            Standing::Moved(_) => watched.elsewhere.push(topic),
                            Standing::Missing => watched.missing.push(topic),
                            Standing::Right(_) | Standing::Fields(_) => {}
                        }
                    }
                }
            }
        }
        let update = StoreUpdate {
            watched: Some(watched.clone()),
            ..StoreUpdate::default()
        };
        stores.record(store, &update).await?;
        Ok(watched)
    }
}

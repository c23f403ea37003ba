//! The watchdog: looks whether a store's webhooks can reach us, at its subscriptions and at our own queue, and makes
//! again what is missing.
//!
//! Subscriptions vanish: the vendor removes them after some failures in a row, and tells nobody but by e-mail
//! (<https://shopify.dev/docs/apps/build/webhooks/troubleshoot>). Only those made through the store's Admin API can be
//! seen, and only where they are in use is anything missed or made again.

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

/// Which subscriptions a store should have that send to the receivers at this address, whose token has these scopes, and
/// which are to include these fields. Given by whoever knows the vendor.
pub type Wants = fn(receivers: &str, scopes: &[String], fields: &[String]) -> Vec<WantedSubscription>;

/// Looks whether webhooks can reach us.
#[derive(Debug)]
pub struct Watchdog<W, Q> {
    /// The stores' subscriptions.
    pub subscriptions: W,
    /// Our own queue.
    pub backlog: Q,
    /// Where receivers are, without the topic; without it no subscription is looked at.
    pub receivers: Option<String>,
    /// What a store should have.
    pub wants: Wants,
}

impl<W: VendorSubscriptions, Q: Backlog> Watchdog<W, Q> {
    /// Looks, makes again what is missing or sends to where we were before, and writes what it saw into the status.
    ///
    /// # Errors
    /// [`SyncError`]: the store or a table could not be asked. One that does not take a subscription is no error: the
    /// topic stays missing, and is tried again next time.
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
                // Other fields than all may have been asked for on purpose; more of people than is read may not.
                if finding.reaches_us() && !finding.sends_other_fields() {
                    continue;
                }
                let topic = finding.wanted.topic.clone();
                match registration::mend(&self.subscriptions, store, &finding).await {
                    Ok(_) => watched.restored.push(topic),
                    Err(failure) => {
                        tracing::warn!(%store, %topic, error = %chain(&failure), "a subscription could not be restored");
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

//! Use case: broadcast changes of stores to all who watch them.
//!
//! Outcomes of deliveries are stored first and sent only then: a client that learns of a change finds everything before it
//! stored. A round that fails is repeated unchanged, and a frame that is sent twice has the same number both times.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt, future, stream};
use jiff::{SignedDuration, Timestamp};

use super::{
    Activity, ActivityBatch, Frame, Lag, Push, Pushed, RecordChange, Watcher, Watchers,
    frame::{summaries, updates},
    lag::LAG_OF,
};
use crate::{
    access::{Principal, Reach, Role},
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError, chain},
        time::Pause,
    },
    store::{activity::ActivityEntry, status::Summary, stores::StoreViews},
};

/// Minimum interval between rounds of one process: a person sees no more than a few changes a second.
pub const ROUND_EVERY: SignedDuration = SignedDuration::from_millis(250);

/// Number of messages sent concurrently. API Gateway takes 10,000 requests a second per account and region
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>).
const PUSHES_AT_ONCE: usize = 100;

/// Number of stores written or read concurrently.
const STORES_AT_ONCE: usize = 8;

/// Number of attempts to change a connection that others change at the same time.
const ATTEMPTS: usize = 3;

/// Ports that broadcast changes to watchers.
pub trait BroadcastPorts {
    /// States of stores.
    type Stores: StoreViews;
    /// Outcomes of deliveries.
    type Activity: Activity;
    /// Connections, and the stores they watch.
    type Watchers: Watchers;
    /// Sends to connections.
    type Push: Push;
    /// Waits between rounds.
    type Pause: Pause;
    /// Clock.
    type Clock: Clock;
}

/// Broadcasts changes to watchers.
pub struct Broadcast<P: BroadcastPorts> {
    /// States of stores.
    pub stores: P::Stores,
    /// Outcomes of deliveries.
    pub activity: P::Activity,
    /// Connections, and the stores they watch.
    pub watchers: P::Watchers,
    /// Sends to connections.
    pub push: P::Push,
    /// Waits between rounds.
    pub pause: P::Pause,
    /// Clock.
    pub clock: P::Clock,
    /// Time at which the last round began.
    pub last_round: Mutex<Option<Timestamp>>,
}

/// Change of a principal's permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChanged {
    /// The principal, as in [`Principal::id`](crate::access::Principal).
    pub principal: String,
    /// New role, reach and expiry; `None` if all access is revoked.
    pub now: Option<(Role, Reach, Timestamp)>,
}

/// Frames for one watcher in a round.
type Texts = Vec<Arc<Vec<String>>>;

impl<P: BroadcastPorts> Broadcast<P> {
    /// Stores outcomes of deliveries, and sends the changes to all watchers. Waits first if the last round has just
    /// begun. Changes of one store must be in their order.
    ///
    /// # Errors
    /// [`PortError`]: not everything has been stored, or nothing has been sent. **Retryable**, with the same changes.
    pub async fn notify(&self, changes: Vec<RecordChange>) -> Result<(), PortError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.wait_for_the_next_round().await;
        let mut by_store: BTreeMap<StoreKey, Vec<RecordChange>> = BTreeMap::new();
        for changed in changes {
            by_store.entry(changed.store.clone()).or_default().push(changed);
        }
        self.keep(&by_store).await?;
        let stores: Vec<StoreKey> = by_store.keys().cloned().collect();
        let now = self.clock.now();
        let watchers = self.watchers.of_stores(&stores).await?;
        let (watchers, expired) = watchers
            .into_iter()
            .partition::<Vec<_>, _>(|watcher| watcher.principal.expires_at > now);
        let texts = self.texts(&by_store, &watchers, now).await?;
        let disconnecting = self.disconnect(&expired, None);
        let mut sending = Vec::with_capacity(watchers.len());
        for watcher in &watchers {
            sending.push(self.push_texts(watcher, texts.of(watcher)));
        }
        let sending = stream::iter(sending).buffer_unordered(PUSHES_AT_ONCE).collect::<()>();
        // An expired watcher gets no frames, whether it could be removed or not.
        let (removed, ()) = future::join(disconnecting, sending).await;
        if let Err(failure) = removed {
            tracing::warn!(error = %chain(&failure), "failed to remove expired watchers");
        }
        Ok(())
    }

    /// Applies a change of permissions to the principal's connections and tells them.
    ///
    /// # Errors
    /// [`PortError`]: not all connections have been changed. **Retryable.**
    pub async fn access(&self, changed: &AccessChanged) -> Result<(), PortError> {
        let watchers = self.watchers.of_principal(&changed.principal).await?;
        let now = self.clock.now();
        let Some((role, reach, expires_at)) = changed.now.as_ref().filter(|(.., until)| *until > now) else {
            return self.disconnect(&watchers, Some(&Frame::Revoked)).await;
        };
        for watcher in watchers {
            let principal = Principal {
                role: *role,
                reach: reach.clone(),
                expires_at: *expires_at,
                ..watcher.principal.clone()
            };
            self.change_access(watcher, principal).await?;
        }
        Ok(())
    }

    /// Stores the new permissions of a connection's principal, and sends them.
    async fn change_access(&self, mut watcher: Watcher, principal: Principal) -> Result<(), PortError> {
        for _ in 0..ATTEMPTS {
            let to = Watcher {
                store: watcher.store.clone().filter(|store| principal.may_see(store)),
                principal: principal.clone(),
                ..watcher.clone()
            };
            if self.watchers.change(&watcher, &to).await? {
                let text = Arc::new(vec![Frame::access(&principal).text()]);
                self.push_texts(&to, vec![text]).await;
                return Ok(());
            }
            watcher = match self.watchers.find(&watcher.connection).await? {
                Some(watcher) => watcher,
                None => return Ok(()),
            };
        }
        Err(PortError::new("watchers", "the connection keeps changing"))
    }

    async fn wait_for_the_next_round(&self) {
        let wait = {
            let mut last = self.last_round.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            let next = last.and_then(|last| last.checked_add(ROUND_EVERY).ok());
            // If the clock was set back, wait no longer than a round.
            let wait = next.map(|next| next.duration_since(now).clamp(SignedDuration::ZERO, ROUND_EVERY));
            let wait = wait.unwrap_or(SignedDuration::ZERO);
            *last = now.checked_add(wait).ok();
            wait
        };
        if !wait.is_zero() {
            self.pause.pause(wait).await;
        }
    }

    async fn keep(&self, by_store: &BTreeMap<StoreKey, Vec<RecordChange>>) -> Result<(), PortError> {
        let mut kept = Vec::with_capacity(by_store.len());
        for (store, changes) in by_store {
            kept.push(self.keep_one(store, changes));
        }
        all(kept, STORES_AT_ONCE).await?;
        Ok(())
    }

    async fn keep_one(&self, store: &StoreKey, changes: &[RecordChange]) -> Result<(), PortError> {
        let with_entries = changes.iter().filter(|changed| !changed.latest.is_empty());
        let kept: Vec<ActivityBatch> = with_entries
            .map(|changed| ActivityBatch {
                seq: changed.after.seq,
                entries: changed.latest.clone(),
            })
            .collect();
        let reached = changes.iter().map(|changed| changed.after.seq).max().unwrap_or(0);
        self.activity.keep(store, &kept, reached).await
    }

    /// Returns the frames of a round. Does not read stores that nobody follows.
    async fn texts(
        &self,
        by_store: &BTreeMap<StoreKey, Vec<RecordChange>>,
        watchers: &[Watcher],
        now: Timestamp,
    ) -> Result<RoundTexts, PortError> {
        let mut read = Vec::with_capacity(by_store.len());
        for (store, changes) in by_store {
            if watchers.iter().any(|watcher| watcher.follows(store)) {
                let is_followed = watchers.iter().any(|watcher| watcher.store.as_ref() == Some(store));
                read.push(self.store_texts(store, changes, is_followed, now));
            }
        }
        let (mut updates, mut summaries) = (BTreeMap::new(), BTreeMap::new());
        for (store, summary, texts) in all(read, STORES_AT_ONCE).await?.into_iter().flatten() {
            summaries.insert(store.clone(), summary);
            updates.insert(store, Arc::new(texts));
        }
        Ok(RoundTexts {
            updates,
            all: Arc::new(summary_texts(summaries.values())),
            summaries,
        })
    }

    /// Returns summary and updates of one store; `None` if it no longer exists.
    async fn store_texts(
        &self,
        store: &StoreKey,
        changes: &[RecordChange],
        is_followed: bool,
        now: Timestamp,
    ) -> Result<Option<(StoreKey, Summary, Vec<String>)>, PortError> {
        // Read after the changes were stored, so it is at least as new as the newest of them.
        let Some(view) = self.stores.view(store).await? else {
            return Ok(None);
        };
        let texts = if is_followed {
            let lag = self.lag(store, changes).await?;
            updates(changes, &view, lag.as_ref(), now)
        } else {
            Vec::new()
        };
        Ok(Some((store.clone(), Summary::of(store, &view, now), texts)))
    }

    /// Returns the lag of the store's deliveries; `None` if no entries have changed.
    async fn lag(&self, store: &StoreKey, changes: &[RecordChange]) -> Result<Option<Lag>, PortError> {
        if changes.iter().all(|changed| changed.latest.is_empty()) {
            return Ok(None);
        }
        let latest = self.activity.latest(store, None, LAG_OF).await?;
        let entries: Vec<ActivityEntry> = latest.into_iter().flat_map(|kept| kept.entries).collect();
        Ok(Some(Lag::of(&entries)))
    }

    /// Sends one frame after another. If one fails, leaves out the rest: the next frame that arrives shows the client
    /// that something is missing.
    async fn push_texts(&self, watcher: &Watcher, texts: Texts) {
        let connection = watcher.connection.as_str();
        for text in texts.iter().flat_map(|texts| texts.iter()) {
            match self.push.push(connection, text).await {
                Ok(Pushed::Sent) => {}
                Ok(Pushed::Gone) => return self.forget(connection).await,
                Err(failure) => {
                    tracing::warn!(connection, error = %chain(&failure), "failed to send a frame to a watcher");
                    return;
                }
            }
        }
    }

    /// Removes watchers, sends each a last frame, and closes the connections.
    async fn disconnect(&self, watchers: &[Watcher], last: Option<&Frame>) -> Result<(), PortError> {
        let mut disconnecting = Vec::with_capacity(watchers.len());
        for watcher in watchers {
            disconnecting.push(self.disconnect_one(&watcher.connection, last));
        }
        all(disconnecting, PUSHES_AT_ONCE).await?;
        Ok(())
    }

    async fn disconnect_one(&self, connection: &str, last: Option<&Frame>) -> Result<(), PortError> {
        // First: if a later step fails, the connection still receives nothing more.
        self.watchers.remove(connection).await?;
        if let Some(frame) = last
            && let Err(failure) = self.push.push(connection, &frame.text()).await
        {
            tracing::warn!(connection, error = %chain(&failure), "failed to send the last frame to a disconnected watcher");
        }
        if let Err(failure) = self.push.close(connection).await {
            tracing::warn!(connection, error = %chain(&failure), "failed to close a connection");
        }
        Ok(())
    }

    async fn forget(&self, connection: &str) {
        if let Err(failure) = self.watchers.remove(connection).await {
            tracing::warn!(connection, error = %chain(&failure), "failed to remove a closed connection");
        }
    }
}

/// Frames of a round, each serialized once for all watchers.
struct RoundTexts {
    updates: BTreeMap<StoreKey, Arc<Vec<String>>>,
    summaries: BTreeMap<StoreKey, Summary>,
    /// Summaries of all stores, for watchers that may see all.
    all: Arc<Vec<String>>,
}

impl RoundTexts {
    /// Returns the frames for this watcher.
    fn of(&self, watcher: &Watcher) -> Texts {
        let mut texts = Vec::with_capacity(2);
        if let Some(store) = watcher.store.as_ref().filter(|store| watcher.follows(store)) {
            texts.extend(self.updates.get(store).cloned());
        }
        if watcher.list {
            texts.push(match &watcher.principal.reach {
                Reach::All => Arc::clone(&self.all),
                Reach::Stores(stores) => {
                    let seen = stores.iter().filter_map(|store| self.summaries.get(store));
                    Arc::new(summary_texts(seen))
                }
            });
        }
        texts
    }
}

fn summary_texts<'a>(stores: impl Iterator<Item = &'a Summary>) -> Vec<String> {
    summaries(&stores.cloned().collect::<Vec<_>>())
}

/// Runs all futures, `at_once` of them concurrently, to their ends; returns the first failure, if there is one.
async fn all<T, F>(futures: Vec<F>, at_once: usize) -> Result<Vec<T>, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let done: Vec<_> = stream::iter(futures).buffer_unordered(at_once).collect().await;
    done.into_iter().collect()
}

//! Use case: tell all who follow what has changed.
//!
//! What became of deliveries is kept first, and only then told: whoever is told of a change finds all before it kept. A
//! round that fails is repeated as it is, and what is told twice has the same number twice.

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

/// How often one who watches is told something at most, by one process: a person sees no more than some changes a second.
pub const ROUND_EVERY: SignedDuration = SignedDuration::from_millis(250);

/// How many messages are under way at once. API Gateway takes 10,000 requests a second of a region's account
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>).
const PUSHES_AT_ONCE: usize = 100;

/// How many stores are written or read at once.
const STORES_AT_ONCE: usize = 8;

/// How often a connection is read that is changed by others.
const ATTEMPTS: usize = 3;

/// Tells those who follow stores.
#[derive(Debug)]
pub struct Broadcast<S, A, W, P, T, C> {
    /// How stores are doing.
    pub stores: S,
    /// What became of deliveries.
    pub activity: A,
    /// Who watches what.
    pub watchers: W,
    /// The way to connections.
    pub push: P,
    /// Waits.
    pub pause: T,
    /// What time it is.
    pub clock: C,
    /// When the last round began.
    pub last_round: Mutex<Option<Timestamp>>,
}

/// What has changed of what somebody may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChanged {
    /// Who it is, as in [`Principal::id`](crate::access::Principal).
    pub principal: String,
    /// What they may do now, with which stores, until when; `None` if nothing any more.
    pub now: Option<(Role, Reach, Timestamp)>,
}

/// What one who watches is told in a round.
type Texts = Vec<Arc<Vec<String>>>;

impl<S: StoreViews, A: Activity, W: Watchers, P: Push, T: Pause, C: Clock> Broadcast<S, A, W, P, T, C> {
    /// Keeps what became of deliveries, and tells all who watch. Waits first, if the last round has just been. Changes of
    /// one store come in their order.
    ///
    /// # Errors
    /// [`PortError`]: not everything has been kept, or nobody been told. **Do it again**, with the same changes.
    pub async fn tell(&self, changes: Vec<RecordChange>) -> Result<(), PortError> {
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
        let shut_out = self.shut_out(&expired, None);
        let mut told = Vec::with_capacity(watchers.len());
        for watcher in &watchers {
            told.push(self.push_texts(watcher, texts.of(watcher)));
        }
        let told = stream::iter(told).buffer_unordered(PUSHES_AT_ONCE).collect::<()>();
        // Who is expired is told nothing, forgotten or not.
        let (forgotten, ()) = future::join(shut_out, told).await;
        if let Err(failure) = forgotten {
            tracing::warn!(error = %chain(&failure), "one who is expired was not forgotten");
        }
        Ok(())
    }

    /// Tells the connections of somebody that what they may do has changed.
    ///
    /// # Errors
    /// [`PortError`]: not all connections have been told. **Do it again.**
    pub async fn access(&self, changed: &AccessChanged) -> Result<(), PortError> {
        let watchers = self.watchers.of_principal(&changed.principal).await?;
        let now = self.clock.now();
        let Some((role, reach, expires_at)) = changed.now.as_ref().filter(|(.., until)| *until > now) else {
            return self.shut_out(&watchers, Some(&Frame::Revoked)).await;
        };
        for watcher in watchers {
            let principal = Principal {
                role: *role,
                reach: reach.clone(),
                expires_at: *expires_at,
                ..watcher.principal.clone()
            };
            self.may(watcher, principal).await?;
        }
        Ok(())
    }

    /// Remembers what a connection's principal may do now, and tells it.
    async fn may(&self, mut watcher: Watcher, principal: Principal) -> Result<(), PortError> {
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
        Err(PortError::new("watchers", "the connection is changed again and again"))
    }

    async fn wait_for_the_next_round(&self) {
        let wait = {
            let mut last = self.last_round.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            let next = last.and_then(|last| last.checked_add(ROUND_EVERY).ok());
            // A clock that was put back is waited for no longer than a round.
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

    /// What there is to tell. Stores that nobody follows are not read.
    async fn texts(
        &self,
        by_store: &BTreeMap<StoreKey, Vec<RecordChange>>,
        watchers: &[Watcher],
        now: Timestamp,
    ) -> Result<Told, PortError> {
        let mut read = Vec::with_capacity(by_store.len());
        for (store, changes) in by_store {
            if watchers.iter().any(|watcher| watcher.follows(store)) {
                let has_page = watchers.iter().any(|watcher| watcher.store.as_ref() == Some(store));
                read.push(self.told_of(store, changes, has_page, now));
            }
        }
        let (mut updates, mut summaries) = (BTreeMap::new(), BTreeMap::new());
        for (store, summary, texts) in all(read, STORES_AT_ONCE).await?.into_iter().flatten() {
            summaries.insert(store.clone(), summary);
            updates.insert(store, Arc::new(texts));
        }
        Ok(Told {
            updates,
            all: Arc::new(told(summaries.values())),
            summaries,
        })
    }

    /// What there is to tell of one store; `None` if it is gone.
    async fn told_of(
        &self,
        store: &StoreKey,
        changes: &[RecordChange],
        has_page: bool,
        now: Timestamp,
    ) -> Result<Option<(StoreKey, Summary, Vec<String>)>, PortError> {
        // Read after the changes were kept, so it is as new as the newest of them, or newer.
        let Some(view) = self.stores.view(store).await? else {
            return Ok(None);
        };
        let texts = if has_page {
            let lag = self.lag(store, changes).await?;
            updates(changes, &view, lag.as_ref(), now)
        } else {
            Vec::new()
        };
        Ok(Some((store.clone(), Summary::of(store, &view, now), texts)))
    }

    /// How long the store's deliveries take; `None` where nothing has changed of that.
    async fn lag(&self, store: &StoreKey, changes: &[RecordChange]) -> Result<Option<Lag>, PortError> {
        if changes.iter().all(|changed| changed.latest.is_empty()) {
            return Ok(None);
        }
        let latest = self.activity.latest(store, None, LAG_OF).await?;
        let entries: Vec<ActivityEntry> = latest.into_iter().flat_map(|kept| kept.entries).collect();
        Ok(Some(Lag::of(&entries)))
    }

    /// One after another. After one that fails the others are left out: the next that comes through shows that something
    /// is missing.
    async fn push_texts(&self, watcher: &Watcher, texts: Texts) {
        let connection = watcher.connection.as_str();
        for text in texts.iter().flat_map(|texts| texts.iter()) {
            match self.push.push(connection, text).await {
                Ok(Pushed::Sent) => {}
                Ok(Pushed::Gone) => return self.forget(connection).await,
                Err(failure) => {
                    tracing::warn!(connection, error = %chain(&failure), "one who watches was not told");
                    return;
                }
            }
        }
    }

    /// Forgets, tells a last thing, and closes.
    async fn shut_out(&self, watchers: &[Watcher], last: Option<&Frame>) -> Result<(), PortError> {
        let mut shut_out = Vec::with_capacity(watchers.len());
        for watcher in watchers {
            shut_out.push(self.shut_out_one(&watcher.connection, last));
        }
        all(shut_out, PUSHES_AT_ONCE).await?;
        Ok(())
    }

    async fn shut_out_one(&self, connection: &str, last: Option<&Frame>) -> Result<(), PortError> {
        // First: whatever fails then, nothing more is told or answered.
        self.watchers.remove(connection).await?;
        if let Some(frame) = last
            && let Err(failure) = self.push.push(connection, &frame.text()).await
        {
            tracing::warn!(connection, error = %chain(&failure), "one who is shut out was not told");
        }
        if let Err(failure) = self.push.close(connection).await {
            tracing::warn!(connection, error = %chain(&failure), "a connection was not closed");
        }
        Ok(())
    }

    async fn forget(&self, connection: &str) {
        if let Err(failure) = self.watchers.remove(connection).await {
            tracing::warn!(connection, error = %chain(&failure), "a connection that is gone was not forgotten");
        }
    }
}

/// What there is to tell in a round, each text made once for all who are told it.
struct Told {
    updates: BTreeMap<StoreKey, Arc<Vec<String>>>,
    summaries: BTreeMap<StoreKey, Summary>,
    /// The summaries, for who may see all stores.
    all: Arc<Vec<String>>,
}

impl Told {
    /// What this one is told.
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
                    Arc::new(told(seen))
                }
            });
        }
        texts
    }
}

fn told<'a>(stores: impl Iterator<Item = &'a Summary>) -> Vec<String> {
    summaries(&stores.cloned().collect::<Vec<_>>())
}

/// All of these, some at once, be the others done or not; the first failure, if there is one.
async fn all<T, F>(futures: Vec<F>, at_once: usize) -> Result<Vec<T>, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let done: Vec<_> = stream::iter(futures).buffer_unordered(at_once).collect().await;
    done.into_iter().collect()
}

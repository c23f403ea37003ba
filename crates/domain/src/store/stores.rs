//! Stores: their install periods, and what is known about their state.

mod catalogue;
mod connect;
mod counts;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, future::Future};

use hookline_events::Resource;
use jiff::Timestamp;

pub use self::{
    catalogue::{Quota, Reconciled, Run, RunStage, RunTask, Skipped, Watched},
    connect::connect,
    counts::{Counter, Hour, ParseCounterError},
};
use crate::{
    delivery::failed::FailedDeliveryList,
    kernel::{
        failure::{ErrorCode, LastError},
        ids::StoreKey,
        port::PortError,
        version::Version,
    },
    store::{
        activity::ActivityEntry,
        listening::{Heard, Listening},
        rotation::{Rotation, SecretPairId, SecretUsage},
    },
};

/// Record of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreRecord {
    /// Number of the latest install that we know of; from 1, and 0 before the first.
    pub epoch: u64,
    /// True if the app is installed, as far as we have been notified.
    pub enabled: bool,
    /// Latest uninstall that we have been notified of: a state signed up to then no longer counts.
    pub uninstalled_at: Option<Timestamp>,
    /// Time at which the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// Time at which a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Time at which a request in its name last had a wrong signature.
    pub last_forged_at: Option<Timestamp>,
    /// Use of two client secrets by its deliveries, for each pair that was held.
    pub rotations: BTreeMap<SecretPairId, Rotation>,
    /// True if we hold a token for its Admin API, which provides more than its webhooks.
    pub connected: bool,
    /// True if its source only tells that something changed, so that its states are requested: only connecting begins an
    /// install of it ([`connect`]). Once set, it stays.
    pub asked: bool,
    /// Currency of its prices, ISO 4217, once its Admin API has reported it; no webhook does.
    pub currency: Option<String>,
    /// Result of the last reconciliation.
    pub reconciled: Option<Reconciled>,
    /// Result of the last check of its vendor subscriptions and of our queues.
    pub watched: Option<Watched>,
    /// Time at which its data was last erased, as the law requires: nothing else here is older.
    pub redacted_at: Option<Timestamp>,
    /// Progress or outcome of the last run through its catalog.
    pub run: Option<Run>,
    /// Remaining quota of its Admin API at the last call.
    pub quota: Option<Quota>,
    /// Number of times this record has been written. A client that follows the store can see from it that it missed
    /// nothing.
    pub seq: u64,
    /// Listeners to its events.
    pub listening: Listening,
    /// Counts of receivers by the hour. They are here because receivers may write only to a record that exists, so that
    /// a stranger cannot create one.
    pub door: Counts,
}

/// Everything that is known about a store, for those who look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreView {
    /// Its record.
    pub record: StoreRecord,
    /// Counts by the hour, including those of receivers.
    pub counts: Counts,
    /// The last error of each code.
    pub errors: BTreeMap<ErrorCode, LastError>,
    /// Deliveries that have failed and are neither applied nor dismissed.
    pub failures: FailedDeliveryList,
}

impl StoreView {
    /// Returns the last error.
    #[must_use]
    pub fn last_error(&self) -> Option<&LastError> {
        self.errors.values().max_by_key(|error| error.at)
    }
}

/// Counts by hour and counter.
pub type Counts = BTreeMap<(Hour, Counter), u64>;

impl Default for StoreRecord {
    /// A store that was unknown until now: the record that its first verified event creates.
    fn default() -> Self {
        Self {
            epoch: 1,
            enabled: true,
            uninstalled_at: None,
            last_event_at: None,
            last_sync_at: None,
            last_forged_at: None,
            rotations: BTreeMap::new(),
            connected: false,
            asked: false,
            currency: None,
            reconciled: None,
            watched: None,
            redacted_at: None,
            run: None,
            quota: None,
            listening: Listening::default(),
            seq: 0,
            door: Counts::new(),
        }
    }
}

/// Install period of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallPeriod {
    /// The current one, in which the state has this version.
    Current(Version),
    /// One that an uninstall has ended: the entity must not be found as of this version.
    Past(Version),
    /// The next one, of which we have not been notified: begin it.
    Next,
}

/// Place of an asked state in the present install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedInPeriod {
    /// It belongs to it.
    Current,
    /// It was requested in the very second in which the install began, which versions do not tell from the one before. Ask
    /// again.
    TooSoon,
}

/// Effect of an uninstall on a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uninstall {
    /// It is the latest: record it, and remove everything older.
    Ends,
    /// It is recorded already. Entities that it ends may still be indexed, because the consumer that was to remove them
    /// may have died.
    Again,
    /// A later one has been recorded, and removes everything that this one would.
    Earlier,
}

impl StoreRecord {
    /// True if its whole catalog has been compared since the last install. No webhook had to report differences from
    /// before that.
    #[must_use]
    pub fn has_baseline(&self) -> bool {
        let began_at = self.reconciled.as_ref().map(|last| last.began_at);
        began_at.is_some_and(|began_at| self.uninstalled_at.is_none_or(|ended| began_at > ended))
    }

    /// Returns the install period of a state with this version, observed at `observed_at`.
    ///
    /// Shopify sends nothing on reinstall, so a state *signed* after the uninstall begins the next install; a header
    /// alone never does, because no signature covers it. In a running install, a state that last changed before the
    /// install is still current if it was observed during it: its version is then right above the uninstall's.
    #[must_use]
    pub fn install_of(&self, version: Version, observed_at: Timestamp) -> InstallPeriod {
        let Some(ended) = self.uninstalled_at else {
            return InstallPeriod::Current(version);
        };
        let floor = Version::floor(ended);
        match (version > floor, self.enabled) {
            (true, true) => InstallPeriod::Current(version),
            (true, false) => InstallPeriod::Next,
            (false, true) if observed_at > ended => InstallPeriod::Current(Version::above_floor(ended, observed_at)),
            (false, _) => InstallPeriod::Past(floor),
        }
    }

    /// Returns the install period of a state that was requested at `asked_at`. `None` if it belongs to no install, or to one
    /// that has ended: such an answer says nothing of the present, and never begins an install.
    #[must_use]
    pub fn install_of_asked(&self, asked_at: Timestamp) -> Option<AskedInPeriod> {
        if !self.asked || !self.enabled {
            return None;
        }
        match self.uninstalled_at {
            Some(began) if asked_at <= began => None,
            // Its version would be below the floor.
            Some(began) if asked_at.as_second() <= began.as_second() => Some(AskedInPeriod::TooSoon),
            Some(_) | None => Some(AskedInPeriod::Current),
        }
    }

    /// Returns the effect of an uninstall at `at`.
    #[must_use]
    pub fn uninstall(&self, at: Timestamp) -> Uninstall {
        match self.uninstalled_at {
            Some(latest) if at < latest => Uninstall::Earlier,
            Some(latest) if at == latest => Uninstall::Again,
            Some(_) | None => Uninstall::Ends,
        }
    }

    /// Record of a store about which only an uninstall is known: its next install is the first that we see.
    #[must_use]
    pub fn before_any_install() -> Self {
        Self {
            epoch: 0,
            ..Self::default()
        }
    }

    /// Returns the store after an uninstall at `at`, or `None` if nothing changes. The conditional write of a remote
    /// table succeeds exactly if this returns `Some`; the same holds for [`reinstalled`](Self::reinstalled).
    #[must_use]
    pub fn uninstalled(&self, at: Timestamp) -> Option<Self> {
        (self.uninstall(at) == Uninstall::Ends).then(|| Self {
            enabled: false,
            uninstalled_at: Some(at),
            ..self.clone()
        })
    }

    /// Returns the store in the install after the one that ended at `ended`, or `None` if that is not the latest
    /// uninstall or an install has followed it already.
    #[must_use]
    pub fn reinstalled(&self, ended: Timestamp) -> Option<Self> {
        (!self.enabled && self.uninstalled_at == Some(ended)).then(|| Self {
            epoch: self.epoch + 1,
            enabled: true,
            ..self.clone()
        })
    }
}

impl StoreRecord {
    /// Returns what remains of a store whose data is erased at `at` and whose last install ended at `ended`: that it
    /// existed, and that its earlier states do not count. `None` if that is not the latest uninstall or an install has
    /// followed it.
    #[must_use]
    pub fn redacted(&self, ended: Timestamp, at: Timestamp) -> Option<Self> {
        (!self.enabled && self.uninstalled_at == Some(ended)).then(|| Self {
            epoch: self.epoch,
            enabled: false,
            uninstalled_at: Some(ended),
            redacted_at: Some(at),
            asked: self.asked,
            // A client that follows the store must still notice that it missed something.
            seq: self.seq,
            ..Self::default()
        })
    }
}

/// Changes to a store's record by one batch, or by one minute at a receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreUpdate {
    /// Time at which the last delivery came, if later than recorded.
    pub last_event_at: Option<Timestamp>,
    /// Time at which a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Errors; the last of each code counts.
    pub errors: Vec<LastError>,
    /// Time at which a request in its name had a wrong signature.
    pub last_forged_at: Option<Timestamp>,
    /// Use of two client secrets by its deliveries.
    pub secret_usage: Option<SecretUsage>,
    /// True if we hold a token for its Admin API now.
    pub connected: Option<bool>,
    /// True if its states are requested. Never set back.
    pub asked: bool,
    /// Currency of its prices.
    pub currency: Option<String>,
    /// Result of a reconciliation.
    pub reconciled: Option<Reconciled>,
    /// Result of a check of its vendor subscriptions and of our queues.
    pub watched: Option<Watched>,
    /// Progress of a run through its catalog.
    pub run: Option<Run>,
    /// Remaining quota of its Admin API.
    pub quota: Option<Quota>,
    /// Outcomes of deliveries, for clients that follow the store live. Not stored in the record: readers of the table's
    /// stream find them in the change that this update makes, and only there.
    pub latest: Vec<ActivityEntry>,
    /// Additions to the counts.
    pub counts: Counts,
    /// Counts of receivers that are too old to matter and are to be removed.
    pub outdated: Vec<(Hour, Counter)>,
}

/// Number of hours for which counts are kept: the last 24 and the current one.
pub const HOURS_KEPT: u32 = 25;

impl StoreUpdate {
    /// Adds one to a count.
    pub fn count(&mut self, at: Timestamp, counter: Counter) {
        *self.counts.entry((Hour::of(at), counter)).or_default() += 1;
    }

    /// Marks counts of receivers from before the last [`HOURS_KEPT`] hours for removal from `record`; other counts
    /// expire by themselves. Drops new counts of that time.
    pub fn outdate(&mut self, record: &StoreRecord, now: Timestamp) {
        let oldest = Hour::of(now).back(HOURS_KEPT);
        self.outdated = record.door.keys().filter(|(hour, _)| *hour < oldest).cloned().collect();
        self.counts.retain(|(hour, _), _| *hour >= oldest);
    }
}

/// A look at a store: its record, and who listens to all stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Look {
    /// Its record; `None` if the store is unknown.
    pub record: Option<StoreRecord>,
    /// Listeners to all stores.
    pub all: Listening,
}

impl Look {
    /// Returns the periods in which a kind of thing is listened to at `now`; `None` if nobody does.
    #[must_use]
    pub fn heard(&self, resource: Resource, now: Timestamp) -> Option<Heard> {
        let nobody = Listening::default();
        let own = self.record.as_ref().map_or(&nobody, |record| &record.listening);
        Heard::of(own, &self.all, resource, now)
    }
}

/// Stores the records of stores.
pub trait Stores: Send + Sync {
    /// Returns the record of a store. Sees every earlier write.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<StoreRecord>, PortError>> + Send;

    /// Returns the record of a store and who listens to all stores, in one call. Sees every earlier write. Where nothing
    /// is published, nobody listens to all stores.
    fn look(&self, store: &StoreKey) -> impl Future<Output = Result<Look, PortError>> + Send {
        async {
            Ok(Look {
                record: self.find(store).await?,
                all: Listening::default(),
            })
        }
    }

    /// Applies an update to a store's record. Creates an unknown store as [`StoreRecord::default`]. Writes the record
    /// last, so that whoever learns of its `seq` finds the rest.
    fn record(&self, store: &StoreKey, update: &StoreUpdate) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records an uninstall at `at`, as [`StoreRecord::uninstalled`] says, and creates an unknown store. If it does not
    /// apply, changes nothing: read the record again.
    fn disable(&self, store: &StoreKey, at: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Begins the install after the one that ended at `ended`, as [`StoreRecord::reinstalled`] says. If it does not
    /// apply, changes nothing: read the record again.
    fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Erases the data of stores. A port of its own, because only the code that complies with the law may do so.
pub trait Redact: Send + Sync {
    /// Erases everything about a store except what [`StoreRecord::redacted`] leaves. If it does not apply, changes
    /// nothing: read the record again.
    fn redact(
        &self,
        store: &StoreKey,
        ended: Timestamp,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Reads everything that is known about a store, for those who look at it.
pub trait StoreViews: Send + Sync {
    /// Returns everything that is known about a store. Sees every earlier write.
    fn view(&self, store: &StoreKey) -> impl Future<Output = Result<Option<StoreView>, PortError>> + Send;
}

/// One page of stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorePage {
    /// Stores with everything that is known about each, except the counts that only [`counts`](Self::counts) has.
    pub stores: Vec<(StoreKey, StoreView)>,
    /// Counts of stores, on this page or not: all pages together have them all.
    pub counts: Vec<(StoreKey, Counts)>,
    /// Start of the next page; `None` if this is the last.
    pub next: Option<StoreCursor>,
}

/// End of a page of stores, as the table spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCursor(pub String);

/// Lists stores: for a person, and for daily work on every store.
pub trait StoreList: Send + Sync {
    /// Returns the stores after `after`, in an order of the table's own.
    fn page(&self, after: Option<&StoreCursor>) -> impl Future<Output = Result<StorePage, PortError>> + Send;
}

/// Returns every store with its counts.
///
/// # Errors
/// [`PortError`] if a page cannot be read.
pub async fn all(list: &impl StoreList) -> Result<BTreeMap<StoreKey, StoreView>, PortError> {
    let (mut stores, mut counts, mut after) = (BTreeMap::new(), Vec::new(), None);
    loop {
        let page = list.page(after.as_ref()).await?;
        stores.extend(page.stores);
        counts.extend(page.counts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    for (store, counts) in counts {
        let view: Option<&mut StoreView> = stores.get_mut(&store);
        let Some(view) = view else { continue };
        for (counter, count) in counts {
            *view.counts.entry(counter).or_default() += count;
        }
    }
    Ok(stores)
}

/// Access of receivers to stores: they can only add to the record of a store that exists, so that a stranger cannot
/// make us store anything.
pub trait Tally: Send + Sync {
    /// Adds to a store's record, with **one** write; does nothing if the store is unknown.
    fn add(&self, store: &StoreKey, update: &StoreUpdate) -> impl Future<Output = Result<(), PortError>> + Send;
}

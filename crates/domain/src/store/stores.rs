//! Stores: their installs, and what is known of how they are doing.

mod catalogue;
mod counts;

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;

pub use self::{
    catalogue::{Quota, Reconciled, Run, RunStage, RunTask, Skipped, Watched},
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
        rotation::{Rotation, SecretPairId, SecretUsage},
    },
};

/// What is known of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreRecord {
    /// Which install is, or was, the last one that we saw; from 1, and 0 before the first.
    pub epoch: u64,
    /// Whether the app is installed, as far as we were told.
    pub enabled: bool,
    /// The latest uninstall we were told of: no state that is signed up to then counts any more.
    pub uninstalled_at: Option<Timestamp>,
    /// When the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// When a request in its name last had a wrong signature.
    pub last_forged_at: Option<Timestamp>,
    /// What its deliveries have shown of two client secrets, where two were held.
    pub rotations: BTreeMap<SecretPairId, Rotation>,
    /// Whether we hold a token for its Admin API, so that more can be asked than its webhooks tell.
    pub connected: bool,
    /// The currency of its prices, ISO 4217, once its Admin API has told it; no webhook does.
    pub currency: Option<String>,
    /// What the last reconciliation found.
    pub reconciled: Option<Reconciled>,
    /// What was last seen of its subscriptions and of our queues.
    pub watched: Option<Watched>,
    /// When it was last forgotten, as the law asks: nothing else here is from before.
    pub redacted_at: Option<Timestamp>,
    /// How the last run through its catalogue goes, or went.
    pub run: Option<Run>,
    /// How much of its Admin API's quota was left when it was last asked.
    pub quota: Option<Quota>,
    /// How often this record has been written. Whoever follows a store learns from it that nothing was missed.
    pub seq: u64,
    /// Counts of receivers by the hour: they may write nothing but this record, so that a stranger cannot make one.
    pub door: Counts,
}

/// All that is known of a store, for those who look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreView {
    /// Its record.
    pub record: StoreRecord,
    /// Counts by the hour, those of receivers among them.
    pub counts: Counts,
    /// The last error of each sort.
    pub errors: BTreeMap<ErrorCode, LastError>,
    /// Deliveries that have failed and are not settled.
    pub failures: FailedDeliveryList,
}

impl StoreView {
    /// The last error.
    #[must_use]
    pub fn last_error(&self) -> Option<&LastError> {
        self.errors.values().max_by_key(|error| error.at)
    }
}

/// Counts by hour and by what is counted.
pub type Counts = BTreeMap<(Hour, Counter), u64>;

impl Default for StoreRecord {
    /// A store nobody has heard of: what its first verified event makes.
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
            currency: None,
            reconciled: None,
            watched: None,
            redacted_at: None,
            run: None,
            quota: None,
            seq: 0,
            door: Counts::new(),
        }
    }
}

/// To which install a state belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallPeriod {
    /// The present one, in which this is its version.
    Current(Version),
    /// One that an uninstall has ended: the entity is not to be seen as of this version.
    Past(Version),
    /// One that nobody told us of: begin it.
    Next,
}

/// What an uninstall means to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uninstall {
    /// It is the latest: record it, and take out all that is older.
    Ends,
    /// It is recorded. What it takes out may still be there: the consumer that was to do it may have died.
    Again,
    /// A later one has been recorded, and takes out all that this one would.
    Earlier,
}

impl StoreRecord {
    /// Whether its catalogue has been gone through since it installed the app last. What differed before, no webhook was
    /// to tell.
    #[must_use]
    pub fn has_baseline(&self) -> bool {
        let began_at = self.reconciled.as_ref().map(|last| last.began_at);
        began_at.is_some_and(|began_at| self.uninstalled_at.is_none_or(|ended| began_at > ended))
    }

    /// To which install a state of this version belongs that was observed at `observed_at`.
    ///
    /// Shopify sends nothing on reinstall, so a state *signed* after the uninstall begins the next install; a header
    /// alone never does, for no signature covers it. In an install that has begun, what was last changed before it is
    /// still current if it was observed in it: then its version is right above the uninstall's.
    #[must_use]
    pub fn place(&self, version: Version, observed_at: Timestamp) -> InstallPeriod {
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

    /// What an uninstall at `at` means.
    #[must_use]
    pub fn uninstall(&self, at: Timestamp) -> Uninstall {
        match self.uninstalled_at {
            Some(latest) if at < latest => Uninstall::Earlier,
            Some(latest) if at == latest => Uninstall::Again,
            Some(_) | None => Uninstall::Ends,
        }
    }

    /// A store of which nothing but an uninstall is known: its next install is the first that we see.
    #[must_use]
    pub fn before_any_install() -> Self {
        Self {
            epoch: 0,
            ..Self::default()
        }
    }

    /// The store after an uninstall at `at`; `None` if it stays as it is. The conditional write of a remote table
    /// succeeds exactly where this says so, and so for [`reinstalled`](Self::reinstalled).
    #[must_use]
    pub fn uninstalled(&self, at: Timestamp) -> Option<Self> {
        (self.uninstall(at) == Uninstall::Ends).then(|| Self {
            enabled: false,
            uninstalled_at: Some(at),
            ..self.clone()
        })
    }

    /// The store in the install after the one that ended at `ended`; `None` if that is not the latest uninstall, or has
    /// been followed by an install already.
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
    /// What is left of a store that is forgotten at `at`, whose last install ended at `ended`: that it was there, and that
    /// its states of before do not count. `None` if that is not the latest uninstall, or has been followed by an install.
    #[must_use]
    pub fn redacted(&self, ended: Timestamp, at: Timestamp) -> Option<Self> {
        (!self.enabled && self.uninstalled_at == Some(ended)).then(|| Self {
            epoch: self.epoch,
            enabled: false,
            uninstalled_at: Some(ended),
            redacted_at: Some(at),
            // Who follows the store still learns that something was missed.
            seq: self.seq,
            ..Self::default()
        })
    }
}

/// What one batch, or one minute at a receiver, adds to what is known of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreUpdate {
    /// When the last delivery came, if later than known.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// What went wrong: of each sort, the last counts.
    pub errors: Vec<LastError>,
    /// When a request in its name had a wrong signature.
    pub last_forged_at: Option<Timestamp>,
    /// Which of two client secrets its deliveries needed.
    pub needed: Option<SecretUsage>,
    /// Whether we hold a token for its Admin API now.
    pub connected: Option<bool>,
    /// The currency of its prices.
    pub currency: Option<String>,
    /// What a reconciliation has found.
    pub reconciled: Option<Reconciled>,
    /// What was seen of its subscriptions and of our queues.
    pub watched: Option<Watched>,
    /// How a run through its catalogue goes.
    pub run: Option<Run>,
    /// How much of its Admin API's quota is left.
    pub quota: Option<Quota>,
    /// What became of deliveries, for those who follow the store live. Not kept in the record: whoever follows the table's
    /// changes finds them in the change that this update makes, and only there.
    pub latest: Vec<ActivityEntry>,
    /// What to add to the counts.
    pub counts: Counts,
    /// Counts of receivers that are too old to matter, to be removed.
    pub outdated: Vec<(Hour, Counter)>,
}

/// How many hours counts are kept: the last 24 and the present one.
pub const HOURS_KEPT: u32 = 25;

impl StoreUpdate {
    /// Adds one to a count.
    pub fn count(&mut self, at: Timestamp, counter: Counter) {
        *self.counts.entry((Hour::of(at), counter)).or_default() += 1;
    }

    /// Marks what receivers have counted before the last [`HOURS_KEPT`] hours for removal from `record`; other counts go by
    /// themselves. Counts nothing of that time.
    pub fn outdate(&mut self, record: &StoreRecord, now: Timestamp) {
        let oldest = Hour::of(now).back(HOURS_KEPT);
        self.outdated = record.door.keys().filter(|(hour, _)| *hour < oldest).cloned().collect();
        self.counts.retain(|(hour, _), _| *hour >= oldest);
    }
}

/// Remembers stores.
pub trait Stores: Send + Sync {
    /// The record of a store. Sees every write before it.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<StoreRecord>, PortError>> + Send;

    /// Adds to what is known. Creates a store nobody has heard of, as [`StoreRecord::default`]. The record is written last, so
    /// that whoever learns of its `seq` finds the rest.
    fn record(&self, store: &StoreKey, update: &StoreUpdate) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records an uninstall at `at`, as [`StoreRecord::uninstalled`] says. Creates a store nobody has heard of.
    /// Otherwise changes nothing: read again.
    fn disable(&self, store: &StoreKey, at: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Begins the install after the one that ended at `ended`, as [`StoreRecord::reinstalled`] says. Otherwise changes
    /// nothing: read again.
    fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Forgets what is known of stores. A port of its own, for only who complies with the law may.
pub trait Redact: Send + Sync {
    /// Forgets all that is known of a store but what [`StoreRecord::redacted`] leaves. Otherwise changes nothing: read
    /// again.
    fn redact(
        &self,
        store: &StoreKey,
        ended: Timestamp,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Reads all that is known of a store, for those who look at it.
pub trait StoreViews: Send + Sync {
    /// All that is known of a store. Sees every write before it.
    fn view(&self, store: &StoreKey) -> impl Future<Output = Result<Option<StoreView>, PortError>> + Send;
}

/// Some stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorePage {
    /// Each with what is known of it, but for what only [`counts`](Self::counts) has.
    pub stores: Vec<(StoreKey, StoreView)>,
    /// Counts of any stores, be they on this page or not: all pages together have all.
    pub counts: Vec<(StoreKey, Counts)>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<StoreCursor>,
}

/// Where a page of stores has ended, as the table spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreCursor(pub String);

/// Lists stores: for a person, and for what is done for each store once a day.
pub trait StoreList: Send + Sync {
    /// The stores after `after`, in an order of the table's own.
    fn page(&self, after: Option<&StoreCursor>) -> impl Future<Output = Result<StorePage, PortError>> + Send;
}

/// Every store there is, each with its counts.
///
/// # Errors
/// [`PortError`].
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

/// The receivers' way to the stores: it can only add to the record of a store that exists, so that a stranger cannot make us
/// store anything.
pub trait Tally: Send + Sync {
    /// Adds to a store's record, with **one** write; does nothing for a store nobody has heard of.
    fn add(&self, store: &StoreKey, update: &StoreUpdate) -> impl Future<Output = Result<(), PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const UNINSTALLED: &str = "2026-11-14T12:00:00.5Z";

    fn state(signed: &str) -> Version {
        Version::new(at(signed), at(signed)).unwrap()
    }

    fn uninstalled() -> StoreRecord {
        StoreRecord::default().uninstalled(at(UNINSTALLED)).unwrap()
    }

    #[test]
    fn only_a_state_signed_after_the_uninstall_begins_the_next_install() {
        let [before, same_second, after, next_day] = [
            "2026-11-14T11:59:59Z",
            "2026-11-14T12:00:00Z",
            "2026-11-14T12:00:01Z",
            "2026-11-15T12:00:00Z",
        ];
        let floor = Version::floor(at(UNINSTALLED));
        assert_eq!(
            StoreRecord::default().place(state(before), at(before)),
            InstallPeriod::Current(state(before))
        );
        for observed in [before, next_day] {
            assert_eq!(
                uninstalled().place(state(before), at(observed)),
                InstallPeriod::Past(floor)
            );
            assert_eq!(
                uninstalled().place(state(same_second), at(observed)),
                InstallPeriod::Past(floor)
            );
            assert_eq!(uninstalled().place(state(after), at(observed)), InstallPeriod::Next);
        }

        let again = uninstalled().reinstalled(at(UNINSTALLED)).unwrap();
        assert!(again.enabled && again.epoch == 2);
        assert_eq!(
            again.place(state(after), at(after)),
            InstallPeriod::Current(state(after))
        );
        assert_eq!(again.place(state(before), at(UNINSTALLED)), InstallPeriod::Past(floor));
        // Not changed since, but seen in the new install.
        assert_eq!(
            again.place(state(before), at(next_day)),
            InstallPeriod::Current(Version::above_floor(at(UNINSTALLED), at(next_day)))
        );
    }

    #[test]
    fn an_uninstall_ends_what_is_older_once() {
        let again = uninstalled().reinstalled(at(UNINSTALLED)).unwrap();
        for record in [uninstalled(), again] {
            assert_eq!(record.uninstall(at(UNINSTALLED)), Uninstall::Again);
            assert_eq!(record.uninstalled(at(UNINSTALLED)), None);
            assert_eq!(record.uninstall(at("2026-11-14T12:00:00Z")), Uninstall::Earlier);
            assert_eq!(record.uninstall(at("2026-12-01T00:00:00Z")), Uninstall::Ends);
        }
    }

    #[test]
    fn an_install_is_followed_by_one() {
        let again = uninstalled().reinstalled(at(UNINSTALLED)).unwrap();
        assert_eq!(again.reinstalled(at(UNINSTALLED)), None);
        assert_eq!(uninstalled().reinstalled(at("2026-11-14T12:00:00Z")), None);
        assert_eq!(StoreRecord::default().reinstalled(at(UNINSTALLED)), None);
    }

    #[test]
    fn of_what_is_forgotten_it_is_known_that_it_was_there_and_until_when() {
        let known = StoreRecord {
            last_event_at: Some(at(UNINSTALLED)),
            connected: true,
            currency: Some("EUR".into()),
            door: [((Hour::of(at(UNINSTALLED)), Counter::Duplicate), 1)].into(),
            ..uninstalled()
        };
        let later = at("2026-11-16T12:00:00Z");
        let left = known.redacted(at(UNINSTALLED), later).unwrap();
        assert_eq!(
            left,
            StoreRecord {
                redacted_at: Some(later),
                ..uninstalled()
            }
        );
        assert_eq!(known.redacted(later, later), None);
        assert_eq!(
            known
                .reinstalled(at(UNINSTALLED))
                .unwrap()
                .redacted(at(UNINSTALLED), later),
            None
        );
    }

    #[test]
    fn counts_older_than_a_day_are_dropped() {
        let now = at("2026-11-21T03:10:00Z");
        let old = (Hour::of(now).back(26), Counter::Duplicate);
        let kept = (Hour::of(now).back(24), Counter::Duplicate);
        let record = StoreRecord {
            door: [(old.clone(), 1), (kept, 1)].into(),
            ..StoreRecord::default()
        };
        let mut update = StoreUpdate::default();
        update.count(at("2026-11-19T00:00:00Z"), Counter::Discarded);
        update.outdate(&record, now);
        assert_eq!(update.outdated, vec![old]);
        assert!(update.counts.is_empty());
    }
}

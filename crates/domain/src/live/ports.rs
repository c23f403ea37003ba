//! Ports for following stores.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    access::Principal,
    kernel::{failure::LastError, ids::StoreKey, port::PortError},
    store::{activity::ActivityEntry, stores::StoreRecord},
};

/// One write of a store's record, as its table's stream delivers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// The store.
    pub store: StoreKey,
    /// Record before the write; `None` for a store that was unknown.
    pub before: Option<StoreRecord>,
    /// Record after the write.
    pub after: StoreRecord,
    /// Outcomes of deliveries that the write reported.
    pub latest: Vec<ActivityEntry>,
    /// Error that the write reported.
    pub problem: Option<LastError>,
}

/// Entries of a store that were stored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityBatch {
    /// The `seq` of the store up to which these entries go.
    pub seq: u64,
    /// Entries, newest first.
    pub entries: Vec<ActivityEntry>,
}

/// Stores outcomes of deliveries for some days.
pub trait Activity: Send + Sync {
    /// Stores entries of a store, each under the `seq` it came with, and then that everything up to `reached` is
    /// stored. A repeated `seq` replaces the earlier entries, and `reached` never goes back.
    fn keep(
        &self,
        store: &StoreKey,
        kept: &[ActivityBatch],
        reached: u64,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns the `seq` of the store up to which everything is stored; `None` if nothing was stored for some days.
    fn reached(&self, store: &StoreKey) -> impl Future<Output = Result<Option<u64>, PortError>> + Send;

    /// Returns the entries below `before`, or all, newest first: at most about `limit` entries. Sees every earlier
    /// `keep`.
    fn latest(
        &self,
        store: &StoreKey,
        before: Option<u64>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ActivityBatch>, PortError>> + Send;
}

/// Erases activity, as the law requires. A port of its own, because only the code that complies with the law may do so.
pub trait ForgetActivity: Send + Sync {
    /// Erases all activity of a store.
    fn forget(&self, store: &StoreKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A connection and the stores it watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// Id of the connection, given by the gateway.
    pub connection: String,
    /// The principal. An expired one counts as disconnected.
    pub principal: Principal,
    /// The store it follows.
    pub store: Option<StoreKey>,
    /// True if it follows the list of the stores within its reach.
    pub list: bool,
    /// True if it also asks for the events of the store it follows.
    pub events: bool,
    /// Time until which the connection can last, and is stored.
    pub until: Timestamp,
}

impl Watcher {
    /// True if it receives changes of this store, in one way or the other.
    #[must_use]
    pub fn follows(&self, store: &StoreKey) -> bool {
        self.principal.may_see(store) && (self.list || self.store.as_ref() == Some(store))
    }

    /// True if it receives the events of this store at `now`.
    #[must_use]
    pub fn hears(&self, store: &StoreKey, now: Timestamp) -> bool {
        let has_access = self.principal.expires_at > now && self.principal.may_see(store);
        has_access && self.events && self.store.as_ref() == Some(store)
    }
}

/// Stores connections and the stores they watch.
pub trait Watchers: Send + Sync {
    /// Stores a new connection.
    fn add(&self, watcher: &Watcher) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Replaces `from` by `to`, of the same connection. Changes nothing and returns `false` if `from` is no longer what
    /// is stored, so that a connection that has been revoked stays revoked.
    fn change(&self, from: &Watcher, to: &Watcher) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Returns the watcher of a connection.
    fn find(&self, connection: &str) -> impl Future<Output = Result<Option<Watcher>, PortError>> + Send;

    /// Returns all watchers of one of these stores or of the list, each once. Sees every earlier change.
    fn of_stores(&self, stores: &[StoreKey]) -> impl Future<Output = Result<Vec<Watcher>, PortError>> + Send;

    /// Returns the watchers that follow this store itself. Sees every earlier change.
    fn of_store(&self, store: &StoreKey) -> impl Future<Output = Result<Vec<Watcher>, PortError>> + Send;

    /// Returns all connections of this principal.
    fn of_principal(&self, principal: &str) -> impl Future<Output = Result<Vec<Watcher>, PortError>> + Send;

    /// Removes a connection.
    fn remove(&self, connection: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Outcome of sending a message to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The message is on its way.
    Sent,
    /// The connection no longer exists.
    Gone,
}

/// Sends to connections.
pub trait Push: Send + Sync {
    /// Sends a text.
    fn push(&self, connection: &str, text: &str) -> impl Future<Output = Result<Pushed, PortError>> + Send;

    /// Closes a connection.
    fn close(&self, connection: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

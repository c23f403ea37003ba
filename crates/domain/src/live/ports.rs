//! What following stores needs of the world.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    access::Principal,
    kernel::{failure::LastError, ids::StoreKey, port::PortError},
    store::{activity::ActivityEntry, stores::StoreRecord},
};

/// One write of a store's record, as its table's stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// Which store.
    pub store: StoreKey,
    /// What it was before; `None` of a store nobody had heard of.
    pub before: Option<StoreRecord>,
    /// What it is after.
    pub after: StoreRecord,
    /// What became of deliveries, as the write told it.
    pub latest: Vec<ActivityEntry>,
    /// What went wrong, as the write told it.
    pub problem: Option<LastError>,
}

/// Entries of a store as they were kept together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityBatch {
    /// Up to which `seq` of the store these tell.
    pub seq: u64,
    /// Newest first.
    pub entries: Vec<ActivityEntry>,
}

/// Remembers what became of deliveries, for some days.
pub trait Activity: Send + Sync {
    /// Keeps entries of a store, each under the `seq` it came with, and then that all up to `reached` has been kept. The
    /// same `seq` again takes the place of the first, and `reached` never goes back.
    fn keep(
        &self,
        store: &StoreKey,
        kept: &[ActivityBatch],
        reached: u64,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Up to which `seq` of the store everything has been kept; `None` if nothing was for some days.
    fn reached(&self, store: &StoreKey) -> impl Future<Output = Result<Option<u64>, PortError>> + Send;

    /// What was kept below `before`, or all of it, newest first: at most about `limit` entries. Sees every `keep` before it.
    fn latest(
        &self,
        store: &StoreKey,
        before: Option<u64>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<ActivityBatch>, PortError>> + Send;
}

/// Forgets activity, as the law asks. A port of its own, for only who complies with the law may.
pub trait ForgetActivity: Send + Sync {
    /// Forgets all of a store.
    fn forget(&self, store: &StoreKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// One connection, and what it watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// The gateway's name for the connection.
    pub connection: String,
    /// Who it is. Expired is gone.
    pub principal: Principal,
    /// The store it follows.
    pub store: Option<StoreKey>,
    /// Whether it follows the list of the stores within its reach.
    pub list: bool,
    /// Until when it can last, and is remembered.
    pub until: Timestamp,
}

impl Watcher {
    /// Whether it is to be told of a change of this store, one way or the other.
    #[must_use]
    pub fn follows(&self, store: &StoreKey) -> bool {
        self.principal.may_see(store) && (self.list || self.store.as_ref() == Some(store))
    }
}

/// Remembers who watches what.
pub trait Watchers: Send + Sync {
    /// Remembers a new connection.
    fn add(&self, watcher: &Watcher) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Remembers `to` in place of `from`, of the same connection. Changes nothing and says `false` if what is known is not
    /// `from` any more, so that who has been shut out stays so.
    fn change(&self, from: &Watcher, to: &Watcher) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// What is known of a connection.
    fn find(&self, connection: &str) -> impl Future<Output = Result<Option<Watcher>, PortError>> + Send;

    /// All who follow one of these stores, or the list, each once. Sees every change before it.
    fn of_stores(&self, stores: &[StoreKey]) -> impl Future<Output = Result<Vec<Watcher>, PortError>> + Send;

    /// All connections of this principal.
    fn of_principal(&self, principal: &str) -> impl Future<Output = Result<Vec<Watcher>, PortError>> + Send;

    /// Forgets a connection.
    fn remove(&self, connection: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What became of a message to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is on its way.
    Sent,
    /// There is no such connection any more.
    Gone,
}

/// Sends to connections.
pub trait Push: Send + Sync {
    /// Sends a text.
    fn push(&self, connection: &str, text: &str) -> impl Future<Output = Result<Pushed, PortError>> + Send;

    /// Closes a connection.
    fn close(&self, connection: &str) -> impl Future<Output = Result<(), PortError>> + Send;
}

//! Port to sources that report only *that* something changed: their things are requested, and every answer is ordered by
//! our own clock.
//!
//! Answers may lag behind the source's own events. What a thin event promised decides if an answer is too old to be used;
//! the vendor's [`Mark`](crate::event::thin::Mark) decides it for what nobody promised anything about.

use std::future::Future;

use jiff::Timestamp;

pub use crate::catalogue::jobs::{InvalidPlaceError, MAX_PLACE_BYTES, Place, THINGS_AT_ONCE};
use crate::{
    event::{Observed, thin::Wanted},
    kernel::{ids::StoreKey, port::PortError},
    store::stores::Skipped,
    sync::vendor::{CatalogueError, Shop},
};

/// Answer to a question for things.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedThings {
    /// States, removals and facts. Each was queried at its own time.
    pub seen: Vec<Observed>,
    /// Things whose answer is older than what was expected; they are not in `seen`.
    pub behind: Vec<Wanted>,
    /// Things whose record could not be read: nothing is known of them, and they are not gone.
    pub skipped: Vec<Skipped>,
}

/// One page of a walk or of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedPage {
    /// States and removals of the page.
    pub seen: Vec<Observed>,
    /// Records of the page that could not be read.
    pub skipped: Vec<Skipped>,
    /// Place of the next page; `None` if this is the last.
    pub next: Option<Place>,
    /// Clock of the source's catalogue as of this page, where it has one (Square's `latest_time`).
    pub clock: Option<Timestamp>,
}

/// Port to sources that are queried.
///
/// States and removals carry [`Ordered::Asked`](crate::event::thin::Ordered::Asked), and their [`Observed::at`] is the
/// time of asking, *before* the request, by our clock. A thing that the source does not have, or that shoppers must not
/// see, is an [`Event::ProductRemoved`](crate::event::Event::ProductRemoved) without a mark, whose time is that of asking.
/// Orders and checkouts are [`Event::Fact`](crate::event::Event::Fact).
pub trait AskedSources: Send + Sync {
    /// Reads the account's own description. Also shows that the token is accepted.
    fn account(&self, store: &StoreKey) -> impl Future<Output = Result<Shop, CatalogueError>> + Send;

    /// Asks for things; at most [`THINGS_AT_ONCE`]. One whose answer is older than `expected` is in
    /// [`behind`](AskedThings::behind) and not in [`seen`](AskedThings::seen): so is one that does not exist, if a mark or
    /// [`Visible`](crate::event::thin::Expected::Visible) was expected. With
    /// [`Expected::Later`](crate::event::thin::Expected::Later) nothing is behind. Never asks for
    /// [`Thing::Catalogue`](crate::event::thin::Thing::Catalogue).
    fn ask(
        &self,
        store: &StoreKey,
        wanted: &[Wanted],
    ) -> impl Future<Output = Result<AskedThings, CatalogueError>> + Send;

    /// Reads one page of everything that the source has, from `place` on; `None` for the beginning.
    fn walk(
        &self,
        store: &StoreKey,
        place: Option<&Place>,
    ) -> impl Future<Output = Result<AskedPage, CatalogueError>> + Send;

    /// Reads one page of what changed since, for sources whose events name nothing (Square). Others answer
    /// [`CatalogueError::Disagreed`].
    fn changes(
        &self,
        store: &StoreKey,
        since: Timestamp,
        place: Option<&Place>,
    ) -> impl Future<Output = Result<AskedPage, CatalogueError>> + Send;
}

/// Port to the cursors of stores whose events name nothing: the time of the source's catalogue up to which changes have
/// been read. One for each store; it only moves forward.
pub trait Cursors: Send + Sync {
    /// Returns the cursor of a store; `None` before its first changes were read.
    fn cursor(&self, store: &StoreKey) -> impl Future<Output = Result<Option<Timestamp>, PortError>> + Send;

    /// Moves the cursor forward to `to`, in whole microseconds; does nothing if it is there or further. Call it only once
    /// everything up to `to` is indexed.
    fn move_cursor(&self, store: &StoreKey, to: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// [`AskedSources`] where every source tells its states: knows no store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoAskedSources;

impl AskedSources for NoAskedSources {
    async fn account(&self, _: &StoreKey) -> Result<Shop, CatalogueError> {
        Err(CatalogueError::NotConnected)
    }

    async fn ask(&self, _: &StoreKey, _: &[Wanted]) -> Result<AskedThings, CatalogueError> {
        Err(CatalogueError::NotConnected)
    }

    async fn walk(&self, _: &StoreKey, _: Option<&Place>) -> Result<AskedPage, CatalogueError> {
        Err(CatalogueError::NotConnected)
    }

    async fn changes(&self, _: &StoreKey, _: Timestamp, _: Option<&Place>) -> Result<AskedPage, CatalogueError> {
        Err(CatalogueError::NotConnected)
    }
}

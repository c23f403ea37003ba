//! Port to sources of which only *that* something changed is told: their things are asked for, and every answer is
//! ordered by our own clock.
//!
//! Answers may lag behind the source's own events. What a thin event promised decides if an answer is too old to be used;
//! the vendor's [`Mark`](crate::event::thin::Mark) decides it for what nobody promised anything about.

use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Observed, thin::Wanted},
    kernel::ids::StoreKey,
    store::stores::Skipped,
    sync::vendor::{CatalogueError, Shop},
};

/// Maximum length of a [`Place`] in bytes.
pub const MAX_PLACE_BYTES: usize = 1024;

/// Opaque place in a walk, given by the source's client; 1 to [`MAX_PLACE_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place(String);

/// The text is no place: it is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place in a walk has to have 1 to {MAX_PLACE_BYTES} bytes, and this one has {bytes}")]
pub struct InvalidPlaceError {
    /// Length of the text.
    pub bytes: usize,
}

impl Place {
    /// Returns the place that a source's client spells so.
    ///
    /// # Errors
    /// [`InvalidPlaceError`] if the text is empty or too long for a message.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPlaceError> {
        let text = text.into();
        match text.len() {
            1..=MAX_PLACE_BYTES => Ok(Self(text)),
            bytes => Err(InvalidPlaceError { bytes }),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Place {
    type Error = InvalidPlaceError;
    fn try_from(text: String) -> Result<Self, InvalidPlaceError> {
        Self::new(text)
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.0
    }
}

/// Answer to a question for things.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedThings {
    /// States, removals and facts. Each was asked at its own time.
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

/// Port to sources that are asked.
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

/// Maximum number of things per question.
pub const THINGS_AT_ONCE: usize = 50;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_bounded_and_round_trips_through_a_message() {
        assert_eq!(Place::new(""), Err(InvalidPlaceError { bytes: 0 }));
        assert_eq!(Place::new("x".repeat(1025)), Err(InvalidPlaceError { bytes: 1025 }));
        let place = Place::new("cursor:1").unwrap();
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(text, "\"cursor:1\"");
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
        assert!(serde_json::from_str::<Place>("\"\"").is_err());
    }
}

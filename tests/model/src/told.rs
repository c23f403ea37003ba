//! Events that were sent, those who listen, and what they know.

use std::collections::BTreeMap;

use hookline_domain::{
    catalogue::{entities::CommitOutcome, published::Publication},
    kernel::{ids::EntityKey, version::Version},
    store::{
        listening::{Listener, Listening},
        stores::Look,
    },
};
use hookline_events::{Data, Event, EventId, ProductStatus, Resource};
use jiff::Timestamp;

use crate::{
    bug::Bug,
    events::{after, product},
    script::{EventCommit, Response},
    world::{ModelState, Running},
};

/// Name of every listener: there is at most one to the store, and one to all stores.
const NAME: &str = "listener";

/// An event, as far as scenarios distinguish it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Told {
    /// Id.
    pub id: EventId,
    /// Type.
    pub kind: String,
    /// Version of the state.
    pub version: Version,
    /// Time of the commit.
    pub at: Timestamp,
    /// Title and vendor; `None` of a hidden or deleted product.
    pub content: Option<(String, String)>,
    /// Groups that have changed since the event before.
    pub changed: Option<Vec<String>>,
}

impl Told {
    /// Returns what scenarios distinguish of an event of a product.
    pub(crate) fn of(event: &Event) -> Self {
        let content = match &event.data {
            Data::Product(data) if data.status == ProductStatus::Active => {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                Some((text(&data.title), text(&data.vendor)))
            }
            _ => None,
        };
        let version = event
            .subject
            .version
            .as_deref()
            .and_then(|version| version.parse().ok());
        Self {
            id: event.id.clone(),
            kind: event.kind.to_string(),
            version: version.map_or(Version::FINAL, Version::read),
            at: event.timestamp,
            content,
            changed: event.changed.clone(),
        }
    }

    /// Title; `None` of a hidden or deleted product.
    pub fn title(&self) -> Option<&str> {
        self.content.as_ref().map(|(title, _)| title.as_str())
    }

    /// Returns true if the event tells of a product's state. Facts, such as the end of an install, do not.
    fn is_of_product(&self) -> bool {
        self.kind.starts_with("product.") || self.kind.starts_with("inventory.")
    }
}

/// Somebody begins or ceases to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listen {
    /// Somebody begins to listen in this second, and reads the index at once.
    Begin(To, i64),
    /// Whoever listens ceases to.
    End(To),
}

/// Stores to which somebody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum To {
    /// The store.
    Store,
    /// All stores.
    All,
}

/// Somebody who listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Follower {
    /// Stores to which it listens.
    pub to: To,
    /// Beginning, in seconds.
    pub since: i64,
    /// Number of events that were sent before.
    pub joined: usize,
    /// Content of the index then: version, and the title unless the product is hidden or gone.
    pub found: Option<(Version, Option<String>)>,
}

/// Events and their listeners.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Telling {
    /// Listeners to all stores.
    pub all: Listening,
    /// Number of changes of listeners so far.
    pub changes: usize,
    /// Those who listen.
    pub followers: Vec<Follower>,
    /// Events in the order sent, each once.
    pub told: Vec<Told>,
    /// Published states that the bug [`Bug::PublishedAfterTheSend`] has not written yet.
    late: BTreeMap<(EntityKey, Timestamp), Publication>,
    /// Number of functions started so far, if clocks have to differ.
    ticks: u8,
    /// True if an event was sent before the index had its state.
    pub early: bool,
    /// True if one id was used for two events.
    pub ambiguous: bool,
    /// True if something was committed or sent although nobody had listened yet.
    pub unwanted: bool,
}

impl Telling {
    /// Returns a time of its own for each function that starts, in milliseconds.
    pub(crate) fn tick(&mut self) -> u8 {
        self.ticks += 1;
        self.ticks
    }
}

impl ModelState {
    /// Somebody begins or ceases to listen: listening is widened before they listen, and narrowed after they have left.
    pub(crate) fn listen(&mut self, change: Listen, bug: Option<Bug>) {
        let products = Listener {
            resources: [Resource::Product].into(),
            until: None,
        };
        let listening = |to: To, world: &mut Self| match to {
            To::Store => world.store.get_or_insert_default().listening.clone(),
            To::All => world.telling.all.clone(),
        };
        let (to, listening) = match change {
            Listen::Begin(to, since) => {
                let before = if bug == Some(Bug::PublishedOfAnotherPeriod) {
                    Listening::default()
                } else {
                    listening(to, self)
                };
                let found = self.index.get(&product()).map(|(version, shown)| {
                    let title = shown.as_ref().map(|shown| shown.title.clone());
                    (*version, title)
                });
                let follower = Follower {
                    to,
                    since,
                    joined: self.telling.told.len(),
                    found,
                };
                self.telling.followers.push(follower);
                (to, before.widened(NAME, &products, after(since)))
            }
            Listen::End(to) => {
                self.telling.followers.retain(|follower| follower.to != to);
                (to, listening(to, self).narrowed(NAME, after(0)))
            }
        };
        match to {
            To::Store => self.store.get_or_insert_default().listening = listening,
            To::All => self.telling.all = listening,
        }
        self.telling.changes += 1;
    }

    /// Look at the store.
    pub(crate) fn look(&self, running: &Running, bug: Option<Bug>) -> Response {
        let mut look = Look {
            record: self.store.clone(),
            all: self.telling.all.clone(),
        };
        let first = running.history.iter().find_map(|(_, response)| match response {
            Response::Look(first) => Some(first),
            _ => None,
        });
        match (bug, first) {
            (Some(Bug::StoreReadOnce), Some(first)) => look.clone_from(first),
            (Some(Bug::ListenersOfTheFirstLook), Some(first)) => {
                look.all = first.all.clone();
                let listening = first.record.as_ref().map(|record| record.listening.clone());
                if let Some(record) = &mut look.record {
                    record.listening = listening.unwrap_or_default();
                }
            }
            _ => {}
        }
        Response::Look(Box::new(look))
    }

    /// Executes a commit, after the condition on versions has been looked at.
    pub(crate) fn write_commit(
        &mut self,
        commit: &EventCommit,
        may_commit: bool,
        running: &Running,
        bug: Option<Bug>,
    ) -> CommitOutcome {
        self.telling.unwanted |= self.telling.changes == 0;
        let known = self.entities.get_mut(&commit.entity);
        let Some(known) = known.filter(|_| may_commit || bug == Some(Bug::CommitIgnoresVersions)) else {
            return CommitOutcome::Overtaken;
        };
        let publication = &mut known.remembered.publication;
        if publication.committed_at != commit.compared {
            let mut publication = publication.clone();
            if bug == Some(Bug::UnsentIsIgnored) {
                publication.unsent = None;
            }
            return CommitOutcome::Recompare(Box::new(publication));
        }
        let (mut committed, at) = (commit.publication.clone(), commit.publication.committed_at);
        match (bug, at) {
            (Some(Bug::CommitWithoutUnsent), _) => committed.unsent = None,
            (Some(Bug::SilentBaseline), _) if running.is_run() && is_first(&committed) => {
                committed.unsent = None;
                *publication = committed;
                return CommitOutcome::Overtaken;
            }
            (Some(Bug::PublishedAfterTheSend), Some(at)) if committed.unsent.is_some() => {
                committed.unsent = None;
                self.telling.late.insert((commit.entity.clone(), at), committed);
                return CommitOutcome::Written;
            }
            _ => {}
        }
        *publication = committed;
        CommitOutcome::Written
    }

    /// Records that events of commits have been sent.
    pub(crate) fn clear(&mut self, sent: &[(EntityKey, Timestamp)]) {
        self.telling.unwanted |= self.telling.changes == 0;
        for (entity, at) in sent {
            let late = self.telling.late.remove(&(entity.clone(), *at));
            let Some(known) = self.entities.get_mut(entity) else {
                continue;
            };
            let publication = &mut known.remembered.publication;
            if let Some(late) = late {
                *publication = late;
            } else if publication.committed_at == Some(*at) {
                publication.unsent = None;
            }
        }
    }

    /// Passes events on to those who listen, who keep the first of an id.
    pub(crate) fn tell(&mut self, events: &[Told], bug: Option<Bug>) {
        let telling = &mut self.telling;
        telling.unwanted |= telling.changes == 0;
        for event in events.iter().filter(|event| event.is_of_product()) {
            let mut event = event.clone();
            match bug {
                Some(Bug::IdIsDrawn) => {
                    event.id = EventId::new(event.at, &[&telling.told.len().to_string()]);
                }
                Some(Bug::IdOfTheSignedSecond) => {
                    let signed = event.version.changed_at().unwrap_or_default();
                    let (title, vendor) = event.content.clone().unwrap_or_default();
                    event.id = EventId::new(signed, &[&event.kind, &title, &vendor]);
                }
                _ => {}
            }
            let newest = self.newest.get(&product());
            telling.early |= newest.is_none_or(|newest| *newest < event.version);
            match telling.told.iter().find(|told| told.id == event.id) {
                // The version is the committed one, whoever sends it.
                Some(told) => telling.ambiguous |= *told != event,
                None => telling.told.push(event),
            }
        }
    }
}

/// Returns true if a commit is of an entity's first event.
fn is_first(committed: &Publication) -> bool {
    committed.unsent.as_ref().is_some_and(|unsent| unsent.told.is_none())
}

/// Publication as the code sees it; with a bug, without what may not have been sent.
pub(crate) fn seen(mut publication: Publication, differs: bool, bug: Option<Bug>) -> Publication {
    if bug == Some(Bug::UnsentIsIgnored) || (bug == Some(Bug::BaseIsLost) && differs) {
        publication.unsent = None;
    }
    publication
}

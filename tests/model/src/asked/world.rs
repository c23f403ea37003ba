//! State of the model: the source, the tables, the index, and the processes.

use hookline_domain::{
    catalogue::entities::{self, Advanced, Fence, FenceRecord, FenceState, RememberedFields},
    event::thin::{Expected, Mark, Ordered},
    kernel::{
        ids::{EntityKey, Kind, StoreKey},
        version::Version,
    },
    store::stores::StoreRecord,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    bug::Bug,
    call::{Arrived, Request, Response},
    ports::Work,
};

/// Time of a question.
const QUESTION: SignedDuration = SignedDuration::from_millis(1);

/// One state of the product at the source.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    /// True if the source has it.
    pub is_there: bool,
    /// Vendor's mark.
    pub mark: i64,
    /// Vendor's time of the change.
    pub updated_at: Timestamp,
    /// Number of thin events that it causes.
    pub notices: u8,
    /// Promise of each of them.
    pub expected: Expected,
}

/// Something that happens at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The product gets its next state, and thin events are sent.
    Edit,
    /// A person revokes our access; the delivery says so later, signed this many seconds before it is applied.
    Disconnect(i64),
    /// A person connects the store again, which reads everything.
    Connect,
    /// A walk through the catalogue is due.
    Walk,
}

/// Number of times that each thing may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// Deaths of a process.
    pub deaths: u8,
    /// Failed calls.
    pub errors: u8,
    /// Answers that show the state before the last edit.
    pub lags: u8,
    /// Seconds that pass while processes run.
    pub seconds: u8,
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub(super) work: Work,
    /// Start.
    pub(super) at: Timestamp,
    /// Number that no other running process has.
    pub(super) nonce: u8,
    pub(super) history: Vec<(usize, Arrived)>,
    pub(super) pending: Vec<(usize, Request)>,
}

/// State of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub(super) now: Timestamp,
    pub(super) left: Left,
    /// Number of the source's present state, and the time of its last edit.
    pub(super) edit: usize,
    pub(super) edited_at: Timestamp,
    /// Number of happenings so far.
    pub(super) happened: usize,
    pub(super) record: StoreRecord,
    pub(super) entity: Option<FenceRecord>,
    /// Version that the index knows, and the title if it shows one.
    pub(super) index: Option<(Version, Option<String>)>,
    pub(super) cursor: Option<Timestamp>,
    /// Messages, each from when on it is received.
    pub(super) queue: Vec<(Timestamp, Work)>,
    pub(super) processes: Vec<Process>,
    /// True once something else than a person has begun an install.
    pub(super) is_reenabled: bool,
    /// Number of times that work was received again because it had failed.
    pub(super) repeats: u8,
}

/// The store.
pub(super) fn store() -> StoreKey {
    "example#acct_1AbC".parse().expect("it is a store")
}

/// The product.
pub(super) fn the_product() -> EntityKey {
    store().entity(Kind::Product, "1".parse().expect("it is an id"))
}

/// Time at the start.
#[must_use]
pub fn start() -> Timestamp {
    Timestamp::from_second(1_796_040_000).expect("it is a time")
}

impl World {
    /// A store in whose index the first edit is, as it was requested ten seconds ago.
    pub(super) fn new(first: Edit, left: Left, bug: Option<Bug>) -> Self {
        let asked_at = start() - SignedDuration::from_secs(10);
        let changed_at = if bug == Some(Bug::SecondsAreTheVendors) {
            first.updated_at
        } else {
            asked_at
        };
        let version = Version::new(changed_at, asked_at).expect("it is a time of our days");
        let entity = FenceRecord {
            entry: FenceState::Passed(version),
            remembered: RememberedFields {
                seen: Some(Mark(first.mark)),
                ..RememberedFields::default()
            },
            confirmed: true,
        };
        Self {
            now: start(),
            left,
            edit: 0,
            edited_at: asked_at,
            happened: 0,
            record: StoreRecord {
                asked: true,
                connected: true,
                ..StoreRecord::default()
            },
            entity: Some(entity),
            index: Some((version, Some("0".to_owned()))),
            cursor: Some(asked_at),
            queue: vec![],
            processes: vec![],
            is_reenabled: false,
            repeats: 0,
        }
    }

    /// Title that the index shows.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        self.index.as_ref().and_then(|(_, title)| title.as_deref())
    }

    /// Sends a message.
    pub(super) fn send(&mut self, due: Timestamp, work: Work) {
        self.queue.push((due, work));
        self.queue
            .sort_by(|(a, one), (b, other)| (a, format!("{one:?}")).cmp(&(b, format!("{other:?}"))));
    }

    /// Executes a call of a process, in one step, as the tables, the index and the source do. An answer that lags shows the
    /// state before the last edit.
    pub(super) fn perform(&mut self, work: &Work, request: &Request, lags: bool, bug: Option<Bug>) -> Response {
        match request {
            Request::Advance(version, fields, ordered) => self.advance(*version, fields, *ordered, bug),
            Request::Confirm(versions) => {
                if let Some(entity) = &mut self.entity
                    && versions
                        .iter()
                        .any(|version| entity.entry == FenceState::Passed(*version))
                {
                    entity.confirmed = true;
                }
                Response::Done
            }
            Request::Bury => {
                self.entity = Some(gone(FenceState::Tombstoned));
                Response::Done
            }
            Request::Retire(version) => {
                let entry = self.entity.as_ref().map(|entity| entity.entry);
                if let Some(retired) = entities::retire(entry, *version) {
                    self.entity = Some(gone(retired));
                }
                Response::Done
            }
            Request::Page => Response::Page(match self.entity.as_ref().map(|entity| entity.entry) {
                Some(FenceState::Passed(version)) => vec![(the_product(), version)],
                Some(FenceState::Retired(_) | FenceState::Tombstoned) | None => vec![],
            }),
            Request::Known => Response::Known(self.entity.clone().map(Box::new)),
            Request::Apply(version, title) => {
                let taken = self.index.as_ref().is_none_or(|(newest, _)| newest <= version);
                if taken {
                    self.index = Some((*version, title.clone()));
                }
                Response::Applied(taken)
            }
            Request::FindStore => Response::Store(Box::new(self.record.clone())),
            Request::Disable(at) => {
                self.record = self.record.uninstalled(*at).unwrap_or_else(|| self.record.clone());
                Response::Done
            }
            Request::BeginEpoch(ended) => {
                if let Some(record) = self.record.reinstalled(*ended) {
                    self.record = record;
                    self.is_reenabled |= *work != Work::Connect;
                }
                Response::Done
            }
            Request::Record(asked) => {
                self.record.asked |= asked;
                Response::Done
            }
            Request::SendJob(job, delay) => {
                self.send(self.now + *delay, Work::Job(job.clone()));
                Response::Done
            }
            Request::Ask => {
                self.now += QUESTION;
                Response::Asked(self.edit - usize::from(lags))
            }
            Request::Changes(since) => {
                self.now += QUESTION;
                let is_shown = self.edited_at > *since && !lags;
                Response::Changed(is_shown.then_some(self.edit), self.edited_at)
            }
            Request::Cursor => Response::Cursor(self.cursor),
            Request::MoveCursor(to) => {
                self.cursor = self.cursor.max(Some(*to));
                Response::Done
            }
        }
    }

    fn advance(&mut self, version: Version, fields: &RememberedFields, ordered: Ordered, bug: Option<Bug>) -> Response {
        let held = self.entity.as_ref();
        let seen = held
            .and_then(|held| held.remembered.seen)
            .filter(|_| bug != Some(Bug::NoSeen));
        let entry = match entities::advance(held.map(|held| held.entry), seen, version, ordered) {
            Advanced::Passed(entry) => entry,
            Advanced::Superseded => return fenced(Fence::Superseded(RememberedFields::default())),
            Advanced::Behind(seen) => return fenced(Fence::Behind(seen)),
        };
        let is_removal = ordered == Ordered::Asked { mark: None };
        let entry = if is_removal && bug == Some(Bug::RetiredBeforeTheIndex) {
            FenceState::Retired(version)
        } else {
            entry
        };
        let remembered = RememberedFields {
            collections: None,
            tracking: None,
            digest: fields.digest.clone(),
            seen: fields.seen,
            publication: hookline_domain::catalogue::published::Publication::default(),
        };
        let confirmed = held.is_some_and(|held| held.confirmed && held.entry == entry);
        self.entity = Some(FenceRecord {
            entry,
            remembered: remembered.clone(),
            confirmed,
        });
        fenced(Fence::Passed(remembered))
    }
}

fn fenced(fence: Fence) -> Response {
    Response::Fenced(Box::new(fence))
}

fn gone(entry: FenceState) -> FenceRecord {
    FenceRecord {
        entry,
        remembered: RememberedFields::default(),
        confirmed: false,
    }
}

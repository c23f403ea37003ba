//! What the law asks for (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>): it is done last, and
//! a record is kept of it.
//!
//! **Of customers nothing is kept**, so there is nothing to hand out or to forget: of an order only its id leaves the
//! receiver, of a request not even that; neither body goes into the archive ([`Keep`](super::Keep)); the ledger has the
//! ids of deliveries and forgets them after a week.
//!
//! **A store is forgotten** when it has uninstalled the app. Which install is meant is told by no signature, only by when
//! the request was triggered, 48 hours after the uninstall. So that time never decides what is erased, only whether
//! nothing is or a person has to look:
//!
//! | the store | is |
//! |---|---|
//! | uninstalled, as far as we know | forgotten as of its latest uninstall, whatever the request's time |
//! | installed, and uninstalled in the three days before | installed again: nothing of the new install is touched |
//! | installed, and was not told to be uninstalled | left to a person: the request is parked |
//! | unknown | nothing is kept of it but what could not be read |
//!
//! The record says which it was. Every step may be repeated, in any state that another attempt has left.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::{Batch, Reindex, Verdict};
use crate::{
    catalogue::{apply::Item, entities::Entities, index::Index, jobs::Jobs},
    consumer::audit::{Audit, AuditRecord},
    delivery::{
        failed::FailedDeliveries,
        ledger::{Fate, Ledger},
    },
    event::{Event, Request},
    kernel::{
        erase::Erase,
        failure::ErrorCode,
        ids::{DeliveryId, StoreKey},
        port::{Clock, PortError},
    },
    live::ForgetActivity,
    store::{
        connections::{Connection, Connections, Lease, Leased},
        stores::{Redact, StoreRecord, Stores},
    },
};

/// How long after the uninstall a store is to be forgotten.
const UNINSTALLED_BEFORE: SignedDuration = SignedDuration::from_hours(48);

/// How much longer that may take.
const GIVE_OR_TAKE: SignedDuration = SignedDuration::from_hours(24);

/// What is left of those who are not customers of ours but of a store.
const OF_PEOPLE: &str = "Bodies about people are cut to ids before they are queued, and never archived";

/// What an erasure leaves, and for how long (docs/operations.md, *What the law asks for*).
const REMAINS: &str = "What remains: ids and versions of entities for 30 days and ids of deliveries for 7, so that nothing \
                       late comes back; messages in queues, dead letters among them, for at most 28 days, which hold \
                       nothing about people; backups of tables for 35 days; and logs, which name the store, for as long \
                       as they are kept";

/// What requests of the law need, besides what applying needs.
pub trait Comply: Send + Sync {
    /// Keeps a record. The same again changes nothing.
    fn keep(&self, record: &AuditRecord) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes what is kept of a store's deliveries: in the archive what was kept before `archived`, of left-over bodies
    /// what was kept before `left_over`. Ends at `stop_at`, by the clock; whether it got to the end.
    fn erase(
        &self,
        store: &StoreKey,
        archived: Timestamp,
        left_over: Timestamp,
        stop: &(impl Fn() -> bool + Sync),
    ) -> impl Future<Output = Result<Reached, PortError>> + Send;

    /// Forgets what is known of a store, if its last install is the one that ended at `ended`, its tokens, and what its
    /// deliveries were about.
    fn forget(
        &self,
        store: &StoreKey,
        ended: Timestamp,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// How far something got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// To the end.
    End,
    /// Its time is up. What it did is done.
    NotYet,
}

/// [`Comply`] with one port for each thing.
#[derive(Debug)]
pub struct Compliance<A, T, S, V, B, F> {
    /// Where records go.
    pub audit: A,
    /// Where tokens are, if any are kept.
    pub connections: Option<T>,
    /// What is known of stores.
    pub stores: S,
    /// The archive, if there is one.
    pub archive: Option<V>,
    /// Where bodies are that no message held.
    pub bodies: Option<B>,
    /// What is remembered of deliveries for those who look, if it is.
    pub activity: Option<F>,
}

impl<A, T, S, V, B, F> Comply for Compliance<A, T, S, V, B, F>
where
    A: Audit,
    T: Connections,
    S: Redact,
    V: Erase,
    B: Erase,
    F: ForgetActivity,
{
    async fn keep(&self, record: &AuditRecord) -> Result<(), PortError> {
        self.audit.keep(record).await
    }

    async fn erase(
        &self,
        store: &StoreKey,
        archived: Timestamp,
        left_over: Timestamp,
        stop: &(impl Fn() -> bool + Sync),
    ) -> Result<Reached, PortError> {
        if all_of(self.archive.as_ref(), store, archived, stop).await? == Reached::NotYet {
            return Ok(Reached::NotYet);
        }
        all_of(self.bodies.as_ref(), store, left_over, stop).await
    }

    async fn forget(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), PortError> {
        if let Some(connections) = &self.connections {
            connections.remove(store).await?;
        }
        if let Some(activity) = &self.activity {
            activity.forget(store).await?;
        }
        self.stores.redact(store, ended, at).await
    }
}

async fn all_of(
    kept: Option<&impl Erase>,
    store: &StoreKey,
    until: Timestamp,
    stop: &(impl Fn() -> bool + Sync),
) -> Result<Reached, PortError> {
    let Some(kept) = kept else { return Ok(Reached::End) };
    let mut after = None;
    loop {
        after = kept.erase(store, until, after.as_deref()).await?.next;
        if after.is_none() {
            return Ok(Reached::End);
        }
        if stop() {
            return Ok(Reached::NotYet);
        }
    }
}

/// One request of a batch.
#[derive(Debug)]
pub(super) struct Requested {
    pub(super) at: usize,
    what: Request,
    store: StoreKey,
    delivery: DeliveryId,
    received_at: Timestamp,
    observed_at: Timestamp,
}

/// Takes out of one store's items what changes no document: orders and samples, which are noted, and what the law asks
/// for.
pub(super) fn requested(
    batch: &mut Batch,
    store: &StoreKey,
    items: Vec<Item>,
    requests: &mut Vec<Requested>,
) -> Vec<Item> {
    let mut others = Vec::with_capacity(items.len());
    for item in items {
        match (&item.event, &batch.slots[item.at].delivery) {
            (Event::OrderCreated(_) | Event::Sample, _) => {
                batch.verdicts.decide(item.at, Verdict::Settled(Fate::Noted));
            }
            (Event::Compliance(what), Some((key, received_at))) => requests.push(Requested {
                at: item.at,
                what: *what,
                store: store.clone(),
                delivery: key.id.clone(),
                received_at: *received_at,
                observed_at: item.observed_at,
            }),
            _ => others.push(item),
        }
    }
    others
}

/// Which install is to be forgotten.
#[derive(Debug, PartialEq, Eq)]
enum Install {
    /// The last, which ended then.
    Ended(Timestamp),
    /// The one that ended then; another has begun since.
    Followed(Timestamp),
    /// The present one, of whose end nobody has told us.
    Untold,
}

fn meant(record: &StoreRecord, observed_at: Timestamp) -> Install {
    let ended = earlier(observed_at, UNINSTALLED_BEFORE);
    match record.uninstalled_at {
        Some(latest) if !record.enabled => Install::Ended(latest),
        Some(latest) if latest >= earlier(ended, GIVE_OR_TAKE) => Install::Followed(latest),
        Some(_) | None => Install::Untold,
    }
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Why a request is not done with.
enum NotDone {
    Unavailable(PortError),
    Comes(Verdict),
}

impl From<PortError> for NotDone {
    fn from(failure: PortError) -> Self {
        Self::Unavailable(failure)
    }
}

/// A person knows whether the store has gone. A body that is signed may have been captured from an earlier install, so it
/// ends none.
fn untold() -> Verdict {
    Verdict::Parked {
        code: ErrorCode::UninstallUnknown,
        message:
            "the store is to be forgotten, and nobody told us that it has uninstalled the app: if it has, `hookline \
                  store remove`, then redrive; if it has not, purge this"
                .into(),
    }
}

fn not_yet() -> NotDone {
    NotDone::Comes(Verdict::Retry {
        code: ErrorCode::StoreChanging,
        cause: None,
        message: "the store is still being forgotten".into(),
    })
}

impl<L: Ledger, E: Entities, S: Stores + FailedDeliveries, I: Index, J: Jobs, P: Comply, C: Clock>
    Reindex<L, E, S, I, J, P, C>
{
    /// Does what the law asks for and keeps a record of it. What is not done by `stop_at` comes again.
    pub(super) async fn comply(&self, request: &Requested, stop_at: Timestamp) -> Verdict {
        let Some(compliance) = &self.compliance else {
            return Verdict::Parked {
                code: ErrorCode::NotConfigured,
                message: "the law asks for something, and this function is not told where to keep a record of it: set \
                          AUDIT_TABLE, then redrive"
                    .into(),
            };
        };
        let done = match request.what {
            Request::CustomerData => Ok(format!(
                "nothing is kept of customers: there is nothing to hand out. {OF_PEOPLE}"
            )),
            Request::CustomerRedaction => Ok(format!(
                "nothing is kept of customers: there was nothing to erase. {OF_PEOPLE}"
            )),
            Request::StoreRedaction => self.forget(compliance, request, stop_at).await,
        };
        let kept = match done {
            Ok(outcome) => {
                let record = AuditRecord {
                    store: request.store.clone(),
                    delivery: request.delivery.clone(),
                    request: request.what,
                    received_at: request.received_at,
                    done_at: self.apply.clock.now(),
                    outcome,
                };
                compliance.keep(&record).await.map_err(NotDone::from)
            }
            Err(not_done) => Err(not_done),
        };
        match kept {
            Ok(()) => Verdict::Settled(Fate::Noted),
            Err(NotDone::Unavailable(failure)) => Verdict::storage(&failure),
            Err(NotDone::Comes(verdict)) => verdict,
        }
    }

    /// Forgets a store, as far as it is to be forgotten. A sentence of what was done.
    async fn forget(&self, compliance: &P, request: &Requested, stop_at: Timestamp) -> Result<String, NotDone> {
        let store = &request.store;
        // What is in the archive by now is of before, unless another install has begun by now.
        let looked_at = self.apply.clock.now();
        let stop = || self.apply.clock.now() >= stop_at;
        let Some(known) = self.apply.stores.find(store).await? else {
            // What could not be read may have been kept outside of its message.
            return match compliance.erase(store, looked_at, looked_at, &stop).await? {
                Reached::NotYet => Err(not_yet()),
                Reached::End => Ok(format!(
                    "nothing is known of the store: there was nothing to erase. {REMAINS}"
                )),
            };
        };
        let ended = match meant(&known, request.observed_at) {
            Install::Ended(ended) => ended,
            Install::Followed(ended) => return self.leave(compliance, store, ended, stop_at).await,
            Install::Untold => return Err(NotDone::Comes(untold())),
        };
        match self.apply.take_out(store, ended, stop_at).await {
            Verdict::Settled(_) => {}
            not_done => return Err(NotDone::Comes(not_done)),
        }
        if !self.is_over(store, ended).await? {
            return self.leave(compliance, store, ended, stop_at).await;
        }
        if compliance.erase(store, looked_at, ended, &stop).await? == Reached::NotYet {
            return Err(not_yet());
        }
        // Right before its tokens are removed, for they may be those of a new install.
        if !self.is_over(store, ended).await? {
            return self.leave(compliance, store, ended, stop_at).await;
        }
        compliance.forget(store, ended, self.apply.clock.now()).await?;
        Ok(format!(
            "the store was erased as of its uninstall at {ended}: documents, entities, archived deliveries, left-over \
             bodies, tokens, activity, and its status but for this. {REMAINS}"
        ))
    }

    /// Touches nothing of a store's present install, and of the one that ended before only what may still be kept.
    async fn leave(
        &self,
        compliance: &P,
        store: &StoreKey,
        ended: Timestamp,
        stop_at: Timestamp,
    ) -> Result<String, NotDone> {
        let stop = || self.apply.clock.now() >= stop_at;
        match compliance.erase(store, ended, ended, &stop).await? {
            Reached::NotYet => Err(not_yet()),
            Reached::End => Ok(format!(
                "the store has installed the app again after its uninstall at {ended}: deliveries kept from before were \
                 erased, and nothing of the new install. {REMAINS}"
            )),
        }
    }

    /// Whether the last install is the one that ended at `ended`.
    async fn is_over(&self, store: &StoreKey, ended: Timestamp) -> Result<bool, PortError> {
        let record = self.apply.record_of(store).await?;
        Ok(!record.enabled && record.uninstalled_at == Some(ended))
    }
}

/// No [`Comply`]: there is none of it. For consumers that are not told where to keep records.
#[derive(Debug, Clone, Copy)]
pub enum NoCompliance {}

impl Comply for NoCompliance {
    async fn keep(&self, _: &AuditRecord) -> Result<(), PortError> {
        match *self {}
    }

    async fn erase(
        &self,
        _: &StoreKey,
        _: Timestamp,
        _: Timestamp,
        _: &(impl Fn() -> bool + Sync),
    ) -> Result<Reached, PortError> {
        match *self {}
    }

    async fn forget(&self, _: &StoreKey, _: Timestamp, _: Timestamp) -> Result<(), PortError> {
        match *self {}
    }
}

/// No [`Connections`]: there is none of it. For consumers of stacks that keep no tokens.
#[derive(Debug, Clone, Copy)]
pub enum NoConnections {}

impl Connections for NoConnections {
    async fn find(&self, _: &StoreKey) -> Result<Option<Connection>, PortError> {
        match *self {}
    }

    async fn put(&self, _: &StoreKey, _: Vec<u8>, _: Option<Timestamp>) -> Result<(), PortError> {
        match *self {}
    }

    async fn lease(&self, _: &StoreKey, _: u64, _: &Lease, _: Timestamp) -> Result<Leased, PortError> {
        match *self {}
    }

    async fn renew(&self, _: &StoreKey, _: &str, _: Vec<u8>, _: Option<Timestamp>) -> Result<bool, PortError> {
        match *self {}
    }

    async fn remove(&self, _: &StoreKey) -> Result<(), PortError> {
        match *self {}
    }
}

//! Privacy requests required by law (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>):
//! processed last in a batch, and recorded.
//!
//! **No customer data is stored**, so there is none to hand out or to erase: of an order only ids, times, amounts and
//! lines leave the receiver, of a request the customer's id; neither body is archived ([`Keep`](super::Keep)); the ledger holds ids of
//! deliveries and deletes them after a week.
//!
//! **A store is erased** after it has uninstalled the app. No signature covers which install a request is about; it
//! follows only from the time of its trigger, 48 hours after the uninstall. So that time never decides what is erased,
//! only whether nothing is erased or a person has to look:
//!
//! | state of the store | handling |
//! |---|---|
//! | uninstalled, as far as we know | erased as of its latest uninstall, whatever the request's time |
//! | installed, and uninstalled in the three days before | installed again, so nothing of the new install is touched |
//! | installed, and no uninstall was received | the request is parked for a person |
//! | unknown | nothing is stored except bodies that could not be read |
//!
//! The audit record states which it was. Every step may be repeated, in any state that another attempt has left.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::{ConsumerPorts, Reindex, Verdict};
use crate::{
    catalogue::apply::{Ended, Item},
    consumer::audit::{Audit, AuditRecord},
    delivery::ledger::Fate,
    event::Request,
    kernel::{
        erase::Erase,
        failure::ErrorCode,
        ids::{DeliveryId, DeliveryKey, StoreKey},
        port::{Clock, PortError},
    },
    live::ForgetActivity,
    store::{
        connections::Connections,
        stores::{Redact, StoreRecord, Stores},
    },
};

/// Time from the uninstall to the request to erase the store.
const UNINSTALLED_BEFORE: SignedDuration = SignedDuration::from_hours(48);

/// Tolerance for that time.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// Sentence of the audit record about personal data.
const PERSONAL_DATA: &str = "Bodies about people are cut before they are queued, to ids, times, amounts and the shop's own \
                             words, and never archived";

/// Sentence of the audit record about what an erasure leaves, and for how long (docs/operations.md, *What the law asks
/// for*).
const REMAINS: &str = "What remains: ids and versions of entities for 30 days and ids of deliveries for 7, so that nothing \
                       late comes back; messages in queues, dead letters among them, for at most 28 days, which hold \
                       nothing about people; backups of tables for 35 days; and logs, which name the store, for as long \
                       as they are kept";

/// Ports for privacy requests, in addition to those for applying deliveries.
pub trait Comply: Send + Sync {
    /// Keeps an audit record. Keeping the same record again changes nothing.
    fn keep(&self, record: &AuditRecord) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes stored data of a store's deliveries: archived ones and kept events from before `archived`, left-over bodies
    /// from before `left_over`. Stops when `stop` returns true; returns whether it got to the end.
    fn erase(
        &self,
        store: &StoreKey,
        archived: Timestamp,
        left_over: Timestamp,
        stop: &(impl Fn() -> bool + Sync),
    ) -> impl Future<Output = Result<Reached, PortError>> + Send;

    /// Erases what is known of a store, if its last install is the one that ended at `ended`, with its tokens, its
    /// activity log, and its events up to `at`.
    fn forget(
        &self,
        store: &StoreKey,
        ended: Timestamp,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Progress of an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Finished.
    End,
    /// The time was up before the end. What has been erased stays erased.
    NotYet,
}

/// Ports that keep audit records and erase stores.
pub trait CompliancePorts {
    /// Audit records.
    type Audit: Audit;
    /// Tokens.
    type Connections: Connections;
    /// Records of stores.
    type Stores: Redact;
    /// The archive.
    type Archive: Erase;
    /// Storage of bodies too large for a message.
    type Bodies: Erase;
    /// The activity log.
    type Activity: ForgetActivity;
    /// Kept events.
    type Events: Erase;
}

/// [`Comply`] with one port for each part.
pub struct Compliance<P: CompliancePorts> {
    /// Audit records.
    pub audit: P::Audit,
    /// Tokens, if any are stored.
    pub connections: Option<P::Connections>,
    /// Records of stores.
    pub stores: P::Stores,
    /// The archive, if there is one.
    pub archive: Option<P::Archive>,
    /// Storage of bodies too large for a message, if there is one.
    pub bodies: Option<P::Bodies>,
    /// The activity log, if there is one.
    pub activity: Option<P::Activity>,
    /// Kept events, if any are kept.
    pub events: Option<P::Events>,
}

impl<P: CompliancePorts> Comply for Compliance<P> {
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
        if erase_all(self.archive.as_ref(), store, archived, stop).await? == Reached::NotYet
            || erase_all(self.events.as_ref(), store, archived, stop).await? == Reached::NotYet
        {
            return Ok(Reached::NotYet);
        }
        erase_all(self.bodies.as_ref(), store, left_over, stop).await
    }

    async fn forget(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), PortError> {
        if let Some(connections) = &self.connections {
            connections.remove(store).await?;
        }
        if let Some(activity) = &self.activity {
            activity.forget(store).await?;
        }
        self.stores.redact(store, ended, at).await?;
        // Once the record says so, nobody keeps events from before: see `Distribute`. These have come in the meantime.
        erase_all(self.events.as_ref(), store, at, &|| false).await?;
        Ok(())
    }
}

async fn erase_all(
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

/// One privacy request of a batch.
#[derive(Debug)]
pub(super) struct PrivacyRequest {
    pub(super) at: usize,
    what: Request,
    store: StoreKey,
    delivery: DeliveryId,
    received_at: Timestamp,
    observed_at: Timestamp,
}

impl PrivacyRequest {
    /// A request that arrived as this item, by this delivery.
    pub(super) fn new(what: Request, item: &Item, delivery: &DeliveryKey, received_at: Timestamp) -> Self {
        Self {
            at: item.at,
            what,
            store: delivery.store.clone(),
            delivery: delivery.id.clone(),
            received_at,
            observed_at: item.observed_at,
        }
    }
}

/// The install that a request is about.
#[derive(Debug, PartialEq, Eq)]
enum Install {
    /// The last one, which ended then.
    Ended(Timestamp),
    /// The one that ended then; another has begun since.
    Followed(Timestamp),
    /// The present one, of which we have received no uninstall.
    Unreported,
}

fn install_meant(record: &StoreRecord, observed_at: Timestamp) -> Install {
    let ended = earlier(observed_at, UNINSTALLED_BEFORE);
    match record.uninstalled_at {
        Some(latest) if !record.enabled => Install::Ended(latest),
        Some(latest) if latest >= earlier(ended, TOLERANCE) => Install::Followed(latest),
        Some(_) | None => Install::Unreported,
    }
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Reason why a request is not complied with yet.
enum ComplyError {
    Unavailable(PortError),
    Decided(Verdict),
}

impl From<PortError> for ComplyError {
    fn from(failure: PortError) -> Self {
        Self::Unavailable(failure)
    }
}

/// Parks the request, because a person can find out whether the store has uninstalled the app. A signed body may be a
/// capture from an earlier install, so it ends no install.
fn park_unreported() -> Verdict {
    Verdict::Parked {
        code: ErrorCode::UninstallUnknown,
        message:
            "a request to erase the store was received, but no uninstall of the app: if the store has uninstalled \
                  it, `hookline store remove`, then redrive; if not, purge this delivery"
                .into(),
    }
}

fn unfinished() -> ComplyError {
    ComplyError::Decided(Verdict::Retry {
        code: ErrorCode::StoreChanging,
        cause: None,
        message: "the store is still being erased".into(),
    })
}

impl<P: ConsumerPorts> Reindex<P> {
    /// Complies with a privacy request and keeps an audit record. A request that is not finished by `stop_at` is
    /// received again.
    pub(super) async fn comply(&self, request: &PrivacyRequest, stop_at: Timestamp) -> Verdict {
        let Some(compliance) = &self.compliance else {
            return Verdict::Parked {
                code: ErrorCode::NotConfigured,
                message: "a privacy request was received, and the table of audit records is not configured: set \
                          AUDIT_TABLE, then redrive"
                    .into(),
            };
        };
        let done = match request.what {
            Request::CustomerData => Ok(format!(
                "no customer data is stored: there is nothing to hand out. {PERSONAL_DATA}"
            )),
            Request::CustomerRedaction => Ok(format!(
                "no customer data is stored: there was nothing to erase. {PERSONAL_DATA}"
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
                compliance.keep(&record).await.map_err(ComplyError::from)
            }
            Err(not_done) => Err(not_done),
        };
        match kept {
            Ok(()) => Verdict::Settled(Fate::Noted),
            Err(ComplyError::Unavailable(failure)) => Verdict::storage(&failure),
            Err(ComplyError::Decided(verdict)) => verdict,
        }
    }

    /// Erases a store, as far as it is to be erased. Returns a sentence for the audit record.
    async fn forget(
        &self,
        compliance: &P::Compliance,
        request: &PrivacyRequest,
        stop_at: Timestamp,
    ) -> Result<String, ComplyError> {
        let store = &request.store;
        // What is in the archive now is from before, unless another install has begun by now.
        let looked_at = self.apply.clock.now();
        let stop = || self.apply.clock.now() >= stop_at;
        let Some(known) = self.apply.stores.find(store).await? else {
            // A body that could not be read may have been stored outside of its message.
            return match compliance.erase(store, looked_at, looked_at, &stop).await? {
                Reached::NotYet => Err(unfinished()),
                Reached::End => Ok(format!(
                    "nothing is known of the store: there was nothing to erase. {REMAINS}"
                )),
            };
        };
        let ended = match install_meant(&known, request.observed_at) {
            Install::Ended(ended) => ended,
            Install::Followed(ended) => return self.spare_new_install(compliance, store, ended, stop_at).await,
            Install::Unreported => return Err(ComplyError::Decided(park_unreported())),
        };
        match self.apply.remove_ended(store, Ended::of(&known, ended), stop_at).await {
            Verdict::Settled(_) => {}
            not_done => return Err(ComplyError::Decided(not_done)),
        }
        if !self.is_over(store, ended).await? {
            return self.spare_new_install(compliance, store, ended, stop_at).await;
        }
        if compliance.erase(store, looked_at, ended, &stop).await? == Reached::NotYet {
            return Err(unfinished());
        }
        // Checked immediately before the tokens are removed, because they may belong to a new install.
        if !self.is_over(store, ended).await? {
            return self.spare_new_install(compliance, store, ended, stop_at).await;
        }
        compliance.forget(store, ended, self.apply.clock.now()).await?;
        Ok(format!(
            "the store was erased as of its uninstall at {ended}: documents, entities, archived deliveries, left-over \
             bodies, events, tokens, activity, and its status except for this record. {REMAINS}"
        ))
    }

    /// Touches nothing of a store's present install, and erases what is stored from before `ended`.
    async fn spare_new_install(
        &self,
        compliance: &P::Compliance,
        store: &StoreKey,
        ended: Timestamp,
        stop_at: Timestamp,
    ) -> Result<String, ComplyError> {
        let stop = || self.apply.clock.now() >= stop_at;
        match compliance.erase(store, ended, ended, &stop).await? {
            Reached::NotYet => Err(unfinished()),
            Reached::End => Ok(format!(
                "the store has installed the app again after its uninstall at {ended}: deliveries and events kept from before \
                 were erased, and nothing of the new install. {REMAINS}"
            )),
        }
    }

    /// Returns `true` if the last install is the one that ended at `ended`.
    async fn is_over(&self, store: &StoreKey, ended: Timestamp) -> Result<bool, PortError> {
        let record = self.apply.record_of(store).await?;
        Ok(!record.enabled && record.uninstalled_at == Some(ended))
    }
}

/// [`Comply`] that cannot exist, for consumers without a table of audit records.
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

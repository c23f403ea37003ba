//! Archives the settled deliveries of a batch after it has been applied, if there is an archive.
//!
//! Best effort: a failure of the archive is logged, and the deliveries are settled all the same. A consumer that dies
//! before it has archived them leaves messages that are received again, found to be done, and archived then.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::{Message, Processed};
use crate::{
    delivery::{
        archive::Archive,
        envelope::{self, Packed},
        replay::original_of,
    },
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::chain,
    },
};

/// Number of objects put at once: as many as a batch has stores.
const OBJECTS_AT_ONCE: usize = 10;

/// Archives settled deliveries.
#[derive(Debug)]
pub struct Keep<A> {
    /// The archive; `None` disables it.
    pub archive: Option<A>,
    /// Returns true for a delivery whose body contains personal data, which is never archived.
    pub personal: fn(&DeliveryKey) -> bool,
}

/// Copies of a batch's messages as they would be archived, in order. `None` for personal data, for replays, whose
/// original has the same body, and for messages that hold no delivery.
#[derive(Debug)]
pub struct Copies(Vec<Option<(StoreKey, String)>>);

impl<A: Archive> Keep<A> {
    /// Copies the deliveries of a batch, each with its body, wherever that is stored. Copies nothing without an
    /// archive.
    pub fn copy(&self, messages: &[Message]) -> Copies {
        let messages = if self.archive.is_some() { messages } else { &[] };
        let copy = |message: &Message| {
            let delivery = message.delivery.as_ref().ok();
            let delivery = delivery.filter(|delivery| !(self.personal)(&delivery.key))?;
            let delivery = Some(delivery).filter(|delivery| original_of(&delivery.key.id).is_none())?;
            match envelope::pack(delivery, usize::MAX) {
                Packed::Message(envelope) => Some((delivery.key.store.clone(), envelope)),
                // No message is larger than that.
                Packed::Large { .. } => None,
            }
        };
        Copies(messages.iter().map(copy).collect())
    }

    /// Archives the copies of settled deliveries.
    pub async fn keep(&self, copies: Copies, processed: &[Processed], at: Timestamp) {
        let Some(archive) = &self.archive else { return };
        let mut settled: BTreeMap<StoreKey, Vec<String>> = BTreeMap::new();
        let done = copies.0.into_iter().zip(processed);
        for (copy, _) in done.filter(|(_, processed)| processed.verdict.is_settled()) {
            if let Some((store, envelope)) = copy {
                settled.entry(store).or_default().push(envelope);
            }
        }
        stream::iter(settled)
            .for_each_concurrent(OBJECTS_AT_ONCE, async |(store, envelopes)| {
                if let Err(failure) = archive.keep(&store, at, &envelopes).await {
                    tracing::warn!(
                        store = &*store.label(),
                        deliveries = envelopes.len(),
                        error = chain(&failure),
                        "failed to archive settled deliveries"
                    );
                }
            })
            .await;
    }
}

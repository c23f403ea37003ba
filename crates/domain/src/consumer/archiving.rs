//! After a batch has been applied: what is settled goes into the archive, if there is one.
//!
//! Best effort: an archive that fails is told of in the log, and its deliveries are settled all the same. Who dies before
//! it is kept leaves messages that come again, are found to be done, and are kept then.

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

/// How many objects are put at once: as many as a batch has stores.
const OBJECTS_AT_ONCE: usize = 10;

/// Keeps what has been settled.
#[derive(Debug)]
pub struct Keep<A> {
    /// Where; nowhere if there is none.
    pub archive: Option<A>,
    /// Whether a delivery's body is about people, and never kept.
    pub personal: fn(&DeliveryKey) -> bool,
}

/// What a batch's messages would be kept as, in their order. None of what is not kept: what is about people, replays, whose
/// original has the same body, and what holds no delivery.
#[derive(Debug)]
pub struct Copies(Vec<Option<(StoreKey, String)>>);

impl<A: Archive> Keep<A> {
    /// Copies the deliveries of a batch, each with its body, wherever that was. Copies nothing if nothing is kept.
    pub fn copy(&self, messages: &[Message]) -> Copies {
        let messages = if self.archive.is_some() { messages } else { &[] };
        let copy = |message: &Message| {
            let delivery = message.delivery.as_ref().ok();
            let delivery = delivery.filter(|delivery| !(self.personal)(&delivery.key))?;
            let delivery = Some(delivery).filter(|delivery| original_of(&delivery.key.id).is_none())?;
            match envelope::pack(delivery, usize::MAX) {
                Packed::Message(envelope) => Some((delivery.key.store.clone(), envelope)),
                // No message is longer than that.
                Packed::Large { .. } => None,
            }
        };
        Copies(messages.iter().map(copy).collect())
    }

    /// Keeps the copies of what is settled.
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
                        "what has been settled is not in the archive"
                    );
                }
            })
            .await;
    }
}

//! Watchers, a target of the events of a store while somebody [watches](crate::store::sessions) it.
//!
//! Best effort: an event is shown once, when it is first kept. Nothing that happens here changes the fate of a message.

use std::pin::pin;

use futures_util::{
    StreamExt,
    future::{Either, select},
    stream,
};
use jiff::{SignedDuration, Timestamp};

use super::{FanOutPorts, KeptEvent};
use crate::{
    kernel::{
        ids::StoreKey,
        port::{CALLS_AT_ONCE, chain},
        time::Pause,
    },
    live::{Frame, Push, Pushed, Watchers},
};

/// Time that a batch of messages spends on watchers at most.
const TIME: SignedDuration = SignedDuration::from_secs(2);

/// Number of connections of a store to which events are sent concurrently.
const PUSHES_AT_ONCE: usize = 20;

/// Connections that watch stores.
pub struct Watch<P: FanOutPorts> {
    /// Connections, and the stores they watch.
    pub watchers: P::Watchers,
    /// Sends to connections.
    pub push: P::Push,
    /// Bounds the time that this takes.
    pub pause: P::Pause,
}

impl<P: FanOutPorts> Watch<P> {
    /// Shows events, those of a store one after another in their order, to the watchers of their stores.
    pub(super) async fn show(&self, events: &[KeptEvent], now: Timestamp) {
        if events.is_empty() {
            return;
        }
        let of_stores = events.chunk_by(|a, b| a.store == b.store);
        // Collected, because the compiler cannot prove that the closure is Send.
        let showing: Vec<_> = of_stores.map(|events| self.show_of_store(events, now)).collect();
        let showing = pin!(stream::iter(showing).buffer_unordered(CALLS_AT_ONCE).collect::<()>());
        if let Either::Right(_) = select(showing, pin!(self.pause.pause(TIME))).await {
            tracing::warn!("gave up sending events to watchers: they are too slow");
        }
    }

    /// Shows events of one store.
    async fn show_of_store(&self, events: &[KeptEvent], now: Timestamp) {
        let Some(store) = events.first().map(|event| &event.store) else {
            return;
        };
        let watchers = match self.watchers.of_store(store).await {
            Ok(watchers) => watchers,
            Err(failure) => {
                warn(store, None, &chain(&failure), "failed to find the watchers of a store");
                return;
            }
        };
        let texts: Vec<String> = events
            .iter()
            .map(|event| Frame::event_text(&event.id, &event.json))
            .collect();
        let hearing = watchers.into_iter().filter(|watcher| watcher.hears(store, now));
        let pushing: Vec<_> = hearing
            .map(|watcher| self.push_all(store, watcher.connection, &texts))
            .collect();
        stream::iter(pushing)
            .buffer_unordered(PUSHES_AT_ONCE)
            .collect::<()>()
            .await;
    }

    async fn push_all(&self, store: &StoreKey, connection: String, texts: &[String]) {
        for text in texts {
            let failure = match self.push.push(&connection, text).await {
                Ok(Pushed::Sent) => continue,
                Ok(Pushed::Gone) => match self.watchers.remove(&connection).await {
                    Ok(()) => return,
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            warn(
                store,
                Some(&connection),
                &chain(&failure),
                "failed to send an event to a watcher",
            );
            return;
        }
    }
}

fn warn(store: &StoreKey, connection: Option<&str>, error: &str, message: &'static str) {
    tracing::warn!(store = &*store.label(), connection, error, message);
}

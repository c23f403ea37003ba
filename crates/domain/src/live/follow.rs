//! Use case: one who follows stores connects, and says which.
//!
//! Nothing is missed between a snapshot and the first update after it, whichever way the two meet: who watches is
//! remembered *before* the snapshot is read, and what has been kept *after* it was read is told once more behind it.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Activity, ClientMessage, Frame, Push, Pushed, Watcher, Watchers, frame::DELIVERIES, lag::LAG_OF};
use crate::{
    access::Principal,
    kernel::{
        ids::{StoreKey, StoreLabel},
        port::{CALLS_AT_ONCE, Clock, PortError, chain},
    },
    store::stores::{StoreViews, Stores},
};

/// The most bytes of a message that is read: what is asked for has some hundred.
pub const MESSAGE_LIMIT: usize = 4096;

/// API Gateway ends a connection after 2 hours
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>).
const LASTS: SignedDuration = SignedDuration::from_mins(150);

/// The most connections of one principal: a browser has one for all its tabs. The newest stay, for of a browser that has gone
/// without a word a connection is remembered for hours.
pub const CONNECTIONS: usize = 20;

/// How often a connection is read that is changed by others.
const ATTEMPTS: usize = 3;

const UNKNOWN: &str = "nothing is known of this store, or you may not see it";

/// Answers those who follow stores.
#[derive(Debug)]
pub struct Follow<W, S, A, P, C> {
    /// Who watches what.
    pub watchers: W,
    /// How stores are doing.
    pub stores: S,
    /// What became of deliveries.
    pub activity: A,
    /// The way to connections.
    pub push: P,
    /// What time it is.
    pub clock: C,
    /// Reads the store that a label names; `None` if it names none.
    pub key: fn(&StoreLabel) -> Option<StoreKey>,
}

impl<W: Watchers, S: Stores + StoreViews, A: Activity, P: Push, C: Clock> Follow<W, S, A, P, C> {
    /// Remembers a connection of one whom the authorizer let in. It follows nothing yet. Of more than [`CONNECTIONS`] of the same
    /// principal the oldest are closed: each that connects looks after it is remembered, so that whichever of several looks last
    /// sees them all.
    ///
    /// # Errors
    /// [`PortError`]: it is not remembered, or older ones are still open, and it should be refused.
    pub async fn connected(&self, connection: &str, principal: Principal) -> Result<(), PortError> {
        let until = self.clock.now().checked_add(LASTS).unwrap_or(Timestamp::MAX);
        let watcher = Watcher {
            connection: connection.to_owned(),
            principal,
            store: None,
            list: false,
            until,
        };
        self.watchers.add(&watcher).await?;
        let mut others = self.watchers.of_principal(&watcher.principal.id).await?;
        others.retain(|other| other.connection != watcher.connection);
        if others.len() < CONNECTIONS {
            return Ok(());
        }
        others.sort_by(|a, b| (b.until, &b.connection).cmp(&(a.until, &a.connection)));
        stream::iter(others.split_off(CONNECTIONS - 1))
            .map(|older| self.replaced(older))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Closes a connection that newer ones of its principal have replaced. That it is told why is best effort.
    async fn replaced(&self, older: Watcher) -> Result<(), PortError> {
        let connection = older.connection.as_str();
        self.watchers.remove(connection).await?;
        let message = format!("closed: there are {CONNECTIONS} newer live connections with the same token");
        let last = Frame::Refused { message };
        if let Err(failure) = self.push.push(connection, &last.text()).await {
            tracing::warn!(connection, cause = %failure.cause, error = %chain(&failure), "failed to tell a replaced connection");
        }
        self.push.close(connection).await
    }

    /// Answers a message. What it may ask for is as it is *now*, not as it was when it connected.
    ///
    /// # Errors
    /// [`PortError`]: it has no answer, or only a part of one, and may ask again.
    pub async fn asked(&self, connection: &str, message: &str) -> Result<(), PortError> {
        let Some(watcher) = self.known(connection).await? else {
            return Ok(());
        };
        if message.len() > MESSAGE_LIMIT {
            return self.refuse(connection, "a message has at most 4096 bytes").await;
        }
        match serde_json::from_str(message) {
            Ok(ClientMessage::Watch { store, list }) => {
                let key = store.as_ref().map(|store| (self.key)(store));
                match key {
                    Some(None) => self.refuse(connection, UNKNOWN).await,
                    Some(store) => self.watch(watcher, store, list).await,
                    None => self.watch(watcher, None, list).await,
                }
            }
            Ok(ClientMessage::Ping) => self.pong(&watcher).await,
            Err(_) => {
                let message = r#"a message is {"action":"watch","store":"<name>","list":false} or {"action":"ping"}"#;
                self.refuse(connection, message).await
            }
        }
    }

    /// Who this is, as it is now. Closes the connection of one who is shut out or expired: who may come back comes back with
    /// another ticket.
    async fn known(&self, connection: &str) -> Result<Option<Watcher>, PortError> {
        let known = self.watchers.find(connection).await?;
        let known = known.filter(|watcher| watcher.principal.expires_at > self.clock.now());
        if known.is_none() {
            self.watchers.remove(connection).await?;
            self.push.close(connection).await?;
        }
        Ok(known)
    }

    async fn watch(&self, mut watcher: Watcher, store: Option<StoreKey>, list: bool) -> Result<(), PortError> {
        let connection = watcher.connection.clone();
        let connection = connection.as_str();
        for _ in 0..ATTEMPTS {
            // Asked before anything is looked up, so that not even the time an answer takes tells which stores there are.
            if store.as_ref().is_some_and(|store| !watcher.principal.may_see(store)) {
                return self.refuse(connection, UNKNOWN).await;
            }
            let watching = Watcher {
                store: store.clone(),
                list,
                ..watcher.clone()
            };
            if self.watchers.change(&watcher, &watching).await? {
                return self.tell(watching).await;
            }
            watcher = match self.known(connection).await? {
                Some(watcher) => watcher,
                None => return Ok(()),
            };
        }
        Err(PortError::new("watchers", "the connection is changed again and again"))
    }

    /// Tells one who has just said what to follow what they may do, and how it is.
    async fn tell(&self, watching: Watcher) -> Result<(), PortError> {
        let connection = watching.connection.as_str();
        if self.send(connection, &Frame::access(&watching.principal)).await? == Pushed::Gone {
            return Ok(());
        }
        let Some(store) = &watching.store else { return Ok(()) };
        let reached = self.activity.reached(store).await?;
        let latest = self.activity.latest(store, None, LAG_OF).await?;
        let Some(view) = self.stores.view(store).await? else {
            let nothing = Watcher {
                store: None,
                ..watching.clone()
            };
            // If it is changed meanwhile, it follows something else.
            self.watchers.change(&watching, &nothing).await?;
            return self.refuse(connection, UNKNOWN).await;
        };
        // What the record has beyond that is on its way, with its entries.
        let seq = reached.map_or(view.record.seq, |reached| reached.min(view.record.seq));
        let entries = latest.into_iter().flat_map(|kept| kept.entries).collect();
        let snapshot = Frame::snapshot(store, view, seq, entries, self.clock.now());
        if self.send(connection, &snapshot).await? == Pushed::Gone {
            return Ok(());
        }
        self.catch_up(connection, store, seq).await
    }

    /// Tells what was kept while the snapshot was on its way: its update may have overtaken the snapshot.
    async fn catch_up(&self, connection: &str, store: &StoreKey, seen: u64) -> Result<(), PortError> {
        let reached = self.activity.reached(store).await?.unwrap_or(seen);
        if reached <= seen {
            return Ok(());
        }
        let latest = self.activity.latest(store, None, DELIVERIES).await?;
        let Some(view) = self.stores.view(store).await? else {
            return Ok(());
        };
        let missed = latest.into_iter().filter(|kept| kept.seq > seen);
        let missed = missed.flat_map(|kept| kept.entries).collect();
        let update = Frame::caught_up(store, view, (seen, reached), missed, self.clock.now());
        self.send(connection, &update).await?;
        Ok(())
    }

    async fn pong(&self, watcher: &Watcher) -> Result<(), PortError> {
        let mut seqs = BTreeMap::new();
        if let Some(store) = &watcher.store
            && let Some(record) = self.stores.find(store).await?
        {
            seqs.insert(store.label().into_owned(), record.seq);
        }
        self.send(&watcher.connection, &Frame::Pong { seqs }).await?;
        Ok(())
    }

    async fn refuse(&self, connection: &str, message: &str) -> Result<(), PortError> {
        let message = message.to_owned();
        self.send(connection, &Frame::Refused { message }).await?;
        Ok(())
    }

    async fn send(&self, connection: &str, frame: &Frame) -> Result<Pushed, PortError> {
        let pushed = self.push.push(connection, &frame.text()).await?;
        if pushed == Pushed::Gone {
            self.watchers.remove(connection).await?;
        }
        Ok(pushed)
    }
}

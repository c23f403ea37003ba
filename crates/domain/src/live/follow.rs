//! Use case: a client connects and says which stores it follows.
//!
//! No change is lost between a snapshot and the first update after it, in whatever order the two arrive: the watcher is
//! stored *before* the snapshot is read, and entries stored *after* it was read are sent once more behind it.

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

/// Maximum size of a message that is read, in bytes; a valid one has a few hundred.
pub const MESSAGE_LIMIT: usize = 4096;

/// Period for which a connection is stored. API Gateway ends it after 2 hours
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>).
const LIFETIME: SignedDuration = SignedDuration::from_mins(150);

/// Maximum number of connections of one principal: a browser has one for all its tabs. The newest stay, because the
/// connection of a browser that has disappeared silently remains stored for hours.
pub const CONNECTIONS: usize = 20;

/// Number of attempts to change a connection that others change at the same time.
const ATTEMPTS: usize = 3;

const UNKNOWN_STORE: &str = "this store is unknown, or you may not see it";

/// Ports that answer clients that follow stores.
pub trait FollowPorts {
    /// Connections, and the stores they watch.
    type Watchers: Watchers;
    /// States of stores.
    type Stores: Stores + StoreViews;
    /// Outcomes of deliveries.
    type Activity: Activity;
    /// Sends to connections.
    type Push: Push;
    /// Clock.
    type Clock: Clock;
}

/// Answers the messages of clients that follow stores.
pub struct Follow<P: FollowPorts> {
    /// Connections, and the stores they watch.
    pub watchers: P::Watchers,
    /// States of stores.
    pub stores: P::Stores,
    /// Outcomes of deliveries.
    pub activity: P::Activity,
    /// Sends to connections.
    pub push: P::Push,
    /// Clock.
    pub clock: P::Clock,
    /// Returns the key of the store that a label names; provided by the code of the sources.
    pub key: fn(&StoreLabel) -> Option<StoreKey>,
}

impl<P: FollowPorts> Follow<P> {
    /// Stores a connection that the authorizer has accepted. It follows nothing yet. Closes the oldest of more than
    /// [`CONNECTIONS`] connections of the same principal: each call counts after it has stored its own, so that
    /// whichever of several concurrent calls counts last sees them all.
    ///
    /// # Errors
    /// [`PortError`]: the connection is not stored, or older ones are still open; refuse it.
    pub async fn connected(&self, connection: &str, principal: Principal) -> Result<(), PortError> {
        let until = self.clock.now().checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let watcher = Watcher {
            connection: connection.to_owned(),
            principal,
            store: None,
            list: false,
            events: false,
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
            .map(|older| self.close_replaced(older))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Closes a connection that newer ones of its principal have replaced. Sending the reason is best effort.
    async fn close_replaced(&self, older: Watcher) -> Result<(), PortError> {
        let connection = older.connection.as_str();
        self.watchers.remove(connection).await?;
        let message = format!("closed: {CONNECTIONS} newer live connections use the same token");
        let last = Frame::Refused { message };
        if let Err(failure) = self.push.push(connection, &last.text()).await {
            tracing::warn!(connection, cause = %failure.cause, error = %chain(&failure), "failed to send the reason to a replaced connection");
        }
        self.push.close(connection).await
    }

    /// Answers a message, by the principal's permissions *now*, not those at the time it connected.
    ///
    /// # Errors
    /// [`PortError`]: the client has no answer, or only a part of one, and may ask again.
    pub async fn asked(&self, connection: &str, message: &str) -> Result<(), PortError> {
        let Some(watcher) = self.current_watcher(connection).await? else {
            return Ok(());
        };
        if message.len() > MESSAGE_LIMIT {
            return self.refuse(connection, "a message has at most 4096 bytes").await;
        }
        match serde_json::from_str(message) {
            Ok(ClientMessage::Watch { store, list, events }) => {
                let key = store.as_ref().map(|store| (self.key)(store));
                match key {
                    Some(None) => self.refuse(connection, UNKNOWN_STORE).await,
                    Some(store) => self.watch(watcher, store, (list, events)).await,
                    None => self.watch(watcher, None, (list, events)).await,
                }
            }
            Ok(ClientMessage::Ping) => self.pong(&watcher).await,
            Err(_) => {
                let message = r#"a message is {"action":"watch","store":"<name>","list":false,"events":false} or {"action":"ping"}"#;
                self.refuse(connection, message).await
            }
        }
    }

    /// Returns the watcher of a connection as it is now. Closes the connection of a principal that has been revoked or
    /// has expired; one that is authorized again reconnects with another ticket.
    async fn current_watcher(&self, connection: &str) -> Result<Option<Watcher>, PortError> {
        let watcher = self.watchers.find(connection).await?;
        let watcher = watcher.filter(|watcher| watcher.principal.expires_at > self.clock.now());
        if watcher.is_none() {
            self.watchers.remove(connection).await?;
            self.push.close(connection).await?;
        }
        Ok(watcher)
    }

    async fn watch(
        &self,
        mut watcher: Watcher,
        store: Option<StoreKey>,
        (list, events): (bool, bool),
    ) -> Result<(), PortError> {
        let connection = watcher.connection.clone();
        let connection = connection.as_str();
        for _ in 0..ATTEMPTS {
            // Checked before any lookup, so that not even the response time reveals which stores exist.
            if store.as_ref().is_some_and(|store| !watcher.principal.may_see(store)) {
                return self.refuse(connection, UNKNOWN_STORE).await;
            }
            let watching = Watcher {
                store: store.clone(),
                list,
                events,
                ..watcher.clone()
            };
            if self.watchers.change(&watcher, &watching).await? {
                return self.send_snapshot(watching).await;
            }
            watcher = match self.current_watcher(connection).await? {
                Some(watcher) => watcher,
                None => return Ok(()),
            };
        }
        Err(PortError::new("watchers", "the connection keeps changing"))
    }

    /// Sends the permissions and the snapshot to a watcher that has just changed what it follows.
    async fn send_snapshot(&self, watching: Watcher) -> Result<(), PortError> {
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
            // If this fails, the watcher has changed and follows something else.
            self.watchers.change(&watching, &nothing).await?;
            return self.refuse(connection, UNKNOWN_STORE).await;
        };
        // Changes of the record beyond this `seq` are on their way, with their entries.
        let seq = reached.map_or(view.record.seq, |reached| reached.min(view.record.seq));
        let entries = latest.into_iter().flat_map(|kept| kept.entries).collect();
        let snapshot = Frame::snapshot(store, view, seq, entries, self.clock.now());
        if self.send(connection, &snapshot).await? == Pushed::Gone {
            return Ok(());
        }
        self.catch_up(connection, store, seq).await
    }

    /// Sends the entries that were stored while the snapshot was on its way: their update may have overtaken it.
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

//! Tokens: kept sealed, renewed by one function at a time, taken from memory while they are good.
//!
//! Whoever finds that a token is about to expire asks for the lease ([`Connections::lease`]); who gets it asks Shopify for
//! new tokens, keeps them, and only then uses them, for until the new ones are first used the old refresh token is still
//! good (<https://shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens>): if the function dies
//! in between, the next one starts where it did. The others go on with the old token while it is taken, else they wait and
//! read again.

mod credential;
mod grant;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::PortError,
        secret::{Secret, SecretSource},
    },
    store::connections::{Connection, Connections, Lease, Leased, Vault},
    sync::vendor::CatalogueError,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub use self::{
    credential::Credential,
    grant::{App, Given},
};
use self::{
    credential::Kept,
    grant::{Granted, Wanted},
};
use crate::{http::Http, time::Time};

/// A token is renewed so long before it expires: longer than a question takes.
const AHEAD: SignedDuration = SignedDuration::from_mins(3);

/// How long a token is taken from memory before what is kept is read again: a person may have given another, or taken
/// it away.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);

/// For how long nobody else may renew. Longer than a grant may take, with keeping what it gave.
const LEASE: SignedDuration = SignedDuration::from_secs(45);

/// … of which so much is left for keeping it.
const KEEPING: SignedDuration = SignedDuration::from_secs(15);

/// How often what is kept is read while another renews.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_millis(250);

/// How often keeping new tokens is tried.
const KEEP_ATTEMPTS: u32 = 3;

/// Gives the token of a store.
pub trait Access: Send + Sync {
    /// A token to ask with, found by `until`.
    fn token(&self, store: &StoreKey, until: Timestamp) -> impl Future<Output = Result<Secret, CatalogueError>> + Send;

    /// Another token than `refused`, which the store does not take; [`CatalogueError::Refused`] if there is none.
    fn refused(
        &self,
        store: &StoreKey,
        refused: &Secret,
        until: Timestamp,
    ) -> impl Future<Output = Result<Secret, CatalogueError>> + Send;
}

impl<T: Access> Access for Arc<T> {
    async fn token(&self, store: &StoreKey, until: Timestamp) -> Result<Secret, CatalogueError> {
        T::token(self, store, until).await
    }

    async fn refused(&self, store: &StoreKey, refused: &Secret, until: Timestamp) -> Result<Secret, CatalogueError> {
        T::refused(self, store, refused, until).await
    }
}

impl Access for Given {
    async fn token(&self, _store: &StoreKey, _until: Timestamp) -> Result<Secret, CatalogueError> {
        Ok(self.0.clone())
    }

    async fn refused(&self, _store: &StoreKey, _refused: &Secret, _until: Timestamp) -> Result<Secret, CatalogueError> {
        Err(not_taken())
    }
}

/// The tokens of all stores.
pub struct Tokens<C, V, S> {
    connections: C,
    vault: V,
    app: App<S>,
    http: Http,
    time: Time,
    remembered: Mutex<HashMap<StoreKey, Remembered>>,
}

/// A token, ready to be tried, then kept.
#[derive(Debug)]
pub struct Prepared {
    kept: Kept,
    expires_at: Option<Timestamp>,
}

impl Prepared {
    /// The access token, to try it: `ShopifyAdmin::new(http, Given(prepared.token()), time)`.
    ///
    /// Using it is what retires an earlier refresh token; keep it soon.
    #[must_use]
    pub fn token(&self) -> Secret {
        self.kept.access()
    }
}

#[derive(Clone)]
struct Remembered {
    access: Secret,
    /// When it has to be renewed, or looked at again.
    good_until: Timestamp,
}

/// What is kept of a store, opened.
struct Opened {
    connection: Connection,
    kept: Kept,
}

/// Another holds the lease, or what was renewed has gone.
#[derive(Debug, thiserror::Error)]
#[error("another is renewing the store's token and has not finished")]
struct Busy;

/// What is kept cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what is kept of the store's tokens is not readable")]
struct Unreadable;

impl<C: Connections, V: Vault, S: SecretSource> Tokens<C, V, S> {
    /// Tokens kept in `connections`, sealed by `vault`, and renewed with what Shopify knows of `app`.
    pub fn new(connections: C, vault: V, app: App<S>, http: Http, time: Time) -> Self {
        Self {
            connections,
            vault,
            app,
            http,
            time,
            remembered: Mutex::default(),
        }
    }

    /// Makes what a person gives into tokens. Keeps nothing.
    ///
    /// # Errors
    /// [`CatalogueError`], of client credentials, when Shopify grants no token for them.
    pub async fn prepare(&self, store: &StoreKey, credential: Credential) -> Result<Prepared, CatalogueError> {
        let (kept, expires_at) = match credential {
            Credential::Custom { access } => {
                let access = access.reveal().to_owned();
                (Kept::Custom { access }, None)
            }
            Credential::ClientCredentials => {
                let until = self.time.now() + LEASE;
                let granted = self.grant(store, Wanted::ClientCredentials, until).await?;
                (granted.kept, granted.expires_at)
            }
            Credential::Offline {
                access,
                refresh,
                expires_at,
            } => {
                let (access, refresh) = (access.reveal().to_owned(), refresh.reveal().to_owned());
                (Kept::Offline { access, refresh }, Some(expires_at))
            }
        };
        Ok(Prepared { kept, expires_at })
    }

    /// Keeps tokens, in place of what was kept before.
    ///
    /// # Errors
    /// [`PortError`]: keep them again.
    pub async fn keep(&self, store: &StoreKey, prepared: &Prepared) -> Result<(), PortError> {
        let sealed = self.seal(store, &prepared.kept).await?;
        self.connections.put(store, sealed, prepared.expires_at).await?;
        self.remembered().remove(store);
        Ok(())
    }

    /// Forgets a store's tokens. Functions that have used one lately may do so for some minutes more.
    ///
    /// # Errors
    /// [`PortError`]: forget them again.
    pub async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        self.remembered().remove(store);
        self.connections.remove(store).await
    }

    /// Another token than `refused`: what another has kept meanwhile, or a new one.
    async fn replace(&self, store: &StoreKey, refused: &Secret, until: Timestamp) -> Result<Secret, CatalogueError> {
        self.remembered().remove(store);
        let found = self.find(store).await?;
        let now = self.time.now();
        let expired = found.connection.expires_at.is_some_and(|expires_at| expires_at <= now);
        if found.kept.access() != *refused && !expired {
            return Ok(self.remember(store, &found));
        }
        if !found.kept.renews() {
            return Err(not_taken());
        }
        self.renew(store, found, false, until).await
    }

    /// A new token, from whoever gets it: this, or another. While another is at it, the old one is good enough if it is
    /// `usable` and has not expired.
    async fn renew(
        &self,
        store: &StoreKey,
        mut found: Opened,
        usable: bool,
        until: Timestamp,
    ) -> Result<Secret, CatalogueError> {
        let generation = found.connection.generation;
        let owner = Uuid::new_v4().to_string();
        loop {
            let now = self.time.now();
            let lease = Lease {
                owner: owner.clone(),
                until: now + LEASE,
            };
            match self.connections.lease(store, generation, &lease, now).await? {
                Leased::Granted => return self.renew_alone(store, &found, lease, until).await,
                Leased::Refused => {
                    found = self.find(store).await?;
                    if found.connection.generation != generation {
                        return Ok(self.remember(store, &found));
                    }
                    if usable && found.connection.expires_at.is_none_or(|expires_at| expires_at > now) {
                        return Ok(found.kept.access());
                    }
                    if !self.time.wait(LOOK_AGAIN, until).await {
                        return Err(PortError::new("connections", Busy).into());
                    }
                }
            }
        }
    }

    /// Asks for new tokens, under a lease, and keeps them before anybody uses them.
    async fn renew_alone(
        &self,
        store: &StoreKey,
        found: &Opened,
        lease: Lease,
        until: Timestamp,
    ) -> Result<Secret, CatalogueError> {
        let wanted = match &found.kept {
            Kept::Offline { refresh, .. } => Wanted::Refresh(refresh),
            Kept::ClientCredentials { .. } | Kept::Custom { .. } => Wanted::ClientCredentials,
        };
        let granted = match self.grant(store, wanted, until.min(lease.until - KEEPING)).await {
            Ok(granted) => granted,
            Err(failure) => {
                self.end(store, found.connection.generation, &lease).await;
                return Err(failure);
            }
        };
        if self.save(store, &lease.owner, &granted).await? {
            return Ok(self.remember_until(store, granted.kept.access(), granted.expires_at));
        }
        // The lease had lapsed, or the answer to saving them got lost: what is kept is what counts.
        let kept = self.find(store).await?;
        Ok(self.remember(store, &kept))
    }

    async fn save(&self, store: &StoreKey, owner: &str, granted: &Granted) -> Result<bool, CatalogueError> {
        let sealed = self.seal(store, &granted.kept).await?;
        let mut attempt = 1;
        loop {
            let saved = self
                .connections
                .renew(store, owner, sealed.clone(), granted.expires_at)
                .await;
            match saved {
                Ok(saved) => return Ok(saved),
                Err(_) if attempt < KEEP_ATTEMPTS => attempt += 1,
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Ends a lease, so that nobody has to wait for one that has come to nothing. If that fails, it lapses.
    async fn end(&self, store: &StoreKey, generation: u64, lease: &Lease) {
        let now = self.time.now();
        let ended = Lease {
            owner: lease.owner.clone(),
            until: now,
        };
        let _lapses_otherwise = self.connections.lease(store, generation, &ended, now).await;
    }

    async fn grant(&self, store: &StoreKey, wanted: Wanted<'_>, until: Timestamp) -> Result<Granted, CatalogueError> {
        self.app.grant(&self.http, &self.time, store, wanted, until).await
    }

    async fn find(&self, store: &StoreKey) -> Result<Opened, CatalogueError> {
        let connection = self
            .connections
            .find(store)
            .await?
            .ok_or(CatalogueError::NotConnected)?;
        let open = self.vault.open(store, &connection.sealed).await?;
        // Nothing of what does not fit is told: it holds tokens.
        let kept = serde_json::from_slice(&open).map_err(|_| PortError::new("connections", Unreadable))?;
        Ok(Opened { connection, kept })
    }

    async fn seal(&self, store: &StoreKey, kept: &Kept) -> Result<Vec<u8>, PortError> {
        let open = serde_json::to_vec(kept).map_err(|_| PortError::new("connections", Unreadable))?;
        self.vault.seal(store, &open).await
    }

    fn remember(&self, store: &StoreKey, found: &Opened) -> Secret {
        let expires_at = found.connection.expires_at.filter(|_| found.kept.renews());
        self.remember_until(store, found.kept.access(), expires_at)
    }

    fn remember_until(&self, store: &StoreKey, access: Secret, expires_at: Option<Timestamp>) -> Secret {
        let look_again = self.time.now() + REMEMBERED;
        let good_until = expires_at.map_or(look_again, |expires_at| look_again.min(expires_at - AHEAD));
        let remembered = Remembered {
            access: access.clone(),
            good_until,
        };
        self.remembered().insert(store.clone(), remembered);
        access
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<StoreKey, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connections, V: Vault, S: SecretSource> Access for Tokens<C, V, S> {
    async fn token(&self, store: &StoreKey, until: Timestamp) -> Result<Secret, CatalogueError> {
        let now = self.time.now();
        let remembered = self.remembered().get(store).cloned();
        if let Some(remembered) = remembered.filter(|remembered| now < remembered.good_until) {
            return Ok(remembered.access);
        }
        let found = self.find(store).await?;
        let expires = found.connection.expires_at.filter(|_| found.kept.renews());
        if expires.is_some_and(|expires_at| expires_at - AHEAD <= now) {
            return self.renew(store, found, true, until).await;
        }
        Ok(self.remember(store, &found))
    }

    async fn refused(&self, store: &StoreKey, refused: &Secret, until: Timestamp) -> Result<Secret, CatalogueError> {
        self.replace(store, refused, until).await
    }
}

impl<C, V, S> fmt::Debug for Tokens<C, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

fn not_taken() -> CatalogueError {
    CatalogueError::Refused {
        reason: "it is not taken (401): was the app uninstalled, or the token revoked? Add the store again".to_owned(),
    }
}

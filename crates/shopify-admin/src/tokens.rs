//! Access tokens: stored sealed, renewed by one function at a time, cached in memory while they are valid.
//!
//! A function that finds a token about to expire requests the lease ([`Connections::lease`]). The holder requests new
//! tokens from Shopify, stores them, and only then uses them: the old refresh token stays valid until the first use of
//! the new ones (<https://shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens>): if the
//! function dies in between, the next one starts from the same point. Other functions use the old token while it is
//! valid; after that they wait and read again.

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
    grant::{App, GrantedToken},
};
use self::{
    credential::StoredTokens,
    grant::{GrantType, Granted},
};
use crate::{http::Http, time::Time};

/// Time before expiry at which a token is renewed: longer than a call takes.
const RENEWAL_MARGIN: SignedDuration = SignedDuration::from_mins(3);

/// Time that a token is cached before the stored one is read again: a person may have replaced or removed it.
const CACHE_TIME: SignedDuration = SignedDuration::from_mins(5);

/// Duration of the lease: longer than a grant and storing its tokens may take.
const LEASE: SignedDuration = SignedDuration::from_secs(45);

/// Part of the lease that is reserved for storing the tokens.
const STORE_MARGIN: SignedDuration = SignedDuration::from_secs(15);

/// Interval at which the stored token is read while another function renews it.
const POLL_INTERVAL: SignedDuration = SignedDuration::from_millis(250);

/// Attempts to store new tokens.
const STORE_ATTEMPTS: u32 = 3;

/// Source of the token of a store.
pub trait Access: Send + Sync {
    /// Returns a token, found by `until`.
    fn token(&self, store: &StoreKey, until: Timestamp) -> impl Future<Output = Result<Secret, CatalogueError>> + Send;

    /// Returns another token than `refused`, which the store does not accept; [`CatalogueError::Refused`] if there is
    /// none.
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

impl Access for GrantedToken {
    async fn token(&self, _store: &StoreKey, _until: Timestamp) -> Result<Secret, CatalogueError> {
        Ok(self.0.clone())
    }

    async fn refused(&self, _store: &StoreKey, _refused: &Secret, _until: Timestamp) -> Result<Secret, CatalogueError> {
        Err(rejected_token())
    }
}

/// Tokens of all stores.
pub struct Tokens<C, V, S> {
    connections: C,
    vault: V,
    app: App<S>,
    http: Http,
    time: Time,
    remembered: Mutex<HashMap<StoreKey, CachedToken>>,
}

/// Token that is ready to be tested, then stored.
#[derive(Debug)]
pub struct Prepared {
    stored: StoredTokens,
    expires_at: Option<Timestamp>,
}

impl Prepared {
    /// Returns the access token, to test it: `ShopifyAdmin::new(http, GrantedToken(prepared.token()), time)`.
    ///
    /// Its first use invalidates the earlier refresh token, so store it soon.
    #[must_use]
    pub fn token(&self) -> Secret {
        self.stored.access()
    }
}

#[derive(Clone)]
struct CachedToken {
    access: Secret,
    /// Time to renew it or to read the stored one.
    good_until: Timestamp,
}

/// Stored connection of a store, unsealed.
struct OpenedConnection {
    connection: Connection,
    stored: StoredTokens,
}

/// Another function holds the lease, or the renewed token has been removed.
#[derive(Debug, thiserror::Error)]
#[error("another function is renewing the store's token")]
struct RenewalInProgressError;

/// The stored tokens cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the stored tokens of the store cannot be read")]
struct StoredTokensError;

impl<C: Connections, V: Vault, S: SecretSource> Tokens<C, V, S> {
    /// Creates the tokens that `connections` stores, `vault` seals, and Shopify renews for `app`.
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

    /// Returns the tokens of a credential. Stores nothing.
    ///
    /// # Errors
    /// [`CatalogueError`] if Shopify grants no token for client credentials.
    pub async fn prepare(&self, store: &StoreKey, credential: Credential) -> Result<Prepared, CatalogueError> {
        let (stored, expires_at) = match credential {
            Credential::Custom { access } => {
                let access = access.reveal().to_owned();
                (StoredTokens::Custom { access }, None)
            }
            Credential::ClientCredentials => {
                let until = self.time.now() + LEASE;
                let granted = self.grant(store, GrantType::ClientCredentials, until).await?;
                (granted.stored, granted.expires_at)
            }
            Credential::Offline {
                access,
                refresh,
                expires_at,
            } => {
                let (access, refresh) = (access.reveal().to_owned(), refresh.reveal().to_owned());
                (StoredTokens::Offline { access, refresh }, Some(expires_at))
            }
        };
        Ok(Prepared { stored, expires_at })
    }

    /// Stores tokens in place of the former ones.
    ///
    /// # Errors
    /// [`PortError`]: retryable.
    pub async fn keep(&self, store: &StoreKey, prepared: &Prepared) -> Result<(), PortError> {
        let sealed = self.seal(store, &prepared.stored).await?;
        self.connections.put(store, sealed, prepared.expires_at).await?;
        self.remembered().remove(store);
        Ok(())
    }

    /// Removes the tokens of a store. Functions may use a cached one for up to five minutes.
    ///
    /// # Errors
    /// [`PortError`]: retryable.
    pub async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        self.remembered().remove(store);
        self.connections.remove(store).await
    }

    /// Returns another token than `refused`: one that was stored meanwhile, or a new one.
    async fn replace(&self, store: &StoreKey, refused: &Secret, until: Timestamp) -> Result<Secret, CatalogueError> {
        self.remembered().remove(store);
        let found = self.find(store).await?;
        let now = self.time.now();
        let expired = found.connection.expires_at.is_some_and(|expires_at| expires_at <= now);
        if found.stored.access() != *refused && !expired {
            return Ok(self.remember(store, &found));
        }
        if !found.stored.renews() {
            return Err(rejected_token());
        }
        self.renew(store, found, false, until).await
    }

    /// Returns a new token, renewed by this function or another. While another renews it, the old one is returned if it
    /// is `usable` and has not expired.
    async fn renew(
        &self,
        store: &StoreKey,
        mut found: OpenedConnection,
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
                        return Ok(found.stored.access());
                    }
                    if !self.time.wait(POLL_INTERVAL, until).await {
                        return Err(PortError::new("connections", RenewalInProgressError).into());
                    }
                }
            }
        }
    }

    /// Requests new tokens under a lease, and stores them before their first use.
    async fn renew_alone(
        &self,
        store: &StoreKey,
        found: &OpenedConnection,
        lease: Lease,
        until: Timestamp,
    ) -> Result<Secret, CatalogueError> {
        let grant_type = match &found.stored {
            StoredTokens::Offline { refresh, .. } => GrantType::Refresh(refresh),
            StoredTokens::ClientCredentials { .. } | StoredTokens::Custom { .. } => GrantType::ClientCredentials,
        };
        let granted = match self
            .grant(store, grant_type, until.min(lease.until - STORE_MARGIN))
            .await
        {
            Ok(granted) => granted,
            Err(failure) => {
                self.end(store, found.connection.generation, &lease).await;
                return Err(failure);
            }
        };
        if self.save(store, &lease.owner, &granted).await? {
            return Ok(self.remember_until(store, granted.stored.access(), granted.expires_at));
        }
        // The lease had expired, or the response to the write was lost: the stored tokens decide.
        let stored = self.find(store).await?;
        Ok(self.remember(store, &stored))
    }

    async fn save(&self, store: &StoreKey, owner: &str, granted: &Granted) -> Result<bool, CatalogueError> {
        let sealed = self.seal(store, &granted.stored).await?;
        let mut attempt = 1;
        loop {
            let saved = self
                .connections
                .renew(store, owner, sealed.clone(), granted.expires_at)
                .await;
            match saved {
                Ok(saved) => return Ok(saved),
                Err(_) if attempt < STORE_ATTEMPTS => attempt += 1,
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Ends a lease after a failure, so that other functions need not wait for it. If that fails, it expires.
    async fn end(&self, store: &StoreKey, generation: u64, lease: &Lease) {
        let now = self.time.now();
        let ended = Lease {
            owner: lease.owner.clone(),
            until: now,
        };
        let _lapses_otherwise = self.connections.lease(store, generation, &ended, now).await;
    }

    async fn grant(
        &self,
        store: &StoreKey,
        grant_type: GrantType<'_>,
        until: Timestamp,
    ) -> Result<Granted, CatalogueError> {
        self.app.grant(&self.http, &self.time, store, grant_type, until).await
    }

    async fn find(&self, store: &StoreKey) -> Result<OpenedConnection, CatalogueError> {
        let connection = self
            .connections
            .find(store)
            .await?
            .ok_or(CatalogueError::NotConnected)?;
        let open = self.vault.open(store, &connection.sealed).await?;
        // The error does not quote the text: it holds tokens.
        let stored = serde_json::from_slice(&open).map_err(|_| PortError::new("connections", StoredTokensError))?;
        Ok(OpenedConnection { connection, stored })
    }

    async fn seal(&self, store: &StoreKey, stored: &StoredTokens) -> Result<Vec<u8>, PortError> {
        let open = serde_json::to_vec(stored).map_err(|_| PortError::new("connections", StoredTokensError))?;
        self.vault.seal(store, &open).await
    }

    fn remember(&self, store: &StoreKey, found: &OpenedConnection) -> Secret {
        let expires_at = found.connection.expires_at.filter(|_| found.stored.renews());
        self.remember_until(store, found.stored.access(), expires_at)
    }

    fn remember_until(&self, store: &StoreKey, access: Secret, expires_at: Option<Timestamp>) -> Secret {
        let look_again = self.time.now() + CACHE_TIME;
        let good_until = expires_at.map_or(look_again, |expires_at| look_again.min(expires_at - RENEWAL_MARGIN));
        let remembered = CachedToken {
            access: access.clone(),
            good_until,
        };
        self.remembered().insert(store.clone(), remembered);
        access
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<StoreKey, CachedToken>> {
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
        let expires = found.connection.expires_at.filter(|_| found.stored.renews());
        if expires.is_some_and(|expires_at| expires_at - RENEWAL_MARGIN <= now) {
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

fn rejected_token() -> CatalogueError {
    CatalogueError::Refused {
        reason: "Shopify rejects it (401): was the app uninstalled, or the token revoked? Add the store again"
            .to_owned(),
    }
}

//! Use case: people manage endpoints.
//!
//! Listening is widened before an endpoint is written, and narrowed after it is gone
//! ([listening](crate::store::listening)). So an endpoint that exists misses nothing.

use std::{collections::BTreeSet, time::Duration};

use hookline_events::Resource;
use jiff::{SignedDuration, Timestamp};

use super::{
    Backlog, BacklogMode, Challenge, Credentials, CredentialsChange, Endpoint, EndpointId, EndpointKey,
    EndpointRecords, EndpointSettings, EndpointState, Proof, Scope, SealedSecret, TwoAuthorizationsError, WakeUps,
};
use crate::{
    kernel::port::{Clock, PortError},
    store::listening::{Audience, ListenError, Listener, Listeners, narrow, widen},
};

/// Most endpoints of one store.
pub const MAX_OF_STORE: usize = 20;

/// Most endpoints of all stores.
pub const MAX_OF_ALL: usize = 10;

/// Longest time for which an old secret signs beside its successor.
pub const MAX_OVERLAP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Most secrets of an endpoint: a rotation within the overlap of the last is refused beyond that.
const MAX_SECRETS: usize = 3;

/// Most characters of a reason.
const MAX_REASON: usize = 200;

/// Ports of [`Manage`].
pub trait ManagePorts {
    /// Endpoints.
    type Endpoints: EndpointRecords;
    /// Listeners.
    type Listeners: Listeners;
    /// Wake-ups of outboxes.
    type WakeUps: WakeUps;
    /// Clock.
    type Clock: Clock;
}

/// The use case.
pub struct Manage<P: ManagePorts> {
    /// Endpoints.
    pub endpoints: P::Endpoints,
    /// Listeners.
    pub listeners: P::Listeners,
    /// Wake-ups of outboxes.
    pub wake_ups: P::WakeUps,
    /// Clock.
    pub clock: P::Clock,
}

/// Failure to change an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// A table or the queue did not answer. **Retryable.**
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The store is not connected, or its listeners are being changed all the time.
    #[error(transparent)]
    Listening(ListenError),
    /// There is no such endpoint.
    #[error("there is no such endpoint")]
    NotFound,
    /// It was changed since it was read.
    #[error(
        "the endpoint has been changed since you read it: it has revision {0} now. Read it again and repeat your change"
    )]
    Changed(u32),
    /// The owner has as many endpoints as it may have.
    #[error("there are {0} endpoints already, which is the most: delete one that is no longer needed")]
    TooMany(usize),
    /// The endpoint is in a state that does not allow it.
    #[error("the endpoint is {state}: {advice}")]
    State {
        /// The state.
        state: &'static str,
        /// Advice.
        advice: &'static str,
    },
    /// The reason is too long.
    #[error("a reason has at most {MAX_REASON} characters, and no control characters")]
    Reason,
    /// Two of its credentials set the same header.
    #[error(transparent)]
    Authorizations(#[from] TwoAuthorizationsError),
    /// The overlap is too long.
    #[error("the old secret signs beside the new one for at most 7 days")]
    Overlap,
}

impl From<ListenError> for ManageError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::Storage(failure) => Self::Storage(failure),
            ListenError::Refused => Self::Listening(error),
        }
    }
}

/// Change of an endpoint by a person.
#[derive(Debug, Clone, PartialEq)]
pub enum EndpointChange {
    /// Other settings, and other credentials, if any are given.
    Settings {
        /// The settings, checked.
        settings: Box<EndpointSettings>,
        /// The credentials.
        credentials: Box<CredentialsChange>,
    },
    /// Stop posting.
    Pause {
        /// Reason, for others.
        reason: Option<String>,
    },
    /// Post again.
    Activate {
        /// Treatment of what waited.
        backlog: BacklogMode,
    },
    /// Sign with a new secret, and with the old one for a while.
    Rotate {
        /// The new secret.
        secret: SealedSecret,
        /// Time for which the old one signs beside it.
        overlap: SignedDuration,
    },
    /// Send a challenge, by whose answer it proves itself.
    Verify(Challenge),
    /// Delete it, and discard what waits.
    Delete,
}

fn audience(scope: &Scope) -> Audience<'_> {
    match scope {
        Scope::Store(store) => Audience::Store(store),
        Scope::All => Audience::All,
    }
}

fn listener(resources: BTreeSet<Resource>) -> Listener {
    Listener { resources, until: None }
}

impl<P: ManagePorts> Manage<P> {
    /// Creates an endpoint with this id. The settings are checked, the secret and the credentials sealed for it.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn create(
        &self,
        key: &EndpointKey,
        settings: EndpointSettings,
        secret: SealedSecret,
        credentials: Credentials,
    ) -> Result<Endpoint, ManageError> {
        credentials.check()?;
        let most = match key.scope {
            Scope::Store(_) => MAX_OF_STORE,
            Scope::All => MAX_OF_ALL,
        };
        let there = self.endpoints.list(&key.scope).await?;
        let counts = |one: &&Endpoint| one.state != EndpointState::Deleting && one.key != *key;
        let there = there.iter().filter(counts).count();
        if there >= most {
            return Err(ManageError::TooMany(there));
        }
        let mut endpoint = Endpoint::new(key.clone(), settings, self.clock.now());
        endpoint.secrets = vec![secret];
        endpoint.credentials = credentials;
        self.widen(key, endpoint.settings.resources()).await?;
        if !self.endpoints.put(&endpoint).await? {
            // Our own, if the answer to an earlier attempt was lost.
            let there = self.endpoints.read(key).await?;
            let there = there.filter(|there| there.secrets == endpoint.secrets);
            return there.ok_or(ManageError::Changed(1));
        }
        Ok(endpoint)
    }

    /// Changes an endpoint that has this revision; without one, as it is.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn change(
        &self,
        key: &EndpointKey,
        revision: Option<u32>,
        change: &EndpointChange,
    ) -> Result<Endpoint, ManageError> {
        let before = self.endpoints.read(key).await?.ok_or(ManageError::NotFound)?;
        if revision.is_some_and(|revision| revision != before.revision) {
            return Err(ManageError::Changed(before.revision));
        }
        let now = self.clock.now();
        let after = match changed(&before, change, now) {
            Ok(after) => after,
            Err(refusal) => {
                if before.state == EndpointState::Active && matches!(change, EndpointChange::Activate { .. }) {
                    // Whoever has activated it may have died before the wake-up, and this is the same person.
                    self.wake_ups.send(key, before.pool, Duration::ZERO).await?;
                }
                return Err(refusal);
            }
        };
        let (old, new) = (before.settings.resources(), after.settings.resources());
        if old != new {
            self.widen(key, old.union(&new).copied().collect()).await?;
        }
        if !self.endpoints.put(&after).await? {
            let there = self.endpoints.read(key).await?.ok_or(ManageError::NotFound)?;
            return Err(ManageError::Changed(there.revision));
        }
        if after.state == EndpointState::Deleting {
            narrow(&self.listeners, audience(&key.scope), key.id.as_str(), now).await?;
        } else if old != new {
            self.widen(key, new).await?;
        }
        let wakes = matches!(
            change,
            EndpointChange::Activate { .. } | EndpointChange::Verify(_) | EndpointChange::Delete
        );
        if wakes {
            self.wake_ups.send(key, after.pool, Duration::ZERO).await?;
        }
        Ok(after)
    }

    async fn widen(&self, key: &EndpointKey, resources: BTreeSet<Resource>) -> Result<(), ManageError> {
        let (now, listener) = (self.clock.now(), listener(resources));
        widen(&self.listeners, audience(&key.scope), key.id.as_str(), &listener, now).await?;
        Ok(())
    }
}

/// Returns an endpoint after a change.
fn changed(before: &Endpoint, change: &EndpointChange, now: Timestamp) -> Result<Endpoint, ManageError> {
    let refused = |advice| ManageError::State {
        state: before.state.as_str(),
        advice,
    };
    if before.state == EndpointState::Deleting {
        return match change {
            // Again, because the answer was lost.
            EndpointChange::Delete => Ok(Endpoint {
                revision: before.revision + 1,
                ..before.clone()
            }),
            _ => Err(refused("create another one")),
        };
    }
    let mut after = before.clone();
    after.revision += 1;
    match change {
        EndpointChange::Settings { settings, credentials } => {
            if settings.url != before.settings.url {
                // Another server: what was learned of the old one does not hold.
                after.reset_at = now;
                after.proof = Proof::default();
            }
            after.settings = (**settings).clone();
            after.credentials.apply(credentials);
            after.credentials.check()?;
        }
        EndpointChange::Pause { reason } => {
            let is_text =
                |reason: &String| reason.chars().count() <= MAX_REASON && !reason.chars().any(char::is_control);
            if !reason.as_ref().is_none_or(is_text) {
                return Err(ManageError::Reason);
            }
            if before.state != EndpointState::Active {
                return Err(refused("only an active one can be paused"));
            }
            after.state = EndpointState::Paused;
            after.state_since = now;
            after.state_reason.clone_from(reason);
        }
        EndpointChange::Activate { backlog } => {
            if before.state == EndpointState::Active {
                return Err(refused("there is nothing to activate"));
            }
            after.state = EndpointState::Active;
            after.state_since = now;
            after.state_reason = None;
            after.reset_at = now;
            let mode = *backlog;
            after.backlog = (mode != BacklogMode::Send).then_some(Backlog { mode, before: now });
        }
        EndpointChange::Rotate { secret, overlap } => {
            if *overlap < SignedDuration::ZERO || *overlap > MAX_OVERLAP {
                return Err(ManageError::Overlap);
            }
            let ends = now.checked_add(*overlap).unwrap_or(now);
            let mut secrets = vec![SealedSecret {
                created_at: now,
                until: None,
                ..secret.clone()
            }];
            // An old one that ends sooner keeps its end.
            secrets.extend(before.valid_secrets(now).map(|old| SealedSecret {
                until: Some(old.until.map_or(ends, |until| until.min(ends))),
                ..old.clone()
            }));
            secrets.retain(|secret| secret.until.is_none_or(|until| until > now));
            if secrets.len() > MAX_SECRETS {
                return Err(refused(
                    "it has three secrets that still sign: wait until one ends, or use a shorter overlap",
                ));
            }
            after.secrets = secrets;
        }
        EndpointChange::Verify(challenge) => {
            after.proof.challenge = Some(challenge.clone());
            after.proof.failed = None;
        }
        EndpointChange::Delete => {
            after.state = EndpointState::Deleting;
            after.state_since = now;
        }
    }
    Ok(after)
}

/// Returns a new id of an endpoint.
///
/// # Errors
/// [`PortError`] if the system has no randomness.
pub fn new_key(scope: Scope, now: Timestamp) -> Result<EndpointKey, PortError> {
    let id = EndpointId::generate(now)?;
    Ok(EndpointKey { scope, id })
}

#[cfg(test)]
mod tests;

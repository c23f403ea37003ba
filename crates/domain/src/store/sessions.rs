//! Use case: somebody watches the events of a store for a while, as `hookline listen` does.
//!
//! A session is a temporary [listener](super::listening): it makes the store's events wanted, and tells the fan-out that
//! connections may want them. It ends by itself unless it is renewed, so one that is abandoned costs little.

use std::{collections::BTreeSet, fmt, str::FromStr};

use hookline_events::Resource;
use jiff::{SignedDuration, Timestamp};

use super::listening::{Audience, ListenError, Listener, Listeners, SESSION, narrow, widen};
use crate::kernel::{ids::StoreKey, time::later};

/// Time after which a session ends unless it is renewed.
pub const LASTS: SignedDuration = SignedDuration::from_mins(10);

/// Maximum number of sessions of a store at a time.
pub const MAX_SESSIONS: usize = 8;

/// Name of a session, chosen by who begins it: 8 to 40 small letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

/// A text that is no [`SessionName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session is named by 8 to 40 small letters, digits and hyphens")]
pub struct ParseSessionError;

/// Failure to begin or renew a session.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The listeners could not be changed. **Retryable.**
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Others are watching, and one more would exceed [`MAX_SESSIONS`].
    #[error("{MAX_SESSIONS} sessions are watching this store already; one that was interrupted ends within 10 minutes")]
    TooMany,
}

impl FromStr for SessionName {
    type Err = ParseSessionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (8..=40).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseSessionError)
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SessionName {
    fn listener(&self) -> String {
        format!("{SESSION}{self}")
    }
}

/// Begins a session, or renews it. Returns its end. Events from before the beginning of a session need not exist.
///
/// # Errors
/// [`BeginError`].
pub async fn begin(
    listeners: &impl Listeners,
    store: &StoreKey,
    session: &SessionName,
    resources: BTreeSet<Resource>,
    now: Timestamp,
) -> Result<Timestamp, BeginError> {
    let (to, name) = (Audience::Store(store), session.listener());
    let known = listeners.listening(to).await.map_err(ListenError::from)?;
    let others = known
        .sessions()
        .filter(|(other, listener)| **other != name && listener.lasts_beyond(now));
    if others.count() >= MAX_SESSIONS {
        return Err(BeginError::TooMany);
    }
    let until = later(now, LASTS);
    let listener = Listener {
        resources,
        until: Some(until),
    };
    widen(listeners, to, &name, &listener, now).await?;
    Ok(until)
}

/// Ends a session. Does nothing if it has ended.
///
/// # Errors
/// [`ListenError`]. The session ends by itself then.
pub async fn end(
    listeners: &impl Listeners,
    store: &StoreKey,
    session: &SessionName,
    now: Timestamp,
) -> Result<(), ListenError> {
    narrow(listeners, Audience::Store(store), &session.listener(), now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{MemoryStores, noon},
        store::{
            listening::Listening,
            stores::{StoreUpdate, Stores},
        },
        testing::store,
    };

    async fn known() -> MemoryStores {
        let stores = MemoryStores::default();
        stores.record(&store(), &StoreUpdate::default()).await.unwrap();
        stores
    }

    async fn listening(stores: &MemoryStores) -> Listening {
        stores.listening(Audience::Store(&store())).await.unwrap()
    }

    fn session(number: usize) -> SessionName {
        format!("session-{number}").parse().unwrap()
    }

    async fn begun(stores: &MemoryStores, number: usize, now: Timestamp) -> Result<Timestamp, BeginError> {
        begin(stores, &store(), &session(number), [Resource::Product].into(), now).await
    }

    #[tokio::test]
    async fn store_is_wanted_and_watched_until_the_session_ends() {
        let stores = known().await;
        assert!(!listening(&stores).await.is_watched(noon()));
        let until = begun(&stores, 1, noon()).await.unwrap();
        assert_eq!(until, noon() + LASTS);
        let during = listening(&stores).await;
        assert!(during.is_watched(noon()) && during.period(Resource::Product, noon()).is_some());
        assert!(during.period(Resource::Order, noon()).is_none());
        assert!(!during.is_watched(until), "it ends by itself");
        end(&stores, &store(), &session(1), noon()).await.unwrap();
        let after = listening(&stores).await;
        assert!(!after.is_watched(noon()) && after.period(Resource::Product, noon()).is_none());
        end(&stores, &store(), &session(1), noon()).await.unwrap();
    }

    #[tokio::test]
    async fn renewed_session_continues_its_period() {
        let stores = known().await;
        begun(&stores, 1, noon()).await.unwrap();
        let first = listening(&stores).await.period(Resource::Product, noon());
        let renewed = noon() + SignedDuration::from_mins(3);
        assert_eq!(begun(&stores, 1, renewed).await.unwrap(), renewed + LASTS);
        assert_eq!(listening(&stores).await.period(Resource::Product, renewed), first);
    }

    #[tokio::test]
    async fn number_of_sessions_is_bounded_and_ended_ones_do_not_count() {
        let stores = known().await;
        for number in 0..MAX_SESSIONS {
            begun(&stores, number, noon()).await.unwrap();
        }
        let refused = begun(&stores, MAX_SESSIONS, noon()).await;
        assert!(matches!(refused, Err(BeginError::TooMany)), "{refused:?}");
        begun(&stores, 0, noon()).await.unwrap();
        begun(&stores, MAX_SESSIONS, noon() + LASTS).await.unwrap();
    }

    #[tokio::test]
    async fn lasting_listener_is_no_session() {
        let stores = known().await;
        let lasting = Listener {
            resources: [Resource::Product].into(),
            until: None,
        };
        widen(&stores, Audience::Store(&store()), "ep_1", &lasting, noon())
            .await
            .unwrap();
        assert!(!listening(&stores).await.is_watched(noon()));
    }

    #[test]
    fn session_name_has_bounds() {
        for text in ["short", "with space", "UPPERCASE", "under_score", &"a".repeat(41)] {
            assert_eq!(text.parse::<SessionName>(), Err(ParseSessionError));
        }
        let name: SessionName = "3f1c7a52-7c1e-4d5b-9a53-0a6f9a1f1f00".parse().unwrap();
        assert_eq!(name.to_string(), "3f1c7a52-7c1e-4d5b-9a53-0a6f9a1f1f00");
    }
}

//! Listeners: for which kinds of things events of a store are published.
//!
//! No event is made of a thing that nobody listens to, and nothing is written for it. A kind of thing is listened to in
//! numbered **periods**: what was published in one period says nothing about the next, because nothing was published in
//! between.
//!
//! ```text
//!   listener comes: widen ─▶ it is created         listener goes: it is removed ─▶ narrow
//! ```
//!
//! So what is published is always at least what listeners want; an event too many finds no listener.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use hookline_events::Resource;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::kernel::{ids::StoreKey, port::PortError, time::later};

/// Name of the listener that is the operator's event bus.
pub const BUS: &str = "bus";

/// Beginning of the names of the listeners that watch a store over the WebSocket API for a while.
pub(super) const SESSION: &str = "watch-";

/// Least time that a temporary listener must have left so that its listening counts as unbroken: more than the
/// difference of two clocks.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Attempts of a change that others overtake.
const MAX_ATTEMPTS: usize = 8;

/// Listeners to one store, or to all stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listening {
    listeners: BTreeMap<String, Listener>,
    periods: BTreeMap<Resource, Period>,
    /// Number of the latest period, or of the latest listener who joined one.
    last: u32,
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Listener {
    /// Kinds of things whose events it wants.
    pub resources: BTreeSet<Resource>,
    /// End of its listening, unless it is extended; `None` if it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Listener {
    fn wants(&self, resource: Resource, at: Timestamp) -> bool {
        self.resources.contains(&resource) && self.lasts_beyond(at)
    }

    pub(super) fn lasts_beyond(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| until > at)
    }
}

/// Period in which a kind of thing has been listened to without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// Number, from 1; never used again.
    pub number: u32,
    /// Beginning.
    pub since: Timestamp,
    /// Number of the latest listener who joined, from the same count: the period's own if it was the first.
    pub joined: u32,
}

impl Listening {
    /// Returns true if there is a listener of this name, lasting or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.listeners.contains_key(name)
    }

    /// Returns the listeners by their names.
    #[must_use]
    pub fn listeners(&self) -> &BTreeMap<String, Listener> {
        &self.listeners
    }

    /// Returns true if somebody may be watching the events over the WebSocket API at `now`.
    #[must_use]
    pub fn is_watched(&self, now: Timestamp) -> bool {
        self.sessions().any(|(_, listener)| listener.lasts_beyond(now))
    }

    /// Listeners that watch over the WebSocket API.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (&String, &Listener)> {
        self.listeners.iter().filter(|(name, _)| name.starts_with(SESSION))
    }

    /// Returns the period in which a kind of thing is listened to at `now`, if it is.
    #[must_use]
    pub fn period(&self, resource: Resource, now: Timestamp) -> Option<Period> {
        self.is_wanted(resource, now)
            .then(|| self.periods.get(&resource).copied())
            .flatten()
    }

    fn is_wanted(&self, resource: Resource, at: Timestamp) -> bool {
        self.listeners.values().any(|listener| listener.wants(resource, at))
    }

    /// Returns the listening with this listener, added or replaced. Begins a period of each kind of thing that nobody
    /// listened to, or only somebody whose time is nearly over. Otherwise a listener who is new to a kind of thing joins
    /// its period.
    #[must_use]
    pub fn widened(&self, name: &str, listener: &Listener, now: Timestamp) -> Self {
        let mut widened = self.clone();
        widened.listeners.insert(name.to_owned(), listener.clone());
        let soon = later(now, CLOCK_MARGIN);
        for resource in &listener.resources {
            let known = self
                .listeners
                .get(name)
                .is_some_and(|known| known.wants(*resource, soon));
            if known {
                continue;
            }
            widened.last += 1;
            let joined = widened.last;
            let period = self.periods.get(resource).filter(|_| self.is_wanted(*resource, soon));
            let period = match period {
                Some(period) => Period { joined, ..*period },
                None => Period {
                    number: joined,
                    since: now,
                    joined,
                },
            };
            widened.periods.insert(*resource, period);
        }
        widened.tidied(now)
    }

    /// Returns the listening without this listener.
    #[must_use]
    pub fn narrowed(&self, name: &str, now: Timestamp) -> Self {
        let mut narrowed = self.clone();
        narrowed.listeners.remove(name);
        narrowed.tidied(now)
    }

    /// Leaves out what is over. The number of the latest period stays.
    fn tidied(mut self, now: Timestamp) -> Self {
        self.listeners.retain(|_, listener| listener.lasts_beyond(now));
        let wanted: BTreeSet<Resource> = self
            .listeners
            .values()
            .flat_map(|listener| listener.resources.iter().copied())
            .collect();
        self.periods.retain(|resource, _| wanted.contains(resource));
        self
    }
}

/// Periods in which a kind of thing is listened to at this store: by listeners of the store's own, and by listeners to all
/// stores. At least one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heard {
    /// Period of the store's own listeners, if it has any.
    own: Option<Period>,
    /// Period of listeners to all stores, if there are any.
    all: Option<Period>,
    /// Beginning of the earlier of the two.
    pub since: Timestamp,
}

impl Heard {
    /// Returns the periods in which a kind of thing is listened to at `now`; `None` if nobody does.
    #[must_use]
    pub fn of(own: &Listening, all: &Listening, resource: Resource, now: Timestamp) -> Option<Self> {
        let (own, all) = (own.period(resource, now), all.period(resource, now));
        let since = own.iter().chain(&all).map(|period| period.since).min()?;
        Some(Self { own, all, since })
    }

    /// Heard by listeners to one store only, in a period with this number. For tests of adapters.
    #[must_use]
    pub fn by_one(number: u32) -> Self {
        let period = Period {
            number,
            since: Timestamp::UNIX_EPOCH,
            joined: number,
        };
        Self {
            own: Some(period),
            all: None,
            since: period.since,
        }
    }

    /// Numbers of the latest listeners, of the store's own and of those to all stores; 0 where there are none. They go with
    /// what is published.
    #[must_use]
    pub fn audience(&self) -> (u32, u32) {
        let joined = |period: Option<Period>| period.map_or(0, |period| period.joined);
        (joined(self.own), joined(self.all))
    }

    /// Returns true if listening has not been broken since something was published to this [`audience`](Self::audience).
    #[must_use]
    pub fn continues(&self, (own, all): (u32, u32)) -> bool {
        let within = |period: Option<Period>, joined| period.is_some_and(|period| period.number <= joined);
        within(self.own, own) || within(self.all, all)
    }

    /// Returns true if somebody listens now who did not when something was published to this
    /// [`audience`](Self::audience): they may have read a state in between of which no event was sent.
    #[must_use]
    pub fn has_joined_since(&self, (own, all): (u32, u32)) -> bool {
        let (now_own, now_all) = self.audience();
        now_own > own || now_all > all
    }
}

/// Stores to which somebody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// One store.
    Store(&'a StoreKey),
    /// All stores.
    All,
}

/// Stores who listens.
pub trait Listeners: Send + Sync {
    /// Returns the listeners. Sees every earlier write.
    fn listening(&self, to: Audience<'_>) -> impl Future<Output = Result<Listening, PortError>> + Send;

    /// Replaces the listeners, if they are still those of `before`; returns whether they were. Creates no record of a
    /// store that is unknown, and returns `false`.
    fn replace(
        &self,
        to: Audience<'_>,
        before: &Listening,
        after: &Listening,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// Failure to change who listens. **Retryable.**
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The table failed.
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The store is unknown, or others change its listeners all the time.
    #[error("the listeners of this store cannot be changed: it is unknown, or others are changing them; try again")]
    Refused,
}

/// Adds a listener, or replaces the one of this name. Call it **before** the listener exists.
///
/// # Errors
/// [`ListenError`].
pub async fn widen(
    listeners: &impl Listeners,
    to: Audience<'_>,
    name: &str,
    listener: &Listener,
    now: Timestamp,
) -> Result<Listening, ListenError> {
    change(listeners, to, |before| before.widened(name, listener, now)).await
}

/// Removes a listener. Call it **after** the listener is gone.
///
/// # Errors
/// [`ListenError`].
pub async fn narrow(
    listeners: &impl Listeners,
    to: Audience<'_>,
    name: &str,
    now: Timestamp,
) -> Result<Listening, ListenError> {
    change(listeners, to, |before| before.narrowed(name, now)).await
}

async fn change(
    listeners: &impl Listeners,
    to: Audience<'_>,
    after: impl Fn(&Listening) -> Listening,
) -> Result<Listening, ListenError> {
    for _ in 0..MAX_ATTEMPTS {
        let before = listeners.listening(to).await?;
        let after = after(&before);
        if before == after || listeners.replace(to, &before, &after).await? {
            return Ok(after);
        }
    }
    Err(ListenError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MemoryStores, noon};

    fn wants(resources: &[Resource]) -> Listener {
        Listener {
            resources: resources.iter().copied().collect(),
            until: None,
        }
    }

    fn after(seconds: i64) -> Timestamp {
        later(noon(), SignedDuration::from_secs(seconds))
    }

    fn number(listening: &Listening, resource: Resource) -> Option<u32> {
        listening.period(resource, after(1)).map(|period| period.number)
    }

    const PRODUCT: Resource = Resource::Product;
    const ORDER: Resource = Resource::Order;

    #[test]
    fn period_lasts_as_long_as_anybody_listens_and_no_number_comes_back() {
        let one = Listening::default().widened("one", &wants(&[PRODUCT]), noon());
        let both = one.widened("two", &wants(&[PRODUCT, ORDER]), noon());
        assert_eq!((number(&both, PRODUCT), number(&both, ORDER)), (Some(1), Some(3)));
        let two = both.narrowed("one", noon());
        assert_eq!(number(&two, PRODUCT), Some(1), "two still listens");
        let orders = two.widened("two", &wants(&[ORDER]), noon());
        assert_eq!((number(&orders, PRODUCT), number(&orders, ORDER)), (None, Some(3)));
        let again = orders.widened("one", &wants(&[PRODUCT]), noon());
        assert_eq!(number(&again, PRODUCT), Some(4));
        let nobody = again.narrowed("one", noon()).narrowed("two", noon());
        assert_eq!(
            number(&nobody.widened("one", &wants(&[PRODUCT]), noon()), PRODUCT),
            Some(5)
        );
    }

    #[test]
    fn temporary_listener_ends_by_itself_and_one_extended_in_time_is_unbroken() {
        let until = |seconds| Listener {
            until: Some(after(seconds)),
            ..wants(&[PRODUCT])
        };
        let listening = Listening::default().widened("cli", &until(600), noon());
        assert!(listening.period(PRODUCT, after(599)).is_some());
        assert!(listening.period(PRODUCT, after(600)).is_none());
        let in_time = listening.widened("cli", &until(1200), after(500));
        assert_eq!(number(&in_time, PRODUCT), Some(1));
        let too_late = listening.widened("cli", &until(1200), after(541));
        assert_eq!(number(&too_late, PRODUCT), Some(2), "another clock may be ahead");
        let later = listening.widened("other", &wants(&[ORDER]), after(601));
        assert!(!later.has("cli"), "what is over is left out");
    }

    #[test]
    fn listening_is_unbroken_if_either_audience_has_listened_all_the_time() {
        let own = Listening::default().widened("one", &wants(&[PRODUCT]), after(-10));
        let all = Listening::default().widened(BUS, &wants(&[PRODUCT]), noon());
        let none = Listening::default();
        let heard = |own: &Listening, all: &Listening| Heard::of(own, all, PRODUCT, after(1));
        let both = heard(&own, &all).unwrap();
        assert_eq!((both.audience(), both.since), ((1, 1), after(-10)));
        assert_eq!(heard(&none, &none), None);
        assert!(both.continues((1, 0)) && both.continues((0, 1)));
        assert!(!both.continues((0, 0)));
        assert!(
            !heard(&none, &all).unwrap().continues((1, 0)),
            "a period of its own listeners says nothing of others"
        );
        let again = own.narrowed("one", noon()).widened("one", &wants(&[PRODUCT]), noon());
        assert!(
            !heard(&again, &none).unwrap().continues((1, 0)),
            "a period that has ended"
        );
        let joined = own.widened("two", &wants(&[PRODUCT]), noon());
        let joined = heard(&joined, &none).unwrap();
        assert!(joined.continues((1, 0)) && joined.has_joined_since((1, 0)));
        assert!(!joined.has_joined_since(joined.audience()));
        let renewed = own.widened("one", &wants(&[PRODUCT, ORDER]), noon());
        assert!(!heard(&renewed, &none).unwrap().has_joined_since((1, 0)), "nobody new");
    }

    #[tokio::test]
    async fn two_changes_at_once_both_count() {
        let stores = MemoryStores::default();
        let (products, orders) = (wants(&[PRODUCT]), wants(&[ORDER]));
        let (one, two) = tokio::join!(
            widen(&stores, Audience::All, "one", &products, noon()),
            widen(&stores, Audience::All, "two", &orders, noon()),
        );
        one.unwrap();
        two.unwrap();
        let listening = stores.listening(Audience::All).await.unwrap();
        assert!(listening.has("one") && listening.has("two"));
        let stale = Listening::default();
        assert!(
            !stores
                .replace(Audience::All, &stale, &stale.widened("x", &wants(&[ORDER]), noon()))
                .await
                .unwrap()
        );
        let store = crate::testing::store();
        let refused = widen(&stores, Audience::Store(&store), "one", &wants(&[ORDER]), noon()).await;
        assert!(matches!(refused, Err(ListenError::Refused)), "no record is created");
    }
}

//! Shopify's leaky bucket of a store, as far as its responses show it.
//!
//! The bucket must hold the maximum cost of a query, the unused part is returned, and a query beyond it is refused
//! (<https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits>). So a query waits here until the
//! bucket is known to hold the cost that it last requested. Other clients of the store use the same bucket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::response::{Cost, ThrottleStatus};

/// A query: its name and its variant.
pub(crate) type Query = (&'static str, u32);

/// Bucket of one store, shared by all its queries in this process.
#[derive(Debug, Default)]
pub(crate) struct Bucket(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: Option<(ThrottleStatus, Timestamp)>,
    /// Requested cost of each query when it was last sent.
    costs: HashMap<Query, f64>,
    /// Requested cost of the queries in flight.
    taken: f64,
}

/// Share of a query in flight. Returned when the query ends, however it ends.
#[derive(Debug)]
pub(crate) struct Share {
    bucket: Arc<Bucket>,
    cost: f64,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bucket.lock().taken -= self.cost;
    }
}

impl Bucket {
    /// Takes the cost of a query, or returns the time to wait for it.
    pub(crate) fn take(self: &Arc<Self>, query: Query, now: Timestamp) -> Result<Share, SignedDuration> {
        let mut state = self.lock();
        let cost = state.costs.get(&query).copied().unwrap_or_default();
        match state.wait(cost, now) {
            SignedDuration::ZERO => {
                state.taken += cost;
                Ok(Share {
                    bucket: Arc::clone(self),
                    cost,
                })
            }
            wait => Err(wait),
        }
    }

    /// Records the cost and the bucket's state of a response.
    pub(crate) fn learn(&self, query: Query, cost: &Cost, now: Timestamp) {
        let mut state = self.lock();
        state.known = Some((cost.throttle_status, now));
        state.costs.insert(query, cost.requested_query_cost);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Time until the bucket holds `cost`.
    fn wait(&self, cost: f64, now: Timestamp) -> SignedDuration {
        let Some((status, at)) = self.known else {
            return SignedDuration::ZERO;
        };
        let since = now.duration_since(at).as_secs_f64().max(0.0);
        let available = (status.currently_available + since * status.restore_rate).min(status.maximum_available);
        // The bucket holds at most its maximum, and never less than zero.
        let needed = cost.min(status.maximum_available);
        let lacking = needed - (available - self.taken);
        if lacking <= 0.0 || status.restore_rate <= 0.0 {
            return SignedDuration::ZERO;
        }
        // Rounded up to a millisecond.
        let millis = (lacking / status.restore_rate * 1000.0).ceil().clamp(1.0, 3_600_000.0);
        #[expect(clippy::cast_possible_truncation, reason = "between 1 and 3,600,000")]
        SignedDuration::from_millis(millis as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: Query = ("Products", 0);

    fn cost(requested: f64, available: f64) -> Cost {
        Cost {
            requested_query_cost: requested,
            throttle_status: ThrottleStatus {
                maximum_available: 1000.0,
                currently_available: available,
                restore_rate: 50.0,
            },
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_262_400_000 + millis).unwrap()
    }

    fn wait(bucket: &Arc<Bucket>, millis: i64) -> i64 {
        match bucket.take(QUERY, at(millis)) {
            Ok(_share) => 0,
            Err(wait) => i64::try_from(wait.as_millis()).unwrap(),
        }
    }

    #[test]
    fn query_of_unknown_cost_is_sent() {
        assert_eq!(wait(&Arc::default(), 0), 0);
    }

    #[test]
    fn query_waits_until_the_bucket_holds_its_last_cost() {
        let bucket = Arc::<Bucket>::default();
        bucket.learn(QUERY, &cost(600.0, 500.0), at(0));
        assert_eq!(wait(&bucket, 0), 2_000);
        assert_eq!(wait(&bucket, 1_500), 500);
        assert_eq!(wait(&bucket, 2_000), 0);
        // Another query of unknown cost is sent.
        assert!(bucket.take(("Shop", 0), at(0)).is_ok());
    }

    #[test]
    fn queries_in_flight_have_taken_their_share() {
        let bucket = Arc::<Bucket>::default();
        bucket.learn(QUERY, &cost(600.0, 1000.0), at(0));
        let first = bucket.take(QUERY, at(0)).unwrap();
        assert_eq!(wait(&bucket, 0), 4_000);
        drop(first);
        assert_eq!(wait(&bucket, 0), 0);
    }

    #[test]
    fn bucket_holds_at_most_its_maximum() {
        let bucket = Arc::<Bucket>::default();
        bucket.learn(QUERY, &cost(600.0, 900.0), at(0));
        let first = bucket.take(QUERY, at(3_600_000)).unwrap();
        assert_eq!(wait(&bucket, 3_600_000), 4_000);
        // A query beyond the maximum is sent when the bucket is full, and Shopify refuses it.
        bucket.learn(QUERY, &cost(2_000.0, 1000.0), at(0));
        assert!(wait(&bucket, 0) > 0);
        drop(first);
        assert_eq!(wait(&bucket, 0), 0);
    }
}

//! Client that sends typed operations, waits when Shopify throttles it, and retries transient failures.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError, secret::Secret},
    sync::vendor::CatalogueError,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    bucket::{Bucket, Query},
    http::{Http, Reply, refused},
    operation::Operation,
    response::{self, GraphqlResponse, ResponseError},
    time::Time,
    tokens::Access,
};

/// Time for one call with all its waits, if no deadline is set.
pub const CALL_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);

/// Attempts of a call whose failure is transient.
const ATTEMPTS: u32 = 3;

/// Wait after the first transient failure; it doubles with each.
const FIRST_RETRY_DELAY: SignedDuration = SignedDuration::from_millis(500);

/// Maximum single wait for the bucket. After it the bucket is checked again: another query may have returned its share.
const MAX_SLEEP: SignedDuration = SignedDuration::from_secs(1);

/// Client of the Admin API of all stores. Clones share connections, tokens and the known limits of each store.
pub struct ShopifyAdmin<A> {
    pub(crate) http: Http,
    access: Arc<A>,
    pub(crate) time: Time,
    buckets: Arc<Mutex<HashMap<StoreKey, Arc<Bucket>>>>,
    deadline: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a, O> {
    operation_name: &'a str,
    query: &'a str,
    variables: &'a O,
}

/// Outcome of one attempt.
enum Attempt<T> {
    Done(T),
    Unauthorized,
    Throttled,
    Later(Option<i64>),
    Transient(CatalogueError),
}

impl<A> Clone for ShopifyAdmin<A> {
    fn clone(&self) -> Self {
        Self {
            http: self.http.clone(),
            access: Arc::clone(&self.access),
            time: self.time.clone(),
            buckets: Arc::clone(&self.buckets),
            deadline: self.deadline,
        }
    }
}

impl<A> fmt::Debug for ShopifyAdmin<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShopifyAdmin")
            .field("http", &self.http)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl<A: Access> ShopifyAdmin<A> {
    /// Creates a client with the tokens of `access`. Each call may take [`CALL_TIMEOUT`].
    pub fn new(http: Http, access: A, time: Time) -> Self {
        Self {
            http,
            access: Arc::new(access),
            time,
            buckets: Arc::default(),
            deadline: None,
        }
    }

    /// Returns a client with a deadline: a call that would have to wait beyond it fails with
    /// [`CatalogueError::Throttled`]. For one invocation.
    #[must_use]
    pub fn until(&self, deadline: Timestamp) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// Deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadline
            .unwrap_or_else(|| self.time.now().checked_add(CALL_TIMEOUT).unwrap_or(Timestamp::MAX))
    }

    /// Sends an operation and returns its data.
    pub(crate) async fn query<O: Operation>(
        &self,
        store: &StoreKey,
        operation: &O,
    ) -> Result<O::Response, CatalogueError> {
        let until = self.deadline();
        let bucket = self.bucket(store);
        let query = (O::NAME, operation.sort());
        let mut token = self.access.token(store, until).await?;
        let mut renewed = false;
        let (mut failures, mut throttled) = (0, 0);
        loop {
            match self.attempt(store, &token, operation, &bucket, query, until).await? {
                Attempt::Done(answer) => return Ok(answer),
                Attempt::Unauthorized if renewed => return Err(unauthorized()),
                Attempt::Unauthorized => {
                    token = self.access.refused(store, &token, until).await?;
                    renewed = true;
                }
                Attempt::Throttled => {
                    // The bucket knows the time by now, but other clients use it as well.
                    self.pause(doubled(SignedDuration::from_millis(50), throttled), until)
                        .await?;
                    throttled += 1;
                }
                Attempt::Later(seconds) => {
                    let wait = seconds.map_or_else(|| doubled(FIRST_RETRY_DELAY, throttled), SignedDuration::from_secs);
                    self.pause(wait, until).await?;
                    throttled += 1;
                }
                Attempt::Transient(failure) => {
                    failures += 1;
                    let retries = O::REPEATABLE && failures < ATTEMPTS;
                    if !retries
                        || self
                            .pause(doubled(FIRST_RETRY_DELAY, failures - 1), until)
                            .await
                            .is_err()
                    {
                        return Err(failure);
                    }
                }
            }
        }
    }

    async fn attempt<O: Operation>(
        &self,
        store: &StoreKey,
        token: &Secret,
        operation: &O,
        bucket: &Arc<Bucket>,
        query: Query,
        until: Timestamp,
    ) -> Result<Attempt<O::Response>, CatalogueError> {
        let body = Body {
            operation_name: O::NAME,
            query: O::TEXT,
            variables: operation,
        };
        let body = serde_json::to_vec(&body).map_err(|error| PortError::new(response::PORT, error))?;
        let share = loop {
            match bucket.take(query, self.time.now()) {
                Ok(share) => break share,
                Err(wait) if wait >= until.duration_since(self.time.now()) => return Err(CatalogueError::Throttled),
                Err(wait) => self.pause(wait.min(MAX_SLEEP), until).await?,
            }
        };
        let reply = self.http.query(store, token, body, self.time.remaining(until)).await?;
        drop(share);
        let body = match reply {
            Reply::Body(body) => body,
            Reply::Unauthorized => return Ok(Attempt::Unauthorized),
            Reply::Later(seconds) => return Ok(Attempt::Later(seconds)),
            Reply::Transient(failure) => return Ok(Attempt::Transient(failure.into())),
            Reply::Permanent(status, _) => return Err(refused(status)),
        };
        let answer: GraphqlResponse<O::Response> = response::read(O::NAME, &body)?;
        if let Some(cost) = answer.cost() {
            bucket.learn(query, &cost, self.time.now());
        }
        match answer.into_data(O::NAME) {
            Ok(data) => Ok(Attempt::Done(data)),
            Err(ResponseError::Throttled) => Ok(Attempt::Throttled),
            Err(ResponseError::Transient(failure)) => Ok(Attempt::Transient(failure)),
            Err(ResponseError::Permanent(failure)) => Err(failure),
        }
    }

    /// Waits, or fails if there is no time for it.
    async fn pause(&self, wait: SignedDuration, until: Timestamp) -> Result<(), CatalogueError> {
        if self.time.wait(wait, until).await {
            Ok(())
        } else {
            Err(CatalogueError::Throttled)
        }
    }

    fn bucket(&self, store: &StoreKey) -> Arc<Bucket> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(buckets.entry(store.clone()).or_default())
    }
}

/// Returns a wait that doubles each time, up to 64-fold.
fn doubled(wait: SignedDuration, times: u32) -> SignedDuration {
    wait * (1 << times.min(6))
}

fn unauthorized() -> CatalogueError {
    CatalogueError::Refused {
        reason: "Shopify rejects the stored token and a new one (401); was the app uninstalled? Add the store again"
            .to_owned(),
    }
}

//! The client: sends typed operations, waits where Shopify wants it, tries again what passes.

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
    answer::{self, Answer, Failure},
    bucket::{Bucket, Query},
    http::{Http, Reply, refused},
    operation::Operation,
    time::Time,
    tokens::Access,
};

/// How long one question may take, with all its waiting, where no deadline is given.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// How often a question is asked whose answer is a failure that may pass.
const ATTEMPTS: u32 = 3;

/// The wait after the first such failure; it doubles.
const PAUSE: SignedDuration = SignedDuration::from_millis(500);

/// The longest wait at once, after which is looked again: another may have given back what it took.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// Asks stores what they have. Clones share connections, tokens and what is known of each store's limits.
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

/// What became of one attempt.
enum Attempt<T> {
    Answered(T),
    Unauthorized,
    Throttled,
    Later(Option<i64>),
    Passing(CatalogueError),
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
    /// Asks with the tokens that `access` gives. Each question may take [`PATIENCE`].
    pub fn new(http: Http, access: A, time: Time) -> Self {
        Self {
            http,
            access: Arc::new(access),
            time,
            buckets: Arc::default(),
            deadline: None,
        }
    }

    /// The same, with an end: what would have to wait beyond it is [`CatalogueError::Throttled`] instead. For one invocation.
    #[must_use]
    pub fn until(&self, deadline: Timestamp) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// Until when a question that is asked now may take.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadline
            .unwrap_or_else(|| self.time.now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX))
    }

    /// Sends an operation and reads its answer.
    pub(crate) async fn ask<O: Operation>(&self, store: &StoreKey, operation: &O) -> Result<O::Answer, CatalogueError> {
        let until = self.deadline();
        let bucket = self.bucket(store);
        let query = (O::NAME, operation.sort());
        let mut token = self.access.token(store, until).await?;
        let mut renewed = false;
        let (mut failures, mut throttled) = (0, 0);
        loop {
            match self.attempt(store, &token, operation, &bucket, query, until).await? {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Unauthorized if renewed => return Err(unauthorized()),
                Attempt::Unauthorized => {
                    token = self.access.refused(store, &token, until).await?;
                    renewed = true;
                }
                Attempt::Throttled => {
                    // The bucket knows by now how long; but others empty it as well.
                    self.pause(doubled(SignedDuration::from_millis(50), throttled), until)
                        .await?;
                    throttled += 1;
                }
                Attempt::Later(seconds) => {
                    let wait = seconds.map_or_else(|| doubled(PAUSE, throttled), SignedDuration::from_secs);
                    self.pause(wait, until).await?;
                    throttled += 1;
                }
                Attempt::Passing(failure) => {
                    failures += 1;
                    let again = O::REPEATABLE && failures < ATTEMPTS;
                    if !again || self.pause(doubled(PAUSE, failures - 1), until).await.is_err() {
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
    ) -> Result<Attempt<O::Answer>, CatalogueError> {
        let body = Body {
            operation_name: O::NAME,
            query: O::TEXT,
            variables: operation,
        };
        let body = serde_json::to_vec(&body).map_err(|error| PortError::new(answer::PORT, error))?;
        let share = loop {
            match bucket.take(query, self.time.now()) {
                Ok(share) => break share,
                Err(wait) if wait >= until.duration_since(self.time.now()) => return Err(CatalogueError::Throttled),
                Err(wait) => self.pause(wait.min(LOOK_AGAIN), until).await?,
            }
        };
        let reply = self.http.query(store, token, body, self.time.left(until)).await?;
        drop(share);
        let body = match reply {
            Reply::Body(body) => body,
            Reply::Unauthorized => return Ok(Attempt::Unauthorized),
            Reply::Later(seconds) => return Ok(Attempt::Later(seconds)),
            Reply::Passing(failure) => return Ok(Attempt::Passing(failure.into())),
            Reply::Lasting(status, _) => return Err(refused(status)),
        };
        let answer: Answer<O::Answer> = answer::read(O::NAME, &body)?;
        if let Some(cost) = answer.cost() {
            bucket.learn(query, &cost, self.time.now());
        }
        match answer.into_data(O::NAME) {
            Ok(data) => Ok(Attempt::Answered(data)),
            Err(Failure::Throttled) => Ok(Attempt::Throttled),
            Err(Failure::Passing(failure)) => Ok(Attempt::Passing(failure)),
            Err(Failure::Lasting(failure)) => Err(failure),
        }
    }

    /// Waits, or says that there is no time to.
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

/// A wait that doubles, up to 64-fold.
fn doubled(wait: SignedDuration, times: u32) -> SignedDuration {
    wait * (1 << times.min(6))
}

fn unauthorized() -> CatalogueError {
    CatalogueError::Refused {
        reason: "neither the one that is kept nor a new one (401); was the app uninstalled? Add the store again"
            .to_owned(),
    }
}

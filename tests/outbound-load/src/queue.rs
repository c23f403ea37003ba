//! Queues of wake-ups: two, as in the template.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hookline_domain::{
    kernel::port::PortError,
    outbound::{EndpointKey, Pool, WakeUps},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use crate::ports::{CALL, Units, add};

/// Time from the end of a send until a poller has the message.
const HAND_OVER: Duration = Duration::from_millis(10);

/// Messages of a batch, as in the template.
const BATCH: usize = 10;

/// Queue of one pool. It hands out what has been visible for the longest time, whoever it is of: SQS's fairness is not counted
/// on.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By the time from which they are visible.
    visible: BTreeSet<(Instant, u64)>,
    endpoints: BTreeMap<u64, EndpointKey>,
    sent: u64,
}

/// Both queues.
#[derive(Debug, Clone)]
pub struct Queues {
    queues: Arc<[Queue; 2]>,
    units: Arc<Units>,
}

impl Queues {
    pub fn new(units: &Arc<Units>) -> Self {
        Self {
            queues: Arc::default(),
            units: Arc::clone(units),
        }
    }

    fn of(&self, pool: Pool) -> &Queue {
        match pool {
            Pool::Fast => &self.queues[0],
            Pool::Slow => &self.queues[1],
        }
    }

    /// Waits for messages, and takes at most [`BATCH`]: a receive and a delete.
    pub async fn take(&self, pool: Pool) -> Vec<EndpointKey> {
        let queue = self.of(pool);
        loop {
            let arrived = queue.arrived.notified();
            let (batch, next) = lock(&queue.waiting).take(Instant::now());
            if !batch.is_empty() {
                add(&self.units.queue_requests, 2);
                return batch;
            }
            match next {
                Some(next) => {
                    tokio::select! {
                        () = sleep_until(next) => {}
                        () = arrived => {}
                    }
                }
                None => arrived.await,
            }
        }
    }

    /// Number of messages, visible or not.
    pub fn len(&self) -> usize {
        self.queues.iter().map(|queue| lock(&queue.waiting).visible.len()).sum()
    }
}

impl Waiting {
    /// Takes what is visible, at most [`BATCH`]; or else says when something will be.
    fn take(&mut self, now: Instant) -> (Vec<EndpointKey>, Option<Instant>) {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(first) = self.visible.first()
            && first.0 <= now
        {
            let (_, id) = *first;
            self.visible.pop_first();
            batch.extend(self.endpoints.remove(&id));
        }
        (batch, self.visible.first().map(|(at, _)| *at))
    }
}

impl WakeUps for Queues {
    async fn send(&self, endpoint: &EndpointKey, pool: Pool, delay: Duration) -> Result<(), PortError> {
        sleep(CALL).await;
        add(&self.units.queue_requests, 1);
        // Whole seconds, rounded up, as SQS has them.
        let whole = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let queue = self.of(pool);
        {
            let mut waiting = lock(&queue.waiting);
            waiting.sent += 1;
            let id = waiting.sent;
            let at = Instant::now() + Duration::from_secs(whole) + HAND_OVER;
            waiting.visible.insert((at, id));
            waiting.endpoints.insert(id, endpoint.clone());
        }
        queue.arrived.notify_one();
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

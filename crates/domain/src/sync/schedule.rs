//! Use case: the daily and hourly work for every store: sends a job for each store that is installed and that we hold a
//! token for.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::{
    catalogue::jobs::{Job, Jobs, Task},
    kernel::port::PortError,
    store::stores::{RunTask, StoreList, StoreRecord},
    sync::begin::first,
};

/// Delay between the jobs of two stores, so that they do not all start at once.
const SPACING: SignedDuration = SignedDuration::from_secs(2);

/// Maximum delay of a job: the limit of [`Jobs::send`].
const MAX_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// Sends a job for each store.
#[derive(Debug)]
pub struct Schedule<S, J> {
    /// All stores.
    pub stores: S,
    /// Queue of jobs.
    pub jobs: J,
}

/// Kind of scheduled work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Compares catalogues with the index.
    Reconcile,
    /// Checks subscriptions and queues.
    Watch,
}

impl Due {
    fn task(self, record: &StoreRecord) -> Task {
        match self {
            Self::Reconcile => first(record, RunTask::Reconcile),
            Self::Watch => Task::Watch,
        }
    }
}

impl<S: StoreList, J: Jobs> Schedule<S, J> {
    /// Sends a job for each store that is installed and connected. Returns the number of jobs.
    ///
    /// # Errors
    /// [`PortError`]. Some jobs may have been sent; sending them again is harmless.
    pub async fn send(&self, due: Due) -> Result<usize, PortError> {
        let (mut sent, mut delay, mut after) = (0, SignedDuration::ZERO, None);
        loop {
            let page = self.stores.page(after.as_ref()).await?;
            for (store, view) in page.stores {
                if view.record.enabled && view.record.connected {
                    let job = Job {
                        store,
                        task: due.task(&view.record),
                        cause: None,
                    };
                    self.jobs.send(&job, delay).await?;
                    sent += 1;
                    delay = if delay + SPACING > MAX_DELAY {
                        SignedDuration::ZERO
                    } else {
                        delay + SPACING
                    };
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(sent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::jobs::{ReconcileStep, WalkStep},
        kernel::ids::StoreKey,
        memory::{MemoryJobs, MemoryStores},
        store::stores::{StoreUpdate, Stores},
    };

    fn store(name: &str) -> StoreKey {
        format!("shopify#{name}").parse().unwrap()
    }

    #[tokio::test]
    async fn only_installed_and_connected_stores_get_a_job() {
        let schedule = Schedule {
            stores: MemoryStores::default(),
            jobs: MemoryJobs::default(),
        };
        for (name, connected) in [("a", true), ("b", true), ("left", true), ("no-token", false)] {
            let update = StoreUpdate {
                connected: Some(connected),
                ..StoreUpdate::default()
            };
            schedule.stores.record(&store(name), &update).await.unwrap();
        }
        let uninstalled = "2026-11-21T12:00:00Z".parse().unwrap();
        schedule.stores.disable(&store("left"), uninstalled).await.unwrap();
        for (due, task) in [
            (
                Due::Reconcile,
                Task::Reconcile {
                    step: ReconcileStep::Begin,
                },
            ),
            (Due::Watch, Task::Watch),
        ] {
            assert_eq!(schedule.send(due).await.unwrap(), 2);
            let sent = schedule.jobs.take();
            let job = |name| Job {
                store: store(name),
                task: task.clone(),
                cause: None,
            };
            assert_eq!(sent, [(job("a"), SignedDuration::ZERO), (job("b"), SPACING)]);
        }
        let asked = StoreUpdate {
            asked: true,
            ..StoreUpdate::default()
        };
        schedule.stores.record(&store("b"), &asked).await.unwrap();
        assert_eq!(schedule.send(Due::Reconcile).await.unwrap(), 2);
        let sent: Vec<Task> = schedule.jobs.take().into_iter().map(|(job, _)| job.task).collect();
        let walk = Task::Walk {
            run: RunTask::Reconcile,
            step: WalkStep::Begin,
        };
        let reconcile = Task::Reconcile {
            step: ReconcileStep::Begin,
        };
        assert_eq!(sent, [reconcile, walk], "a source that has to be asked has no export");
        assert_eq!(serde_json::from_str::<Due>("\"reconcile\"").unwrap(), Due::Reconcile);
        assert_eq!(serde_json::from_str::<Due>("\"watch\"").unwrap(), Due::Watch);
    }
}

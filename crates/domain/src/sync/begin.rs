//! Use case: a person asks for a run through a store's catalogue, which function `sync` does in jobs.

use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::jobs::{Job, Jobs, ReconcileStep, Task},
    kernel::{ids::StoreKey, port::PortError},
    store::stores::{Run, RunStage, RunTask, StoreRecord},
};

/// A run that has not been heard of for so long has died.
const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Why no run is begun.
#[derive(Debug, thiserror::Error)]
pub enum StartRunError {
    /// There is nothing to ask.
    #[error("the store has uninstalled the app: there is nothing to ask")]
    Uninstalled,
    /// Nobody may ask.
    #[error(
        "we hold no token for the store's Admin API: give it one with `hookline store add`, or have it install the app"
    )]
    NotConnected,
    /// It would do the same twice.
    #[error("a run through this store's catalogue is going on, since {0}: wait for its end")]
    Going(Timestamp),
    /// The job could not be sent. Worth a retry.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Sends the job that begins a run. How it goes is in the status ([`StoreRecord::run`]) within seconds. Who asks twice
/// before that has two, which do no harm but cost.
///
/// # Errors
/// [`StartRunError`] says why, and what to do.
pub async fn begin(
    jobs: &impl Jobs,
    (store, record): (&StoreKey, &StoreRecord),
    run: RunTask,
    now: Timestamp,
) -> Result<(), StartRunError> {
    if !record.enabled {
        return Err(StartRunError::Uninstalled);
    }
    if !record.connected {
        return Err(StartRunError::NotConnected);
    }
    if let Some(going) = record.run.as_ref().filter(|run| is_going(run, now)) {
        return Err(StartRunError::Going(going.began_at));
    }
    let step = ReconcileStep::Begin;
    let job = Job {
        store: store.clone(),
        task: match run {
            RunTask::Resync => Task::Resync { step },
            RunTask::Reconcile => Task::Reconcile { step },
        },
    };
    Ok(jobs.send(&job, SignedDuration::ZERO).await?)
}

fn is_going(run: &Run, now: Timestamp) -> bool {
    run.stage != RunStage::Done && now.duration_since(run.at) < DEAD_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryJobs;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn run(stage: RunStage, minutes_ago: i64) -> Run {
        let at = now() - SignedDuration::from_mins(minutes_ago);
        Run {
            task: RunTask::Reconcile,
            stage,
            began_at: at,
            at,
            products: 0,
            skipped: 0,
            bytes: None,
        }
    }

    #[tokio::test]
    async fn a_run_begins_where_there_is_a_token_an_install_and_no_other_run() {
        let connected = StoreRecord {
            connected: true,
            ..StoreRecord::default()
        };
        let with = |run| StoreRecord {
            run: Some(run),
            ..connected.clone()
        };
        let cases = [
            (connected.clone(), None),
            (with(run(RunStage::Done, 0)), None),
            (with(run(RunStage::Reading, 10)), None),
            (
                with(run(RunStage::Waiting, 9)),
                Some("going on, since 2026-11-21T11:51:00Z"),
            ),
            (StoreRecord::default(), Some("hookline store add")),
            (
                StoreRecord {
                    enabled: false,
                    ..connected.clone()
                },
                Some("uninstalled"),
            ),
        ];
        let store: StoreKey = "shopify#demo.myshopify.com".parse().unwrap();
        for (record, refused) in cases {
            for asked in [RunTask::Resync, RunTask::Reconcile] {
                let jobs = MemoryJobs::default();
                let begun = begin(&jobs, (&store, &record), asked, now()).await;
                let sent: Vec<Task> = jobs.take().into_iter().map(|(job, _)| job.task).collect();
                match (refused, asked) {
                    (Some(said), _) => {
                        assert!(begun.unwrap_err().to_string().contains(said), "{record:?}");
                        assert_eq!(sent, []);
                    }
                    (None, RunTask::Resync) => assert_eq!(
                        sent,
                        [Task::Resync {
                            step: ReconcileStep::Begin
                        }]
                    ),
                    (None, RunTask::Reconcile) => assert_eq!(
                        sent,
                        [Task::Reconcile {
                            step: ReconcileStep::Begin
                        }]
                    ),
                }
            }
        }
    }
}

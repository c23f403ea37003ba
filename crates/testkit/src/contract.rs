//! Contract suites: the behaviour that every implementation of a port must have.
//!
//! Each suite is a module of checks that take the port, and a macro with the suite's name that makes a test of each
//! check:
//!
//! ```text
//! mod ledger {
//!     hookline_testkit::ledger_contract!(async { ((), MemoryLedger::default()) });
//! }
//! ```
//!
//! The expression returns values that must live as long as the test, and the port. It is evaluated once per test.

#![expect(missing_docs, reason = "the name of a check describes it")]

pub mod access;
pub mod activity;
pub mod archive;
pub mod audit;
pub mod bodies;
pub mod bus;
pub mod connections;
pub mod cursors;
pub mod endpoints;
pub mod entities;
pub mod erase;
pub mod event_log;
pub mod failed;
pub mod fan_out;
pub mod inbound;
pub mod index;
pub mod ledger;
pub mod listeners;
pub mod marks;
pub mod messages;
pub mod outboxes;
pub mod publication;
pub mod queue;
pub mod records;
pub mod redact;
pub mod search;
pub mod seq;
pub mod stats;
pub mod stores;
pub mod tally;
pub mod vault;
pub mod wake_ups;
pub mod watchers;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Barrier, task::JoinSet, time::Instant};

/// Makes a test of each check of a suite.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($suite:ident, $start:expr, [$($check:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                let (_alive, port) = $start.await;
                $crate::contract::$suite::$check(&port).await;
            }
        )*
    };
}

/// Runs all tasks concurrently, as far as threads allow: each waits until every other has begun.
async fn at_once<T, F>(tasks: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(tasks.len()));
    let mut running = JoinSet::new();
    for task in tasks {
        let start = Arc::clone(&start);
        running.spawn(async move {
            start.wait().await;
            task.await
        });
    }
    running.join_all().await
}

const DEADLINE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `ask` until it returns `Some`, because search is only near real time.
async fn eventually<T, F>(expected: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{expected}: not within {DEADLINE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

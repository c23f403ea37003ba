//! The ledger holds the reason why a delivery has not been applied, until it is.

use super::*;
use crate::delivery::ledger::Problem;

fn problem(code: ErrorCode, message: &str) -> Problem {
    Problem {
        at: noon(),
        code,
        cause: (code == ErrorCode::IndexUnavailable).then_some(Cause::Denied),
        message: message.into(),
    }
}

#[tokio::test]
async fn unreadable_delivery_is_parked_with_its_reason() {
    let consumer = consumer();
    let broken = delivery(STORE, UPDATE, "a", T1, "1|no state");
    consumer.take(std::slice::from_ref(&broken)).await;
    let reason = "the body does not have its topic's shape at variants[0].price: expected a decimal";
    assert_eq!(
        consumer.ledger.problem(&broken.key),
        Some(problem(ErrorCode::SchemaMismatch, reason))
    );
}

#[tokio::test]
async fn retried_delivery_has_its_reason_until_it_is_done() {
    let consumer = consumer();
    let edit = update("a", "1", T1, "new");
    consumer.apply.index.faults.lock().unwrap().down = true;
    consumer.take(std::slice::from_ref(&edit)).await;
    let reason = "the index did not take the change: index refused access (security_exception)";
    assert_eq!(
        consumer.ledger.problem(&edit.key),
        Some(problem(ErrorCode::IndexUnavailable, reason))
    );
    assert_eq!(consumer.ledger.fate(&edit.key), None);
    consumer.apply.index.faults.lock().unwrap().down = false;
    assert_eq!(consumer.again(vec![message(&edit)]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.ledger.problem(&edit.key), None);
}

#[tokio::test]
async fn failing_copy_of_a_completed_delivery_leaves_no_reason() {
    let consumer = consumer();
    let edit = update("a", "1", T1, "new");
    consumer.take(std::slice::from_ref(&edit)).await;
    consumer.apply.index.faults.lock().unwrap().down = true;
    consumer.again(vec![message(&edit)]).await;
    assert_eq!(consumer.ledger.problem(&edit.key), None);
    assert_eq!(consumer.ledger.fate(&edit.key), Some(Fate::Applied));
}

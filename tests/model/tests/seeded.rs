//! Every seeded bug is found: a check that cannot fail proves nothing. Each scenario holds without its bug.

use hookline_model::{
    bug::Bug,
    events::{
        Body,
        Content::{Altered, Captured, Deleted, Hidden, Part, ShownDocument, Uninstalled},
    },
    explore::finds,
    model::Scenario,
    promises::{
        ERASED, LOST, NOT_REFETCHED, REWRITTEN, STILL_FAILED, UNACCOUNTED, UNMENDED, WENT_BACK, WRONG_END,
        WRONG_INSTALL,
    },
};

#[test]
fn sending_before_claiming_leaves_deliveries_without_a_known_outcome() {
    finds(
        Bug::SendBeforeClaim,
        Scenario::receiving(&[ShownDocument(1)], 2),
        UNACCOUNTED,
    );
}

#[test]
fn claim_without_lease_loses_the_delivery_of_a_dead_receiver() {
    finds(Bug::NoLease, Scenario::receiving(&[ShownDocument(1)], 2), LOST);
}

#[test]
fn live_claim_counted_as_duplicate_loses_the_delivery() {
    finds(
        Bug::LiveClaimIsDuplicate,
        Scenario::receiving(&[ShownDocument(1)], 2),
        LOST,
    );
}

#[test]
fn fence_that_rejects_equal_versions_loses_an_interrupted_write() {
    finds(
        Bug::FenceRejectsEqualVersion,
        Scenario::queued(&[ShownDocument(1)]),
        WRONG_END,
    );
}

#[test]
fn older_state_returns_without_a_fence_once_the_index_forgets_versions() {
    finds(
        Bug::NoFence,
        Scenario::queued(&[ShownDocument(1), Hidden(2)]),
        WENT_BACK,
    );
}

#[test]
fn deleted_product_returns_without_a_tombstone() {
    finds(
        Bug::NoTombstone,
        Scenario::queued(&[Deleted, ShownDocument(2)]),
        WENT_BACK,
    );
}

#[test]
fn slower_consumer_wins_without_versions_in_the_index() {
    finds(
        Bug::NoIndexVersion,
        Scenario::queued(&[ShownDocument(1), ShownDocument(2)]),
        WENT_BACK,
    );
}

#[test]
fn uninstall_without_its_time_lets_the_old_install_win() {
    let scenario = Scenario::queued(&[ShownDocument(1), Uninstalled(2)]);
    finds(Bug::NoFloor, scenario, WRONG_END);
}

#[test]
fn store_read_once_keeps_documents_of_an_ended_install() {
    finds(
        Bug::StoreReadOnce,
        Scenario::queued(&[ShownDocument(1), Uninstalled(2)]),
        WRONG_END,
    );
    finds(
        Bug::StoreReadOnce,
        Scenario::queued(&[Uninstalled(2), ShownDocument(3)]),
        WRONG_INSTALL,
    );
}

#[test]
fn retiring_regardless_of_versions_forgets_a_newer_state() {
    let scenario = Scenario {
        events: vec![ShownDocument(1), Uninstalled(2), Hidden(4), ShownDocument(3)],
        waits: 1,
        ..Scenario::default()
    };
    finds(Bug::RetireIgnoresVersions, scenario, WENT_BACK);
}

#[test]
fn lost_job_leaves_a_partial_product() {
    finds(Bug::JobIsLost, Scenario::queued(&[Part(1)]), NOT_REFETCHED);
}

/// Two states of a product on the queue; no function dies, and one call fails.
fn one_call_fails() -> Scenario {
    Scenario {
        errors: 1,
        deaths: 0,
        ..Scenario::queued(&[ShownDocument(1), ShownDocument(2)])
    }
}

#[test]
fn applied_delivery_still_recorded_as_failed_waits_forever() {
    finds(Bug::AppliedStaysFailed, one_call_fails(), STILL_FAILED);
}

#[test]
fn failure_recorded_after_completion_waits_forever() {
    finds(Bug::CompletedIsRecordedAsFailed, one_call_fails(), STILL_FAILED);
}

#[test]
fn failure_unseen_on_completion_waits_forever() {
    finds(Bug::EarlierFailureIsIgnored, one_call_fails(), STILL_FAILED);
}

#[test]
fn retried_delivery_that_looks_new_waits_forever() {
    let scenario = Scenario {
        is_store_known: true,
        errors: 2,
        ..Scenario::receiving(&[ShownDocument(1)], 2)
    };
    finds(Bug::RetryLooksNew, scenario, STILL_FAILED);
}

#[test]
fn search_that_ignores_the_uninstall_shows_removed_documents() {
    finds(
        Bug::SearchIgnoresUninstall,
        Scenario::queued(&[ShownDocument(1), Uninstalled(2)]),
        WENT_BACK,
    );
}

#[test]
fn trusted_trigger_time_turns_a_product_back() {
    let captured = Captured(Body::ShownDocument(1), "products/update", 3);
    finds(
        Bug::TriggerIsTrusted,
        Scenario::queued(&[Hidden(2), captured]),
        WRONG_END,
    );
    // It also revives an entity that an uninstall has ended.
    let captured = Captured(Body::ShownDocument(1), "products/update", 3);
    finds(
        Bug::TriggerIsTrusted,
        Scenario::queued(&[Uninstalled(2), captured]),
        WRONG_INSTALL,
    );
}

#[test]
fn trusted_trigger_time_after_receipt_keeps_a_store_disabled() {
    let captured = Captured(Body::Uninstalled, "app/uninstalled", 7200);
    finds(
        Bug::TriggerBeyondReceipt,
        Scenario::queued(&[ShownDocument(4000), captured]),
        WRONG_END,
    );
}

#[test]
fn any_body_accepted_as_uninstall_disables_a_store() {
    let captured = Captured(Body::Order, "app/uninstalled", 9);
    finds(
        Bug::AnyBodyUninstalls,
        Scenario::queued(&[ShownDocument(1), captured]),
        WRONG_INSTALL,
    );
}

#[test]
fn any_body_accepted_as_deletion_deletes_a_product() {
    let captured = Captured(Body::Order, "products/delete", 9);
    finds(
        Bug::AnyBodyDeletes,
        Scenario::queued(&[ShownDocument(1), captured]),
        WRONG_END,
    );
}

#[test]
fn any_body_accepted_as_request_erases_a_store() {
    let captured = Captured(Body::CustomerRedacted, "shop/redact", 9);
    finds(
        Bug::AnyRequestRedacts,
        Scenario::queued(&[Uninstalled(2), captured]),
        ERASED,
    );
}

#[test]
fn state_confirmed_before_it_is_indexed_is_never_mended() {
    finds(
        Bug::ConfirmedBeforeTheIndex,
        Scenario::reconciling(&[ShownDocument(1)], 2),
        UNMENDED,
    );
}

#[test]
fn older_state_confirmed_over_a_newer_is_never_mended() {
    finds(
        Bug::ConfirmIgnoresVersions,
        Scenario::reconciling(&[ShownDocument(1), Altered(1)], 3),
        UNMENDED,
    );
}

#[test]
fn reconciliation_by_time_misses_changes_within_a_second() {
    let scenario = Scenario {
        events: vec![ShownDocument(1)],
        deaths: 0,
        ..Scenario::reconciling(&[Altered(1)], 1)
    };
    finds(Bug::ComparedByTimes, scenario, UNMENDED);
    // It also misses a write that a dying consumer or another reconciliation left unfinished.
    finds(
        Bug::ComparedByTimes,
        Scenario::reconciling(&[ShownDocument(1)], 2),
        UNMENDED,
    );
}

#[test]
fn unconfirmed_state_is_written_again_and_again() {
    let scenario = Scenario {
        deaths: 0,
        reconcilers: 1,
        ..Scenario::reconciling(&[ShownDocument(1)], 2)
    };
    finds(Bug::NeverConfirmed, scenario, REWRITTEN);
}

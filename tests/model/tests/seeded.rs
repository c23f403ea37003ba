//! Every seeded bug is found: a check that cannot fail proves nothing. Each scenario holds without its bug.

#![expect(clippy::print_stdout, reason = "how much was explored is for whoever runs it")]

use std::sync::Arc;

use hookline_model::{
    bug::Bug,
    events::{
        Body,
        Content::{Altered, Captured, Deleted, Hidden, Part, ShownDocument, Uninstalled},
    },
    model::Scenario,
    promises::{
        ERASED, LOST, REWRITTEN, STILL_FAILED, UNACCOUNTED, UNASKED, UNMENDED, WENT_BACK, WRONG_END, WRONG_INSTALL,
    },
};
use stateright::{Checker, HasDiscoveries, Model};

fn finds(bug: Bug, scenario: Scenario, property: &'static str) {
    let sound = scenario.clone().checker().threads(2).spawn_bfs().join();
    sound.assert_no_discovery(property);
    let seeded = Scenario {
        bug: Some(bug),
        known: Arc::default(),
        ..scenario
    };
    let wanted = HasDiscoveries::AnyOf([property].into());
    let checker = seeded.checker().threads(2).finish_when(wanted).spawn_bfs().join();
    let path = checker.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{bug:?} was not found to break: {property}"));
    println!("{bug:?}, found after {} states:", checker.unique_state_count());
    for action in path.into_actions() {
        println!("    {action:?}");
    }
}

#[test]
fn sending_before_claiming_leaves_deliveries_nobody_knows_the_end_of() {
    finds(
        Bug::SendBeforeClaim,
        Scenario::at_the_door(&[ShownDocument(1)], 2),
        UNACCOUNTED,
    );
}

#[test]
fn claim_without_lease_loses_the_delivery_of_a_dead_claimer() {
    finds(Bug::NoLease, Scenario::at_the_door(&[ShownDocument(1)], 2), LOST);
}

#[test]
fn live_claim_counted_as_duplicate_loses_the_delivery() {
    finds(
        Bug::LiveClaimIsADuplicate,
        Scenario::at_the_door(&[ShownDocument(1)], 2),
        LOST,
    );
}

#[test]
fn fence_that_refuses_equal_versions_loses_an_interrupted_write() {
    finds(
        Bug::FenceRefusesTheSameVersion,
        Scenario::on_the_queue(&[ShownDocument(1)]),
        WRONG_END,
    );
}

#[test]
fn without_a_fence_an_older_state_comes_back_once_the_index_has_forgotten() {
    finds(
        Bug::NoFence,
        Scenario::on_the_queue(&[ShownDocument(1), Hidden(2)]),
        WENT_BACK,
    );
}

#[test]
fn without_a_tombstone_what_was_deleted_comes_back() {
    finds(
        Bug::NoTombstone,
        Scenario::on_the_queue(&[Deleted, ShownDocument(2)]),
        WENT_BACK,
    );
}

#[test]
fn without_versions_in_the_index_the_slower_consumer_wins() {
    finds(
        Bug::NoIndexVersion,
        Scenario::on_the_queue(&[ShownDocument(1), ShownDocument(2)]),
        WENT_BACK,
    );
}

#[test]
fn uninstall_without_its_time_lets_the_old_install_win() {
    let scenario = Scenario::on_the_queue(&[ShownDocument(1), Uninstalled(2)]);
    finds(Bug::NoFloor, scenario, WRONG_END);
}

#[test]
fn store_read_once_keeps_documents_of_an_ended_install() {
    finds(
        Bug::StoreReadOnce,
        Scenario::on_the_queue(&[ShownDocument(1), Uninstalled(2)]),
        WRONG_END,
    );
    finds(
        Bug::StoreReadOnce,
        Scenario::on_the_queue(&[Uninstalled(2), ShownDocument(3)]),
        WRONG_INSTALL,
    );
}

#[test]
fn retiring_what_has_just_become_newer_forgets_it() {
    let scenario = Scenario {
        events: vec![ShownDocument(1), Uninstalled(2), Hidden(4), ShownDocument(3)],
        waits: 1,
        ..Scenario::default()
    };
    finds(Bug::RetireIgnoresVersions, scenario, WENT_BACK);
}

#[test]
fn lost_job_leaves_a_partial_product() {
    finds(Bug::JobsGetLost, Scenario::on_the_queue(&[Part(1)]), UNASKED);
}

/// Two states of a product on the queue, nobody dies, and one call fails.
fn one_call_fails() -> Scenario {
    Scenario {
        errors: 1,
        deaths: 0,
        ..Scenario::on_the_queue(&[ShownDocument(1), ShownDocument(2)])
    }
}

#[test]
fn applied_delivery_still_recorded_as_failed_waits_forever() {
    finds(Bug::AppliedIsNotForgotten, one_call_fails(), STILL_FAILED);
}

#[test]
fn failure_recorded_after_completion_waits_forever() {
    finds(Bug::DoneIsRemembered, one_call_fails(), STILL_FAILED);
}

#[test]
fn failure_unseen_on_completion_waits_forever() {
    finds(Bug::FailureIsUnseen, one_call_fails(), STILL_FAILED);
}

#[test]
fn retried_delivery_that_looks_new_waits_forever() {
    let scenario = Scenario {
        is_store_known: true,
        errors: 2,
        ..Scenario::at_the_door(&[ShownDocument(1)], 2)
    };
    finds(Bug::RetriesLookNew, scenario, STILL_FAILED);
}

#[test]
fn search_that_ignores_the_uninstall_shows_removed_documents() {
    finds(
        Bug::SearchShowsEverything,
        Scenario::on_the_queue(&[ShownDocument(1), Uninstalled(2)]),
        WENT_BACK,
    );
}

#[test]
fn trusted_trigger_time_turns_a_product_back() {
    let captured = Captured(Body::ShownDocument(1), "products/update", 3);
    finds(
        Bug::TriggerIsBelieved,
        Scenario::on_the_queue(&[Hidden(2), captured]),
        WRONG_END,
    );
    // And brings back what an uninstall has ended.
    let captured = Captured(Body::ShownDocument(1), "products/update", 3);
    finds(
        Bug::TriggerIsBelieved,
        Scenario::on_the_queue(&[Uninstalled(2), captured]),
        WRONG_INSTALL,
    );
}

#[test]
fn trusted_trigger_time_after_receipt_keeps_a_store_disabled() {
    let captured = Captured(Body::Uninstalled, "app/uninstalled", 7200);
    finds(
        Bug::TriggerBeyondReceipt,
        Scenario::on_the_queue(&[ShownDocument(4000), captured]),
        WRONG_END,
    );
}

#[test]
fn any_body_accepted_as_uninstall_disables_a_store() {
    let captured = Captured(Body::Order, "app/uninstalled", 9);
    finds(
        Bug::AnyBodyUninstalls,
        Scenario::on_the_queue(&[ShownDocument(1), captured]),
        WRONG_INSTALL,
    );
}

#[test]
fn any_body_accepted_as_deletion_deletes_a_product() {
    let captured = Captured(Body::Order, "products/delete", 9);
    finds(
        Bug::AnyBodyDeletes,
        Scenario::on_the_queue(&[ShownDocument(1), captured]),
        WRONG_END,
    );
}

#[test]
fn any_body_accepted_as_request_erases_a_store() {
    let captured = Captured(Body::CustomerRedacted, "shop/redact", 9);
    finds(
        Bug::AnyRequestRedacts,
        Scenario::on_the_queue(&[Uninstalled(2), captured]),
        ERASED,
    );
}

#[test]
fn state_confirmed_before_it_is_indexed_is_never_mended() {
    finds(
        Bug::ConfirmedBeforeTheIndex,
        Scenario::reconciled(&[ShownDocument(1)], 2),
        UNMENDED,
    );
}

#[test]
fn older_state_confirmed_over_a_newer_is_never_mended() {
    finds(
        Bug::ConfirmIgnoresVersions,
        Scenario::reconciled(&[ShownDocument(1), Altered(1)], 3),
        UNMENDED,
    );
}

#[test]
fn reconciliation_by_time_misses_changes_within_a_second() {
    let scenario = Scenario {
        events: vec![ShownDocument(1)],
        deaths: 0,
        ..Scenario::reconciled(&[Altered(1)], 1)
    };
    finds(Bug::ComparedByTimes, scenario, UNMENDED);
    // And what a webhook's consumer, or another reconciliation, has died of.
    finds(
        Bug::ComparedByTimes,
        Scenario::reconciled(&[ShownDocument(1)], 2),
        UNMENDED,
    );
}

#[test]
fn unconfirmed_state_is_written_again_and_again() {
    let scenario = Scenario {
        deaths: 0,
        reconcilers: 1,
        ..Scenario::reconciled(&[ShownDocument(1)], 2)
    };
    finds(Bug::NeverConfirmed, scenario, REWRITTEN);
}

//! Every seeded bug is found: a check that cannot fail proves nothing. Each scenario holds without its bug.

#![expect(clippy::print_stdout, reason = "how much was explored is for whoever runs it")]

use std::sync::Arc;

use hookline_model::{
    bug::Bug,
    events::{
        Body,
        What::{Altered, Captured, Deleted, Hidden, Part, Shown, Uninstalled},
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
    finds(Bug::SendBeforeClaim, Scenario::at_the_door(&[Shown(1)], 2), UNACCOUNTED);
}

#[test]
fn a_claim_without_a_lease_loses_what_its_claimer_took_along() {
    finds(Bug::NoLease, Scenario::at_the_door(&[Shown(1)], 2), LOST);
}

#[test]
fn a_live_claim_that_counts_as_a_duplicate_loses_the_delivery() {
    finds(Bug::LiveClaimIsADuplicate, Scenario::at_the_door(&[Shown(1)], 2), LOST);
}

#[test]
fn a_fence_that_refuses_the_same_version_loses_what_died_behind_it() {
    finds(
        Bug::FenceRefusesTheSameVersion,
        Scenario::on_the_queue(&[Shown(1)]),
        WRONG_END,
    );
}

#[test]
fn without_a_fence_an_older_state_comes_back_once_the_index_has_forgotten() {
    finds(Bug::NoFence, Scenario::on_the_queue(&[Shown(1), Hidden(2)]), WENT_BACK);
}

#[test]
fn without_a_tombstone_what_was_deleted_comes_back() {
    finds(
        Bug::NoTombstone,
        Scenario::on_the_queue(&[Deleted, Shown(2)]),
        WENT_BACK,
    );
}

#[test]
fn without_versions_in_the_index_the_slower_consumer_wins() {
    finds(
        Bug::NoIndexVersion,
        Scenario::on_the_queue(&[Shown(1), Shown(2)]),
        WENT_BACK,
    );
}

#[test]
fn an_uninstall_without_its_time_lets_the_old_install_win() {
    let scenario = Scenario::on_the_queue(&[Shown(1), Uninstalled(2)]);
    finds(Bug::NoFloor, scenario, WRONG_END);
}

#[test]
fn a_store_that_is_read_once_keeps_what_it_was_uninstalled_under() {
    finds(
        Bug::StoreReadOnce,
        Scenario::on_the_queue(&[Shown(1), Uninstalled(2)]),
        WRONG_END,
    );
    finds(
        Bug::StoreReadOnce,
        Scenario::on_the_queue(&[Uninstalled(2), Shown(3)]),
        WRONG_INSTALL,
    );
}

#[test]
fn retiring_what_has_just_become_newer_forgets_it() {
    let scenario = Scenario {
        events: vec![Shown(1), Uninstalled(2), Hidden(4), Shown(3)],
        waits: 1,
        ..Scenario::default()
    };
    finds(Bug::RetireIgnoresVersions, scenario, WENT_BACK);
}

#[test]
fn a_job_that_gets_lost_leaves_a_part_of_a_product() {
    finds(Bug::JobsGetLost, Scenario::on_the_queue(&[Part(1)]), UNASKED);
}

/// Two states of a product on the queue, nobody dies, and one call fails.
fn one_call_fails() -> Scenario {
    Scenario {
        errors: 1,
        deaths: 0,
        ..Scenario::on_the_queue(&[Shown(1), Shown(2)])
    }
}

#[test]
fn what_is_applied_at_last_and_not_forgotten_waits_for_a_person_for_ever() {
    finds(Bug::AppliedIsNotForgotten, one_call_fails(), STILL_FAILED);
}

#[test]
fn what_one_consumer_remembers_after_another_has_done_it_waits_for_a_person_for_ever() {
    finds(Bug::DoneIsRemembered, one_call_fails(), STILL_FAILED);
}

#[test]
fn a_failure_that_is_not_seen_on_completing_waits_for_a_person_for_ever() {
    finds(Bug::FailureIsUnseen, one_call_fails(), STILL_FAILED);
}

#[test]
fn a_delivery_that_was_tried_before_and_looks_new_waits_for_a_person_for_ever() {
    let scenario = Scenario {
        is_store_known: true,
        errors: 2,
        ..Scenario::at_the_door(&[Shown(1)], 2)
    };
    finds(Bug::RetriesLookNew, scenario, STILL_FAILED);
}

#[test]
fn a_search_without_regard_to_the_uninstall_shows_what_is_gone() {
    finds(
        Bug::SearchShowsEverything,
        Scenario::on_the_queue(&[Shown(1), Uninstalled(2)]),
        WENT_BACK,
    );
}

#[test]
fn a_trigger_that_is_believed_turns_a_product_back() {
    let captured = Captured(Body::Shown(1), "products/update", 3);
    finds(
        Bug::TriggerIsBelieved,
        Scenario::on_the_queue(&[Hidden(2), captured]),
        WRONG_END,
    );
    // And brings back what an uninstall has ended.
    let captured = Captured(Body::Shown(1), "products/update", 3);
    finds(
        Bug::TriggerIsBelieved,
        Scenario::on_the_queue(&[Uninstalled(2), captured]),
        WRONG_INSTALL,
    );
}

#[test]
fn a_trigger_that_is_believed_beyond_receipt_keeps_a_store_out() {
    let captured = Captured(Body::Uninstalled, "app/uninstalled", 7200);
    finds(
        Bug::TriggerBeyondReceipt,
        Scenario::on_the_queue(&[Shown(4000), captured]),
        WRONG_END,
    );
}

#[test]
fn a_reader_that_takes_any_body_uninstalls_a_store_that_has_not_said_so() {
    let captured = Captured(Body::Order, "app/uninstalled", 9);
    finds(
        Bug::AnyBodyUninstalls,
        Scenario::on_the_queue(&[Shown(1), captured]),
        WRONG_INSTALL,
    );
}

#[test]
fn a_reader_that_takes_any_body_deletes_what_is_there() {
    let captured = Captured(Body::Order, "products/delete", 9);
    finds(
        Bug::AnyBodyDeletes,
        Scenario::on_the_queue(&[Shown(1), captured]),
        WRONG_END,
    );
}

#[test]
fn a_reader_that_takes_any_request_erases_a_store_that_has_not_said_so() {
    let captured = Captured(Body::CustomerRedacted, "shop/redact", 9);
    finds(
        Bug::AnyRequestRedacts,
        Scenario::on_the_queue(&[Uninstalled(2), captured]),
        ERASED,
    );
}

#[test]
fn what_is_confirmed_before_the_index_has_it_is_never_mended() {
    finds(
        Bug::ConfirmedBeforeTheIndex,
        Scenario::reconciled(&[Shown(1)], 2),
        UNMENDED,
    );
}

#[test]
fn an_older_state_that_is_confirmed_over_a_newer_is_never_mended() {
    finds(
        Bug::ConfirmIgnoresVersions,
        Scenario::reconciled(&[Shown(1), Altered(1)], 3),
        UNMENDED,
    );
}

#[test]
fn a_reconciliation_that_compares_times_leaves_what_no_time_tells() {
    let scenario = Scenario {
        events: vec![Shown(1)],
        deaths: 0,
        ..Scenario::reconciled(&[Altered(1)], 1)
    };
    finds(Bug::ComparedByTimes, scenario, UNMENDED);
    // And what a webhook's consumer, or another reconciliation, has died of.
    finds(Bug::ComparedByTimes, Scenario::reconciled(&[Shown(1)], 2), UNMENDED);
}

#[test]
fn what_nobody_confirms_is_written_again_and_again() {
    let scenario = Scenario {
        deaths: 0,
        reconcilers: 1,
        ..Scenario::reconciled(&[Shown(1)], 2)
    };
    finds(Bug::NeverConfirmed, scenario, REWRITTEN);
}

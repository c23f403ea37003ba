//! The promises hold in every state that can be reached.

#![expect(clippy::print_stdout, reason = "how much was explored is for whoever runs it")]

use hookline_model::{
    events::Content::{Altered, Deleted, Hidden, Part, ShownDocument, Uninstalled},
    model::Scenario,
    promises::{REACHED, SAFETY},
};
use stateright::{Checker, Model};

fn holds(scenario: Scenario) {
    let name = format!("{:?} {:?}", scenario.events, scenario.catalogue);
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    println!("{name}: {} states", checker.unique_state_count());
    for property in SAFETY {
        if let Some(path) = checker.discovery(property) {
            panic!("not so: {property}\n{:?}", path.into_actions());
        }
    }
    assert!(checker.discovery(REACHED).is_some(), "nothing was explored");
}

#[test]
fn delivery_is_neither_lost_nor_doubled_at_the_receiver() {
    holds(Scenario {
        deaths: 2,
        errors: 1,
        waits: 2,
        ..Scenario::at_the_door(&[ShownDocument(1)], 3)
    });
}

#[test]
fn failed_delivery_that_is_claimed_again_is_not_recorded_as_failed() {
    holds(Scenario {
        is_store_known: true,
        errors: 1,
        ..Scenario::at_the_door(&[ShownDocument(1)], 3)
    });
}

#[test]
fn two_deliveries_at_the_door_do_not_get_in_each_others_way() {
    holds(Scenario::at_the_door(&[ShownDocument(1), ShownDocument(2)], 2));
}

#[test]
fn updates_never_go_back() {
    holds(Scenario::on_the_queue(&[ShownDocument(1), ShownDocument(2), Hidden(3)]));
    holds(Scenario {
        copies: 2,
        ..Scenario::on_the_queue(&[ShownDocument(1), ShownDocument(2)])
    });
}

#[test]
fn hidden_product_may_come_back_newer() {
    holds(Scenario::on_the_queue(&[ShownDocument(1), Hidden(2), ShownDocument(3)]));
}

#[test]
fn deleted_product_stays_deleted() {
    holds(Scenario::on_the_queue(&[ShownDocument(1), Deleted, ShownDocument(2)]));
    holds(Scenario {
        copies: 2,
        ..Scenario::on_the_queue(&[Deleted, ShownDocument(2)])
    });
}

#[test]
fn batch_has_the_same_result_as_single_messages() {
    holds(Scenario {
        batch: 2,
        ..Scenario::on_the_queue(&[ShownDocument(1), Deleted, ShownDocument(2)])
    });
    holds(Scenario {
        batch: 2,
        deaths: 0,
        ..Scenario::on_the_queue(&[ShownDocument(1), Uninstalled(2), ShownDocument(3)])
    });
}

#[test]
fn uninstall_ends_older_states_in_any_order() {
    holds(Scenario::on_the_queue(&[
        ShownDocument(1),
        Uninstalled(2),
        ShownDocument(3),
    ]));
    holds(Scenario {
        copies: 2,
        ..Scenario::on_the_queue(&[ShownDocument(1), Uninstalled(2)])
    });
    holds(Scenario {
        copies: 2,
        ..Scenario::on_the_queue(&[Uninstalled(2), ShownDocument(3)])
    });
}

#[test]
fn uninstall_and_deletion_leave_nothing() {
    holds(Scenario::on_the_queue(&[Deleted, Uninstalled(2), ShownDocument(3)]));
}

#[test]
fn latest_uninstall_wins() {
    holds(Scenario::on_the_queue(&[
        Uninstalled(2),
        ShownDocument(3),
        Uninstalled(4),
    ]));
    holds(Scenario::on_the_queue(&[
        Uninstalled(2),
        Uninstalled(4),
        ShownDocument(5),
    ]));
}

#[test]
fn partial_product_is_refetched() {
    holds(Scenario::on_the_queue(&[ShownDocument(1), Part(2), ShownDocument(3)]));
    holds(Scenario {
        errors: 2,
        batch: 2,
        ..Scenario::on_the_queue(&[Part(1), Deleted])
    });
    holds(Scenario {
        copies: 2,
        ..Scenario::on_the_queue(&[Part(1), Uninstalled(2)])
    });
}

#[test]
fn calls_that_fail_are_made_up_for() {
    for events in [
        [ShownDocument(1), ShownDocument(2)],
        [ShownDocument(1), Deleted],
        [ShownDocument(1), Uninstalled(2)],
    ] {
        holds(Scenario {
            errors: 2,
            ..Scenario::on_the_queue(&events)
        });
    }
}

#[test]
fn reconciliation_mends_what_died_between_fence_index_and_confirmation() {
    for catalogue in [
        [ShownDocument(1), Altered(1)],
        [ShownDocument(1), ShownDocument(2)],
        [ShownDocument(1), Hidden(2)],
    ] {
        holds(Scenario::reconciled(&catalogue, 3));
    }
    holds(Scenario {
        errors: 1,
        deaths: 0,
        ..Scenario::reconciled(&[ShownDocument(1), Altered(1)], 2)
    });
}

#[test]
fn reconciliation_and_deliveries_do_not_get_in_each_others_way() {
    let histories = [
        (ShownDocument(1), [ShownDocument(1), Altered(1)]),
        (ShownDocument(2), [ShownDocument(1), ShownDocument(2)]),
        (Deleted, [ShownDocument(1), Deleted]),
    ];
    for (told, catalogue) in histories {
        holds(Scenario {
            events: vec![told],
            deaths: 0,
            ..Scenario::reconciled(&catalogue, 2)
        });
    }
    holds(Scenario {
        events: vec![ShownDocument(1)],
        ..Scenario::reconciled(&[Altered(1)], 2)
    });
}

#[test]
fn reconciliation_of_what_has_not_changed_writes_nothing() {
    holds(Scenario {
        events: vec![ShownDocument(1)],
        deaths: 0,
        reconcilers: 1,
        ..Scenario::reconciled(&[ShownDocument(1), Altered(1)], 3)
    });
}

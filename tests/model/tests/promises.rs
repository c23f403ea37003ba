//! The promises hold in every reachable state.

use hookline_model::{
    events::Content::{Altered, Deleted, Hidden, Part, ShownDocument, Uninstalled},
    explore::holds,
    model::Scenario,
};

#[test]
fn delivery_is_neither_lost_nor_duplicated_at_the_receiver() {
    holds(Scenario {
        deaths: 2,
        errors: 1,
        waits: 2,
        ..Scenario::receiving(&[ShownDocument(1)], 3)
    });
}

#[test]
fn failed_delivery_that_is_claimed_again_is_not_recorded_as_failed() {
    holds(Scenario {
        is_store_known: true,
        errors: 1,
        ..Scenario::receiving(&[ShownDocument(1)], 3)
    });
}

#[test]
fn concurrent_deliveries_at_the_receiver_do_not_interfere() {
    holds(Scenario::receiving(&[ShownDocument(1), ShownDocument(2)], 2));
}

#[test]
fn updates_never_go_backwards() {
    holds(Scenario::queued(&[ShownDocument(1), ShownDocument(2), Hidden(3)]));
    holds(Scenario {
        copies: 2,
        ..Scenario::queued(&[ShownDocument(1), ShownDocument(2)])
    });
}

#[test]
fn hidden_product_returns_with_a_newer_state() {
    holds(Scenario::queued(&[ShownDocument(1), Hidden(2), ShownDocument(3)]));
}

#[test]
fn deleted_product_stays_deleted() {
    holds(Scenario::queued(&[ShownDocument(1), Deleted, ShownDocument(2)]));
    holds(Scenario {
        copies: 2,
        ..Scenario::queued(&[Deleted, ShownDocument(2)])
    });
}

#[test]
fn batch_has_the_same_result_as_single_messages() {
    holds(Scenario {
        batch: 2,
        ..Scenario::queued(&[ShownDocument(1), Deleted, ShownDocument(2)])
    });
    holds(Scenario {
        batch: 2,
        deaths: 0,
        ..Scenario::queued(&[ShownDocument(1), Uninstalled(2), ShownDocument(3)])
    });
}

#[test]
fn uninstall_ends_older_states_in_any_order() {
    holds(Scenario::queued(&[ShownDocument(1), Uninstalled(2), ShownDocument(3)]));
    holds(Scenario {
        copies: 2,
        ..Scenario::queued(&[ShownDocument(1), Uninstalled(2)])
    });
    holds(Scenario {
        copies: 2,
        ..Scenario::queued(&[Uninstalled(2), ShownDocument(3)])
    });
}

#[test]
fn uninstall_and_deletion_leave_no_document() {
    holds(Scenario::queued(&[Deleted, Uninstalled(2), ShownDocument(3)]));
}

#[test]
fn latest_uninstall_wins() {
    holds(Scenario::queued(&[Uninstalled(2), ShownDocument(3), Uninstalled(4)]));
    holds(Scenario::queued(&[Uninstalled(2), Uninstalled(4), ShownDocument(5)]));
}

#[test]
fn partial_product_is_refetched() {
    holds(Scenario::queued(&[ShownDocument(1), Part(2), ShownDocument(3)]));
    holds(Scenario {
        errors: 2,
        batch: 2,
        ..Scenario::queued(&[Part(1), Deleted])
    });
    holds(Scenario {
        copies: 2,
        ..Scenario::queued(&[Part(1), Uninstalled(2)])
    });
}

#[test]
fn failed_calls_are_recovered() {
    for events in [
        [ShownDocument(1), ShownDocument(2)],
        [ShownDocument(1), Deleted],
        [ShownDocument(1), Uninstalled(2)],
    ] {
        holds(Scenario {
            errors: 2,
            ..Scenario::queued(&events)
        });
    }
}

#[test]
fn reconciliation_mends_writes_interrupted_between_fence_index_and_confirmation() {
    for catalogue in [
        [ShownDocument(1), Altered(1)],
        [ShownDocument(1), ShownDocument(2)],
        [ShownDocument(1), Hidden(2)],
    ] {
        holds(Scenario::reconciling(&catalogue, 3));
    }
    holds(Scenario {
        errors: 1,
        deaths: 0,
        ..Scenario::reconciling(&[ShownDocument(1), Altered(1)], 2)
    });
}

#[test]
fn reconciliation_and_deliveries_do_not_interfere() {
    let histories = [
        (ShownDocument(1), [ShownDocument(1), Altered(1)]),
        (ShownDocument(2), [ShownDocument(1), ShownDocument(2)]),
        (Deleted, [ShownDocument(1), Deleted]),
    ];
    for (delivered, catalogue) in histories {
        holds(Scenario {
            events: vec![delivered],
            deaths: 0,
            ..Scenario::reconciling(&catalogue, 2)
        });
    }
    holds(Scenario {
        events: vec![ShownDocument(1)],
        ..Scenario::reconciling(&[Altered(1)], 2)
    });
}

#[test]
fn reconciliation_of_an_unchanged_catalog_writes_nothing() {
    holds(Scenario {
        events: vec![ShownDocument(1)],
        deaths: 0,
        reconcilers: 1,
        ..Scenario::reconciling(&[ShownDocument(1), Altered(1)], 3)
    });
}

//! Events: nothing is lost to those who listen, and nothing is sent that the index does not hold.

use hookline_model::{
    events::Content::{self, Deleted, Edition, Hidden, Part, ShownDocument, Uninstalled},
    explore::{holds, violates},
    model::Scenario,
    promises::{UNTOLD, UNTOLD_WITHOUT_EXCEPTION},
    told::{
        Listen::{Begin, End},
        To,
    },
};

const A: Content = Edition("A", 1);
const B: Content = Edition("B", 2);

/// A product that was published as A, and these deliveries.
fn told_a(events: &[Content]) -> Scenario {
    Scenario {
        applied: 1,
        ..Scenario::listened(&[&[A], events].concat())
    }
}

/// A product that was published as A, and jobs that read the catalog after each of these changes, two at once.
fn told_a_then_jobs(changes: &[Content]) -> Scenario {
    Scenario {
        catalogue: [&[A], changes].concat(),
        workers: 2,
        consumers: 1,
        ..told_a(&[])
    }
}

/// A product that was published as A, and reconciliations of the catalog, which changes meanwhile.
fn told_a_then_runs(changes: &[Content], reconciliations: u8) -> Scenario {
    Scenario {
        catalogue: [&[A], changes].concat(),
        reconcilers: 2,
        reconciliations,
        consumers: 1,
        ..told_a(&[])
    }
}

#[test]
fn change_is_told_whoever_dies() {
    holds(Scenario {
        deaths: 2,
        copies: 2,
        ..told_a(&[B])
    });
    holds(Scenario {
        deaths: 2,
        copies: 2,
        ..Scenario::listened(&[A])
    });
}

#[test]
fn contents_that_come_back_are_told() {
    holds(Scenario {
        deaths: 2,
        ..told_a(&[B, Edition("A", 3)])
    });
    holds(Scenario {
        deaths: 1,
        copies: 2,
        ..told_a(&[B, Edition("A", 3)])
    });
    holds(Scenario {
        deaths: 2,
        ..told_a(&[B, Edition("B", 3)])
    });
    holds(Scenario {
        deaths: 1,
        ..Scenario::listened(&[A, B, Edition("A", 3)])
    });
}

#[test]
fn contents_that_go_back_and_forth_are_told() {
    holds(Scenario {
        deaths: 1,
        ..told_a(&[B, Edition("A", 3), Edition("B", 4)])
    });
    holds(Scenario {
        deaths: 1,
        ..told_a(&[B, Edition("A", 3), Edition("A", 4)])
    });
}

#[test]
fn differences_are_named_although_an_event_was_never_sent() {
    for events in [
        [Edition("B", 2), Edition("B/x", 3)],
        [Edition("A/x", 2), Edition("B/x", 3)],
        [Edition("B/x", 2), Edition("A", 3)],
    ] {
        holds(Scenario {
            deaths: 2,
            ..told_a(&events)
        });
    }
    for events in [
        [Edition("B", 2), Edition("B/x", 3), Edition("A/x", 4)],
        [Edition("B", 2), Hidden(3), Edition("B", 4)],
        [Edition("B", 2), Hidden(3), Edition("A", 4)],
    ] {
        holds(Scenario {
            deaths: 1,
            ..told_a(&events)
        });
    }
}

#[test]
fn hidden_and_deleted_products_are_told() {
    holds(Scenario {
        deaths: 2,
        ..told_a(&[Hidden(2), Edition("A", 3)])
    });
    holds(Scenario {
        deaths: 2,
        copies: 2,
        ..told_a(&[Deleted])
    });
    holds(Scenario {
        deaths: 2,
        ..told_a(&[B, Deleted])
    });
    holds(Scenario {
        deaths: 1,
        ..Scenario::listened(&[A, Deleted, B])
    });
}

#[test]
fn batch_is_told_as_single_messages_are() {
    holds(Scenario {
        batch: 2,
        deaths: 1,
        ..Scenario::listened(&[A, B])
    });
    holds(Scenario {
        batch: 2,
        deaths: 1,
        ..told_a(&[B, Edition("A", 3)])
    });
}

#[test]
fn failed_calls_lose_no_event() {
    holds(Scenario {
        errors: 2,
        deaths: 1,
        ..told_a(&[B])
    });
    holds(Scenario {
        errors: 1,
        deaths: 1,
        ..told_a(&[B, Edition("A", 3)])
    });
    holds(Scenario {
        errors: 2,
        ..told_a(&[B, Edition("A", 3)])
    });
    holds(Scenario {
        errors: 2,
        ..told_a(&[B, Deleted])
    });
}

#[test]
fn jobs_that_read_the_catalog_tell_what_comes_back_within_a_second() {
    holds(Scenario {
        deaths: 1,
        ..told_a_then_jobs(&[Edition("B", 1), Edition("A", 1)])
    });
    holds(Scenario {
        errors: 1,
        ..told_a_then_jobs(&[Edition("B", 1), Edition("A", 1)])
    });
    holds(Scenario {
        deaths: 1,
        ..told_a_then_jobs(&[B, Deleted])
    });
}

#[test]
fn jobs_and_deliveries_do_not_interfere() {
    holds(Scenario {
        deaths: 1,
        workers: 1,
        events: vec![A, B],
        ..told_a_then_jobs(&[B])
    });
    holds(Scenario {
        deaths: 1,
        workers: 1,
        events: vec![A, B, Edition("A", 3)],
        ..told_a_then_jobs(&[Edition("A", 3)])
    });
    holds(Scenario {
        events: vec![A, B],
        ..told_a_then_jobs(&[B, Edition("A", 2)])
    });
    holds(Scenario {
        deaths: 1,
        events: vec![A, Deleted],
        ..told_a_then_jobs(&[Deleted])
    });
}

#[test]
fn reconciliations_tell_what_no_delivery_brought() {
    holds(Scenario {
        deaths: 1,
        ..told_a_then_runs(&[], 3)
    });
    holds(told_a_then_runs(&[B], 2));
    holds(Scenario {
        deaths: 1,
        events: vec![],
        applied: 0,
        ..told_a_then_runs(&[], 3)
    });
    holds(Scenario {
        reconcilers: 1,
        deaths: 1,
        ..told_a_then_runs(&[Edition("B", 1), Edition("A", 1)], 3)
    });
}

#[test]
fn reconciliation_whose_call_fails_tells_it_the_next_time() {
    holds(Scenario {
        errors: 2,
        reconcilers: 1,
        ..told_a_then_runs(&[B], 3)
    });
}

#[test]
fn reconciliation_that_finds_a_deletion_tells_it() {
    holds(told_a_then_runs(&[Deleted], 3));
}

#[test]
fn reconciliations_and_deliveries_do_not_interfere() {
    holds(Scenario {
        reconcilers: 1,
        events: vec![A, B],
        deaths: 1,
        ..told_a_then_runs(&[B], 1)
    });
    holds(Scenario {
        reconcilers: 1,
        events: vec![A, B, Edition("A", 3)],
        ..told_a_then_runs(&[Edition("A", 3)], 1)
    });
}

#[test]
fn whoever_begins_to_listen_misses_nothing_that_follows() {
    for to in [To::Store, To::All] {
        holds(Scenario {
            listening: vec![Begin(to, 0)],
            listened: 0,
            deaths: 1,
            ..told_a(&[B, Edition("A", 3)])
        });
        holds(Scenario {
            listening: vec![Begin(to, 0)],
            listened: 0,
            errors: 1,
            ..told_a(&[B])
        });
        holds(Scenario {
            listening: vec![Begin(to, 0)],
            listened: 0,
            deaths: 1,
            ..told_a(&[B, Deleted])
        });
    }
}

#[test]
fn whoever_listens_again_misses_nothing_that_follows() {
    for to in [To::Store, To::All] {
        holds(Scenario {
            listening: vec![Begin(to, 0), End(to), Begin(to, 0)],
            ..told_a(&[B, Edition("A", 3)])
        });
        holds(Scenario {
            listening: vec![Begin(to, 0), End(to), Begin(to, 0)],
            deaths: 1,
            ..told_a(&[B])
        });
    }
}

#[test]
fn listeners_to_the_store_and_to_all_stores_do_not_interfere() {
    holds(Scenario {
        listening: vec![Begin(To::Store, 0), Begin(To::All, 0), End(To::Store)],
        ..told_a(&[B, Edition("A", 3)])
    });
    holds(Scenario {
        listening: vec![Begin(To::All, 0), End(To::All), Begin(To::Store, 0)],
        ..told_a(&[B, Edition("A", 3)])
    });
}

#[test]
fn uninstall_and_reinstall_lose_no_event() {
    holds(Scenario {
        deaths: 1,
        ..told_a(&[Uninstalled(2), Edition("A", 3)])
    });
    holds(Scenario {
        ..told_a(&[Uninstalled(2), Edition("A", 3), Edition("B", 4)])
    });
    holds(Scenario {
        listening: vec![Begin(To::All, 0)],
        listened: 0,
        ..told_a(&[Uninstalled(2), Edition("A", 3)])
    });
}

#[test]
fn state_that_the_index_rejects_is_not_told() {
    holds(Scenario {
        deaths: 1,
        ..told_a(&[Edition("refused", 2), Edition("A", 3)])
    });
}

#[test]
fn partial_state_is_told_once_the_rest_is_read() {
    holds(Scenario {
        catalogue: vec![ShownDocument(2)],
        workers: 1,
        deaths: 1,
        ..Scenario::listened(&[ShownDocument(2), Part(2)])
    });
    holds(Scenario {
        catalogue: vec![ShownDocument(1), ShownDocument(2)],
        workers: 1,
        applied: 1,
        ..Scenario::listened(&[ShownDocument(1), Part(2)])
    });
}

/// Known limit: of two states of one version, the later write stands, in the index as in events (F24, ADR 13).
#[test]
fn limit_states_of_one_version_may_be_told_in_another_order_than_indexed() {
    let scenario = Scenario::listened(&[Edition("B", 2), Edition("C", 2)]);
    violates("two states of one version", scenario, UNTOLD);
}

/// A tombstone is not listed, so a run that died between it and its commit would leave nothing to find for the next: the run
/// sends itself what is gone before it deletes it.
#[test]
fn deletion_found_by_a_run_that_dies_is_told() {
    let scenario = Scenario {
        reconcilers: 1,
        deaths: 1,
        ..told_a_then_runs(&[Deleted], 2)
    };
    holds(scenario);
}

/// Known limit: what a run finds is published only if it changed after somebody began to listen, or if something was published before.
#[test]
fn limit_change_before_the_listening_is_not_told_if_a_run_finds_it_after() {
    let scenario = |second, found| Scenario {
        listening: vec![Begin(To::All, second)],
        listened: 0,
        reconcilers: 1,
        ..told_a_then_runs(&[found], 1)
    };
    holds(scenario(3, B));
    violates(
        "a run that finds an old change",
        scenario(3, B),
        UNTOLD_WITHOUT_EXCEPTION,
    );
    // A deletion has no time.
    violates(
        "a run that finds a deletion",
        scenario(0, Deleted),
        UNTOLD_WITHOUT_EXCEPTION,
    );
    // Changed since, it is published.
    let scenario = Scenario {
        errors: 1,
        reconciliations: 2,
        ..scenario(2, B)
    };
    holds(scenario);
}

/// A second listener may read a state that is indexed and not yet committed. If the state goes back, what was published
/// before is right again for the first, but not for the second.
#[test]
fn second_listener_who_reads_a_state_that_is_never_told_is_told_the_next() {
    let scenario = Scenario {
        listening: vec![Begin(To::Store, 0), Begin(To::All, 0)],
        ..told_a(&[B, Edition("A", 3)])
    };
    holds(scenario);
}

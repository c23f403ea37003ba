//! Known mistakes in publishing, each of which is found, and the broken schedules of its design. Each scenario holds without
//! its bug.
//!
//! | schedule | test |
//! |---|---|
//! | F1, a state that goes back is never published: no death; one consumer and one death; two jobs | `f1_…` |
//! | F2, two events have one id | `f2_…` |
//! | F3, a silent baseline | `f3_…` |
//! | F4, what was published before a break; who listened at the first look | `f4_…` |
//! | F4, two listeners that overwrite each other; a refused write of the status | `store::listening` in the domain: listeners are changed by a conditional write, and in no transaction |
//! | F5, `product.created` is never made | `f5_…` |
//! | F6, partial states | `f6_…` |
//! | F7 to F16 | concern endpoints: `seeded_outbound` |

use hookline_model::{
    bug::Bug,
    events::Content::{self, Edition, Part, ShownDocument},
    explore::finds,
    model::Scenario,
    promises::{MISTAKEN, NOT_CREATED, PARTIAL, UNNAMED, UNTOLD},
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

/// A product that was published as A, and jobs that read it as it goes back and forth, all within one signed second.
fn told_a_then_jobs() -> Scenario {
    Scenario {
        catalogue: vec![A, Edition("B", 1), A, Edition("B", 1)],
        workers: 2,
        consumers: 1,
        ..told_a(&[])
    }
}

#[test]
fn f1_state_that_goes_back_is_lost_if_published_after_the_send_without_a_death() {
    finds(Bug::PublishedAfterTheSend, told_a(&[B, Edition("A", 3)]), UNTOLD);
}

#[test]
fn f1_state_that_goes_back_is_lost_if_published_after_the_send_by_one_consumer_that_dies() {
    let scenario = Scenario {
        consumers: 1,
        deaths: 1,
        ..told_a(&[B, Edition("A", 3)])
    };
    finds(Bug::PublishedAfterTheSend, scenario, UNTOLD);
}

#[test]
fn f1_state_that_goes_back_is_lost_if_published_after_the_send_by_two_jobs() {
    let scenario = Scenario {
        catalogue: vec![A, Edition("B", 1), A],
        ..told_a_then_jobs()
    };
    finds(Bug::PublishedAfterTheSend, scenario, UNTOLD);
}

#[test]
fn commit_without_its_mark_loses_the_event_of_a_dead_consumer() {
    let scenario = Scenario {
        deaths: 1,
        ..told_a(&[B])
    };
    finds(Bug::CommitWithoutUnsent, scenario, UNTOLD);
}

#[test]
fn mark_that_is_ignored_loses_the_event_of_a_dead_consumer() {
    let scenario = Scenario {
        deaths: 1,
        ..told_a(&[B])
    };
    finds(Bug::UnsentIsIgnored, scenario, UNTOLD);
}

#[test]
fn commit_of_an_overtaken_state_tells_it_last() {
    finds(Bug::CommitIgnoresVersions, told_a(&[B, Edition("A", 3)]), UNTOLD);
}

#[test]
fn f2_id_of_the_signed_second_is_given_twice() {
    finds(Bug::IdOfTheSignedSecond, told_a_then_jobs(), UNTOLD);
}

#[test]
fn id_that_is_drawn_tells_one_commit_twice() {
    let scenario = Scenario {
        deaths: 1,
        ..told_a(&[B])
    };
    finds(Bug::IdIsDrawn, scenario, MISTAKEN);
}

#[test]
fn f3_silent_baseline_swallows_a_change() {
    let scenario = Scenario {
        listened: 0,
        catalogue: vec![B],
        reconcilers: 1,
        reconciliations: 1,
        ..told_a(&[B])
    };
    finds(Bug::SilentBaseline, scenario, UNTOLD);
}

#[test]
fn f4_what_was_published_before_a_break_hides_a_change() {
    let scenario = Scenario {
        listening: vec![Begin(To::All, 0), End(To::All), Begin(To::All, 0)],
        ..told_a(&[B, Edition("A", 3)])
    };
    finds(Bug::PublishedOfAnotherPeriod, scenario, UNTOLD);
}

#[test]
fn f4_listeners_of_the_first_look_miss_what_is_indexed_after_it() {
    for to in [To::Store, To::All] {
        let scenario = Scenario {
            listening: vec![Begin(to, 0)],
            listened: 0,
            ..told_a(&[B])
        };
        finds(Bug::ListenersOfTheFirstLook, scenario, UNTOLD);
    }
}

#[test]
fn f5_product_whose_creation_is_unread_is_never_told_as_created() {
    let scenario = Scenario {
        batch: 2,
        ..Scenario::listened(&[A, B])
    };
    finds(Bug::CreationIsUnread, scenario, NOT_CREATED);
}

#[test]
fn f6_partial_state_that_counts_as_the_whole_is_told() {
    let scenario = Scenario {
        catalogue: vec![ShownDocument(1), ShownDocument(2)],
        workers: 1,
        applied: 1,
        ..Scenario::listened(&[ShownDocument(1), Part(2)])
    };
    finds(Bug::PartIsAnEvent, scenario, PARTIAL);
}

#[test]
fn lost_base_leaves_a_difference_unnamed() {
    let scenario = Scenario {
        deaths: 1,
        ..told_a(&[B, Edition("B/x", 3)])
    };
    finds(Bug::BaseIsLost, scenario, UNNAMED);
}

#[test]
fn deletion_that_no_job_names_is_lost_if_the_run_dies_after_its_tombstone() {
    let scenario = Scenario {
        catalogue: vec![A, Content::Deleted],
        reconcilers: 1,
        reconciliations: 2,
        consumers: 1,
        deaths: 1,
        ..told_a(&[])
    };
    finds(Bug::GoneIsInNoJob, scenario, UNTOLD);
}

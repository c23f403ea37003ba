//! Known mistakes of dispatchers, each of which is found, and the broken schedules of their design. Each scenario holds without
//! its bug.
//!
//! | schedule | test |
//! |---|---|
//! | F7, a retry by hand is never sent | `f7_…` |
//! | F8, the late first writer; the orphaned retry | `f8_…`; `two_entries_…` of the domain's own tests |
//! | F9, an open message without a wake-up | `f9_…` |
//! | F16, a pause that holds too late | `f16_…` |
//! | F11, an older state after a newer one | `f11_…` |
//! | F12, a message that shuts an endpoint | `f12_…` |
//! | F10, F13, F14, F15 | concern many endpoints, or days |

use hookline_model::{
    explore::finds,
    outbound::{
        bug::Bug,
        functions::Act,
        model::Scenario,
        promises::{
            BEGAN_LATE, FATE_CHANGED, HURRIED, IGNORED, INSISTED, LOST, MISTAKEN, NO_REASON, NOT_ARRIVED, OLD_POSTED,
            OWED, REMOVED_EARLY, REPEATED, SPENT, STAYED_OPEN, UNWATCHED, WENT_BACK, WRITTEN_TWICE,
        },
        world::Left,
    },
};

/// One event, two dispatchers, and this may happen.
fn with(left: Left) -> Scenario {
    Scenario {
        left,
        ..Scenario::default()
    }
}

fn one_death() -> Scenario {
    with(Left {
        deaths: 1,
        ..Left::default()
    })
}

fn one_refusal_and_a_death() -> Scenario {
    with(Left {
        deaths: 1,
        refusals: 1,
        ..Left::default()
    })
}

/// A dispatcher whose lease lapses while it works, and the sweep, which wakes another meanwhile.
fn lapse() -> Scenario {
    with(Left {
        lapses: 1,
        refusals: 1,
        sweeps: 1,
        ..Left::default()
    })
}

#[test]
fn entry_removed_before_the_record_is_lost_with_its_process() {
    finds(Bug::RemovedBeforeTheRecord, one_death(), LOST);
    finds(Bug::RemovedBeforeTheRecord, one_death(), REMOVED_EARLY);
}

#[test]
fn retry_added_after_the_removal_is_lost_with_its_process() {
    finds(Bug::RetryAfterTheRemoval, one_refusal_and_a_death(), LOST);
}

#[test]
fn queue_message_deleted_before_the_entries_loses_the_event() {
    finds(Bug::QueueMessageGoesFirst, one_death(), LOST);
}

#[test]
fn without_a_second_look_what_came_meanwhile_waits_for_ever() {
    let scenario = Scenario {
        events: 2,
        fan_outs: 1,
        ..with(Left::default())
    };
    finds(Bug::NoSecondLook, scenario.clone(), UNWATCHED);
    finds(Bug::NoSecondLook, scenario, OWED);
}

#[test]
fn wake_up_dropped_after_the_release_leaves_nobody_to_look() {
    let scenario = Scenario {
        events: 2,
        ..with(Left::default())
    };
    finds(Bug::DroppedAfterTheRelease, scenario.clone(), UNWATCHED);
    finds(Bug::DroppedAfterTheRelease, scenario, OWED);
}

#[test]
fn record_written_by_a_zombie_changes_a_fate() {
    finds(Bug::PutWhateverTheRevision, lapse(), WRITTEN_TWICE);
    finds(Bug::PutWhateverTheRevision, lapse(), FATE_CHANGED);
    finds(Bug::PutWhateverTheRevision, lapse(), LOST);
}

#[test]
fn f8_late_first_writer_is_posted_again_unless_the_record_is_read() {
    let scenario = Scenario {
        copies: 2,
        ..with(Left::default())
    };
    finds(Bug::NoRecordRead, scenario, REPEATED);
}

#[test]
fn f16_pause_and_deletion_hold_too_late_if_the_endpoint_is_read_once() {
    for act in [Act::Pause, Act::Delete] {
        let scenario = Scenario {
            acts: vec![act],
            ..with(Left {
                moments: 1,
                ..Left::default()
            })
        };
        finds(Bug::EndpointReadOnce, scenario, BEGAN_LATE);
    }
}

/// The last look reads the endpoint again, too.
#[test]
fn activation_is_missed_if_the_endpoint_is_read_once() {
    let scenario = Scenario {
        acts: vec![Act::Pause, Act::Activate],
        ..with(Left::default())
    };
    finds(Bug::EndpointReadOnce, scenario.clone(), UNWATCHED);
    finds(Bug::EndpointReadOnce, scenario, OWED);
}

#[test]
fn attempt_spent_on_a_general_failure_is_counted() {
    let scenario = with(Left {
        failures: 1,
        ..Left::default()
    });
    finds(Bug::GeneralSpendsAnAttempt, scenario, SPENT);
}

#[test]
fn f9_health_that_goes_with_the_last_entry_takes_the_next_look_with_it() {
    let scenario = Scenario {
        events: 2,
        ..with(Left::default())
    };
    finds(Bug::HealthGoesWithTheLastEntry, scenario.clone(), UNWATCHED);
    finds(Bug::HealthGoesWithTheLastEntry, scenario, OWED);
}

#[test]
fn next_look_left_at_the_release_is_missing_if_its_process_dies() {
    let scenario = Scenario {
        events: 2,
        ..with(Left {
            deaths: 1,
            losses: 1,
            ..Left::default()
        })
    };
    finds(Bug::NextLookIsLeft, scenario.clone(), UNWATCHED);
    finds(Bug::NextLookIsLeft, scenario, OWED);
}

#[test]
fn f7_retry_by_hand_without_a_run_of_its_own_is_never_sent() {
    let scenario = Scenario {
        acts: vec![Act::Retry(0)],
        ..with(Left::default())
    };
    finds(Bug::RetriedInTheSameRun, scenario, IGNORED);
}

/// The answer to the newer state is a general failure or lost: the endpoint may well have taken it, and the older one is handed out late.
#[test]
fn f11_version_noted_after_the_post_lets_an_older_state_follow() {
    for left in [
        Left {
            failures: 1,
            ..Left::default()
        },
        Left {
            errors: 1,
            ..Left::default()
        },
    ] {
        let scenario = Scenario {
            events: 2,
            versions: Some([1, 2, 0]),
            is_ordered: true,
            ..with(left)
        };
        finds(Bug::VersionNotedAfterThePost, scenario, WENT_BACK);
    }
}

/// Two messages wait, and the endpoint has failed so often before.
fn failing(failed_before: u8) -> Scenario {
    Scenario {
        events: 2,
        is_handed_out: true,
        failed_before,
        ..with(Left {
            failures: 2,
            ..Left::default()
        })
    }
}

/// The effect: the other message never arrives, and after five days the endpoint is disabled.
#[test]
fn f12_probe_that_is_always_the_oldest_message_shuts_the_endpoint() {
    finds(Bug::ProbeIsTheOldest, failing(4), INSISTED);
    let poisoned = Scenario {
        poison: Some(0),
        ..failing(5)
    };
    finds(Bug::ProbeIsTheOldest, poisoned, NOT_ARRIVED);
}

#[test]
fn breaker_that_closes_without_a_probe_lets_messages_through_before_their_time() {
    let scenario = Scenario {
        is_handed_out: false,
        ..failing(4)
    };
    finds(Bug::BreakerIsForgotten, scenario, HURRIED);
}

#[test]
fn breaker_at_which_nobody_looks_again_shuts_for_ever() {
    finds(Bug::BreakerIsNeverProbed, failing(4), UNWATCHED);
    finds(Bug::BreakerIsNeverProbed, failing(4), OWED);
}

#[test]
fn breaker_that_a_success_does_not_close_stays_open() {
    finds(Bug::SuccessDoesNotClose, failing(4), STAYED_OPEN);
}

/// The endpoint is paused, and activated like this.
fn activated(activation: Act, left: Left) -> Scenario {
    Scenario {
        events: 2,
        dispatchers: 1,
        acts: vec![Act::Pause, activation],
        ..with(left)
    }
}

/// The same with states of one thing.
fn newest(versions: [u8; 3], left: Left) -> Scenario {
    Scenario {
        versions: Some(versions),
        ..activated(Act::ActivateNewest, left)
    }
}

#[test]
fn drop_that_takes_what_came_since_the_activation_is_found() {
    let scenario = Scenario {
        late_from: Some(1),
        ..activated(Act::ActivateDrop, Left::default())
    };
    finds(Bug::DropTakesWhatCameSince, scenario, NO_REASON);
}

#[test]
fn message_dropped_without_a_fate_is_lost() {
    let scenario = activated(Act::ActivateDrop, Left::default());
    finds(Bug::DroppedWithoutAFate, scenario.clone(), LOST);
    finds(Bug::DroppedWithoutAFate, scenario, REMOVED_EARLY);
}

#[test]
fn backlog_settled_before_the_older_states_lets_them_be_posted() {
    let left = one_death().left;
    finds(Bug::BacklogSettledFirst, newest([1, 2, 0], left), OLD_POSTED);
}

#[test]
fn activation_in_the_course_of_a_run_is_missed_if_the_backlog_is_read_once() {
    let moment = Left {
        moments: 1,
        ..Left::default()
    };
    finds(Bug::BacklogReadOnce, newest([1, 2, 0], moment), OLD_POSTED);
}

#[test]
fn newest_by_the_order_of_arrival_gives_up_the_newest_state() {
    finds(Bug::NewestIsTheLast, newest([2, 1, 0], Left::default()), NO_REASON);
}

#[test]
fn fact_is_given_up_if_it_counts_as_an_old_state() {
    finds(Bug::FactsCountAsStates, newest([0, 1, 0], Left::default()), NO_REASON);
}

#[test]
fn activation_that_is_made_again_without_a_wake_up_leaves_what_waits() {
    let scenario = Scenario {
        events: 1,
        ..activated(Act::Activate, one_death().left)
    };
    finds(Bug::ActivatedAgainWithoutAWakeUp, scenario.clone(), UNWATCHED);
    finds(Bug::ActivatedAgainWithoutAWakeUp, scenario, OWED);
}

#[test]
fn lease_wake_up_record_or_removal_without_its_endpoint_takes_what_is_of_another() {
    let two = Scenario {
        endpoints: 2,
        ..with(Left::default())
    };
    finds(Bug::LeaseOfAll, two.clone(), MISTAKEN);
    finds(Bug::LeaseOfAll, two.clone(), UNWATCHED);
    finds(Bug::LeaseOfAll, two.clone(), OWED);
    finds(Bug::WakeUpOfAll, two.clone(), UNWATCHED);
    finds(Bug::RecordOfAll, two.clone(), LOST);
    finds(Bug::RecordOfAll, two.clone(), REMOVED_EARLY);
    let deleted = Scenario {
        acts: vec![Act::Delete],
        ..two
    };
    finds(Bug::RemovedOfAll, deleted.clone(), LOST);
    finds(Bug::RemovedOfAll, deleted, REMOVED_EARLY);
}

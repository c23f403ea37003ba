//! Sources that must be queried: no edit is lost, nothing removed comes back, and only a person connects a store.

use std::sync::Arc;

use hookline_domain::event::thin::{Expected, Mark};
use hookline_model::{
    asked::{
        bug::Bug,
        model::{LEFT_BEHIND, LOST, REENABLED, Scenario},
        world::{Edit, Happening, Left, start},
    },
    explore::{Explored, finds, holds},
};
use jiff::SignedDuration;

/// A state whose time at the vendor is this many seconds before the start, with one thin event.
fn state(mark: i64, age: i64) -> Edit {
    Edit {
        is_there: true,
        mark,
        updated_at: start() - SignedDuration::from_secs(age),
        notices: 1,
        expected: Expected::AtLeast(Mark(mark)),
    }
}

fn gone() -> Edit {
    Edit {
        is_there: false,
        mark: 0,
        updated_at: start(),
        notices: 1,
        expected: Expected::Hidden,
    }
}

fn edits(edits: impl Into<Vec<Edit>>, left: Left) -> Scenario {
    let edits = edits.into();
    Scenario {
        happenings: vec![Happening::Edit; edits.len() - 1],
        edits: Arc::new(edits),
        names_nothing: false,
        workers: 2,
        left,
        bug: None,
    }
}

fn lags(lags: u8) -> Left {
    Left {
        lags,
        ..Left::default()
    }
}

/// Two events of one edit, of which the second tells no mark.
fn edited_twice_told(left: Left) -> Scenario {
    let second = Edit {
        expected: Expected::Later,
        notices: 2,
        ..state(2, 5)
    };
    edits([state(1, 100), second], left)
}

/// A product that is removed, and restored with its old time and marks from the beginning.
fn restored(left: Left) -> Scenario {
    let back = Edit {
        expected: Expected::Visible,
        ..state(1, 100)
    };
    edits([state(1, 100), gone(), back], left)
}

/// An edit while the store is disconnected, as of some seconds ago.
fn disconnected(left: Left) -> Scenario {
    Scenario {
        happenings: vec![Happening::Edit, Happening::Disconnect(2)],
        ..edits([state(1, 100), state(2, 5)], left)
    }
}

/// Two events of an edit, at a source whose events name nothing.
fn unnamed(left: Left) -> Scenario {
    let second = Edit {
        notices: 2,
        ..state(2, 5)
    };
    Scenario {
        names_nothing: true,
        ..edits([state(1, 100), second], left)
    }
}

#[test]
fn edits_are_found_whoever_dies_and_whatever_lags() {
    holds(edits(
        [state(1, 100), state(2, 5)],
        Left {
            deaths: 1,
            lags: 3,
            ..Left::default()
        },
    ));
    holds(edits([state(1, 100), state(2, 5), state(3, 3)], lags(1)));
    holds(edited_twice_told(Left {
        deaths: 1,
        lags: 1,
        ..Left::default()
    }));
    holds(edits(
        [state(1, 100), state(2, 5)],
        Left {
            errors: 1,
            lags: 1,
            seconds: 1,
            ..Left::default()
        },
    ));
}

#[test]
fn removed_product_may_come_back_and_stays_out_until_then() {
    holds(restored(Left::default()));
    holds(edits(
        [state(1, 100), gone()],
        Left {
            deaths: 2,
            lags: 1,
            ..Left::default()
        },
    ));
    holds(edits(
        [state(1, 100), gone()],
        Left {
            errors: 2,
            ..Left::default()
        },
    ));
}

#[test]
fn nothing_of_a_disconnected_store_is_found_and_only_a_person_connects_it() {
    holds(disconnected(Left {
        deaths: 1,
        seconds: 1,
        ..Left::default()
    }));
    holds(Scenario {
        happenings: vec![Happening::Edit, Happening::Disconnect(2), Happening::Connect],
        ..edits([state(1, 100), state(2, 5)], Left::default())
    });
    holds(Scenario {
        happenings: vec![Happening::Edit, Happening::Disconnect(0)],
        ..edits(
            [state(1, 100), gone()],
            Left {
                deaths: 1,
                ..Left::default()
            },
        )
    });
}

#[test]
fn change_that_a_lagging_search_left_out_is_found_by_the_next_event() {
    holds(unnamed(lags(1)));
    holds(unnamed(Left {
        deaths: 1,
        errors: 1,
        ..Left::default()
    }));
}

#[test]
fn walk_finds_what_no_event_told() {
    for last in [state(2, 5), gone()] {
        let untold = Edit { notices: 0, ..last };
        holds(Scenario {
            happenings: vec![Happening::Edit, Happening::Walk],
            ..edits(
                [state(1, 100), untold],
                Left {
                    deaths: 1,
                    errors: 1,
                    ..Left::default()
                },
            )
        });
        // A walk and an event of the same edit at once.
        holds(Scenario {
            happenings: vec![Happening::Edit, Happening::Walk],
            ..edits([state(1, 100), last], Left::default())
        });
    }
    let untold = Edit {
        notices: 0,
        ..state(2, 5)
    };
    holds(Scenario {
        happenings: vec![Happening::Edit, Happening::Walk, Happening::Disconnect(2)],
        ..edits([state(1, 100), untold], Left::default())
    });
}

#[test]
fn seconds_of_the_vendor_keep_a_restored_product_out() {
    finds(Bug::SecondsAreTheVendors, restored(Left::default()), LOST);
}

#[test]
fn lagging_answer_overwrites_a_newer_one_without_marks() {
    finds(Bug::NoSeen, edited_twice_told(lags(1)), LOST);
}

#[test]
fn answer_on_its_way_connects_a_disconnected_store_if_it_may() {
    finds(Bug::AnswersBeginInstalls, disconnected(Left::default()), REENABLED);
}

#[test]
fn document_stays_if_its_entry_is_retired_first() {
    let scenario = Scenario {
        happenings: vec![Happening::Edit, Happening::Disconnect(0)],
        ..edits(
            [state(1, 100), gone()],
            Left {
                deaths: 1,
                ..Left::default()
            },
        )
    };
    finds(Bug::RetiredBeforeTheIndex, scenario, LEFT_BEHIND);
}

#[test]
fn cursor_passes_over_what_a_search_left_out() {
    finds(Bug::CursorWithoutOverlap, unnamed(lags(1)), LOST);
}

#[test]
fn cursor_that_moves_first_loses_nothing_that_is_two_minutes_young() {
    let deaths = Left {
        deaths: 1,
        ..Left::default()
    };
    // The next question goes from two minutes before it, so that nothing is lost while the overlap is there.
    holds(unnamed(deaths).seeded(Bug::CursorMovesFirst));
}

#[test]
fn old_answer_is_taken_for_a_new_one_if_nothing_is_promised() {
    finds(Bug::NoAtLeast, edits([state(1, 100), state(2, 5)], lags(1)), LOST);
    finds(Bug::BehindIsDropped, edits([state(1, 100), state(2, 5)], lags(1)), LOST);
}

#[test]
fn buried_product_never_comes_back() {
    finds(Bug::RemovalsBury, restored(Left::default()), LOST);
}

#[test]
fn removal_as_of_the_signed_time_leaves_what_was_asked_for_since() {
    let deaths = Left {
        deaths: 1,
        ..Left::default()
    };
    finds(Bug::RemovedByTheSignedTime, disconnected(deaths), LEFT_BEHIND);
}

//! A person pauses an endpoint, and activates it: each way to treat what waited meanwhile.

use hookline_model::{
    explore::holds,
    outbound::{functions::Act, model::Scenario, world::Left},
};

/// One event, two dispatchers, and this may happen.
fn with(left: Left) -> Scenario {
    Scenario {
        left,
        ..Scenario::default()
    }
}

/// A message that waits, or has been posted, and one that comes after the activation.
fn one_before_and_one_after(activation: Act, left: Left) -> Scenario {
    Scenario {
        events: 2,
        late_from: Some(1),
        acts: vec![Act::Pause, activation],
        ..with(left)
    }
}

#[test]
fn activation_drops_what_waited_and_nothing_that_came_since() {
    for left in [
        Left {
            errors: 1,
            ..Left::default()
        },
        Left {
            refusals: 1,
            failures: 1,
            ..Left::default()
        },
    ] {
        holds(Scenario {
            dispatchers: 1,
            ..one_before_and_one_after(Act::ActivateDrop, left)
        });
    }
    let left = Left {
        deaths: 1,
        ..Left::default()
    };
    holds(one_before_and_one_after(Act::ActivateDrop, left));
}

#[test]
fn activation_sends_what_waited_and_what_came_since() {
    let left = Left {
        deaths: 1,
        ..Left::default()
    };
    holds(Scenario {
        dispatchers: 1,
        ..one_before_and_one_after(Act::Activate, left)
    });
}

/// States of one thing with these versions, 0 of a fact, at an endpoint that is paused, and activated with its newest.
fn newest(events: u8, versions: [u8; 3], left: Left) -> Scenario {
    Scenario {
        events,
        versions: Some(versions),
        dispatchers: 1,
        acts: vec![Act::Pause, Act::ActivateNewest],
        ..with(left)
    }
}

#[test]
fn activation_with_the_newest_sends_the_newest_state_and_all_facts() {
    for versions in [[1, 2, 0], [2, 1, 0]] {
        holds(newest(3, versions, Left::default()));
        for left in [
            Left {
                deaths: 1,
                ..Left::default()
            },
            Left {
                errors: 1,
                ..Left::default()
            },
            Left {
                moments: 1,
                ..Left::default()
            },
        ] {
            holds(newest(2, versions, left));
        }
    }
    // The third comes after the activation.
    for versions in [[2, 1, 3], [1, 3, 2]] {
        holds(Scenario {
            late_from: Some(2),
            ..newest(3, versions, Left::default())
        });
    }
}

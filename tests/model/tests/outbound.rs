//! The dispatcher: no message is lost, and none is posted again without a reason.

use hookline_model::{
    explore::{holds, never, violates},
    outbound::{
        functions::Act,
        model::Scenario,
        promises::{NOT_ARRIVED, POSTED_TWICE, SPENT_WITHOUT_EXCEPTION, UNWATCHED},
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

/// The same with two events at an endpoint that takes several messages at once.
fn two_at_once(left: Left) -> Scenario {
    Scenario {
        events: 2,
        is_proven: true,
        ..with(left)
    }
}

#[test]
fn message_is_posted_whoever_dies() {
    holds(with(Left {
        deaths: 2,
        refusals: 1,
        failures: 1,
        ..Left::default()
    }));
    holds(Scenario {
        events: 2,
        ..with(Left {
            deaths: 1,
            refusals: 1,
            failures: 1,
            ..Left::default()
        })
    });
}

#[test]
fn messages_posted_at_once_do_not_interfere() {
    holds(two_at_once(Left {
        deaths: 1,
        refusals: 1,
        failures: 1,
        ..Left::default()
    }));
}

#[test]
fn failed_calls_lose_no_message() {
    holds(two_at_once(Left {
        errors: 1,
        refusals: 1,
        ..Left::default()
    }));
    holds(with(Left {
        errors: 2,
        deaths: 1,
        refusals: 1,
        ..Left::default()
    }));
}

#[test]
fn doubled_and_lost_wake_ups_and_queue_messages_change_nothing() {
    holds(Scenario {
        copies: 2,
        fan_outs: 2,
        ..with(Left {
            deaths: 1,
            losses: 1,
            doubles: 1,
            ..Left::default()
        })
    });
    holds(with(Left {
        deaths: 2,
        losses: 1,
        refusals: 1,
        ..Left::default()
    }));
}

#[test]
fn dispatcher_whose_lease_has_lapsed_changes_no_fate() {
    holds(with(Left {
        lapses: 1,
        sweeps: 1,
        refusals: 2,
        failures: 1,
        ..Left::default()
    }));
    holds(with(Left {
        lapses: 1,
        sweeps: 1,
        deaths: 1,
        refusals: 1,
        ..Left::default()
    }));
    holds(with(Left {
        lapses: 1,
        sweeps: 1,
        errors: 1,
        ..Left::default()
    }));
}

#[test]
fn time_that_passes_between_calls_changes_nothing() {
    holds(with(Left {
        moments: 2,
        refusals: 1,
        failures: 1,
        ..Left::default()
    }));
}

#[test]
fn paused_endpoint_gets_nothing_until_a_person_activates_it() {
    let acts = vec![Act::Pause, Act::Activate];
    holds(Scenario {
        acts: acts.clone(),
        ..with(Left {
            moments: 1,
            deaths: 1,
            ..Left::default()
        })
    });
    holds(Scenario {
        acts: acts.clone(),
        ..with(Left {
            errors: 1,
            losses: 1,
            ..Left::default()
        })
    });
    holds(Scenario {
        acts,
        ..with(Left {
            lapses: 1,
            sweeps: 1,
            ..Left::default()
        })
    });
}

#[test]
fn endpoint_that_says_goodbye_gets_nothing_until_a_person_activates_it() {
    holds(Scenario {
        acts: vec![Act::Activate],
        ..with(Left {
            goodbyes: 1,
            deaths: 1,
            refusals: 1,
            ..Left::default()
        })
    });
}

#[test]
fn messages_of_a_deleted_endpoint_are_discarded() {
    holds(Scenario {
        acts: vec![Act::Delete],
        ..with(Left {
            moments: 1,
            deaths: 1,
            ..Left::default()
        })
    });
    holds(Scenario {
        acts: vec![Act::Pause, Act::Delete],
        ..with(Left {
            deaths: 1,
            ..Left::default()
        })
    });
    holds(Scenario {
        acts: vec![Act::Delete],
        ..with(Left {
            lapses: 1,
            sweeps: 1,
            refusals: 1,
            ..Left::default()
        })
    });
}

#[test]
fn retry_by_hand_is_posted_again() {
    let acts = vec![Act::Retry(0)];
    holds(Scenario {
        acts: acts.clone(),
        ..with(Left {
            deaths: 1,
            refusals: 1,
            ..Left::default()
        })
    });
    holds(Scenario {
        acts,
        ..with(Left {
            lapses: 1,
            sweeps: 1,
            refusals: 1,
            ..Left::default()
        })
    });
}

/// Two states of one thing, accepted in either order, at an endpoint that wants them in theirs.
#[test]
fn older_state_never_follows_a_newer_one() {
    let deaths = Left {
        deaths: 1,
        ..Left::default()
    };
    for versions in [[1, 2, 0], [2, 1, 0]] {
        let in_order = |left: Left| Scenario {
            events: 2,
            versions: Some(versions),
            is_ordered: true,
            ..with(left)
        };
        holds(Scenario {
            is_proven: true,
            ..in_order(deaths)
        });
        holds(in_order(Left {
            refusals: 1,
            failures: 1,
            ..deaths
        }));
        holds(in_order(Left {
            errors: 1,
            ..Left::default()
        }));
        holds(Scenario {
            dispatchers: 1,
            acts: vec![Act::Retry(0)],
            ..in_order(Left::default())
        });
    }
}

/// The endpoint has failed so often before, and five failures open the breaker.
fn failing(failed_before: u8, left: Left) -> Scenario {
    Scenario {
        events: 2,
        failed_before,
        ..with(left)
    }
}

#[test]
fn endpoint_whose_breaker_has_opened_gets_every_message_once_it_answers() {
    holds(failing(
        0,
        Left {
            failures: 7,
            deaths: 1,
            ..Left::default()
        },
    ));
    holds(failing(
        4,
        Left {
            failures: 2,
            errors: 1,
            ..Left::default()
        },
    ));
    holds(failing(
        4,
        Left {
            failures: 2,
            refusals: 1,
            losses: 1,
            doubles: 1,
            ..Left::default()
        },
    ));
    holds(Scenario {
        events: 1,
        ..failing(
            4,
            Left {
                failures: 2,
                lapses: 1,
                sweeps: 1,
                ..Left::default()
            },
        )
    });
    holds(Scenario {
        events: 3,
        ..failing(
            4,
            Left {
                failures: 3,
                ..Left::default()
            },
        )
    });
}

/// F12: the endpoint always fails at the older of two messages. The other arrives, and after five days the endpoint is disabled.
#[test]
fn f12_message_at_which_the_endpoint_always_fails_keeps_no_other_from_it() {
    for failed_before in [0, 4, 5] {
        holds(Scenario {
            is_handed_out: true,
            poison: Some(0),
            ..failing(failed_before, Left::default())
        });
    }
}

/// Two endpoints want an event. The first fails, or a person changes it; the second takes everything.
fn two_endpoints(left: Left) -> Scenario {
    Scenario {
        endpoints: 2,
        ..with(left)
    }
}

#[test]
fn endpoint_that_fails_changes_nothing_of_another() {
    holds(two_endpoints(Left {
        deaths: 1,
        failures: 1,
        refusals: 1,
        ..Left::default()
    }));
    holds(two_endpoints(Left {
        errors: 1,
        ..Left::default()
    }));
    // It hangs.
    holds(two_endpoints(Left {
        failures: 1,
        moments: 2,
        ..Left::default()
    }));
    holds(two_endpoints(Left {
        lapses: 1,
        sweeps: 1,
        failures: 1,
        ..Left::default()
    }));
    holds(Scenario {
        events: 2,
        ..two_endpoints(Left {
            failures: 1,
            ..Left::default()
        })
    });
}

#[test]
fn deleted_endpoint_takes_no_message_of_another() {
    for left in [
        Left {
            deaths: 1,
            ..Left::default()
        },
        Left {
            failures: 1,
            moments: 1,
            ..Left::default()
        },
    ] {
        holds(Scenario {
            acts: vec![Act::Delete],
            ..two_endpoints(left)
        });
    }
}

#[test]
fn message_at_which_the_endpoint_fails_three_times_while_it_takes_others_spends_one_attempt() {
    let scenario = Scenario {
        events: 2,
        dispatchers: 1,
        acts: vec![Act::Retry(1)],
        ..with(Left {
            failures: 3,
            ..Left::default()
        })
    };
    holds(scenario.clone());
    violates("three failures at one message", scenario, SPENT_WITHOUT_EXCEPTION);
}

/// Known limit: what nothing else knows of, the queue has to keep. Fan-out's wake-up is such a message, and so is a person's.
#[test]
fn limit_wake_up_of_fan_out_that_the_queue_loses_leaves_its_entry() {
    let scenario = Scenario {
        loses_owed: true,
        ..with(Left {
            losses: 1,
            ..Left::default()
        })
    };
    violates("a wake-up that the queue loses", scenario, UNWATCHED);
}

/// Known limit: of states in their order, that at which the endpoint always fails holds up those after it.
#[test]
fn limit_state_at_which_the_endpoint_always_fails_holds_up_newer_ones_of_its_thing() {
    let scenario = Scenario {
        is_handed_out: true,
        poison: Some(0),
        versions: Some([1, 2, 0]),
        is_ordered: true,
        ..failing(4, Left::default())
    };
    violates("a state at which the endpoint always fails", scenario, NOT_ARRIVED);
}

/// Each of the reasons for which a message is posted again after a success, by itself.
#[test]
fn limit_message_is_posted_again_for_four_reasons() {
    let death = Left {
        deaths: 1,
        ..Left::default()
    };
    let failed_write_or_lost_answer = Left {
        errors: 1,
        ..Left::default()
    };
    let lapse = Left {
        lapses: 1,
        sweeps: 1,
        ..Left::default()
    };
    for (name, left) in [
        ("a death", death),
        ("a failed call", failed_write_or_lost_answer),
        ("a lapse", lapse),
    ] {
        violates(name, with(left), POSTED_TWICE);
    }
    // And for no other.
    let otherwise = Left {
        moments: 1,
        refusals: 1,
        failures: 1,
        losses: 1,
        doubles: 1,
        ..Left::default()
    };
    never(with(otherwise), POSTED_TWICE);
}

//! Properties that must hold in every reachable state. Each is named after its violation.

use hookline_domain::outbound::MessageFate;
use stateright::Property;

use super::{call::State, line::Line, model::Scenario, world::World};

/// An event is neither on fan-out's queue, nor has it an entry that counts or a fate.
pub const LOST: &str = "an open message has an entry";
/// An entry of an open message was removed.
pub const REMOVED_EARLY: &str = "an entry goes only after a record says why";
/// Nothing is under way, and a message has no fate.
pub const OWED: &str = "at rest, every message of an active endpoint has a fate";
/// Two writes of a record counted for one revision.
pub const WRITTEN_TWICE: &str = "of two holders, the writes of one count for a revision";
/// A fate has changed.
pub const FATE_CHANGED: &str = "a message has one fate in a run";
/// A message was posted again for no reason.
pub const REPEATED: &str =
    "a message is posted again after a success only after a death, a failed write, a lost answer or a lapse";
/// An attempt began after the endpoint was paused or deleted.
pub const BEGAN_LATE: &str = "no attempt begins five seconds after a pause or a deletion";
/// A message has more failures than the endpoint has given it.
pub const SPENT: &str = "a general failure spends no attempt";
/// The same, with the exception: three general failures at one message, between which the endpoint takes others. Not in
/// [`SAFETY`].
pub const SPENT_WITHOUT_EXCEPTION: &str = "a general failure spends no attempt, always";
/// Nobody will look at the entry of an open message in time.
pub const UNWATCHED: &str = "an open message of an active endpoint has a wake-up, a lease or a next look in time";
/// Nothing is under way, and what a person asked for was not posted.
pub const IGNORED: &str = "at rest, what a person asked for again was posted again";
/// An older state was posted after a newer one, though the endpoint wants them in their order.
pub const WENT_BACK: &str = "no older state of a thing is posted after a newer one";
/// A message was given up, and no person and no newer state says so; or it counts as sent, and the endpoint has not taken it.
pub const NO_REASON: &str =
    "a message has the fate that happened to it, or that a person or a newer state has given it";
/// An attempt began before its time, or several at once, while the breaker was open.
pub const HURRIED: &str =
    "an endpoint that fails gets nothing before its time, and one message while its breaker is open";
/// The message at which the endpoint failed last was tried first, though another waited.
pub const INSISTED: &str = "the message of the last failure is not tried again first while another waits";
/// The breaker stayed open after a success.
pub const STAYED_OPEN: &str = "a success closes the breaker";
/// Nothing is under way, and a message has not arrived at which the endpoint does not fail.
pub const NOT_ARRIVED: &str =
    "at rest, every message that nobody has given up, and at which its endpoint does not always fail, has arrived";
/// A state was posted that an activation has given up.
pub const OLD_POSTED: &str = "an activation with `newest` posts no state of which a newer one waited";
/// A dispatcher has made a call about another endpoint than its own.
pub const MISTAKEN: &str = "a dispatcher makes calls about its own endpoint only";
/// A scenario can end well: the search is not empty.
pub const REACHED: &str = "every message has a fate";
/// A message was posted twice. Not in [`SAFETY`]: physics.
pub const POSTED_TWICE: &str = "no message is ever posted again after a success";

/// Properties that must hold in every state.
pub const SAFETY: [&str; 18] = [
    LOST,
    REMOVED_EARLY,
    OWED,
    WRITTEN_TWICE,
    FATE_CHANGED,
    REPEATED,
    BEGAN_LATE,
    SPENT,
    UNWATCHED,
    IGNORED,
    WENT_BACK,
    NO_REASON,
    HURRIED,
    INSISTED,
    STAYED_OPEN,
    NOT_ARRIVED,
    OLD_POSTED,
    MISTAKEN,
];

/// General failures at a message, while the endpoint took others, from which on it fails by itself.
const MAX_GENERAL: u8 = 3;

/// Returns true if this is true for each endpoint, known by its number.
fn each(world: &World, holds: impl Fn(u8, &Line) -> bool) -> bool {
    world.numbered().all(|(n, line)| holds(n, line))
}

/// The properties of [`SAFETY`], and those that are reached or broken on purpose.
pub(super) fn promises() -> Vec<Property<Scenario>> {
    let mut promises = of_messages();
    promises.extend(of_endpoints());
    promises
}

/// Properties of messages.
fn of_messages() -> Vec<Property<Scenario>> {
    vec![
        Property::always(LOST, |_, world: &World| {
            let is_known = |line: &Line, event: u8| line.has_fate(event) || line.has_entry(event);
            let is_kept = |event: u8| world.is_queued(event) || each(world, |_, line| is_known(line, event));
            world.events().all(is_kept)
        }),
        Property::always(REMOVED_EARLY, |_, world: &World| {
            each(world, |_, line| !line.accounts.removed_early)
        }),
        Property::always(OWED, |_, world: &World| {
            !world.is_at_rest()
                || each(world, |_, line| {
                    let must_end = matches!(line.endpoint.state, State::Active | State::Deleting);
                    let has_ended =
                        || line.outbox.entries.is_empty() && world.events().all(|event| line.has_fate(event));
                    !must_end || has_ended()
                })
        }),
        Property::always(WRITTEN_TWICE, |_, world: &World| {
            each(world, |_, line| !line.accounts.written_twice)
        }),
        Property::always(FATE_CHANGED, |_, world: &World| {
            each(world, |_, line| !line.accounts.fate_changed)
        }),
        Property::always(REPEATED, |_, world: &World| {
            each(world, |_, line| !line.accounts.is_repeated())
        }),
        Property::always(SPENT, |_, world: &World| {
            each(world, |_, line| spends_nothing(line, MAX_GENERAL))
        }),
        Property::always(SPENT_WITHOUT_EXCEPTION, |_, world: &World| {
            each(world, |_, line| spends_nothing(line, u8::MAX))
        }),
        Property::always(IGNORED, |_, world: &World| {
            !world.is_at_rest()
                || each(world, |_, line| {
                    line.endpoint.state != State::Active || !line.accounts.is_asked.contains(&true)
                })
        }),
        Property::always(WENT_BACK, |_, world: &World| {
            each(world, |_, line| !line.accounts.went_back)
        }),
        Property::always(NO_REASON, |_, world: &World| {
            each(world, |_, line| !line.accounts.has_no_reason)
        }),
        Property::always(OLD_POSTED, |_, world: &World| {
            each(world, |_, line| !line.accounts.posted_what_was_given_up)
        }),
        Property::always(POSTED_TWICE, |_, world: &World| {
            each(world, |_, line| !line.accounts.is_posted_twice())
        }),
        Property::sometimes(REACHED, |scenario: &Scenario, world: &World| {
            let has_ended = |event: u8| {
                each(world, |_, line| {
                    let fate = line.record(event).and_then(|record| record.fate);
                    let is_good = matches!(
                        fate,
                        Some(MessageFate::Sent | MessageFate::Discarded | MessageFate::Superseded)
                    );
                    is_good || scenario.poison == Some(event)
                })
            };
            world.is_at_rest() && world.events().all(has_ended)
        }),
    ]
}

/// Properties of endpoints.
fn of_endpoints() -> Vec<Property<Scenario>> {
    vec![
        Property::always(BEGAN_LATE, |_, world: &World| {
            each(world, |_, line| !line.accounts.began_late)
        }),
        Property::always(UNWATCHED, |_, world: &World| {
            each(world, |n, line| {
                line.endpoint.state != State::Active || line.open_entries().all(|key| world.is_awaited(n, key))
            })
        }),
        Property::always(HURRIED, |_, world: &World| {
            each(world, |_, line| !line.accounts.hurried)
        }),
        Property::always(INSISTED, |_, world: &World| {
            each(world, |_, line| !line.accounts.insisted)
        }),
        Property::always(STAYED_OPEN, |_, world: &World| {
            each(world, |_, line| !line.accounts.stayed_open)
        }),
        Property::always(NOT_ARRIVED, |scenario: &Scenario, world: &World| {
            !world.is_at_rest()
                || each(world, |_, line| {
                    let must_arrive = match line.endpoint.state {
                        State::Active => true,
                        // The poison alone has disabled it.
                        State::Disabled => scenario.poison.is_some(),
                        State::Paused | State::Deleting => false,
                    };
                    let has_arrived = |event: u8| line.has_fate(event) || scenario.poison == Some(event);
                    !must_arrive || world.events().all(has_arrived)
                })
        }),
        Property::always(MISTAKEN, |_, world: &World| {
            each(world, |_, line| !line.accounts.was_mistaken)
        }),
    ]
}

/// Returns true if no message has more failures than the endpoint has given it; `general` failures at a message spend one.
fn spends_nothing(line: &Line, general: u8) -> bool {
    (0..).zip(&line.records).all(|(n, record): (usize, _)| {
        record.as_ref().is_none_or(|record| {
            let run = usize::from(record.run > 0);
            // The endpoint failed again and again at this message while it took others.
            let unavailable = u16::from(line.accounts.unavailable[n][run]);
            let by_itself = (unavailable + 1).saturating_sub(u16::from(general));
            record.failed <= u32::from(u16::from(line.accounts.refused[n][run]) + by_itself)
        })
    })
}

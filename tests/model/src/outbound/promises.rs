//! Properties that must hold in every reachable state. Each is named after its violation.

use hookline_domain::outbound::{MessageFate, MessageRecord};
use stateright::Property;

use super::{accounts::counts, call::State, model::Scenario, world::World};

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
/// A state was given up, and there is no newer one to be posted.
pub const GIVEN_UP: &str = "only what is older than a state that was to be posted is superseded";
/// A scenario can end well: the search is not empty.
pub const REACHED: &str = "every message has a fate";
/// A message was posted twice. Not in [`SAFETY`]: physics.
pub const POSTED_TWICE: &str = "no message is ever posted again after a success";

/// Properties that must hold in every state.
pub const SAFETY: [&str; 12] = [
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
    GIVEN_UP,
];

/// General failures at a message, while the endpoint took others, from which on it fails by itself.
const MAX_GENERAL: u8 = 3;

/// The properties of [`SAFETY`], and those that are reached or broken on purpose.
pub(super) fn promises() -> Vec<Property<Scenario>> {
    vec![
        Property::always(LOST, |_, world: &World| {
            let has_entry = |event: u8| {
                let mut entries = world.outbox.entries.iter();
                entries.any(|key| key.event == event && counts(*key, world.record(event)))
            };
            world
                .events()
                .all(|event| world.is_queued(event) || world.has_fate(event) || has_entry(event))
        }),
        Property::always(REMOVED_EARLY, |_, world: &World| !world.accounts.removed_early),
        Property::always(OWED, |_, world: &World| {
            let must_end = matches!(world.endpoint, State::Active | State::Deleting);
            let has_ended = world.outbox.entries.is_empty() && world.events().all(|event| world.has_fate(event));
            !world.is_at_rest() || !must_end || has_ended
        }),
        Property::always(WRITTEN_TWICE, |_, world: &World| !world.accounts.written_twice),
        Property::always(FATE_CHANGED, |_, world: &World| !world.accounts.fate_changed),
        Property::always(REPEATED, |_, world: &World| !world.accounts.is_repeated()),
        Property::always(BEGAN_LATE, |_, world: &World| !world.accounts.began_late),
        Property::always(SPENT, |_, world: &World| spends_nothing(world, MAX_GENERAL)),
        Property::always(SPENT_WITHOUT_EXCEPTION, |_, world: &World| {
            spends_nothing(world, u8::MAX)
        }),
        Property::always(UNWATCHED, |_, world: &World| {
            world.endpoint != State::Active || world.open_entries().all(|key| world.is_awaited(key))
        }),
        Property::always(IGNORED, |_, world: &World| {
            let is_owed = world.is_at_rest() && world.endpoint == State::Active;
            !is_owed || !world.accounts.is_asked.contains(&true)
        }),
        Property::always(WENT_BACK, |_, world: &World| !world.accounts.went_back),
        Property::always(GIVEN_UP, |_, world: &World| {
            world.events().all(|event| {
                let is_superseded = |record: &MessageRecord| record.fate == Some(MessageFate::Superseded);
                !world.record(event).is_some_and(is_superseded) || world.outbox.version(event) < world.outbox.greatest
            })
        }),
        Property::always(POSTED_TWICE, |_, world: &World| !world.accounts.is_posted_twice()),
        Property::sometimes(REACHED, |_, world: &World| {
            let is_sent = |event: u8| {
                world
                    .record(event)
                    .is_some_and(|record| matches!(record.fate, Some(MessageFate::Sent | MessageFate::Discarded)))
            };
            world.is_at_rest() && world.events().all(is_sent)
        }),
    ]
}

/// Returns true if no message has more failures than the endpoint has given it; `general` failures at a message spend one.
fn spends_nothing(world: &World, general: u8) -> bool {
    world.events().all(|event| {
        let n = usize::from(event);
        world.record(event).is_none_or(|record| {
            let run = usize::from(record.run > 0);
            // The endpoint failed again and again at this message while it took others.
            let unavailable = u16::from(world.accounts.unavailable[n][run]);
            let by_itself = (unavailable + 1).saturating_sub(u16::from(general));
            record.failed <= u32::from(u16::from(world.accounts.refused[n][run]) + by_itself)
        })
    })
}

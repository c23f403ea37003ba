use hookline_events::{Event as Published, Resource};

use super::*;
use crate::{
    catalogue::entities::{Entries, FenceState},
    event::{
        fact::{Announcement, Fact, Identity},
        product::Product,
    },
    kernel::{
        ids::Kind,
        port::{Clock, PortError},
    },
    store::{
        listening::{Audience, BUS, Listener, widen},
        stores::{StoreViews, connect},
    },
    sync::worker::JobOutcome,
    testing::{World, at, id, key, product, store},
};

const CHANGED: &str = "2026-11-21T11:59:00Z";
const NOON: &str = "2026-11-21T12:00:00Z";

/// A store whose states are requested, with a listener to everything.
async fn connected() -> World {
    let world = World::new();
    let connected_at = world.clock.now() - SignedDuration::from_secs(10);
    connect(&world.stores, &store(), connected_at).await.unwrap();
    let listener = Listener {
        resources: [Resource::Product, Resource::Order].into(),
        until: None,
    };
    let since = at("2026-11-21T08:00:00Z");
    widen(&world.stores, Audience::All, BUS, &listener, since)
        .await
        .unwrap();
    world
}

fn stove(title: &str) -> Product {
    product(1, CHANGED, title)
}

fn wanted(expected: Expected) -> Wanted {
    Wanted {
        thing: Thing::Product(id("1")),
        expected,
    }
}

fn catalogue(least: &str) -> Wanted {
    Wanted {
        thing: Thing::Catalogue,
        expected: Expected::AtLeast(Mark(at(least).as_millisecond())),
    }
}

impl World {
    async fn ask(&self, wanted: Wanted) -> JobOutcome {
        self.ask_told_at(wanted, self.clock.now() - SignedDuration::from_mins(1))
            .await
    }

    async fn ask_told_at(&self, wanted: Wanted, told_at: Timestamp) -> JobOutcome {
        let wanted = vec![wanted];
        let task = Task::Ask {
            wanted,
            asked_before: 0,
            told_at,
        };
        self.perform(task).await
    }

    async fn entry(&self) -> Option<FenceState> {
        let found = self.entities.find(&[key(Kind::Product, "1")]).await.unwrap();
        found[0].as_ref().map(|known| known.entry)
    }

    async fn read_behind(&self) -> u64 {
        let counts = self.stores.view(&store()).await.unwrap().unwrap().counts;
        let behind = counts
            .into_iter()
            .filter(|((_, counter), _)| *counter == Counter::ReadBehind);
        behind.map(|(_, count)| count).sum()
    }

    fn told(&self) -> Vec<Published> {
        self.fan_out.take().into_iter().flat_map(|(_, events)| events).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.told()
            .into_iter()
            .map(|event| event.kind.as_str().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn answer_is_ordered_by_the_time_of_asking_whatever_its_own_time_says() {
    let world = connected().await;
    world.asked.put(product(1, "2026-11-21T11:59:30Z", "first"));
    assert_eq!(world.ask(wanted(Expected::Later)).await, JobOutcome::Done);
    assert_eq!(world.title("1").as_deref(), Some("first"));
    // A change that has an earlier time, such as that of another clock.
    world.asked.put(product(1, "2026-11-21T11:00:00Z", "second"));
    world.clock.pass(SignedDuration::from_secs(1));
    assert_eq!(world.ask(wanted(Expected::AtLeast(Mark(2)))).await, JobOutcome::Done);
    assert_eq!(world.title("1").as_deref(), Some("second"));
    assert!(world.jobs.take().is_empty());
}

#[tokio::test]
async fn answer_that_is_older_than_its_event_is_asked_for_again_and_then_taken_as_it_is() {
    let world = connected().await;
    world.asked.put(stove("old"));
    let mark = world.asked.put(stove("new"));
    world.asked.lags_for(2);
    assert_eq!(world.ask(wanted(Expected::AtLeast(mark))).await, JobOutcome::Done);
    assert_eq!(world.title("1"), None, "an old answer goes nowhere");
    let began = world.clock.now();
    assert_eq!(world.work().await.len(), 2);
    assert_eq!(world.title("1").as_deref(), Some("new"));
    assert_eq!(world.clock.now().duration_since(began), SignedDuration::from_secs(10));
    assert_eq!(world.read_behind().await, 0);

    // One that never comes.
    world.ask(wanted(Expected::AtLeast(Mark(9)))).await;
    let began = world.clock.now();
    assert_eq!(world.work().await.len(), 3);
    assert_eq!(world.clock.now().duration_since(began), SignedDuration::from_secs(70));
    assert_eq!(world.title("1").as_deref(), Some("new"));
    assert_eq!(world.read_behind().await, 1);
}

#[tokio::test]
async fn answer_with_a_smaller_mark_than_one_seen_before_is_asked_for_again() {
    let world = connected().await;
    world.asked.put(stove("old"));
    world.asked.put(stove("new"));
    world.ask(wanted(Expected::Later)).await;
    let passed = world.entry().await;
    world.clock.pass(SignedDuration::from_secs(1));
    world.asked.lags_for(1);
    world.ask(wanted(Expected::Later)).await;
    assert_eq!(world.title("1").as_deref(), Some("new"));
    assert_eq!(world.entry().await, passed, "nothing was written");
    let [Task::Ask { asked_before: 1, .. }] = world.work().await[..] else {
        panic!("it is asked once more");
    };
    assert_eq!(world.read_behind().await, 0);
}

#[tokio::test]
async fn event_with_nothing_to_compare_is_asked_about_once_more_when_it_is_five_seconds_old() {
    let world = connected().await;
    world.asked.put(stove("old"));
    world.asked.put(stove("new"));
    world.asked.lags_for(1);
    let part = Wanted {
        thing: Thing::ProductOf(id("11")),
        expected: Expected::Later,
    };
    world.asked.put_part(id("11"), id("1"));
    let told_at = world.clock.now() - SignedDuration::from_secs(2);
    world.ask_told_at(part.clone(), told_at).await;
    assert_eq!(world.title("1").as_deref(), Some("old"), "better than nothing");
    let jobs = world.jobs.take();
    let again = Task::Ask {
        wanted: vec![part],
        asked_before: 1,
        told_at,
    };
    assert_eq!((&jobs[0].0.task, jobs[0].1), (&again, SignedDuration::from_secs(3)));
    world.clock.pass(jobs[0].1);
    assert_eq!(world.perform(again).await, JobOutcome::Done);
    assert_eq!(world.title("1").as_deref(), Some("new"));
    assert!(world.jobs.take().is_empty(), "once is enough");
}

#[tokio::test]
async fn removal_is_told_once_retires_the_entry_and_may_come_back() {
    let world = connected().await;
    world.asked.put(stove("here"));
    world.ask(wanted(Expected::Later)).await;
    assert_eq!(world.kinds(), ["product.updated", "inventory.updated"]);
    world.asked.remove(&id("1"));
    for _ in 0..2 {
        world.clock.pass(SignedDuration::from_secs(1));
        assert_eq!(world.ask(wanted(Expected::Hidden)).await, JobOutcome::Done);
        assert_eq!(world.title("1"), None);
        assert!(matches!(world.entry().await, Some(FenceState::Retired(_))));
    }
    assert_eq!(world.kinds(), ["product.updated"], "two events of one removal");
    assert_eq!(world.work().await.len(), 2, "each removal is confirmed once");
    assert_eq!(world.kinds(), Vec::<String>::new());
    world.clock.pass(SignedDuration::from_secs(1));
    // Its marks may begin from below.
    world.asked.put(stove("here again"));
    world.ask(wanted(Expected::Visible)).await;
    assert_eq!(world.title("1").as_deref(), Some("here again"));
}

#[tokio::test]
async fn removal_that_a_lagging_answer_shows_is_found_to_be_over() {
    let world = connected().await;
    world.asked.put(stove("here"));
    world.ask(wanted(Expected::Later)).await;
    world.asked.remove(&id("1"));
    world.asked.put(stove("restored"));
    world.ask(wanted(Expected::Visible)).await;
    world.clock.pass(SignedDuration::from_secs(1));
    // The event of the removal is late, and so is the answer.
    world.asked.lags_for(1);
    world.ask(wanted(Expected::Hidden)).await;
    assert_eq!(world.title("1"), None);
    world.work().await;
    assert_eq!(world.title("1").as_deref(), Some("restored"));
}

#[tokio::test]
async fn removal_of_what_was_never_known_is_no_event_and_orders_later_answers() {
    let world = connected().await;
    assert_eq!(world.ask(wanted(Expected::Hidden)).await, JobOutcome::Done);
    assert!(matches!(world.entry().await, Some(FenceState::Retired(_))));
    assert_eq!(world.kinds(), Vec::<String>::new());
    let state = Observed {
        event: Event::ProductUpdated(Box::new(Product {
            ordered: crate::event::thin::Ordered::Asked { mark: Some(Mark(1)) },
            ..stove("asked before")
        })),
        at: at(NOON) - SignedDuration::from_secs(1),
    };
    world.apply().observe(&store(), vec![state], &Origin::Run).await;
    assert_eq!(world.title("1"), None);
}

#[tokio::test]
async fn nothing_that_was_asked_for_begins_an_install() {
    let world = connected().await;
    world.asked.put(stove("asked for"));
    // The vendor still honours the token, and the store is disconnected before the answer is indexed.
    let stores = world.stores.clone();
    let revoked_at = world.clock.now() - SignedDuration::from_secs(3);
    world.asked.meanwhile(move || {
        futures_util::FutureExt::now_or_never(stores.disable(&store(), revoked_at))
            .expect("memory waits for nothing")
            .expect("memory does not fail");
    });
    assert_eq!(world.ask(wanted(Expected::Later)).await, JobOutcome::Done);
    let record = world.record().await;
    assert_eq!((record.enabled, record.epoch), (false, 1));
    assert_eq!((world.title("1"), world.entry().await), (None, None));
    assert_eq!(world.kinds(), Vec::<String>::new());
    assert_eq!(world.ask(wanted(Expected::Later)).await, JobOutcome::Uninstalled);
    // Connecting does, and what was requested before belongs to no install.
    connect(&world.stores, &store(), world.clock.now()).await.unwrap();
    world.clock.pass(SignedDuration::from_millis(300));
    assert_eq!(world.ask(wanted(Expected::Later)).await, JobOutcome::Done);
    assert_eq!(world.title("1"), None, "the second in which it was connected");
    let [Task::Ask { .. }] = world.work().await[..] else {
        panic!("it is asked once more");
    };
    assert_eq!(world.title("1").as_deref(), Some("asked for"));
}

#[tokio::test]
async fn answer_that_is_written_while_the_store_is_disconnected_is_removed() {
    let world = connected().await;
    world.asked.put(stove("asked for"));
    world.ask(wanted(Expected::Later)).await;
    world.clock.pass(SignedDuration::from_secs(10));
    world.asked.put(stove("later"));
    world.ask(wanted(Expected::Later)).await;
    // The vendor's time of the revocation is before what was requested last.
    let revoked_at = world.clock.now() - SignedDuration::from_secs(5);
    assert!(world.apply().uninstall(&store(), revoked_at).await.is_settled());
    assert_eq!(world.title("1"), None);
    assert_eq!(world.record().await.epoch, 1);
    assert!(!world.record().await.enabled, "a newer entity begins no install");
    // A copy of the answer that is late.
    let state = Observed {
        event: Event::ProductUpdated(Box::new(Product {
            ordered: crate::event::thin::Ordered::Asked { mark: Some(Mark(2)) },
            ..stove("later")
        })),
        at: world.clock.now(),
    };
    world.apply().observe(&store(), vec![state], &Origin::Run).await;
    assert_eq!(world.title("1"), None);
}

#[tokio::test]
async fn facts_are_published_with_the_cause_of_their_job() {
    let world = connected().await;
    let order = Fact {
        announces: vec![Announcement {
            kind: hookline_events::EventType::ORDER_CREATED,
            data: hookline_events::Data::Deleted(hookline_events::DeletedData { id: "7".into() }),
            related: hookline_events::Related::default(),
            session_id: None,
            identity: Identity::Told {
                at: at(CHANGED),
                apart: String::new(),
            },
        }],
        ..Fact::bare("order", id("7"))
    };
    world.asked.put_fact(order);
    let wanted = Wanted {
        thing: Thing::Order(id("7")),
        expected: Expected::Later,
    };
    let cause = hookline_events::Cause {
        topic: "order.created".into(),
        delivery_id: Some("evt_1".into()),
        received_at: at(NOON),
    };
    let job = Job {
        store: store(),
        task: Task::Ask {
            wanted: vec![wanted],
            asked_before: 1,
            told_at: at(NOON),
        },
        cause: Some(cause.clone()),
    };
    for _ in 0..2 {
        let done = crate::sync::worker::Perform::perform(&world.sync(), &job, Timestamp::MAX).await;
        assert_eq!(done, JobOutcome::Done);
    }
    let told = world.told();
    assert_eq!(told[0].kind.as_str(), "order.created");
    assert_eq!(told[0].cause, Some(cause));
    assert_eq!(told[0].id, told[1].id, "repeats are one event");
}

#[tokio::test]
async fn cursor_covers_an_event_only_if_it_is_two_minutes_past_it() {
    let world = connected().await;
    world.asked.put(stove("first"));
    world.ask(catalogue(NOON)).await;
    assert_eq!(world.title("1").as_deref(), Some("first"));
    world.asked.asked_since();
    assert_eq!(world.stores.cursor(&store()).await.unwrap(), Some(at(NOON)));
    // The search leaves the change out, although the catalogue's clock is past it.
    world.clock.pass(SignedDuration::from_secs(60));
    world.asked.put(stove("second"));
    world.asked.leaves_out_for(1);
    let edited_at = "2026-11-21T12:01:00Z";
    world.ask(catalogue(edited_at)).await;
    assert_eq!(world.title("1").as_deref(), Some("first"));
    assert_eq!(world.stores.cursor(&store()).await.unwrap(), Some(at(edited_at)));
    // Another event of the same edit.
    world.ask(catalogue(edited_at)).await;
    assert_eq!(world.title("1").as_deref(), Some("second"));
    let since = [at("2026-11-21T11:58:00Z"), at("2026-11-21T11:59:00Z")];
    assert_eq!(world.asked.asked_since(), since);
    world
        .stores
        .move_cursor(&store(), at("2026-11-21T12:03:00Z"))
        .await
        .unwrap();
    world.ask(catalogue(edited_at)).await;
    assert_eq!(world.asked.asked_since(), [], "a burst costs one read each");
}

#[tokio::test]
async fn catalogue_whose_clock_is_behind_the_event_is_asked_again() {
    let world = connected().await;
    world.asked.put(stove("first"));
    world.index.written();
    world.ask(catalogue("2026-11-21T12:30:00Z")).await;
    assert_eq!(world.work().await.len(), 3);
    assert_eq!(world.read_behind().await, 1);
    assert_eq!(world.index.written(), ["1"], "what has not changed costs no write");
}

#[tokio::test]
async fn cursor_stays_where_it_is_until_everything_up_to_the_next_is_indexed() {
    let world = connected().await;
    world.asked.put(stove("first"));
    world.index.fail(1);
    let failed = world.ask(catalogue(NOON)).await;
    assert!(matches!(failed, JobOutcome::Again { .. }), "{failed:?}");
    assert_eq!(world.stores.cursor(&store()).await.unwrap(), None);
    world.ask(catalogue(NOON)).await;
    assert_eq!(world.title("1").as_deref(), Some("first"));
}

#[tokio::test]
async fn failure_to_ask_is_retried_and_a_rejected_token_is_not() {
    let world = connected().await;
    let down = PortError::new("catalogue", "connection refused");
    world.asked.next_fails_with(CatalogueError::Unavailable(down));
    let failed = world.ask(wanted(Expected::Later)).await;
    assert!(matches!(failed, JobOutcome::Again { .. }), "{failed:?}");
    let reason = "revoked".to_owned();
    world.asked.next_fails_with(CatalogueError::Refused { reason });
    let dropped = world.ask(wanted(Expected::Later)).await;
    assert!(matches!(dropped, JobOutcome::Dropped { .. }), "{dropped:?}");
}

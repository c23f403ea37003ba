//! Endpoints as targets: verdicts, entries and wake-ups.

use super::*;
use crate::outbound::EndpointState;

const SECOND: &str = "ep_2";

impl World {
    fn other(&self, scope: Scope, change: impl FnOnce(&mut Endpoint)) -> EndpointKey {
        let id = SECOND.parse().unwrap();
        let key = EndpointKey { scope, id };
        let settings = EndpointSettings::new("https://example.com/all", &["custom.*"]);
        let mut endpoint = Endpoint::new(key.clone(), settings, noon());
        change(&mut endpoint);
        self.endpoints.insert(endpoint);
        key
    }

    fn queued(&self, key: &EndpointKey) -> Vec<String> {
        let entries = self.outboxes.entries(key).into_iter();
        entries.map(|entry| entry.key.event.to_string()).collect()
    }
}

#[tokio::test]
async fn event_goes_to_endpoints_of_its_store_and_of_all_stores_and_the_outboxes_are_woken() {
    let world = World::new();
    let all = world.other(Scope::All, |one| one.pool = Pool::Fast);
    let foreign = Scope::Store("shopify#other.myshopify.com".parse().unwrap());
    let foreign = EndpointKey {
        scope: foreign,
        id: "ep_3".parse().unwrap(),
    };
    let settings = EndpointSettings::new("https://example.com/", &["*"]);
    world.endpoints.insert(Endpoint::new(foreign.clone(), settings, noon()));
    let events = events(2);
    world.take(message(&events)).await;
    assert_eq!(world.queued(&hook()), ids(&events));
    assert_eq!(world.queued(&all), ids(&events));
    assert_eq!(world.queued(&foreign), Vec::<String>::new());
    let mut woken: Vec<_> = world
        .wake_ups
        .take()
        .into_iter()
        .map(|(key, pool, _)| (key, pool))
        .collect();
    woken.sort_by_key(|(key, _)| key.clone());
    assert_eq!(woken, [(hook(), Pool::Slow), (all.clone(), Pool::Fast)]);
    let verdicts = &world.kept().await[0].verdicts;
    assert_eq!(verdicts.keys().collect::<Vec<_>>(), [&hook(), &all]);
}

#[tokio::test]
async fn verdict_that_was_kept_first_counts_whatever_has_changed_since() {
    let world = World::new();
    let other = world.other(Scope::All, |one| {
        one.state = EndpointState::Paused;
        one.settings.when_paused = WhenPaused::Discard;
    });
    let events = events(1);
    world.take(message(&events)).await;
    world.endpoints.change(&other, |one| one.state = EndpointState::Active);
    world.endpoints.remove(&hook());
    drop(world.wake_ups.take());
    world.take(message(&events)).await;
    assert_eq!(
        world.queued(&other),
        Vec::<String>::new(),
        "it was discarded when it came"
    );
    assert_eq!(world.queued(&hook()), ids(&events), "put again under the same key");
    assert_eq!(world.wake_ups.take().len(), 1, "its outbox discards it");
    let verdict = world.kept().await[0].verdicts[&other].clone();
    assert_eq!(verdict, Verdict::PausedDiscarded);
}

#[tokio::test]
async fn event_that_no_endpoint_wants_has_its_verdicts_and_no_entry() {
    let world = World::new();
    world
        .endpoints
        .change(&hook(), |one| one.settings.types = vec!["order.*".into()]);
    world.take(message(&events(1))).await;
    assert_eq!(world.outboxes.entries(&hook()), []);
    assert!(world.wake_ups.take().is_empty());
    assert_eq!(world.kept().await[0].verdicts[&hook()], Verdict::NotSubscribed);
}

#[tokio::test]
async fn events_about_endpoints_go_to_the_operators_endpoints_and_to_the_bus_only() {
    let world = World::new();
    let everything = |one: &mut Endpoint| one.settings.types = vec!["*".into()];
    let all = world.other(Scope::All, everything);
    let mut reports = events(2);
    reports[0].kind = "endpoint.failing".parse().unwrap();
    reports[0].data = hookline_events::Data::read(
        &reports[0].kind,
        serde_json::json!({"id": "ep_1", "host": "example.com", "step": 1}),
    )
    .unwrap();
    world.take(message(&reports)).await;
    assert_eq!(world.queued(&all), ids(&reports));
    assert_eq!(
        world.queued(&hook()),
        ids(&reports[1..]),
        "it wants all, and is a store's"
    );
    assert_eq!(world.posted().len(), 2);
    let kept = world.kept().await;
    let about = kept.iter().find(|event| event.id == reports[0].id).unwrap();
    assert_eq!(about.verdicts[&hook()], Verdict::NotSubscribed);
}

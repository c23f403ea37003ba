//! Sealed bodies on their way through fan-out.

use super::*;
use crate::{catalogue::event_message::SealedBodies, delivery::sealed::SealedBody, kernel::port::PortError};

fn tomorrow() -> Timestamp {
    noon() + SignedDuration::from_hours(24)
}

/// An event that a delivery has caused.
fn caused(delivery: &str) -> Event {
    let mut event = memory::event(&store(), 0);
    event.cause = Some(hookline_events::Cause {
        topic: "orders/create".to_owned(),
        delivery_id: Some(delivery.to_owned()),
        received_at: noon(),
    });
    event
}

fn with_sealed(event: &Event, body: &SealedBody) -> FanOutMessage {
    let bodies = SealedBodies::from([(event.id.clone(), body.clone())]);
    let text = event_message::pack_sealed(&store(), std::slice::from_ref(event), &bodies, 1024 * 1024).remove(0);
    FanOutMessage {
        id: "message".to_owned(),
        text,
    }
}

fn set(world: &World, personal: PersonalLevel, proven_at: Option<Timestamp>) {
    let mut settings = EndpointSettings::new("https://example.com/hook", &["*"]);
    settings.personal = personal;
    let mut endpoint = Endpoint::new(hook(), settings, noon());
    endpoint.proof.proven_at = proven_at;
    world.endpoints.insert(endpoint);
}

#[tokio::test]
async fn sealed_body_is_kept_only_for_an_endpoint_that_asked_and_proved_itself() {
    for (personal, proven_at, is_kept) in [
        (PersonalLevel::None, Some(noon()), false),
        (PersonalLevel::Full, None, false),
        (PersonalLevel::Contact, Some(noon()), true),
        (PersonalLevel::Full, Some(noon()), true),
    ] {
        let world = World::new();
        set(&world, personal, proven_at);
        let (event, body) = (caused("d1"), memory::sealed_body(b"canary", tomorrow()));
        let handled = world.take(with_sealed(&event, &body)).await;
        assert_eq!(handled.outcome, Outcome::Done);
        let kept = world.log.sealed(&store(), &event.id);
        assert_eq!(kept, is_kept.then_some(body.clone()), "{personal:?} {proven_at:?}");
        // Neither the event nor the bus has any of it.
        let seen = format!("{:?} {:?}", world.kept().await, world.bus.posted());
        assert!(!seen.contains(&body.text()[12..]) && !seen.contains("sealed"), "{seen}");
        assert_eq!(world.outboxes.entries(&hook()).len(), 1);
    }
}

#[tokio::test]
async fn sealed_body_of_another_delivery_or_past_its_end_is_not_kept() {
    let world = World::new();
    set(&world, PersonalLevel::Full, Some(noon()));
    let (first, second) = (caused("d1"), caused("d2"));
    assert_eq!(first.id, second.id);
    world.take(message(std::slice::from_ref(&first))).await;
    world
        .take(with_sealed(&second, &memory::sealed_body(b"canary", tomorrow())))
        .await;
    assert_eq!(
        world.log.sealed(&store(), &first.id),
        None,
        "it opens for d2, and the event says d1"
    );
    world
        .take(with_sealed(&first, &memory::sealed_body(b"canary", noon())))
        .await;
    assert_eq!(world.log.sealed(&store(), &first.id), None, "it has expired");
    world
        .take(with_sealed(&first, &memory::sealed_body(b"canary", tomorrow())))
        .await;
    assert!(world.log.sealed(&store(), &first.id).is_some());
}

#[tokio::test]
async fn event_is_not_queued_before_its_sealed_body_is_kept() {
    struct Refusing(MemoryEventLog);

    impl EventLog for Refusing {
        async fn keep(&self, events: &[KeptEvent]) -> Vec<Result<Kept, PortError>> {
            self.0.keep(events).await
        }

        async fn keep_sealed(&self, sealed: &[KeptSealed]) -> Vec<Result<(), PortError>> {
            sealed
                .iter()
                .map(|_| Err(PortError::new("event log", "refused")))
                .collect()
        }

        async fn remove(&self, events: &[(StoreKey, hookline_events::EventId)]) -> Result<(), PortError> {
            self.0.remove(events).await
        }

        async fn settle(&self, settled: &[Settled]) -> Vec<Result<(), PortError>> {
            self.0.settle(settled).await
        }
    }

    enum RefusingPorts {}

    impl FanOutPorts for RefusingPorts {
        type Log = Refusing;
        type Stores = MemoryStores;
        type Endpoints = MemoryEndpoints;
        type Outboxes = MemoryOutboxes;
        type WakeUps = MemoryWakeUps;
        type Bus = MemoryBus;
        type Watchers = memory::MemoryWatchers;
        type Push = memory::MemoryPush;
        type Pause = SetClock;
        type Clock = SetClock;
    }

    let world = World::new();
    set(&world, PersonalLevel::Full, Some(noon()));
    let fan_out = Distribute::<RefusingPorts> {
        log: Refusing(world.log.clone()),
        stores: world.stores.clone(),
        webhooks: Webhooks {
            endpoints: world.endpoints.clone(),
            outboxes: world.outboxes.clone(),
            wake_ups: world.wake_ups.clone(),
        },
        bus: None,
        watch: None,
        clock: world.clock.clone(),
        retention: RETENTION,
    };
    let event = caused("d1");
    let message = with_sealed(&event, &memory::sealed_body(b"canary", tomorrow()));
    let handled = fan_out.take(vec![message.clone()]).await.remove(0);
    assert!(matches!(handled.outcome, Outcome::Retry { .. }));
    assert_eq!(world.outboxes.entries(&hook()), []);
    let handled = world.take(message).await;
    assert_eq!(
        (handled.outcome, world.outboxes.entries(&hook()).len()),
        (Outcome::Done, 1)
    );
}

#[tokio::test]
async fn erasure_of_a_store_removes_sealed_bodies() {
    use crate::kernel::erase::Erase;

    let world = World::new();
    set(&world, PersonalLevel::Full, Some(noon()));
    let event = caused("d1");
    world
        .take(with_sealed(&event, &memory::sealed_body(b"canary", tomorrow())))
        .await;
    world.log.erase(&store(), noon(), None).await.unwrap();
    assert_eq!(world.log.sealed(&store(), &event.id), None);
}

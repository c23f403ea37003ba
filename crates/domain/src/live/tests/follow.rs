use super::*;
use crate::kernel::port::PortError;

#[tokio::test]
async fn watcher_of_a_store_receives_permissions_and_snapshot() {
    let world = World::new();
    for id in 0..60 {
        world.record_delivery("demo.myshopify.com", id).await;
        world.round().await;
    }
    world.watch("a", only(&["demo.myshopify.com"]), DEMO).await;
    let frames = world.frames_to("a");
    let [
        Frame::Access { role, stores, .. },
        Frame::Snapshot {
            store,
            seq,
            status,
            lag,
            deliveries,
        },
    ] = &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(
        (*role, &stores[..]),
        (Role::Viewer, &["demo.myshopify.com".to_owned()][..])
    );
    assert_eq!((store.as_str(), *seq, status.seq), ("demo.myshopify.com", 60, 60));
    assert_eq!((deliveries.len(), lag.deliveries), (50, 60));
    assert_eq!(ids(deliveries)[..2], ["delivery-59", "delivery-58"]);
}

#[tokio::test]
async fn store_out_of_reach_and_unknown_store_are_refused_alike() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.watch("a", only(&["unknown.myshopify.com"]), DEMO).await;
    let out_of_reach = world.frames_to("a");
    assert!(matches!(out_of_reach[..], [Frame::Refused { .. }]), "{out_of_reach:?}");
    let unknown = DEMO.replace("demo", "unknown");
    world.follow().asked("a", &unknown).await.unwrap();
    assert_eq!(world.frames_to("a").last(), out_of_reach.last());
    let elsewhere = DEMO.replace("myshopify", "example");
    world.follow().asked("a", &elsewhere).await.unwrap();
    assert_eq!(world.frames_to("a"), out_of_reach);
    world.record_delivery("unknown.myshopify.com", 0).await;
    world.round().await;
    assert_eq!(world.push.take(), [], "neither is followed");
}

#[tokio::test]
async fn following_another_store_ends_following_the_first() {
    let world = World::new();
    for name in ["demo.myshopify.com", "other.myshopify.com"] {
        world.record_delivery(name, 0).await;
    }
    world.round().await;
    world.watch("a", Reach::All, DEMO).await;
    world.follow().asked("a", &DEMO.replace("demo", "other")).await.unwrap();
    world.push.take();
    world.record_delivery("demo.myshopify.com", 1).await;
    world.round().await;
    assert_eq!(world.push.take(), []);
    world.record_delivery("other.myshopify.com", 1).await;
    world.round().await;
    assert_eq!(steps(&world.frames_to("a")), [(1, 2)]);
}

#[tokio::test]
async fn ping_is_answered_with_seq_of_the_store() {
    let world = World::new();
    for id in 0..3 {
        world.record_delivery("demo.myshopify.com", id).await;
    }
    world.round().await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    world.follow().asked("a", r#"{"action":"ping"}"#).await.unwrap();
    let seqs = [("demo.myshopify.com".to_owned(), 3)].into();
    assert_eq!(world.frames_to("a"), [Frame::Pong { seqs }]);
}

#[tokio::test]
async fn invalid_message_is_refused() {
    let world = World::new();
    let follow = world.follow();
    follow.connected("a", world.viewer(Reach::All)).await.unwrap();
    let long = format!(r#"{{"action":"ping","more":"{}"}}"#, "x".repeat(MESSAGE_LIMIT));
    for message in [
        "",
        "{}",
        "[]",
        r#"{"action":"drop"}"#,
        r#"{"action":"watch","store":"a b"}"#,
        &long,
    ] {
        follow.asked("a", message).await.unwrap();
        let frames = world.frames_to("a");
        assert!(matches!(frames[..], [Frame::Refused { .. }]), "{message}: {frames:?}");
    }
}

#[tokio::test]
async fn unknown_expired_and_removed_connections_are_closed_without_answer() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    let follow = world.follow();
    follow.asked("stranger", DEMO).await.unwrap();
    world.watch("gone", Reach::All, DEMO).await;
    follow.watchers.remove("gone").await.unwrap();
    follow.asked("gone", DEMO).await.unwrap();
    world.watch("expired", Reach::All, DEMO).await;
    world.push.take();
    world.clock.pass(SignedDuration::from_hours(1));
    follow.asked("expired", DEMO).await.unwrap();
    assert_eq!(world.push.take(), []);
    assert_eq!(world.push.closed(), ["expired", "gone", "stranger"]);
}

/// Records a delivery and broadcasts it while a snapshot is being read, because `Follow` reads the store last.
struct RecordWhileReading<'a>(&'a World, std::sync::Mutex<Option<u64>>);

impl StoreViews for RecordWhileReading<'_> {
    async fn view(&self, store: &StoreKey) -> Result<Option<crate::store::stores::StoreView>, PortError> {
        let id = self.1.lock().unwrap().take();
        if let Some(id) = id {
            self.0.record_delivery("demo.myshopify.com", id).await;
            self.0.round().await;
        }
        self.0.stores.view(store).await
    }
}

impl Stores for RecordWhileReading<'_> {
    async fn find(&self, store: &StoreKey) -> Result<Option<crate::store::stores::StoreRecord>, PortError> {
        self.0.stores.find(store).await
    }

    async fn record(&self, _: &StoreKey, _: &StoreUpdate) -> Result<(), PortError> {
        Ok(())
    }

    async fn disable(&self, _: &StoreKey, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }

    async fn begin_epoch(&self, _: &StoreKey, _: Timestamp) -> Result<(), PortError> {
        Ok(())
    }
}

#[tokio::test]
async fn update_that_overtakes_the_snapshot_is_sent_again_behind_it() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.round().await;
    let follow = Follow::<Replaced<MemoryWatchers, _>> {
        watchers: world.watchers.clone(),
        stores: RecordWhileReading(&world, Some(1).into()),
        activity: world.activity.clone(),
        push: world.push.clone(),
        clock: world.clock.clone(),
        key: shopify_key,
    };
    follow.connected("a", world.viewer(Reach::All)).await.unwrap();
    follow.asked("a", DEMO).await.unwrap();
    let frames = world.frames_to("a");
    let kinds: Vec<_> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Access { .. } => ("access", 0, vec![]),
            Frame::Update { seq, deliveries, .. } => ("update", *seq, ids(deliveries)),
            Frame::Snapshot { seq, deliveries, .. } => ("snapshot", *seq, ids(deliveries)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("access", 0, vec![]),
            ("update", 2, vec!["delivery-1"]),
            ("snapshot", 1, vec!["delivery-0"]),
            ("update", 2, vec!["delivery-1"]),
        ]
    );
    assert_eq!(steps(&frames)[1], (1, 2));
}

#[tokio::test]
async fn change_not_yet_stored_as_activity_arrives_as_update() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.round().await;
    world.record_delivery("demo.myshopify.com", 1).await;
    world.watch("a", Reach::All, DEMO).await;
    world.round().await;
    let frames = world.frames_to("a");
    let Some(Frame::Snapshot { seq, deliveries, .. }) = frames.get(1) else {
        panic!("{frames:?}")
    };
    assert_eq!((*seq, ids(deliveries)), (1, vec!["delivery-0"]));
    assert_eq!(steps(&frames), [(1, 2)]);
}

/// Changes the principal's permissions while its connection changes what it follows.
struct RevokeWhileChanging<'a>(&'a World, std::sync::Mutex<Option<AccessChanged>>);

impl Watchers for RevokeWhileChanging<'_> {
    async fn add(&self, watcher: &Watcher) -> Result<(), PortError> {
        self.0.watchers.add(watcher).await
    }

    async fn change(&self, from: &Watcher, to: &Watcher) -> Result<bool, PortError> {
        let changed = self.1.lock().unwrap().take();
        if let Some(changed) = changed {
            self.0.tell.access(&changed).await?;
        }
        self.0.watchers.change(from, to).await
    }

    async fn find(&self, connection: &str) -> Result<Option<Watcher>, PortError> {
        self.0.watchers.find(connection).await
    }

    async fn of_stores(&self, stores: &[StoreKey]) -> Result<Vec<Watcher>, PortError> {
        self.0.watchers.of_stores(stores).await
    }

    async fn of_store(&self, store: &StoreKey) -> Result<Vec<Watcher>, PortError> {
        self.0.watchers.of_store(store).await
    }

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        self.0.watchers.of_principal(principal).await
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        self.0.watchers.remove(connection).await
    }
}

#[tokio::test]
async fn principal_revoked_or_narrowed_during_a_request_stays_so() {
    for narrowed in [false, true] {
        let world = World::new();
        world.record_delivery("demo.myshopify.com", 0).await;
        world.round().await;
        let until = world.clock.now() + SignedDuration::from_hours(1);
        let changed = AccessChanged {
            principal: "tok_1".to_owned(),
            now: narrowed.then(|| (Role::Viewer, only(&["b.myshopify.com"]), until)),
        };
        let follow = Follow::<Replaced<_>> {
            watchers: RevokeWhileChanging(&world, Some(changed).into()),
            stores: world.stores.clone(),
            activity: world.activity.clone(),
            push: world.push.clone(),
            clock: world.clock.clone(),
            key: shopify_key,
        };
        follow.connected("a", world.viewer(Reach::All)).await.unwrap();
        follow.asked("a", DEMO).await.unwrap();
        let frames = world.frames_to("a");
        if narrowed {
            assert!(
                matches!(frames[..], [Frame::Access { .. }, Frame::Refused { .. }]),
                "{frames:?}"
            );
        } else {
            assert_eq!(frames, [Frame::Revoked]);
            assert_eq!(world.watchers.find("a").await.unwrap(), None);
        }
    }
}

/// Opens as many connections of one principal as may stay open.
async fn connect_as_many_as_stay(world: &World) {
    for nth in 0..CONNECTIONS {
        let name = format!("c{nth:02}");
        let connected = world.follow().connected(&name, world.viewer(Reach::All)).await;
        connected.unwrap();
    }
}

#[tokio::test]
async fn newest_connections_of_a_principal_stay_when_there_are_too_many() {
    let world = World::new();
    connect_as_many_as_stay(&world).await;
    assert_eq!(world.push.closed(), [""; 0]);
    let mut another = world.viewer(Reach::All);
    another.id = "tok_other".to_owned();
    world.follow().connected("another's", another).await.unwrap();
    assert_eq!(
        world.push.closed(),
        [""; 0],
        "connections of other principals do not count"
    );
    world.follow().connected("a", world.viewer(Reach::All)).await.unwrap();
    assert_eq!(world.push.closed(), ["c00"]);
    assert!(matches!(world.frames_to("c00")[..], [Frame::Refused { .. }]));
    assert_eq!(world.watchers.find("c00").await.unwrap(), None);
    assert!(world.watchers.find("a").await.unwrap().is_some());
}

/// Yields to other tasks before each call, more or less often by the argument.
struct Interleaved(MemoryWatchers);

impl Interleaved {
    async fn yield_some(&self, of: &str) {
        for _ in 0..of.bytes().map(usize::from).sum::<usize>() % 7 {
            tokio::task::yield_now().await;
        }
    }
}

impl Watchers for Interleaved {
    async fn add(&self, watcher: &Watcher) -> Result<(), PortError> {
        self.yield_some(&watcher.connection).await;
        self.0.add(watcher).await
    }

    async fn change(&self, from: &Watcher, to: &Watcher) -> Result<bool, PortError> {
        self.0.change(from, to).await
    }

    async fn find(&self, connection: &str) -> Result<Option<Watcher>, PortError> {
        self.0.find(connection).await
    }

    async fn of_stores(&self, stores: &[StoreKey]) -> Result<Vec<Watcher>, PortError> {
        self.0.of_stores(stores).await
    }

    async fn of_store(&self, store: &StoreKey) -> Result<Vec<Watcher>, PortError> {
        self.0.of_store(store).await
    }

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        self.yield_some(principal).await;
        self.0.of_principal(principal).await
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        self.yield_some(connection).await;
        self.0.remove(connection).await
    }
}

#[tokio::test]
async fn concurrent_connections_leave_at_most_the_limit_open() {
    let world = World::new();
    let parts = world.follow();
    let follow = Follow::<Replaced<_>> {
        watchers: Interleaved(world.watchers.clone()),
        stores: parts.stores,
        activity: parts.activity,
        push: parts.push,
        clock: parts.clock,
        key: parts.key,
    };
    let names: Vec<String> = (0..CONNECTIONS * 3).map(|nth| format!("c{nth:02}")).collect();
    let connecting = names
        .iter()
        .map(|name| follow.connected(name, world.viewer(Reach::All)));
    for connected in futures_util::future::join_all(connecting).await {
        connected.unwrap();
    }
    let left = world.watchers.of_principal(&world.viewer(Reach::All).id).await.unwrap();
    assert!((1..=CONNECTIONS).contains(&left.len()), "{}", left.len());
    let open = names.len() - world.push.closed().len();
    assert_eq!(open, left.len(), "every connection that is not stored is closed");
}

#[tokio::test]
async fn replaced_connection_is_closed_even_if_the_reason_cannot_be_sent() {
    let world = World::new();
    connect_as_many_as_stay(&world).await;
    world.push.fail(1);
    world.follow().connected("a", world.viewer(Reach::All)).await.unwrap();
    assert_eq!(world.push.closed(), ["c00"]);
}

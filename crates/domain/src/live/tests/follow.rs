use super::*;
use crate::kernel::port::PortError;

#[tokio::test]
async fn who_watches_a_store_is_told_what_they_may_do_and_how_it_is() {
    let world = World::new();
    for id in 0..60 {
        world.happens("demo.myshopify.com", id).await;
        world.round().await;
    }
    world.watches("a", only(&["demo.myshopify.com"]), DEMO).await;
    let told = world.told("a");
    let [
        Frame::Access { role, stores, .. },
        Frame::Snapshot {
            store,
            seq,
            status,
            lag,
            deliveries,
        },
    ] = &told[..]
    else {
        panic!("{told:?}")
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
async fn a_store_out_of_reach_and_one_that_nobody_knows_are_refused_alike() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.watches("a", only(&["unknown.myshopify.com"]), DEMO).await;
    let out_of_reach = world.told("a");
    assert!(matches!(out_of_reach[..], [Frame::Refused { .. }]), "{out_of_reach:?}");
    let unknown = DEMO.replace("demo", "unknown");
    world.follow().asked("a", &unknown).await.unwrap();
    assert_eq!(world.told("a").last(), out_of_reach.last());
    let elsewhere = DEMO.replace("myshopify", "example");
    world.follow().asked("a", &elsewhere).await.unwrap();
    assert_eq!(world.told("a"), out_of_reach);
    world.happens("unknown.myshopify.com", 0).await;
    world.round().await;
    assert_eq!(world.push.take(), [], "neither is followed");
}

#[tokio::test]
async fn what_was_followed_before_is_followed_no_more() {
    let world = World::new();
    for name in ["demo.myshopify.com", "other.myshopify.com"] {
        world.happens(name, 0).await;
    }
    world.round().await;
    world.watches("a", Reach::All, DEMO).await;
    world.follow().asked("a", &DEMO.replace("demo", "other")).await.unwrap();
    world.push.take();
    world.happens("demo.myshopify.com", 1).await;
    world.round().await;
    assert_eq!(world.push.take(), []);
    world.happens("other.myshopify.com", 1).await;
    world.round().await;
    assert_eq!(steps(&world.told("a")), [(1, 2)]);
}

#[tokio::test]
async fn a_ping_is_answered_with_where_the_store_is() {
    let world = World::new();
    for id in 0..3 {
        world.happens("demo.myshopify.com", id).await;
    }
    world.round().await;
    world.watches("a", Reach::All, DEMO).await;
    world.push.take();
    world.follow().asked("a", r#"{"action":"ping"}"#).await.unwrap();
    let seqs = [("demo.myshopify.com".to_owned(), 3)].into();
    assert_eq!(world.told("a"), [Frame::Pong { seqs }]);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
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
        let told = world.told("a");
        assert!(matches!(told[..], [Frame::Refused { .. }]), "{message}: {told:?}");
    }
}

#[tokio::test]
async fn nobody_is_answered_who_is_not_known_or_expired_or_has_gone() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    let follow = world.follow();
    follow.asked("stranger", DEMO).await.unwrap();
    world.watches("gone", Reach::All, DEMO).await;
    follow.watchers.remove("gone").await.unwrap();
    follow.asked("gone", DEMO).await.unwrap();
    world.watches("expired", Reach::All, DEMO).await;
    world.push.take();
    world.clock.pass(SignedDuration::from_hours(1));
    follow.asked("expired", DEMO).await.unwrap();
    assert_eq!(world.push.take(), []);
    assert_eq!(world.push.closed(), ["expired", "gone", "stranger"]);
}

/// While a snapshot is being read, something happens: `Follow` asks for the store last.
struct Meanwhile<'a>(&'a World, std::sync::Mutex<Option<u64>>);

impl StoreViews for Meanwhile<'_> {
    async fn view(&self, store: &StoreKey) -> Result<Option<crate::store::stores::StoreView>, PortError> {
        let happens = self.1.lock().unwrap().take();
        if let Some(id) = happens {
            self.0.happens("demo.myshopify.com", id).await;
            self.0.round().await;
        }
        self.0.stores.view(store).await
    }
}

impl Stores for Meanwhile<'_> {
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
async fn an_update_that_overtakes_the_snapshot_is_told_once_more_behind_it() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.round().await;
    let follow = Follow {
        watchers: world.watchers.clone(),
        stores: Meanwhile(&world, Some(1).into()),
        activity: world.activity.clone(),
        push: world.push.clone(),
        clock: world.clock.clone(),
        key: named,
    };
    follow.connected("a", world.viewer(Reach::All)).await.unwrap();
    follow.asked("a", DEMO).await.unwrap();
    let told = world.told("a");
    let kinds: Vec<_> = told
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
    assert_eq!(steps(&told)[1], (1, 2));
}

#[tokio::test]
async fn what_is_written_and_not_yet_kept_comes_as_an_update() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.round().await;
    world.happens("demo.myshopify.com", 1).await;
    world.watches("a", Reach::All, DEMO).await;
    world.round().await;
    let told = world.told("a");
    let Some(Frame::Snapshot { seq, deliveries, .. }) = told.get(1) else {
        panic!("{told:?}")
    };
    assert_eq!((*seq, ids(deliveries)), (1, vec!["delivery-0"]));
    assert_eq!(steps(&told), [(1, 2)]);
}

/// While one says what to follow, somebody else does something.
struct Raced<'a>(&'a World, std::sync::Mutex<Option<AccessChanged>>);

impl Watchers for Raced<'_> {
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

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        self.0.watchers.of_principal(principal).await
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        self.0.watchers.remove(connection).await
    }
}

#[tokio::test]
async fn who_is_shut_out_while_they_ask_stays_so() {
    for narrowed in [false, true] {
        let world = World::new();
        world.happens("demo.myshopify.com", 0).await;
        world.round().await;
        let until = world.clock.now() + SignedDuration::from_hours(1);
        let changed = AccessChanged {
            principal: "tok_1".to_owned(),
            now: narrowed.then(|| (Role::Viewer, only(&["b.myshopify.com"]), until)),
        };
        let follow = Follow {
            watchers: Raced(&world, Some(changed).into()),
            stores: world.stores.clone(),
            activity: world.activity.clone(),
            push: world.push.clone(),
            clock: world.clock.clone(),
            key: named,
        };
        follow.connected("a", world.viewer(Reach::All)).await.unwrap();
        follow.asked("a", DEMO).await.unwrap();
        let told = world.told("a");
        if narrowed {
            assert!(
                matches!(told[..], [Frame::Access { .. }, Frame::Refused { .. }]),
                "{told:?}"
            );
        } else {
            assert_eq!(told, [Frame::Revoked]);
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
async fn of_too_many_connections_of_one_principal_the_newest_stay() {
    let world = World::new();
    connect_as_many_as_stay(&world).await;
    assert_eq!(world.push.closed(), [""; 0]);
    let mut another = world.viewer(Reach::All);
    another.id = "tok_other".to_owned();
    world.follow().connected("another's", another).await.unwrap();
    assert_eq!(world.push.closed(), [""; 0], "what others have is no matter");
    world.follow().connected("a", world.viewer(Reach::All)).await.unwrap();
    assert_eq!(world.push.closed(), ["c00"]);
    assert!(matches!(world.told("c00")[..], [Frame::Refused { .. }]));
    assert_eq!(world.watchers.find("c00").await.unwrap(), None);
    assert!(world.watchers.find("a").await.unwrap().is_some());
}

/// Lets others go first before each call, some often and some rarely.
struct Interleaved(MemoryWatchers);

impl Interleaved {
    async fn turns(&self, of: &str) {
        for _ in 0..of.bytes().map(usize::from).sum::<usize>() % 7 {
            tokio::task::yield_now().await;
        }
    }
}

impl Watchers for Interleaved {
    async fn add(&self, watcher: &Watcher) -> Result<(), PortError> {
        self.turns(&watcher.connection).await;
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

    async fn of_principal(&self, principal: &str) -> Result<Vec<Watcher>, PortError> {
        self.turns(principal).await;
        self.0.of_principal(principal).await
    }

    async fn remove(&self, connection: &str) -> Result<(), PortError> {
        self.turns(connection).await;
        self.0.remove(connection).await
    }
}

#[tokio::test]
async fn however_many_connect_at_once_no_more_than_the_limit_are_left() {
    let world = World::new();
    let of_world = world.follow();
    let follow = Follow {
        watchers: Interleaved(world.watchers.clone()),
        stores: of_world.stores,
        activity: of_world.activity,
        push: of_world.push,
        clock: of_world.clock,
        key: of_world.key,
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
    assert_eq!(open, left.len(), "what is not remembered is closed");
}

#[tokio::test]
async fn one_that_cannot_be_told_why_is_closed_all_the_same() {
    let world = World::new();
    connect_as_many_as_stay(&world).await;
    world.push.fail(1);
    world.follow().connected("a", world.viewer(Reach::All)).await.unwrap();
    assert_eq!(world.push.closed(), ["c00"]);
}

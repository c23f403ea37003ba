use super::*;

#[tokio::test]
async fn changes_within_a_round_are_one_message_to_each_watcher() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.round().await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    for id in 1..=5 {
        world.record_delivery("demo.myshopify.com", id).await;
    }
    world.record_delivery("other.myshopify.com", 9).await;
    world.round().await;
    let frames = world.frames_to("a");
    assert_eq!(steps(&frames), [(1, 6)]);
    let Frame::Update {
        status,
        lag,
        deliveries,
        ..
    } = &frames[0]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(
        ids(deliveries),
        ["delivery-5", "delivery-4", "delivery-3", "delivery-2", "delivery-1"]
    );
    assert_eq!((status.seq, status.events_24h.total), (6, 6));
    assert_eq!(lag.as_ref().map(|lag| lag.deliveries), Some(6));
}

#[tokio::test]
async fn rounds_are_at_least_a_quarter_of_a_second_apart() {
    let world = World::new();
    let mut began = Vec::new();
    for id in 0..5 {
        world.record_delivery("demo.myshopify.com", id).await;
        world.round().await;
        began.push(world.clock.now());
        world.clock.pass(SignedDuration::from_millis(10));
    }
    assert!(
        began.windows(2).all(|two| two[1].duration_since(two[0]) == ROUND_EVERY),
        "{began:?}"
    );
    world.clock.pass(SignedDuration::from_secs(1));
    let before = world.clock.now();
    world.record_delivery("demo.myshopify.com", 9).await;
    world.round().await;
    assert_eq!(world.clock.now(), before, "a round that is due does not wait");
}

#[tokio::test]
async fn repeated_round_has_the_same_numbers_and_is_stored_once() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    world.record_delivery("demo.myshopify.com", 1).await;
    let changes = world.stores.take_changes();
    for _ in 0..2 {
        world.tell.notify(changes.clone()).await.unwrap();
        assert_eq!(steps(&world.frames_to("a")), [(0, 2)]);
    }
    assert_eq!(world.activity.latest(&store(), None, 100).await.unwrap().len(), 2);
}

#[tokio::test]
async fn missing_change_shows_as_a_gap_in_the_numbers() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.round().await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    for id in 1..=4 {
        world.record_delivery("demo.myshopify.com", id).await;
    }
    let mut changes = world.stores.take_changes();
    changes.remove(1);
    world.tell.notify(changes).await.unwrap();
    assert_eq!(steps(&world.frames_to("a")), [(1, 2), (3, 5)]);
    // A message that could not be sent is not repeated.
    world.record_delivery("demo.myshopify.com", 5).await;
    world.push.fail(1);
    world.round().await;
    world.record_delivery("demo.myshopify.com", 6).await;
    world.round().await;
    assert_eq!(steps(&world.frames_to("a")), [(6, 7)]);
}

#[tokio::test]
async fn changes_too_large_for_one_frame_are_sent_in_consecutive_frames() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.round().await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    let long = |id| ActivityEntry {
        problem: Some((crate::kernel::failure::ErrorCode::SchemaMismatch, "x".repeat(300))),
        ..entry(id, DeliveryOutcome::Waiting)
    };
    for batch in 0..30 {
        let update = StoreUpdate {
            latest: (0..10).map(|nth| long(batch * 10 + nth)).collect(),
            ..StoreUpdate::default()
        };
        world.stores.record(&store(), &update).await.unwrap();
    }
    world.round().await;
    let texts = world.push.take_texts();
    assert!(texts.iter().all(|(_, text)| text.len() <= FRAME_LIMIT));
    let frames: Vec<Frame> = texts
        .iter()
        .map(|(_, text)| serde_json::from_str(text).unwrap())
        .collect();
    let steps = steps(&frames);
    assert!(steps.len() > 1);
    assert_eq!((steps[0].0, steps.last().unwrap().1), (1, 31));
    assert!(steps.windows(2).all(|two| two[0].1 == two[1].0), "{steps:?}");
    let counts = frames.iter().map(|frame| match frame {
        Frame::Update { deliveries, .. } => deliveries.len(),
        _ => 0,
    });
    assert_eq!(counts.sum::<usize>(), 300);
}

#[tokio::test]
async fn single_change_too_large_for_a_frame_loses_its_oldest_deliveries() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.round().await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    let update = StoreUpdate {
        latest: (0..500).map(|id| entry(id, DeliveryOutcome::Applied)).collect(),
        ..StoreUpdate::default()
    };
    world.stores.record(&store(), &update).await.unwrap();
    world.round().await;
    let texts = world.push.take_texts();
    assert_eq!(texts.len(), 1);
    assert!(
        texts[0].1.len() <= FRAME_LIMIT && texts[0].1.contains("delivery-0") && !texts[0].1.contains("delivery-499")
    );
}

#[tokio::test]
async fn closed_connection_is_removed() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    for connection in ["a", "b"] {
        world.watch(connection, Reach::All, DEMO).await;
    }
    world.push.take();
    world.push.breaks("a");
    world.round().await;
    assert_eq!(steps(&world.frames_to("b")), [(0, 1)]);
    assert_eq!(world.watchers.find("a").await.unwrap(), None);
    assert!(world.watchers.find("b").await.unwrap().is_some());
}

#[tokio::test]
async fn expired_watcher_receives_nothing_and_is_disconnected() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.watch("a", Reach::All, DEMO).await;
    world.watch("b", Reach::All, LIST).await;
    world.push.take();
    world.clock.pass(SignedDuration::from_hours(1));
    world.round().await;
    assert_eq!(world.push.take(), []);
    assert_eq!(world.push.closed(), ["a", "b"]);
    assert_eq!(world.watchers.find("a").await.unwrap(), None);
}

#[tokio::test]
async fn watcher_of_the_list_receives_only_stores_within_reach() {
    let world = World::new();
    world.watch("all", Reach::All, LIST).await;
    world.watch("one", only(&["b.myshopify.com"]), LIST).await;
    world.watch("none", only(&["c.myshopify.com"]), LIST).await;
    world.push.take();
    for (name, id) in [("a.myshopify.com", 1), ("b.myshopify.com", 2), ("a.myshopify.com", 3)] {
        world.record_delivery(name, id).await;
    }
    world.round().await;
    let sent: Vec<_> = world
        .push
        .take()
        .into_iter()
        .map(|(connection, frame)| {
            let Frame::Stores { stores } = frame else {
                panic!("{frame:?}")
            };
            let stores: Vec<_> = stores
                .into_iter()
                .map(|summary| (summary.store.to_string(), summary.seq))
                .collect();
            (connection, stores)
        })
        .collect();
    let [a, b] = ["a.myshopify.com", "b.myshopify.com"].map(str::to_owned);
    assert_eq!(
        sent,
        [
            ("all".to_owned(), vec![(a, 2), (b.clone(), 1)]),
            ("one".to_owned(), vec![(b, 1)])
        ]
    );
}

#[tokio::test]
async fn thousand_summaries_are_sent_in_frames_that_fit() {
    let world = World::new();
    world.watch("all", Reach::All, LIST).await;
    world.push.take();
    for number in 0..1000 {
        world.record_delivery(&format!("store-{number}.myshopify.com"), 1).await;
    }
    world.round().await;
    let texts = world.push.take_texts();
    assert!(texts.iter().all(|(_, text)| text.len() <= FRAME_LIMIT));
    let counts = texts.iter().map(|(_, text)| match serde_json::from_str(text).unwrap() {
        Frame::Stores { stores } => stores.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(counts.sum::<usize>(), 1000);
}

fn changed(now: Option<(Role, Reach, Timestamp)>) -> AccessChanged {
    AccessChanged {
        principal: "tok_1".to_owned(),
        now,
    }
}

#[tokio::test]
async fn revoked_principal_is_notified_and_disconnected_at_once() {
    let world = World::new();
    world.record_delivery("demo.myshopify.com", 0).await;
    world.watch("a", Reach::All, DEMO).await;
    world.push.take();
    world.tell.access(&changed(None)).await.unwrap();
    assert_eq!(world.frames_to("a"), [Frame::Revoked]);
    assert_eq!(world.push.closed(), ["a"]);
    world.round().await;
    world.follow().asked("a", DEMO).await.unwrap();
    assert_eq!(world.push.take(), []);
}

#[tokio::test]
async fn changed_permissions_are_sent_and_take_effect_at_once() {
    let world = World::new();
    let follow = world.follow();
    world.record_delivery("demo.myshopify.com", 0).await;
    world
        .watch(
            "a",
            Reach::All,
            r#"{"action":"watch","store":"demo.myshopify.com","list":true}"#,
        )
        .await;
    let another = Principal {
        id: "tok_2".to_owned(),
        ..world.viewer(Reach::All)
    };
    follow.connected("other", another).await.unwrap();
    world.push.take();
    world.stores.take_changes();
    let until = world.clock.now() + SignedDuration::from_mins(5);
    let now = (Role::Admin, only(&["b.myshopify.com"]), until);
    world.tell.access(&changed(Some(now))).await.unwrap();
    let access = Frame::Access {
        role: Role::Admin,
        stores: vec!["b.myshopify.com".to_owned()],
        expires_at: until,
    };
    assert_eq!(world.frames_to("a"), [access]);
    world.record_delivery("demo.myshopify.com", 1).await;
    world.round().await;
    assert_eq!(world.frames_to("a"), []);
    follow.asked("a", DEMO).await.unwrap();
    assert!(matches!(world.frames_to("a")[..], [Frame::Refused { .. }]));
    // Permissions that have expired count as revoked.
    let past = (Role::Admin, Reach::All, world.clock.now());
    world.tell.access(&changed(Some(past))).await.unwrap();
    assert_eq!(world.frames_to("a"), [Frame::Revoked]);
}

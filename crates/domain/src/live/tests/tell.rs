use super::*;

#[tokio::test]
async fn what_happens_within_a_round_is_one_message_to_each_who_watches() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.round().await;
    world.watches("a", Reach::All, DEMO).await;
    world.push.take();
    for id in 1..=5 {
        world.happens("demo.myshopify.com", id).await;
    }
    world.happens("other.myshopify.com", 9).await;
    world.round().await;
    let told = world.told("a");
    assert_eq!(steps(&told), [(1, 6)]);
    let Frame::Update {
        status,
        lag,
        deliveries,
        ..
    } = &told[0]
    else {
        panic!("{told:?}")
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
        world.happens("demo.myshopify.com", id).await;
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
    world.happens("demo.myshopify.com", 9).await;
    world.round().await;
    assert_eq!(world.clock.now(), before, "who has waited long enough waits no longer");
}

#[tokio::test]
async fn a_round_told_twice_has_the_same_numbers_and_is_kept_once() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.watches("a", Reach::All, DEMO).await;
    world.push.take();
    world.happens("demo.myshopify.com", 1).await;
    let changes = world.stores.take_changes();
    for _ in 0..2 {
        world.tell.tell(changes.clone()).await.unwrap();
        assert_eq!(steps(&world.told("a")), [(0, 2)]);
    }
    assert_eq!(world.activity.latest(&store(), None, 100).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_missing_is_seen_by_the_numbers() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.round().await;
    world.watches("a", Reach::All, DEMO).await;
    world.push.take();
    for id in 1..=4 {
        world.happens("demo.myshopify.com", id).await;
    }
    let mut changes = world.stores.take_changes();
    changes.remove(1);
    world.tell.tell(changes).await.unwrap();
    assert_eq!(steps(&world.told("a")), [(1, 2), (3, 5)]);
    // A message that does not get through is not told again.
    world.happens("demo.myshopify.com", 5).await;
    world.push.fail(1);
    world.round().await;
    world.happens("demo.myshopify.com", 6).await;
    world.round().await;
    assert_eq!(steps(&world.told("a")), [(6, 7)]);
}

#[tokio::test]
async fn what_does_not_fit_into_a_frame_is_told_in_several_that_follow_on_one_another() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.round().await;
    world.watches("a", Reach::All, DEMO).await;
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
    let told = frames.iter().map(|frame| match frame {
        Frame::Update { deliveries, .. } => deliveries.len(),
        _ => 0,
    });
    assert_eq!(told.sum::<usize>(), 300);
}

#[tokio::test]
async fn one_change_that_is_too_large_leaves_out_the_oldest() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.round().await;
    world.watches("a", Reach::All, DEMO).await;
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
async fn a_connection_that_is_gone_is_forgotten() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    for connection in ["a", "b"] {
        world.watches(connection, Reach::All, DEMO).await;
    }
    world.push.take();
    world.push.breaks("a");
    world.round().await;
    assert_eq!(steps(&world.told("b")), [(0, 1)]);
    assert_eq!(world.watchers.find("a").await.unwrap(), None);
    assert!(world.watchers.find("b").await.unwrap().is_some());
}

#[tokio::test]
async fn who_is_expired_is_told_nothing_and_shut_out() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.watches("a", Reach::All, DEMO).await;
    world.watches("b", Reach::All, LIST).await;
    world.push.take();
    world.clock.pass(SignedDuration::from_hours(1));
    world.round().await;
    assert_eq!(world.push.take(), []);
    assert_eq!(world.push.closed(), ["a", "b"]);
    assert_eq!(world.watchers.find("a").await.unwrap(), None);
}

#[tokio::test]
async fn who_watches_the_list_is_told_of_the_stores_within_reach_and_no_others() {
    let world = World::new();
    world.watches("all", Reach::All, LIST).await;
    world.watches("one", only(&["b.myshopify.com"]), LIST).await;
    world.watches("none", only(&["c.myshopify.com"]), LIST).await;
    world.push.take();
    for (name, id) in [("a.myshopify.com", 1), ("b.myshopify.com", 2), ("a.myshopify.com", 3)] {
        world.happens(name, id).await;
    }
    world.round().await;
    let told: Vec<_> = world
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
        told,
        [
            ("all".to_owned(), vec![(a, 2), (b.clone(), 1)]),
            ("one".to_owned(), vec![(b, 1)])
        ]
    );
}

#[tokio::test]
async fn a_thousand_stores_in_the_list_are_told_in_frames_that_fit() {
    let world = World::new();
    world.watches("all", Reach::All, LIST).await;
    world.push.take();
    for number in 0..1000 {
        world.happens(&format!("store-{number}.myshopify.com"), 1).await;
    }
    world.round().await;
    let texts = world.push.take_texts();
    assert!(texts.iter().all(|(_, text)| text.len() <= FRAME_LIMIT));
    let told = texts.iter().map(|(_, text)| match serde_json::from_str(text).unwrap() {
        Frame::Stores { stores } => stores.len(),
        other => panic!("{other:?}"),
    });
    assert_eq!(told.sum::<usize>(), 1000);
}

fn changed(now: Option<(Role, Reach, Timestamp)>) -> AccessChanged {
    AccessChanged {
        principal: "tok_1".to_owned(),
        now,
    }
}

#[tokio::test]
async fn who_is_revoked_is_told_so_and_shut_out_at_once() {
    let world = World::new();
    world.happens("demo.myshopify.com", 0).await;
    world.watches("a", Reach::All, DEMO).await;
    world.push.take();
    world.tell.access(&changed(None)).await.unwrap();
    assert_eq!(world.told("a"), [Frame::Revoked]);
    assert_eq!(world.push.closed(), ["a"]);
    world.round().await;
    world.follow().asked("a", DEMO).await.unwrap();
    assert_eq!(world.push.take(), []);
}

#[tokio::test]
async fn who_may_do_something_else_is_told_so_and_sees_no_more_than_that() {
    let world = World::new();
    let follow = world.follow();
    world.happens("demo.myshopify.com", 0).await;
    world
        .watches(
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
    assert_eq!(world.told("a"), [access]);
    world.happens("demo.myshopify.com", 1).await;
    world.round().await;
    assert_eq!(world.told("a"), []);
    follow.asked("a", DEMO).await.unwrap();
    assert!(matches!(world.told("a")[..], [Frame::Refused { .. }]));
    // What has expired is as good as revoked.
    let past = (Role::Admin, Reach::All, world.clock.now());
    world.tell.access(&changed(Some(past))).await.unwrap();
    assert_eq!(world.told("a"), [Frame::Revoked]);
}

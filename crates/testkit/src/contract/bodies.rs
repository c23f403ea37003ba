//! Contract suite of [`Bodies`].

use hookline_domain::{
    delivery::{
        BODY_LIMIT,
        bodies::{Attempt, Bodies, BodyKey, KeepBodies},
    },
    kernel::ids::DeliveryId,
};

use crate::builders::{delivery, store};

/// Makes a test of each check: the expression returns values that must live as long as the test, and the port.
#[macro_export]
macro_rules! bodies_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            bodies,
            $start,
            [
                body_reads_back_byte_for_byte,
                unknown_body_is_none,
                deleted_body_is_absent_and_may_be_deleted_again,
                repeated_put_of_the_same_body_changes_nothing,
                attempts_stores_and_deliveries_are_isolated,
                delivery_may_have_any_id,
            ]
        );
    };
}

fn key(id: &str) -> BodyKey {
    BodyKey {
        delivery: delivery(id),
        attempt: Attempt::new(),
    }
}

/// The largest and the smallest body, incompressible.
pub async fn body_reads_back_byte_for_byte(bodies: &(impl KeepBodies + Bodies)) {
    let large: Vec<u8> = (0..BODY_LIMIT + 256).map(|n| n.to_le_bytes()[n % 3]).collect();
    for body in [large, vec![0xFF], vec![]] {
        let key = key("1");
        bodies.put(&key, body.clone()).await.unwrap();
        let got = bodies.get(&key).await.unwrap();
        assert!(got.as_ref() == Some(&body), "{} bytes", body.len());
    }
}

pub async fn unknown_body_is_none(bodies: &(impl KeepBodies + Bodies)) {
    assert_eq!(bodies.get(&key("1")).await.unwrap(), None);
}

pub async fn deleted_body_is_absent_and_may_be_deleted_again(bodies: &(impl KeepBodies + Bodies)) {
    let (key, other) = (key("1"), key("2"));
    bodies.put(&key, b"body".to_vec()).await.unwrap();
    bodies.put(&other, b"other".to_vec()).await.unwrap();
    for _ in 0..2 {
        bodies.delete(&key).await.unwrap();
        assert_eq!(bodies.get(&key).await.unwrap(), None);
    }
    assert_eq!(bodies.get(&other).await.unwrap(), Some(b"other".to_vec()));
}

pub async fn repeated_put_of_the_same_body_changes_nothing(bodies: &(impl KeepBodies + Bodies)) {
    let key = key("1");
    for _ in 0..2 {
        bodies.put(&key, b"body".to_vec()).await.unwrap();
    }
    assert_eq!(bodies.get(&key).await.unwrap(), Some(b"body".to_vec()));
}

pub async fn attempts_stores_and_deliveries_are_isolated(bodies: &(impl KeepBodies + Bodies)) {
    let first = key("1");
    let mut other_attempt = first.clone();
    other_attempt.attempt = Attempt::new();
    let mut other_store = first.clone();
    other_store.delivery.store = store("other");
    let mut other_topic = first.clone();
    other_topic.delivery.topic = "products/create".parse().unwrap();
    let mut other_delivery = first.clone();
    other_delivery.delivery.id = "2".parse().unwrap();
    bodies.put(&first, b"body".to_vec()).await.unwrap();
    for other in [other_attempt, other_store, other_topic, other_delivery] {
        assert_eq!(bodies.get(&other).await.unwrap(), None, "{other}");
        bodies.put(&other, b"other".to_vec()).await.unwrap();
        bodies.delete(&other).await.unwrap();
    }
    assert_eq!(bodies.get(&first).await.unwrap(), Some(b"body".to_vec()));
}

pub async fn delivery_may_have_any_id(bodies: &(impl KeepBodies + Bodies)) {
    for id in ["../../other", "a/b//c", "?x=1&y=%20", "\"'<>;:@!$*()[]{}|\\^`~+=,"] {
        let mut key = key("1");
        key.delivery.id = DeliveryId::new(id).unwrap();
        bodies.put(&key, id.as_bytes().to_vec()).await.unwrap();
        assert_eq!(bodies.get(&key).await.unwrap(), Some(id.as_bytes().to_vec()), "{id}");
    }
}

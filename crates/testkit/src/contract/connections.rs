//! Contract suite of [`Connections`].

use hookline_domain::store::connections::{Connection, Connections, Lease, Leased};

use super::at_once;
use crate::builders::{at, noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! connections_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            connections,
            $start,
            [
                no_connection_exists_at_first,
                connection_reads_back,
                second_put_is_the_next_generation,
                lease_is_held_by_one_owner,
                only_one_of_many_concurrent_callers_gets_the_lease,
                lease_lapses,
                only_its_owner_prolongs_and_ends_a_lease,
                only_the_current_generation_is_leased,
                owner_of_the_lease_renews_the_connection_and_ends_the_lease,
                connection_is_not_renewed_under_a_lost_lease,
                put_by_a_person_ends_every_lease,
                removed_connection_is_absent,
                stores_are_isolated,
            ]
        );
    };
}

fn by(owner: &str, seconds: i64) -> Lease {
    Lease {
        owner: owner.to_owned(),
        until: noon_plus(seconds),
    }
}

async fn connection(connections: &impl Connections) -> Connection {
    connections.find(&store("demo")).await.unwrap().unwrap()
}

async fn put(connections: &impl Connections) {
    connections.put(&store("demo"), vec![1], Some(noon())).await.unwrap();
}

async fn lease(connections: &impl Connections, generation: u64, lease: &Lease, now: i64) -> Leased {
    connections
        .lease(&store("demo"), generation, lease, noon_plus(now))
        .await
        .unwrap()
}

pub async fn no_connection_exists_at_first(connections: &impl Connections) {
    assert_eq!(connections.find(&store("demo")).await.unwrap(), None);
    assert_eq!(lease(connections, 0, &by("a", 30), 0).await, Leased::Refused);
    assert_eq!(lease(connections, 1, &by("a", 30), 0).await, Leased::Refused);
    assert!(!connections.renew(&store("demo"), "a", vec![1], None).await.unwrap());
    assert_eq!(connections.find(&store("demo")).await.unwrap(), None);
}

pub async fn connection_reads_back(connections: &impl Connections) {
    let sealed: Vec<u8> = (0..=255).collect();
    let expires_at = Some(at("2026-11-21T12:00:00.123456Z"));
    connections
        .put(&store("demo"), sealed.clone(), expires_at)
        .await
        .unwrap();
    let expected = Connection {
        sealed,
        generation: 1,
        expires_at,
        lease: None,
    };
    assert_eq!(connection(connections).await, expected);
}

pub async fn second_put_is_the_next_generation(connections: &impl Connections) {
    put(connections).await;
    connections.put(&store("demo"), vec![2], None).await.unwrap();
    let expected = Connection {
        sealed: vec![2],
        generation: 2,
        expires_at: None,
        lease: None,
    };
    assert_eq!(connection(connections).await, expected);
}

pub async fn lease_is_held_by_one_owner(connections: &impl Connections) {
    put(connections).await;
    assert_eq!(lease(connections, 1, &by("a", 30), 0).await, Leased::Granted);
    assert_eq!(lease(connections, 1, &by("b", 59), 29).await, Leased::Refused);
    let connection = connection(connections).await;
    assert_eq!(
        (connection.lease, connection.sealed, connection.generation),
        (Some(by("a", 30)), vec![1], 1)
    );
}

pub async fn only_one_of_many_concurrent_callers_gets_the_lease<C: Connections + Clone + 'static>(connections: &C) {
    put(connections).await;
    let tasks = (0..16).map(|owner| {
        let connections = connections.clone();
        async move { lease(&connections, 1, &by(&owner.to_string(), 30), 0).await }
    });
    let leased = at_once(tasks.collect()).await;
    let granted = leased.iter().filter(|leased| **leased == Leased::Granted).count();
    assert_eq!(granted, 1);
}

pub async fn lease_lapses(connections: &impl Connections) {
    put(connections).await;
    assert_eq!(lease(connections, 1, &by("a", 30), 0).await, Leased::Granted);
    assert_eq!(lease(connections, 1, &by("b", 60), 30).await, Leased::Granted);
    assert_eq!(connection(connections).await.lease, Some(by("b", 60)));
}

pub async fn only_its_owner_prolongs_and_ends_a_lease(connections: &impl Connections) {
    put(connections).await;
    assert_eq!(lease(connections, 1, &by("a", 30), 0).await, Leased::Granted);
    assert_eq!(lease(connections, 1, &by("a", 50), 20).await, Leased::Granted);
    assert_eq!(lease(connections, 1, &by("b", 70), 40).await, Leased::Refused);
    assert_eq!(lease(connections, 1, &by("a", 40), 40).await, Leased::Granted);
    assert_eq!(lease(connections, 1, &by("b", 70), 40).await, Leased::Granted);
}

pub async fn only_the_current_generation_is_leased(connections: &impl Connections) {
    put(connections).await;
    put(connections).await;
    assert_eq!(lease(connections, 1, &by("a", 30), 0).await, Leased::Refused);
    assert_eq!(lease(connections, 3, &by("a", 30), 0).await, Leased::Refused);
    assert_eq!(lease(connections, 2, &by("a", 30), 0).await, Leased::Granted);
}

pub async fn owner_of_the_lease_renews_the_connection_and_ends_the_lease(connections: &impl Connections) {
    put(connections).await;
    lease(connections, 1, &by("a", 30), 0).await;
    let expires_at = Some(noon_plus(3600));
    let renewed = connections.renew(&store("demo"), "a", vec![2], expires_at).await;
    assert!(renewed.unwrap());
    let expected = Connection {
        sealed: vec![2],
        generation: 2,
        expires_at,
        lease: None,
    };
    assert_eq!(connection(connections).await, expected);
    // Only once, because the owner no longer holds the lease.
    assert!(!connections.renew(&store("demo"), "a", vec![3], None).await.unwrap());
    assert_eq!(connection(connections).await, expected);
}

pub async fn connection_is_not_renewed_under_a_lost_lease(connections: &impl Connections) {
    put(connections).await;
    lease(connections, 1, &by("a", 30), 0).await;
    lease(connections, 1, &by("b", 60), 30).await;
    assert!(!connections.renew(&store("demo"), "a", vec![2], None).await.unwrap());
    assert_eq!(connection(connections).await.sealed, [1]);
    assert!(connections.renew(&store("demo"), "b", vec![3], None).await.unwrap());
    assert_eq!(connection(connections).await.sealed, [3]);
}

pub async fn put_by_a_person_ends_every_lease(connections: &impl Connections) {
    put(connections).await;
    lease(connections, 1, &by("a", 30), 0).await;
    connections.put(&store("demo"), vec![9], None).await.unwrap();
    assert!(!connections.renew(&store("demo"), "a", vec![2], None).await.unwrap());
    assert_eq!(lease(connections, 1, &by("a", 30), 0).await, Leased::Refused);
    assert_eq!(connection(connections).await.sealed, [9]);
}

pub async fn removed_connection_is_absent(connections: &impl Connections) {
    connections.remove(&store("demo")).await.unwrap();
    put(connections).await;
    lease(connections, 1, &by("a", 30), 0).await;
    connections.remove(&store("demo")).await.unwrap();
    assert_eq!(connections.find(&store("demo")).await.unwrap(), None);
    assert!(!connections.renew(&store("demo"), "a", vec![2], None).await.unwrap());
    assert_eq!(connections.find(&store("demo")).await.unwrap(), None);
}

pub async fn stores_are_isolated(connections: &impl Connections) {
    put(connections).await;
    connections.put(&store("other"), vec![7], None).await.unwrap();
    lease(connections, 1, &by("a", 30), 0).await;
    let other = connections.find(&store("other")).await.unwrap().unwrap();
    assert_eq!((other.sealed, other.lease), (vec![7], None));
}

//! Contract suites of [`Erase`]: one for the archive, one for stored bodies.

use hookline_domain::{
    delivery::{
        archive::{Archive, Archived},
        bodies::{Attempt, Bodies, BodyKey, KeepBodies},
    },
    kernel::{erase::Erase, ids::StoreKey},
};
use jiff::Timestamp;

use crate::builders::{delivery, noon, noon_plus, store};

/// Makes a test of each check: the expression returns values that must live as long as the test, and the port.
#[macro_export]
macro_rules! erase_contract {
    (archive: $archive:expr, bodies: $bodies:expr) => {
        $crate::contract_tests!(
            erase,
            $archive,
            [
                archive_is_erased_up_to_a_time_and_for_one_store,
                archive_is_erased_page_by_page
            ]
        );
        $crate::contract_tests!(
            erase,
            $bodies,
            [bodies_are_erased_for_one_store, bodies_stored_after_the_time_stay]
        );
    };
}

/// Erases to the end. Returns the number of objects erased.
async fn erase(objects: &impl Erase, store: &StoreKey, until: Timestamp) -> usize {
    let (mut removed, mut after) = (0, None);
    loop {
        let erased = objects.erase(store, until, after.as_deref()).await.unwrap();
        removed += erased.removed;
        after = erased.next;
        if after.is_none() {
            return removed;
        }
    }
}

async fn archived(archive: &impl Archived, name: &str) -> usize {
    let objects = archive.objects(&store(name), Timestamp::MIN, Timestamp::MAX).await;
    objects.unwrap().len()
}

pub async fn archive_is_erased_up_to_a_time_and_for_one_store<A: Archive + Archived + Erase>(archive: &A) {
    // The name `demo2` begins with `demo`.
    for (name, seconds) in [("demo", 0), ("demo", 1), ("demo", 2), ("demo2", 0)] {
        archive
            .keep(&store(name), noon_plus(seconds), &["{}".to_owned()])
            .await
            .unwrap();
    }
    assert_eq!(erase(archive, &store("nobody"), Timestamp::MAX).await, 0);
    assert_eq!(erase(archive, &store("demo"), noon()).await, 0);
    assert_eq!(erase(archive, &store("demo"), noon_plus(2)).await, 2);
    assert_eq!(
        (archived(archive, "demo").await, archived(archive, "demo2").await),
        (1, 1)
    );
    assert_eq!(erase(archive, &store("demo"), Timestamp::MAX).await, 1);
    assert_eq!(erase(archive, &store("demo"), Timestamp::MAX).await, 0);
    assert_eq!(
        (archived(archive, "demo").await, archived(archive, "demo2").await),
        (0, 1)
    );
}

/// S3 lists a thousand objects per page; objects that stay on the first page must not hide the next.
pub async fn archive_is_erased_page_by_page<A: Archive + Archived + Erase>(archive: &A) {
    for n in 0..1003 {
        archive.keep(&store("demo"), noon_plus(n), &[]).await.unwrap();
    }
    assert_eq!(erase(archive, &store("demo"), noon_plus(1002)).await, 1002);
    assert_eq!(archived(archive, "demo").await, 1);
}

async fn put<B: KeepBodies + Bodies>(bodies: &B, name: &str) -> BodyKey {
    let mut delivery = delivery("1");
    delivery.store = store(name);
    let key = BodyKey {
        delivery,
        attempt: Attempt::new(),
    };
    bodies.put(&key, b"body".to_vec()).await.unwrap();
    key
}

pub async fn bodies_are_erased_for_one_store<B: KeepBodies + Bodies + Erase>(bodies: &B) {
    let (first, second, other) = (
        put(bodies, "demo").await,
        put(bodies, "demo").await,
        put(bodies, "demo2").await,
    );
    assert_eq!(erase(bodies, &store("demo"), Timestamp::MAX).await, 2);
    for (key, stays) in [(&first, false), (&second, false), (&other, true)] {
        assert_eq!(bodies.get(key).await.unwrap().is_some(), stays);
    }
}

pub async fn bodies_stored_after_the_time_stay<B: KeepBodies + Bodies + Erase>(bodies: &B) {
    let key = put(bodies, "demo").await;
    assert_eq!(erase(bodies, &store("demo"), Timestamp::UNIX_EPOCH).await, 0);
    assert!(bodies.get(&key).await.unwrap().is_some());
}

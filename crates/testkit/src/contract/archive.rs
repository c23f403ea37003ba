//! Contract suite of [`Archive`] and [`Archived`].

use hookline_domain::{
    delivery::archive::{Archive, ArchiveKey, Archived},
    kernel::ids::StoreKey,
};
use jiff::Timestamp;

use crate::builders::{at, noon, noon_plus, store};

/// Makes a test of each check: the expression returns values that must live as long as the test, and the port.
#[macro_export]
macro_rules! archive_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            archive,
            $start,
            [
                archived_texts_read_back_byte_for_byte,
                nothing_is_read_that_was_not_archived,
                objects_of_a_store_and_period_are_listed_in_order,
                list_goes_beyond_the_first_page,
            ]
        );
    };
}

async fn keep(archive: &impl Archive, store: &StoreKey, at: Timestamp, text: &str) {
    archive.keep(store, at, &[text.to_owned()]).await.unwrap();
}

async fn texts(archive: &impl Archived, store: &StoreKey, from: Timestamp, to: Timestamp) -> Vec<String> {
    let mut texts = Vec::new();
    for key in archive.objects(store, from, to).await.unwrap() {
        texts.extend(archive.read(&key).await.unwrap().unwrap());
    }
    texts
}

/// The most incompressible data that a batch may hold, and the least data.
pub async fn archived_texts_read_back_byte_for_byte<A: Archive + Archived>(archive: &A) {
    let mut random = uuid_text();
    let large: String = std::iter::repeat_with(&mut random).take(200_000).collect();
    let envelopes = [large, "{}\n\"\\\u{2028}".to_owned(), String::new()];
    archive.keep(&store("demo"), noon(), &envelopes).await.unwrap();
    let found = archive.objects(&store("demo"), noon(), noon_plus(1)).await.unwrap();
    assert_eq!(found.len(), 1);
    let read = archive.read(&found[0]).await.unwrap().unwrap();
    assert!(read == envelopes, "{} bytes", envelopes[0].len());
}

/// A different text each time: numbers from a generator that is just good enough.
fn uuid_text() -> impl FnMut() -> String {
    let mut state: u64 = 1;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    }
}

pub async fn nothing_is_read_that_was_not_archived<A: Archive + Archived>(archive: &A) {
    assert_eq!(
        archive
            .objects(&store("demo"), Timestamp::MIN, Timestamp::MAX)
            .await
            .unwrap(),
        []
    );
    let key = ArchiveKey::new(store("demo"), noon());
    assert!(archive.read(&key).await.unwrap().is_none());
}

pub async fn objects_of_a_store_and_period_are_listed_in_order<A: Archive + Archived>(archive: &A) {
    let (demo, other) = (store("demo"), store("demo2"));
    let times = [
        "2026-11-20T23:59:59.999999Z",
        "2026-11-21T00:00:00Z",
        "2026-11-21T00:30:00Z",
        "2026-11-21T10:00:00Z",
    ];
    for time in [2, 0, 3, 1] {
        keep(archive, &demo, at(times[time]), times[time]).await;
    }
    keep(archive, &other, at(times[1]), "another store's").await;
    assert_eq!(texts(archive, &demo, Timestamp::MIN, Timestamp::MAX).await, times);
    assert_eq!(texts(archive, &demo, at(times[1]), at(times[3])).await, times[1..3]);
    assert_eq!(
        texts(archive, &demo, at("2026-11-21T00:00:00.000001Z"), Timestamp::MAX).await,
        times[2..]
    );
    assert_eq!(
        texts(archive, &other, Timestamp::MIN, Timestamp::MAX).await,
        ["another store's"]
    );
    // Two writes at the same time create two objects.
    keep(archive, &demo, at(times[3]), times[3]).await;
    assert_eq!(
        archive
            .objects(&demo, at(times[3]), Timestamp::MAX)
            .await
            .unwrap()
            .len(),
        2
    );
}

/// S3 lists a thousand objects per page.
pub async fn list_goes_beyond_the_first_page<A: Archive + Archived>(archive: &A) {
    for n in 0..1003 {
        keep(archive, &store("demo"), noon_plus(n), "").await;
    }
    let all = archive
        .objects(&store("demo"), noon_plus(1), noon_plus(1002))
        .await
        .unwrap();
    assert_eq!(all.len(), 1001);
    assert!(all.is_sorted_by_key(ArchiveKey::at));
}

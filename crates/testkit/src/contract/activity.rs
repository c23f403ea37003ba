//! Contract suite of [`Activity`].

use hookline_domain::{
    delivery::subject::Subject,
    live::{Activity, ActivityBatch, ForgetActivity},
    store::activity::{ActivityEntry, DeliveryOutcome},
};

use super::seq::processed_update;
use crate::builders::{noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! activity_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            activity,
            $start,
            [
                no_activity_exists_at_first,
                entries_read_back_newest_first,
                write_with_the_same_number_replaces_the_first,
                reached_number_never_goes_back,
                page_continues_where_the_last_ended,
                many_entries_are_kept_at_once,
                only_the_forgotten_store_is_removed,
            ]
        );
    };
}

/// The write with number `seq`, with this many entries.
fn batch(seq: u64, entries: usize) -> ActivityBatch {
    let entry_of_seq = processed_update().latest.remove(0);
    let entry = |nth: usize| ActivityEntry {
        id: format!("{seq}-{nth}").parse().unwrap(),
        outcome: DeliveryOutcome::Parked,
        subject: Some(Subject {
            kind: "product".to_owned(),
            id: "632910392".parse().unwrap(),
            title: Some("Größe “XL” — 🏕".to_owned()),
        }),
        at: noon_plus(i64::try_from(nth).unwrap()),
        ..entry_of_seq.clone()
    };
    ActivityBatch {
        seq,
        entries: (0..entries).map(entry).collect(),
    }
}

fn seqs(batches: &[ActivityBatch]) -> Vec<u64> {
    batches.iter().map(|batch| batch.seq).collect()
}

pub async fn no_activity_exists_at_first(activity: &impl Activity) {
    assert_eq!(activity.reached(&store("demo")).await.unwrap(), None);
    assert_eq!(activity.latest(&store("demo"), None, 10).await.unwrap(), []);
    assert_eq!(activity.latest(&store("demo"), Some(0), 10).await.unwrap(), []);
}

pub async fn entries_read_back_newest_first(activity: &impl Activity) {
    let all = [batch(2, 1), batch(9, 3), batch(10, 2)];
    activity.keep(&store("demo"), &all, 12).await.unwrap();
    let [two, nine, ten] = all;
    assert_eq!(
        activity.latest(&store("demo"), None, 10).await.unwrap(),
        [ten, nine, two]
    );
    assert_eq!(activity.reached(&store("demo")).await.unwrap(), Some(12));
    assert_eq!(activity.latest(&store("other"), None, 10).await.unwrap(), []);
    assert_eq!(activity.reached(&store("other")).await.unwrap(), None);
}

pub async fn write_with_the_same_number_replaces_the_first(activity: &impl Activity) {
    for entries in [1, 2, 2] {
        activity.keep(&store("demo"), &[batch(5, entries)], 5).await.unwrap();
        let latest = activity.latest(&store("demo"), None, 10).await.unwrap();
        assert_eq!(latest, [batch(5, entries)]);
    }
}

pub async fn reached_number_never_goes_back(activity: &impl Activity) {
    for (to, reached) in [(7, 7), (3, 7), (7, 7), (8, 8)] {
        activity.keep(&store("demo"), &[], to).await.unwrap();
        assert_eq!(activity.reached(&store("demo")).await.unwrap(), Some(reached));
    }
    assert_eq!(activity.latest(&store("demo"), None, 10).await.unwrap(), []);
}

pub async fn page_continues_where_the_last_ended(activity: &impl Activity) {
    let all: Vec<ActivityBatch> = (1..=9).map(|seq| batch(seq, 2)).collect();
    activity.keep(&store("demo"), &all, 9).await.unwrap();
    let page = async |before: Option<u64>| seqs(&activity.latest(&store("demo"), before, 5).await.unwrap());
    assert_eq!(page(None).await, [9, 8, 7]);
    assert_eq!(page(Some(7)).await, [6, 5, 4]);
    assert_eq!(page(Some(4)).await, [3, 2, 1]);
    assert_eq!(page(Some(1)).await, [0; 0]);
}

pub async fn many_entries_are_kept_at_once(activity: &impl Activity) {
    let all: Vec<ActivityBatch> = (1..=60).map(|seq| batch(seq, 10)).collect();
    activity.keep(&store("demo"), &all, 60).await.unwrap();
    let latest = activity.latest(&store("demo"), None, 10_000).await.unwrap();
    assert_eq!(seqs(&latest), (1..=60).rev().collect::<Vec<_>>());
}

pub async fn only_the_forgotten_store_is_removed<A: Activity + ForgetActivity>(activity: &A) {
    let all: Vec<ActivityBatch> = (1..=60).map(|seq| batch(seq, 1)).collect();
    for name in ["demo", "other"] {
        activity.keep(&store(name), &all, 60).await.unwrap();
    }
    for _ in 0..2 {
        activity.forget(&store("demo")).await.unwrap();
        assert_eq!(activity.latest(&store("demo"), None, 10).await.unwrap(), []);
        assert_eq!(activity.reached(&store("demo")).await.unwrap(), None);
    }
    assert_eq!(activity.latest(&store("other"), None, 100).await.unwrap().len(), 60);
}

//! What was applied is replayed from the archive: by store and time, and by id.

use hookline_domain::{
    delivery::{
        Delivery,
        archive::Archive,
        envelope,
        ledger::{Fate, Ledger},
    },
    kernel::failure::ErrorCode,
};
use hookline_testkit::{
    builders::store,
    emulator::{LEDGER_TABLE, S3},
    osmem::Osmem,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::harness::{Said, Stack, broken, update};

const T1: &str = "2026-11-21T10:00:01Z";
const T2: &str = "2026-11-21T10:00:02Z";
const STORE: &str = "demo.myshopify.com";

/// A stack that keeps what it settles, and has settled these.
async fn applied(deliveries: &[Delivery]) -> (Stack, S3) {
    let s3 = S3::start().await;
    let (stack, lost) = (Stack::start().await.with_archive(&s3), Osmem::start().await);
    for delivery in deliveries {
        stack.take(delivery).await;
    }
    stack.consume(&lost).await;
    (stack, s3)
}

fn facts(said: &Said, name: &str) -> Vec<Value> {
    said.objects().iter().map(|row| row[name].clone()).collect()
}

#[tokio::test]
async fn after_an_index_was_lost_a_store_and_a_time_bring_its_documents_back() {
    let edits = [
        update("kettle", 1, T1, "Iron Kettle"),
        update("lamp", 2, T2, "Storm Lamp"),
    ];
    let (stack, s3) = applied(&edits).await;
    assert!(s3.objects() > 0);
    let fresh = Osmem::start().await;
    let _consumer = stack.consumer(&fresh);
    let said = stack.run(&["replay", "--store", STORE, "--from", "1h", "--json"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(facts(&said, "delivery_id"), ["kettle", "lamp"]);
    assert_eq!(facts(&said, "from"), ["archive", "archive"]);
    assert_eq!(facts(&said, "fate"), ["applied", "applied"]);
    assert_eq!(stack.titles(&fresh, "kettle").await, ["Iron Kettle"]);
    assert_eq!(stack.titles(&fresh, "lamp").await, ["Storm Lamp"]);
    // A replay is not kept once more.
    let said = stack.run(&["replay", "--store", STORE, "--dry-run", "--json"]).await;
    assert_eq!(facts(&said, "delivery_id"), ["kettle", "lamp"]);
}

#[tokio::test]
async fn an_id_is_found_by_when_the_ledger_says_it_was_settled() {
    let edits = [
        update("kettle", 1, T1, "Iron Kettle"),
        update("lamp", 2, T2, "Storm Lamp"),
    ];
    let (stack, _s3) = applied(&edits).await;
    let fresh = Osmem::start().await;
    let _consumer = stack.consumer(&fresh);
    let said = stack
        .run(&["replay", "--id", "kettle", "--store", STORE, "--json"])
        .await;
    assert_eq!(
        (said.status, facts(&said, "from")),
        (0, vec!["archive".into()]),
        "{said:?}"
    );
    assert_eq!(stack.titles(&fresh, "kettle").await, ["Iron Kettle"]);
    // Without the store, by searching the ledger, which has the replay too.
    let said = stack
        .run(&["replay", "--id", "lamp", "--id", "kettle", "--dry-run", "--json"])
        .await;
    assert_eq!(facts(&said, "delivery_id"), ["kettle", "lamp"], "{said:?}");
}

#[tokio::test]
async fn only_what_was_received_in_the_time_asked_for_is_replayed() {
    let (stack, s3) = applied(&[update("new", 1, T2, "Iron Kettle")]).await;
    let archive = s3.aws().archive(S3::BUCKET);
    let mut old = update("old", 2, T1, "Storm Lamp");
    old.received_at = Timestamp::now() - SignedDuration::from_hours(10);
    // It waited for nine hours.
    let kept_at = Timestamp::now() - SignedDuration::from_hours(1);
    let envelopes = [envelope::encode(&old).unwrap()];
    archive.keep(&store("demo"), kept_at, &envelopes).await.unwrap();
    let run = async |more: &[&str]| {
        let arguments = [&["replay", "--store", STORE, "--dry-run", "--json"], more].concat();
        stack.run(&arguments).await
    };
    let said = run(&["--from", "11h", "--to", "9h"]).await;
    assert_eq!(facts(&said, "delivery_id"), ["old"], "{said:?}");
    assert_eq!(facts(&run(&["--from", "2h"]).await, "delivery_id"), ["new"]);
    assert_eq!(facts(&run(&[]).await, "delivery_id"), ["old", "new"]);
    // The ledger does not know it; a store and a time find it all the same.
    let said = run(&["--id", "old"]).await;
    assert_eq!(said.status, 2);
    assert!(said.err.contains("--store and --from"), "{said:?}");
    assert_eq!(
        facts(&run(&["--id", "old", "--from", "11h"]).await, "delivery_id"),
        ["old"]
    );
}

#[tokio::test]
async fn of_several_copies_the_newest_in_the_archive_is_replayed_and_dead_letters_come_after() {
    let first = update("kettle", 1, T1, "Iron Kettle");
    let (stack, s3) = applied(&[]).await;
    let archive = s3.aws().archive(S3::BUCKET);
    let keep = async |delivery: &Delivery, minutes: i64| {
        let at = Timestamp::now() - SignedDuration::from_mins(minutes);
        let envelopes = [envelope::encode(delivery).unwrap()];
        archive.keep(&store("demo"), at, &envelopes).await.unwrap();
    };
    let mut newest = first.clone();
    newest.event_id = Some("newest".parse().unwrap());
    keep(&first, 3).await;
    keep(&newest, 1).await;
    keep(&first, 2).await;
    stack
        .bury(&first, ErrorCode::IndexUnavailable, "the index was away")
        .await;
    stack.bury(&broken("bad"), ErrorCode::SchemaMismatch, "no title").await;
    let path = std::env::temp_dir().join(format!("hookline-{}.jsonl", uuid::Uuid::new_v4()));
    let path = path.to_str().unwrap();
    let store = ["replay", "--store", STORE, "--wait", "0", "--json", "--save", path];
    let said = stack.run(&store).await;
    assert_eq!(facts(&said, "delivery_id"), ["bad", "kettle"], "{said:?}");
    assert_eq!(facts(&said, "from"), ["dead letter", "archive"]);
    let saved = std::fs::read_to_string(path).unwrap();
    assert!(saved.contains("newest"), "{saved}");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_trace_says_whether_it_is_in_the_archive() {
    let (stack, _s3) = applied(&[update("kettle", 1, T1, "Iron Kettle")]).await;
    let told = stack
        .run(&["trace", "kettle", "--store", STORE, "--json"])
        .await
        .object();
    let object = told["archive_object"].as_str().unwrap();
    assert!(object.starts_with("archive/shopify.demo.myshopify.com/"), "{told}");
    assert_eq!(told["archived"], true);
    let said = stack.run(&["trace", "kettle", "--store", STORE]).await;
    assert!(said.out.contains(&format!("kept, in {object}")), "{said:?}");

    // Settled, and not kept.
    let lost = update("lost", 2, T1, "Storm Lamp");
    stack.claim(&lost).await;
    let ledger = stack.dynamodb.aws().ledger(LEDGER_TABLE);
    ledger
        .complete(&lost.key, Fate::Applied, None, Timestamp::now())
        .await
        .unwrap();
    let said = stack.run(&["trace", "lost", "--store", STORE]).await;
    assert!(said.out.contains("not kept"), "{said:?}");
    let said = stack.run(&["replay", "--id", "lost", "--store", STORE]).await;
    assert_eq!(said.status, 2);
    assert!(said.err.contains("neither the archive has it"), "{said:?}");
}

#[tokio::test]
async fn without_an_archive_nothing_is_said_to_be_in_it() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    stack.take(&update("kettle", 1, T1, "Iron Kettle")).await;
    stack.consume(&osmem).await;
    let told = stack
        .run(&["trace", "kettle", "--store", STORE, "--json"])
        .await
        .object();
    assert_eq!(
        (&told["archived"], &told["archive_object"]),
        (&Value::Null, &Value::Null)
    );
    let said = stack.run(&["replay", "--store", STORE, "--from", "1h"]).await;
    assert_eq!(said.status, 2);
    assert!(said.err.contains("ARCHIVE_BUCKET does not say where"), "{said:?}");
}

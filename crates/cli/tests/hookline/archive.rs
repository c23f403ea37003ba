//! Replays of applied deliveries from the archive: by store and time, and by id.

use hookline_domain::{
    delivery::{
        Delivery,
        archive::Archive,
        envelope,
        ledger::{DeliveryCompletion, Fate, Ledger},
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

use crate::harness::{CliOutput, Stack, broken, update};

const T1: &str = "2026-11-21T10:00:01Z";
const T2: &str = "2026-11-21T10:00:02Z";
const STORE: &str = "demo.myshopify.com";

/// Stack with an archive that has completed these deliveries.
async fn applied(deliveries: &[Delivery]) -> (Stack, S3) {
    let s3 = S3::start().await;
    let (stack, lost) = (Stack::start().await.with_archive(&s3), Osmem::start().await);
    for delivery in deliveries {
        stack.take(delivery).await;
    }
    stack.consume(&lost).await;
    (stack, s3)
}

fn facts(output: &CliOutput, name: &str) -> Vec<Value> {
    output.objects().iter().map(|row| row[name].clone()).collect()
}

#[tokio::test]
async fn replay_by_store_and_time_restores_a_lost_index() {
    let edits = [
        update("kettle", 1, T1, "Iron Kettle"),
        update("lamp", 2, T2, "Storm Lamp"),
    ];
    let (stack, s3) = applied(&edits).await;
    assert!(s3.objects() > 0);
    let fresh = Osmem::start().await;
    let _consumer = stack.consumer(&fresh);
    let output = stack.run(&["replay", "--store", STORE, "--from", "1h", "--json"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(facts(&output, "delivery_id"), ["kettle", "lamp"]);
    assert_eq!(facts(&output, "from"), ["archive", "archive"]);
    assert_eq!(facts(&output, "fate"), ["applied", "applied"]);
    assert_eq!(stack.titles(&fresh, "kettle").await, ["Iron Kettle"]);
    assert_eq!(stack.titles(&fresh, "lamp").await, ["Storm Lamp"]);
    // A replay is not archived again.
    let output = stack.run(&["replay", "--store", STORE, "--dry-run", "--json"]).await;
    assert_eq!(facts(&output, "delivery_id"), ["kettle", "lamp"]);
}

#[tokio::test]
async fn id_is_found_by_the_completion_time_in_the_ledger() {
    let edits = [
        update("kettle", 1, T1, "Iron Kettle"),
        update("lamp", 2, T2, "Storm Lamp"),
    ];
    let (stack, _s3) = applied(&edits).await;
    let fresh = Osmem::start().await;
    let _consumer = stack.consumer(&fresh);
    let output = stack
        .run(&["replay", "--id", "kettle", "--store", STORE, "--json"])
        .await;
    assert_eq!(
        (output.status, facts(&output, "from")),
        (0, vec!["archive".into()]),
        "{output:?}"
    );
    assert_eq!(stack.titles(&fresh, "kettle").await, ["Iron Kettle"]);
    // Without the store, the ledger is searched, which also holds the replay.
    let output = stack
        .run(&["replay", "--id", "lamp", "--id", "kettle", "--dry-run", "--json"])
        .await;
    assert_eq!(facts(&output, "delivery_id"), ["kettle", "lamp"], "{output:?}");
}

#[tokio::test]
async fn only_deliveries_received_in_the_given_time_are_replayed() {
    let (stack, s3) = applied(&[update("new", 1, T2, "Iron Kettle")]).await;
    let archive = s3.aws().archive(S3::BUCKET);
    let mut old = update("old", 2, T1, "Storm Lamp");
    old.received_at = Timestamp::now() - SignedDuration::from_hours(10);
    // It completed nine hours after it was received.
    let kept_at = Timestamp::now() - SignedDuration::from_hours(1);
    let envelopes = [envelope::encode(&old).unwrap()];
    archive.keep(&store("demo"), kept_at, &envelopes).await.unwrap();
    let run = async |more: &[&str]| {
        let arguments = [&["replay", "--store", STORE, "--dry-run", "--json"], more].concat();
        stack.run(&arguments).await
    };
    let output = run(&["--from", "11h", "--to", "9h"]).await;
    assert_eq!(facts(&output, "delivery_id"), ["old"], "{output:?}");
    assert_eq!(facts(&run(&["--from", "2h"]).await, "delivery_id"), ["new"]);
    assert_eq!(facts(&run(&[]).await, "delivery_id"), ["old", "new"]);
    // The ledger does not know the delivery, but store and time find it.
    let output = run(&["--id", "old"]).await;
    assert_eq!(output.status, 2);
    assert!(output.err.contains("--store and --from"), "{output:?}");
    assert_eq!(
        facts(&run(&["--id", "old", "--from", "11h"]).await, "delivery_id"),
        ["old"]
    );
}

#[tokio::test]
async fn newest_archived_copy_is_replayed_and_dead_letters_are_included() {
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
        .add_dead_letter(&first, ErrorCode::IndexUnavailable, "the index was away")
        .await;
    stack
        .add_dead_letter(&broken("bad"), ErrorCode::SchemaMismatch, "no title")
        .await;
    let path = std::env::temp_dir().join(format!("hookline-{}.jsonl", uuid::Uuid::new_v4()));
    let path = path.to_str().unwrap();
    let store = ["replay", "--store", STORE, "--wait", "0", "--json", "--save", path];
    let output = stack.run(&store).await;
    assert_eq!(facts(&output, "delivery_id"), ["bad", "kettle"], "{output:?}");
    assert_eq!(facts(&output, "from"), ["dead letter", "archive"]);
    let saved = std::fs::read_to_string(path).unwrap();
    assert!(saved.contains("newest"), "{saved}");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn trace_names_the_archive_object() {
    let (stack, _s3) = applied(&[update("kettle", 1, T1, "Iron Kettle")]).await;
    let trace = stack
        .run(&["trace", "kettle", "--store", STORE, "--json"])
        .await
        .object();
    let object = trace["archive_object"].as_str().unwrap();
    assert!(object.starts_with("archive/shopify.demo.myshopify.com/"), "{trace}");
    assert_eq!(trace["archived"], true);
    let output = stack.run(&["trace", "kettle", "--store", STORE]).await;
    assert!(output.out.contains(&format!("kept, in {object}")), "{output:?}");

    // A completed delivery that is not archived.
    let lost = update("lost", 2, T1, "Storm Lamp");
    stack.claim(&lost).await;
    let ledger = stack.dynamodb.aws().ledger(LEDGER_TABLE);
    ledger
        .complete(&DeliveryCompletion::new(&lost.key, Fate::Applied), Timestamp::now())
        .await
        .unwrap();
    let output = stack.run(&["trace", "lost", "--store", STORE]).await;
    assert!(output.out.contains("not kept"), "{output:?}");
    let output = stack.run(&["replay", "--id", "lost", "--store", STORE]).await;
    assert_eq!(output.status, 2);
    assert!(output.err.contains("neither in the archive"), "{output:?}");
}

#[tokio::test]
async fn trace_without_an_archive_does_not_mention_it() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    stack.take(&update("kettle", 1, T1, "Iron Kettle")).await;
    stack.consume(&osmem).await;
    let trace = stack
        .run(&["trace", "kettle", "--store", STORE, "--json"])
        .await
        .object();
    assert_eq!(
        (&trace["archived"], &trace["archive_object"]),
        (&Value::Null, &Value::Null)
    );
    let output = stack.run(&["replay", "--store", STORE, "--from", "1h"]).await;
    assert_eq!(output.status, 2);
    assert!(output.err.contains("ARCHIVE_BUCKET is not set"), "{output:?}");
}

//! `hookline replay`: replays are new deliveries, and each reports its outcome and the reason.

use std::{fs, path::Path};

use hookline_domain::kernel::failure::ErrorCode;
use hookline_testkit::osmem::Osmem;
use serde_json::Value;

use crate::harness::{Stack, broken, keep, update};

const T1: &str = "2026-11-21T10:00:01Z";
const T2: &str = "2026-11-21T10:00:02Z";

#[tokio::test]
async fn completed_delivery_is_applied_again_when_the_index_lost_it() {
    let (stack, lost) = (Stack::start().await, Osmem::start().await);
    let edit = update("edit", 1, T1, "Iron Kettle");
    stack.take(&edit).await;
    stack.consume(&lost).await;
    assert_eq!(stack.titles(&lost, "kettle").await, ["Iron Kettle"]);

    let fresh = Osmem::start().await;
    let _consumer = stack.consumer(&fresh);
    let file = keep(&edit);
    let output = stack.run(&["replay", "--file", file.to_str().unwrap(), "--json"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    let row = output.object();
    assert_eq!(
        (&row["fate"], &row["why"]),
        (&"applied".into(), &"the index holds this state".into())
    );
    assert_eq!(stack.titles(&fresh, "kettle").await, ["Iron Kettle"]);
    let status = stack.status().await;
    assert_eq!(
        (status.events_24h.total, status.replayed_24h),
        (1, 1),
        "a replay must not count as an event of the store"
    );
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn replay_of_an_old_state_names_the_newer_state() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    let old = update("old", 1, T1, "Iron Kettle");
    stack.take(&old).await;
    stack.consume(&osmem).await;
    stack.take(&update("new", 1, T2, "Steel Kettle")).await;
    stack.consume(&osmem).await;
    let _consumer = stack.consumer(&osmem);
    let file = keep(&old);
    let output = stack.run(&["replay", "--file", file.to_str().unwrap(), "--json"]).await;
    let row = output.object();
    assert_eq!(row["fate"], "superseded");
    let why = row["why"].as_str().unwrap();
    assert!(
        why.starts_with("by the state of 2026-11-21T10:00:02Z (version "),
        "{why}"
    );
    assert_eq!(stack.titles(&osmem, "kettle").await, ["Steel Kettle"]);
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn dead_letters_are_replayed_by_id_and_stay_dead_letters() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    stack
        .add_dead_letter(&broken("bad"), ErrorCode::SchemaMismatch, "no title")
        .await;
    let good = update("good", 1, T1, "Iron Kettle");
    stack
        .add_dead_letter(&good, ErrorCode::IndexUnavailable, "the index was away")
        .await;
    let _consumer = stack.consumer(&osmem);
    let output = stack.run(&["replay", "--id", "bad", "--id", "good", "--json"]).await;
    assert_eq!(output.status, 1, "one of the replays cannot be applied: {output:?}");
    let rows = output.objects();
    let outcome = |id: &str| {
        let row = rows.iter().find(|row| row["delivery_id"] == id).unwrap();
        (
            row["fate"].as_str().unwrap().to_owned(),
            row["why"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(outcome("good").0, "applied");
    let (fate, why) = outcome("bad");
    assert_eq!(fate, "parked");
    assert!(why.starts_with("schema_mismatch: "), "{why}");
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "good"]);
}

#[tokio::test]
async fn replays_by_store_and_time_begin_with_the_oldest_state() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    for (id, at) in [("second", T2), ("first", T1)] {
        stack
            .add_dead_letter(
                &update(id, 1, at, id),
                ErrorCode::IndexUnavailable,
                "the index was away",
            )
            .await;
    }
    let _consumer = stack.consumer(&osmem);
    let store = ["replay", "--store", "demo.myshopify.com", "--json"];
    let run = async |more: &[&str]| stack.run(&[&store, more].concat()).await;
    let ids = |rows: Vec<Value>| rows.iter().map(|row| row["delivery_id"].clone()).collect::<Vec<_>>();
    let output = run(&["--from", "1h", "--dry-run"]).await;
    assert_eq!(ids(output.objects()), ["first", "second"]);
    assert_eq!(run(&["--to", "1h", "--dry-run"]).await.status, 2);
    assert_eq!(run(&["--topic", "products/delete", "--dry-run"]).await.status, 2);
    let output = run(&["--limit", "1", "--dry-run"]).await;
    assert_eq!(ids(output.objects()), ["first"]);
    assert_eq!(run(&[]).await.status, 0);
    assert_eq!(stack.titles(&osmem, "second").await, ["second"]);
}

#[tokio::test]
async fn dry_run_changes_nothing() {
    let stack = Stack::start().await;
    stack
        .add_dead_letter(
            &update("good", 1, T1, "Iron Kettle"),
            ErrorCode::IndexUnavailable,
            "away",
        )
        .await;
    let output = stack.run(&["replay", "--id", "good", "--dry-run", "--json"]).await;
    assert_eq!(output.object()["fate"], "would be replayed");
    assert!(stack.ids(&stack.events).await.is_empty());
    assert_eq!(stack.ids(&stack.dead_letters).await, ["good"]);
    assert_eq!(stack.deliveries().await, 1);
}

#[tokio::test]
async fn replay_without_a_consumer_is_reported_as_waiting() {
    let stack = Stack::start().await;
    let file = keep(&update("good", 1, T1, "Iron Kettle"));
    let output = stack
        .run(&["replay", "--file", file.to_str().unwrap(), "--wait", "0", "--json"])
        .await;
    assert_eq!(output.status, 1);
    let row = output.object();
    assert_eq!(row["fate"], "waiting");
    assert!(row["replay_id"].as_str().unwrap().starts_with("good~replay-"), "{row}");
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn missing_body_is_reported_with_advice() {
    let stack = Stack::start().await;
    let output = stack.run(&["replay", "--id", "unheard-of"]).await;
    assert_eq!(output.status, 2);
    assert!(
        output.err.contains("give --file") && output.err.contains("hookline trace unheard-of"),
        "{output:?}"
    );
}

#[tokio::test]
async fn sample_with_headers_is_replayed() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    let _consumer = stack.consumer(&osmem);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/shopify/products-update.json");
    let output = stack
        .run(&["replay", "--file", sample.to_str().unwrap(), "--json"])
        .await;
    assert_eq!(output.object()["fate"], "applied", "{output:?}");
}

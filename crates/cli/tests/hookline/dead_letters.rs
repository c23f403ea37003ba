//! Dead letters are listed and shown, and removed only when that is meant.

use std::{fs, path::PathBuf};

use hookline_domain::kernel::failure::ErrorCode;
use serde_json::Value;

use crate::harness::{Stack, broken, update};

const T1: &str = "2026-11-21T10:00:01Z";

/// Two letters of ours and one that is not.
async fn three() -> Stack {
    let stack = Stack::start().await;
    stack.bury(&broken("bad"), ErrorCode::SchemaMismatch, "no title").await;
    stack
        .bury(
            &update("good", 1, T1, "Iron Kettle"),
            ErrorCode::IndexUnavailable,
            "the index is away",
        )
        .await;
    stack.put(&stack.dead_letters, "not ours at all").await;
    stack
}

/// A path at which nothing is.
fn nowhere() -> PathBuf {
    std::env::temp_dir().join(format!("hookline-{}.jsonl", uuid::Uuid::new_v4()))
}

#[tokio::test]
async fn a_list_says_why_and_takes_nothing_away() {
    let stack = three().await;
    let said = stack.run(&["dlq", "list"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    for word in [
        "demo.myshopify.com",
        "products/update",
        "bad",
        "schema_mismatch",
        "no title",
        "not_ours",
    ] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    assert!(said.err.contains("3 dead letters"), "{said:?}");
    // Given back: another can have them at once.
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "good", "not ours at all"]);
    assert!(stack.ids(&stack.events).await.is_empty());
}

#[tokio::test]
async fn a_list_for_programs_is_an_object_a_line_without_bodies() {
    let stack = three().await;
    let said = stack.run(&["--json", "dlq", "list"]).await;
    let objects = said.objects();
    assert_eq!(objects.len(), 3);
    let good = objects.iter().find(|letter| letter["delivery_id"] == "good").unwrap();
    assert_eq!(good["code"], "index_unavailable");
    assert_eq!(good["message"], "the index is away");
    assert_eq!(good["receives"], 1);
    assert!(
        objects.iter().any(|letter| letter["not_ours"].is_string()),
        "{objects:?}"
    );
    assert!(!said.out.contains("Ada") && !said.out.contains("Kettle"));
}

#[tokio::test]
async fn a_selection_leaves_the_others_out() {
    let stack = three().await;
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--code", "schema_mismatch"], &["bad"]),
        (&["--id", "good"], &["good"]),
        (&["--id", "good", "--id", "bad"], &["bad", "good"]),
        (&["--store", "demo.myshopify.com"], &["bad", "good"]),
        (&["--store", "other.myshopify.com"], &[]),
        (&["--topic", "products/create"], &[]),
        (&["--older-than", "1h"], &[]),
        (&["--newer-than", "1h"], &["bad", "good"]),
    ];
    for (selection, expected) in cases {
        let arguments = [&["dlq", "list", "--json"], selection].concat();
        let mut ids: Vec<Value> = stack
            .run(&arguments)
            .await
            .objects()
            .into_iter()
            .map(|letter| letter["delivery_id"].clone())
            .collect();
        ids.sort_by_key(ToString::to_string);
        assert_eq!(ids, expected, "{selection:?}");
    }
    let said = stack.run(&["dlq", "list", "--json", "--not-ours"]).await;
    assert!(said.object()["not_ours"].is_string());
}

#[tokio::test]
async fn more_letters_than_a_receive_brings_are_listed_each_once() {
    let stack = Stack::start().await;
    for number in 0..35 {
        stack
            .bury(&broken(&format!("d{number:02}")), ErrorCode::SchemaMismatch, "no title")
            .await;
    }
    let said = stack.run(&["dlq", "list", "--json"]).await;
    assert_eq!(said.objects().len(), 35);
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 35);
}

#[tokio::test]
async fn a_body_is_shown_only_when_asked_for() {
    let stack = three().await;
    let said = stack.run(&["dlq", "show", "bad"]).await;
    assert!(
        said.out.contains("no title") && said.out.contains("22 bytes"),
        "{said:?}"
    );
    assert!(!said.out.contains("Ada Lovelace"));
    let said = stack.run(&["dlq", "show", "bad", "--body"]).await;
    assert!(said.out.contains("Ada Lovelace"), "{said:?}");
    let said = stack.run(&["dlq", "show", "bad", "--body", "--json"]).await;
    assert_eq!(said.object()["body"], r#"{"id": "Ada Lovelace"}"#);
    let said = stack.run(&["dlq", "show", "unheard-of"]).await;
    assert_eq!(said.status, 2);
    assert!(said.err.contains("hookline trace unheard-of"), "{said:?}");
}

#[tokio::test]
async fn a_purge_without_a_yes_removes_nothing() {
    let stack = three().await;
    let said = stack.run(&["dlq", "purge"]).await;
    assert_eq!(said.status, 2);
    assert!(
        said.err.contains("3 letters would be removed for good: say --yes"),
        "{said:?}"
    );
    let said = stack.run(&["dlq", "purge", "--dry-run", "--yes"]).await;
    assert_eq!(said.status, 0);
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 3);
}

#[tokio::test]
async fn a_purge_removes_what_was_selected_and_keeps_it_in_a_file() {
    let stack = three().await;
    let file = nowhere();
    let path = file.to_str().unwrap();
    let said = stack
        .run(&["dlq", "purge", "--code", "schema_mismatch", "--yes", "--save", path])
        .await;
    assert_eq!(said.status, 0, "{said:?}");
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept.lines().count(), 1);
    let said = stack.run(&["replay", "--file", path, "--dry-run", "--json"]).await;
    assert_eq!(said.object()["delivery_id"], "bad");
    // A second purge does not write over it, and so removes nothing.
    let said = stack.run(&["dlq", "purge", "--yes", "--save", path]).await;
    assert_eq!(said.status, 2, "{said:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), kept);
    assert_eq!(stack.ids(&stack.dead_letters).await, ["good", "not ours at all"]);
    fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn what_is_not_ours_can_be_purged_alone() {
    let stack = three().await;
    let said = stack.run(&["dlq", "purge", "--not-ours", "--yes"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "good"]);
}

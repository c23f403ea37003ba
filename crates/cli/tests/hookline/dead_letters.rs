//! `hookline dlq list`, `show` and `purge`.

use std::{fs, path::PathBuf};

use hookline_domain::kernel::failure::ErrorCode;
use serde_json::Value;

use crate::harness::{Stack, broken, update};

const T1: &str = "2026-11-21T10:00:01Z";

/// Stack with two letters of ours and one that is not.
async fn stack_with_three_letters() -> Stack {
    let stack = Stack::start().await;
    stack
        .add_dead_letter(&broken("bad"), ErrorCode::SchemaMismatch, "no title")
        .await;
    stack
        .add_dead_letter(
            &update("good", 1, T1, "Iron Kettle"),
            ErrorCode::IndexUnavailable,
            "the index is away",
        )
        .await;
    stack.put(&stack.dead_letters, "not ours at all").await;
    stack
}

/// Path at which no file exists.
fn new_path() -> PathBuf {
    std::env::temp_dir().join(format!("hookline-{}.jsonl", uuid::Uuid::new_v4()))
}

#[tokio::test]
async fn list_shows_reasons_and_removes_nothing() {
    let stack = stack_with_three_letters().await;
    let output = stack.run(&["dlq", "list"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    for word in [
        "demo.myshopify.com",
        "products/update",
        "bad",
        "schema_mismatch",
        "no title",
        "not_ours",
    ] {
        assert!(output.out.contains(word), "{word}: {}", output.out);
    }
    assert!(output.err.contains("3 dead letters"), "{output:?}");
    // Visible again at once.
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "good", "not ours at all"]);
    assert!(stack.ids(&stack.events).await.is_empty());
}

#[tokio::test]
async fn json_list_has_an_object_per_line_without_bodies() {
    let stack = stack_with_three_letters().await;
    let output = stack.run(&["--json", "dlq", "list"]).await;
    let objects = output.objects();
    assert_eq!(objects.len(), 3);
    let good = objects.iter().find(|letter| letter["delivery_id"] == "good").unwrap();
    assert_eq!(good["code"], "index_unavailable");
    assert_eq!(good["message"], "the index is away");
    assert_eq!(good["receives"], 1);
    assert!(
        objects.iter().any(|letter| letter["not_ours"].is_string()),
        "{objects:?}"
    );
    assert!(!output.out.contains("Ada") && !output.out.contains("Kettle"));
}

#[tokio::test]
async fn selection_excludes_other_letters() {
    let stack = stack_with_three_letters().await;
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
    let output = stack.run(&["dlq", "list", "--json", "--not-ours"]).await;
    assert!(output.object()["not_ours"].is_string());
}

#[tokio::test]
async fn letters_of_several_requests_are_listed_once_each() {
    let stack = Stack::start().await;
    for number in 0..35 {
        stack
            .add_dead_letter(&broken(&format!("d{number:02}")), ErrorCode::SchemaMismatch, "no title")
            .await;
    }
    let output = stack.run(&["dlq", "list", "--json"]).await;
    assert_eq!(output.objects().len(), 35);
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 35);
}

#[tokio::test]
async fn body_is_shown_only_with_its_option() {
    let stack = stack_with_three_letters().await;
    let output = stack.run(&["dlq", "show", "bad"]).await;
    assert!(
        output.out.contains("no title") && output.out.contains("22 bytes"),
        "{output:?}"
    );
    assert!(!output.out.contains("Ada Lovelace"));
    let output = stack.run(&["dlq", "show", "bad", "--body"]).await;
    assert!(output.out.contains("Ada Lovelace"), "{output:?}");
    let output = stack.run(&["dlq", "show", "bad", "--body", "--json"]).await;
    assert_eq!(output.object()["body"], r#"{"id": "Ada Lovelace"}"#);
    let output = stack.run(&["dlq", "show", "unheard-of"]).await;
    assert_eq!(output.status, 2);
    assert!(output.err.contains("hookline trace unheard-of"), "{output:?}");
}

#[tokio::test]
async fn purge_without_confirmation_removes_nothing() {
    let stack = stack_with_three_letters().await;
    let output = stack.run(&["dlq", "purge"]).await;
    assert_eq!(output.status, 2);
    assert!(
        output
            .err
            .contains("this would remove 3 dead letters for good. Give --yes"),
        "{output:?}"
    );
    let output = stack.run(&["dlq", "purge", "--dry-run", "--yes"]).await;
    assert_eq!(output.status, 0);
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 3);
}

#[tokio::test]
async fn purge_saves_selected_letters_in_a_file_and_removes_them() {
    let stack = stack_with_three_letters().await;
    let file = new_path();
    let path = file.to_str().unwrap();
    let output = stack
        .run(&["dlq", "purge", "--code", "schema_mismatch", "--yes", "--save", path])
        .await;
    assert_eq!(output.status, 0, "{output:?}");
    let saved = fs::read_to_string(&file).unwrap();
    assert_eq!(saved.lines().count(), 1);
    let output = stack.run(&["replay", "--file", path, "--dry-run", "--json"]).await;
    assert_eq!(output.object()["delivery_id"], "bad");
    // A second purge does not overwrite the file, and so removes nothing.
    let output = stack.run(&["dlq", "purge", "--yes", "--save", path]).await;
    assert_eq!(output.status, 2, "{output:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), saved);
    assert_eq!(stack.ids(&stack.dead_letters).await, ["good", "not ours at all"]);
    fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn messages_not_ours_can_be_purged_alone() {
    let stack = stack_with_three_letters().await;
    let output = stack.run(&["dlq", "purge", "--not-ours", "--yes"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "good"]);
}

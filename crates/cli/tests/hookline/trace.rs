//! `hookline trace`: a delivery's outcome, problem, dead letter and replays.

use std::fs;

use hookline_domain::kernel::failure::ErrorCode;
use hookline_testkit::osmem::Osmem;

use crate::harness::{Stack, broken, keep, update};

const T1: &str = "2026-11-21T10:00:01Z";
const STORE: [&str; 2] = ["--store", "demo.myshopify.com"];

#[tokio::test]
async fn applied_delivery_needs_no_action() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    stack.take(&update("edit", 1, T1, "Iron Kettle")).await;
    stack.consume(&osmem).await;
    let output = stack.run(&[&["trace", "edit"], &STORE[..]].concat()).await;
    assert_eq!(output.status, 0, "{output:?}");
    for words in [
        "demo.myshopify.com (shopify), installed",
        "applied",
        "event-of-edit",
        "none: nobody listens to events of its kind",
        "Nothing to do",
    ] {
        assert!(output.out.contains(words), "{words}: {}", output.out);
    }
    let trace = stack
        .run(&[&["trace", "edit", "--json"], &STORE[..]].concat())
        .await
        .object();
    assert_eq!((&trace["state"], &trace["fate"]), (&"done".into(), &"applied".into()));
    assert_eq!(trace["events"]["outcome"], "unwanted");
    assert!(
        trace["settled_at"].is_string() && trace["dead_letter"].is_null(),
        "{trace}"
    );
}

#[tokio::test]
async fn dead_letter_shows_its_reason_and_how_to_redrive_it() {
    let stack = Stack::start().await;
    stack
        .add_dead_letter(&broken("bad"), ErrorCode::SchemaMismatch, "no title")
        .await;
    let output = stack.run(&[&["trace", "bad"], &STORE[..]].concat()).await;
    assert!(output.out.contains("schema_mismatch: no title"), "{output:?}");
    assert!(output.out.contains("hookline dlq redrive --id bad"), "{output:?}");
    assert!(!output.out.contains("Ada"));
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad"]);
}

#[tokio::test]
async fn search_finds_the_delivery_and_its_replays() {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    let edit = update("edit", 1, T1, "Iron Kettle");
    stack.take(&edit).await;
    stack.take(&update("edited", 2, T1, "Other")).await;
    stack.consume(&osmem).await;
    let _consumer = stack.consumer(&osmem);
    let file = keep(&edit);
    assert_eq!(stack.run(&["replay", "--file", file.to_str().unwrap()]).await.status, 0);
    let traces = stack.run(&["trace", "edit", "--json"]).await.objects();
    assert_eq!(traces.len(), 2, "{traces:?}");
    assert_eq!(traces[0]["delivery_id"], "edit");
    assert_eq!(
        (&traces[1]["replay_of"], &traces[1]["fate"]),
        (&"edit".into(), &"applied".into())
    );
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn unknown_delivery_is_reported_with_other_places_to_look() {
    let stack = Stack::start().await;
    for more in [&[][..], &STORE[..]] {
        let output = stack.run(&[&["trace", "unheard-of"], more].concat()).await;
        assert_eq!(output.status, 1);
        assert!(
            output.err.contains("7 days") && output.err.contains("receivers' logs"),
            "{output:?}"
        );
    }
}

//! Dead letters whose bodies are too large for a message: S3 holds them until the delivery is completed.

use std::fs;

use hookline_domain::{
    delivery::{
        Delivery,
        bodies::{Attempt, BodyKey, KeepBodies},
        envelope,
    },
    kernel::{compression::compress, failure::ErrorCode},
};
use hookline_testkit::emulator::S3;

use crate::harness::{CliOutput, Stack, finish, keep, update};

/// Adds a dead letter that points to its body in S3, where a receiver stored it.
async fn add_large_dead_letter(stack: &Stack, s3: &S3) -> Delivery {
    let delivery = update("large", 1, "2026-11-21T10:00:01Z", "Iron Kettle");
    let attempt = Attempt::new();
    let key = BodyKey {
        delivery: delivery.key.clone(),
        attempt,
    };
    let bodies = s3.aws().bodies(S3::BUCKET);
    bodies.put(&key, compress(&delivery.body)).await.unwrap();
    let message = envelope::point(&delivery, attempt);
    stack
        .add_dead_letter_as(&delivery, &message, ErrorCode::IndexUnavailable, "the index was away")
        .await;
    delivery
}

async fn run(stack: &Stack, s3: &S3, arguments: &[&str]) -> CliOutput {
    let mut command = stack.hookline(arguments);
    command
        .env("AWS_ENDPOINT_URL_S3", s3.endpoint())
        .env("PAYLOAD_BUCKET", S3::BUCKET);
    finish(command.spawn().unwrap()).await
}

#[tokio::test]
async fn letter_with_body_in_s3_is_listed_shown_and_redriven_unchanged() {
    let (stack, s3) = (Stack::start().await, S3::start().await);
    add_large_dead_letter(&stack, &s3).await;
    let listed = stack.run(&["dlq", "list", "--json"]).await.object();
    assert_eq!(
        (&listed["delivery_id"], &listed["bytes"]),
        (&"large".into(), &serde_json::Value::Null)
    );
    let output = run(&stack, &s3, &["dlq", "show", "large", "--body"]).await;
    assert!(
        output.out.contains("in S3") && output.out.contains("Iron Kettle"),
        "{output:?}"
    );
    let output = stack.run(&["dlq", "show", "large", "--body"]).await;
    assert!(output.err.contains("PAYLOAD_BUCKET does not say where"), "{output:?}");
    assert_eq!(stack.run(&["dlq", "redrive"]).await.status, 0);
    assert_eq!(stack.receive_all(&stack.events).await.len(), 1);
}

#[tokio::test]
async fn purged_letter_is_saved_with_its_body() {
    let (stack, s3) = (Stack::start().await, S3::start().await);
    let delivery = add_large_dead_letter(&stack, &s3).await;
    let file = keep(&delivery);
    fs::remove_file(&file).unwrap();
    let path = file.to_str().unwrap();
    let output = run(&stack, &s3, &["dlq", "purge", "--yes", "--save", path]).await;
    assert_eq!(output.status, 0, "{output:?}");
    let saved = fs::read_to_string(&file).unwrap();
    assert!(saved.contains("Iron Kettle"), "{saved}");
    fs::remove_file(&file).unwrap();
}

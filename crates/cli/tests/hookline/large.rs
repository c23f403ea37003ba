//! A letter whose body no message holds: it is in S3 until the delivery is done.

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

use crate::harness::{Said, Stack, finish, keep, update};

/// A dead letter that points at its body, as a receiver has kept it.
async fn bury(stack: &Stack, s3: &S3) -> Delivery {
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
        .bury_as(&delivery, &message, ErrorCode::IndexUnavailable, "the index was away")
        .await;
    delivery
}

async fn run(stack: &Stack, s3: &S3, arguments: &[&str]) -> Said {
    let mut command = stack.hookline(arguments);
    command
        .env("AWS_ENDPOINT_URL_S3", s3.endpoint())
        .env("PAYLOAD_BUCKET", S3::BUCKET);
    finish(command.spawn().unwrap()).await
}

#[tokio::test]
async fn a_letter_whose_body_is_in_s3_is_listed_shown_and_redriven_as_it_is() {
    let (stack, s3) = (Stack::start().await, S3::start().await);
    bury(&stack, &s3).await;
    let listed = stack.run(&["dlq", "list", "--json"]).await.object();
    assert_eq!(
        (&listed["delivery_id"], &listed["bytes"]),
        (&"large".into(), &serde_json::Value::Null)
    );
    let said = run(&stack, &s3, &["dlq", "show", "large", "--body"]).await;
    assert!(
        said.out.contains("in S3") && said.out.contains("Iron Kettle"),
        "{said:?}"
    );
    let said = stack.run(&["dlq", "show", "large", "--body"]).await;
    assert!(said.err.contains("PAYLOAD_BUCKET does not say where"), "{said:?}");
    assert_eq!(stack.run(&["dlq", "redrive"]).await.status, 0);
    assert_eq!(stack.receive_all(&stack.events).await.len(), 1);
}

#[tokio::test]
async fn what_is_purged_is_kept_with_its_body() {
    let (stack, s3) = (Stack::start().await, S3::start().await);
    let delivery = bury(&stack, &s3).await;
    let file = keep(&delivery);
    fs::remove_file(&file).unwrap();
    let path = file.to_str().unwrap();
    let said = run(&stack, &s3, &["dlq", "purge", "--yes", "--save", path]).await;
    assert_eq!(said.status, 0, "{said:?}");
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.contains("Iron Kettle"), "{kept}");
    fs::remove_file(&file).unwrap();
}

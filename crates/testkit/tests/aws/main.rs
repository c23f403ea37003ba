//! Behaviour of the adapters of `hookline-aws` beyond their contracts, against emulators.

mod bodies;
mod index;

use std::{error::Error, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_aws::{Aws, Timeouts};
use hookline_domain::{
    delivery::{
        ledger::{ClaimRequest, Claims},
        queue::{Delayed, Redelivery},
    },
    kernel::{
        port::PortError,
        secret::{Secret, SecretRef, SecretSource},
    },
};
use hookline_testkit::{
    builders::{at, attempt, delivery, noon},
    contract::queue,
    emulator::{DynamoDb, FixedServer, LEDGER_TABLE, Sqs, sdk_config, silent},
};
use jiff::SignedDuration;
use tokio::time::Instant;

#[tokio::test]
async fn messages_arrive_byte_for_byte() {
    let sqs = Sqs::start().await;
    sqs.takes_byte_for_byte(&sqs.aws().event_queue(sqs.queue_url())).await;
}

#[tokio::test]
async fn store_is_a_message_group_that_sqs_accepts() {
    let sqs = Sqs::start().await;
    queue::send_all(&sqs.aws().event_queue(sqs.queue_url()), Sqs::LARGEST_MESSAGE).await;
    let groups: Vec<String> = sqs.groups().into_iter().map(Option::unwrap).collect();
    assert_eq!(groups[0], "shopify#demo.myshopify.com");
    assert_eq!([&groups[0], &groups[1]], [&groups[2], &groups[3]]);
    assert_ne!(groups[0], groups[1]);
    for group in groups {
        assert!(
            group.len() <= 128 && group.chars().all(|c| c.is_ascii_graphic()),
            "{group}"
        );
    }
}

#[tokio::test]
async fn messages_become_visible_after_their_delay() {
    let sqs = Sqs::start().await;
    queue::send_all(&sqs.aws().event_queue(sqs.queue_url()), Sqs::LARGEST_MESSAGE).await;
    let receipts = sqs.receive_receipts().await;
    let redelivery = sqs.aws().redelivery(sqs.queue_url());
    let at_once = |receipts: &[String]| -> Vec<Delayed> {
        let delayed = receipts.iter().map(|receipt| Delayed {
            receipt: receipt.clone(),
            wait: SignedDuration::ZERO,
        });
        delayed.collect()
    };
    redelivery.delay(&at_once(&receipts)).await.unwrap();
    assert_eq!(sqs.receive_receipts().await.len(), receipts.len());
    // An unknown message is reported and does not affect the others.
    let mut with_unknown = at_once(&receipts);
    with_unknown[0].receipt = "nobody's".to_owned();
    redelivery.delay(&with_unknown).await.unwrap_err();
    redelivery.delay(&[]).await.unwrap();
}

#[tokio::test]
async fn claim_has_its_event_id_and_expiry() {
    let dynamodb = DynamoDb::start().await;
    let request = ClaimRequest {
        owner: "a".to_owned(),
        now: noon(),
        lease_until: at("2026-11-21T12:00:10.5Z"),
        expires_at: at("2026-11-28T12:00:00.5Z"),
        event_id: Some("event-1".parse().unwrap()),
    };
    dynamodb
        .aws()
        .ledger(LEDGER_TABLE)
        .claim(&delivery("1"), &request)
        .await
        .unwrap();
    let found = dynamodb
        .client()
        .get_item()
        .table_name(LEDGER_TABLE)
        .key(
            "pk",
            AttributeValue::S("shopify#demo.myshopify.com#products/update#1".to_owned()),
        )
        .send()
        .await
        .unwrap();
    let item = found.item().unwrap();
    assert_eq!(item["event_id"], AttributeValue::S("event-1".to_owned()));
    assert_eq!(item["lease_until_us"], AttributeValue::N("1795262410500000".to_owned()));
    // In seconds, as TTL requires; rounded up.
    assert_eq!(item["expires_at"], AttributeValue::N("1795867201".to_owned()));
}

#[tokio::test]
async fn receiver_does_not_wait_for_a_hanging_table() {
    let (_listener, url) = silent().await;
    let aws = Aws::with_config(sdk_config(&url).await, Timeouts::Interactive);
    let began = Instant::now();
    aws.ledger(LEDGER_TABLE)
        .claim(&delivery("1"), &attempt("a", noon()))
        .await
        .unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
}

async fn secret_from(body: &str) -> Result<Secret, PortError> {
    let server = FixedServer::start(200, body).await;
    let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Interactive);
    aws.secret(&SecretRef::Stored(
        "arn:aws:secretsmanager:eu-central-1:1:secret:a".to_owned(),
    ))
    .read()
    .await
}

#[tokio::test]
async fn secret_is_a_text() {
    let secret = secret_from(r#"{"Name": "a", "SecretString": "new,old"}"#)
        .await
        .unwrap();
    assert_eq!(secret.reveal(), "new,old");
    secret_from(r#"{"Name": "a", "SecretBinary": "AAAA"}"#)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn failure_keeps_dynamodbs_error_code() {
    let dynamodb = DynamoDb::start().await;
    let failed = dynamodb
        .aws()
        .ledger("no-such-table")
        .claim(&delivery("1"), &attempt("a", noon()))
        .await
        .unwrap_err();
    let causes = causes(&failed);
    assert!(causes[0].contains("ledger"), "{causes:?}");
    assert!(
        causes.iter().any(|cause| cause.contains("ResourceNotFoundException")),
        "{causes:?}"
    );
}

fn causes(failed: &PortError) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause: Option<&dyn Error> = Some(failed);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes
}

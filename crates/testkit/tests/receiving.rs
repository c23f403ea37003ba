//! Contract suites of the adapters of `hookline-aws` as configured for receivers ([`Aws::receiving`]): the same as
//! those of consumers and of hand-written clients.

use std::time::Duration;

use hookline_aws::{Aws, Settings};
use hookline_domain::{
    delivery::ledger::Claims,
    kernel::{
        port::PortError,
        secret::{Secret, SecretRef, SecretSource},
    },
};
use hookline_testkit::{
    builders::{attempt, delivery, noon},
    emulator::{ACCESS_KEY, DynamoDb, FixedServer, LEDGER_TABLE, S3, SECRET_KEY, STORES_TABLE, Sqs, silent},
};
use tokio::time::Instant;

fn receiving(endpoint: &str) -> Aws {
    let look_up = |name: &str| match name {
        "AWS_REGION" => Some("eu-central-1"),
        "AWS_ACCESS_KEY_ID" => Some(ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET_KEY),
        "AWS_ENDPOINT_URL" => Some(endpoint),
        _ => None,
    };
    Aws::receiving(Settings::read(look_up).expect("all settings are set"))
}

mod ledger {
    use super::{DynamoDb, LEDGER_TABLE, receiving};
    hookline_testkit::ledger_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let ledger = receiving(dynamodb.endpoint()).ledger(LEDGER_TABLE);
        (dynamodb, ledger)
    });
}

mod stores {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE, receiving};
    hookline_testkit::stores_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let stores = receiving(dynamodb.endpoint()).stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, stores)
    });
}

mod tally {
    use super::{DynamoDb, STORES_TABLE, receiving};
    hookline_testkit::tally_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let aws = receiving(dynamodb.endpoint());
        (dynamodb, (aws.tally(STORES_TABLE), aws.stores(STORES_TABLE)))
    });
}

mod bodies {
    use super::{S3, receiving};
    hookline_testkit::bodies_contract!(async {
        let s3 = S3::start().await;
        let bodies = receiving(s3.endpoint()).bodies(S3::BUCKET);
        (s3, bodies)
    });
}

#[tokio::test]
async fn messages_arrive_byte_for_byte() {
    let sqs = Sqs::start().await;
    let aws = receiving(sqs.endpoint());
    aws.warm().await;
    let queue = aws.event_queue(sqs.queue_url()).taking_at_most(Sqs::LARGEST_MESSAGE);
    sqs.takes_byte_for_byte(&queue).await;
    assert_eq!(sqs.groups()[0].as_deref(), Some("shopify#demo.myshopify.com"));
}

async fn secret_from(status: u16, body: &str) -> Result<Secret, PortError> {
    let server = FixedServer::start(status, body).await;
    let arn = "arn:aws:secretsmanager:eu-central-1:1:secret:a-AbCdEf".to_owned();
    receiving(server.url()).secret(&SecretRef::Stored(arn)).read().await
}

#[tokio::test]
async fn secret_must_be_text() {
    let secret = secret_from(200, r#"{"Name": "a", "SecretString": "new,old"}"#).await;
    assert_eq!(secret.unwrap().reveal(), "new,old");
    secret_from(200, r#"{"Name": "a", "SecretBinary": "AAAA"}"#)
        .await
        .unwrap_err();
    secret_from(400, r#"{"__type": "AccessDeniedException"}"#)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn oversized_response_is_not_read() {
    secret_from(200, &"x".repeat(7 * 1024 * 1024)).await.unwrap_err();
}

#[tokio::test]
async fn receiver_does_not_wait_for_a_hanging_service() {
    let (_listener, url) = silent().await;
    let ledger = receiving(&url).ledger("t");
    let began = Instant::now();
    ledger.claim(&delivery("1"), &attempt("a", noon())).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn failed_warm_up_is_left_to_the_first_call() {
    let (listener, url) = silent().await;
    drop(listener);
    receiving(&url).warm().await;
}

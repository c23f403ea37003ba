//! The adapters of `hookline-direct` keep the same contracts as those of `hookline-aws`, on the same tables: alone, and
//! mixed, so that each reads what the other wrote.

use std::{error::Error, time::Duration};

use hookline_aws::{DynamoLedger, S3Bodies};
use hookline_direct::{DirectAws, DirectBodies, DirectLedger};
use hookline_domain::{
    delivery::{
        bodies::{Attempt, Bodies, BodyKey, KeepBodies},
        ledger::{Claim, ClaimRequest, Claims, Completion, DeliveryCompletion, Ledger, NoteOutcome, Problem},
    },
    kernel::{
        ids::DeliveryKey,
        port::PortError,
        secret::{Secret, SecretRef, SecretSource},
    },
};
use hookline_testkit::{
    RealClock,
    builders::{attempt, delivery, noon, store},
    emulator::{ACCESS_KEY, DynamoDb, FixedServer, LEDGER_TABLE, S3, SECRET_KEY, STORES_TABLE, Sqs, silent},
};
use jiff::Timestamp;
use tokio::time::Instant;

fn direct_with(endpoint: &str, secret: &str) -> DirectAws {
    let (endpoint, secret) = (endpoint.to_owned(), secret.to_owned());
    DirectAws::read(
        |name| match name {
            "AWS_REGION" => Some("eu-central-1"),
            "AWS_ACCESS_KEY_ID" => Some(ACCESS_KEY),
            "AWS_SECRET_ACCESS_KEY" => Some(&secret),
            "AWS_ENDPOINT_URL" => Some(&endpoint),
            _ => None,
        },
        // S3's emulator checks the time of a signature.
        RealClock,
    )
    .expect("all variables are set")
}

fn direct(endpoint: &str) -> DirectAws {
    direct_with(endpoint, SECRET_KEY)
}

/// A ledger as in production: receivers claim, the consumer completes.
#[derive(Clone)]
struct MixedLedger {
    receiver: DirectLedger,
    consumer: DynamoLedger,
}

impl Claims for MixedLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        self.receiver.claim(delivery, request).await
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), PortError> {
        self.receiver.release(delivery, owner).await
    }
}

impl Ledger for MixedLedger {
    async fn complete(&self, settled: &DeliveryCompletion<'_>, at: Timestamp) -> Result<Completion, PortError> {
        self.consumer.complete(settled, at).await
    }

    async fn note(&self, delivery: &DeliveryKey, problem: &Problem) -> Result<NoteOutcome, PortError> {
        self.consumer.note(delivery, problem).await
    }
}

mod ledger_of_both {
    use super::{DynamoDb, LEDGER_TABLE, MixedLedger, direct};
    hookline_testkit::ledger_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let both = MixedLedger {
            receiver: direct(dynamodb.endpoint()).ledger(LEDGER_TABLE),
            consumer: dynamodb.aws().ledger(LEDGER_TABLE),
        };
        (dynamodb, both)
    });
}

/// Tables as in production: receivers add to items that other functions write and read.
mod tally {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE, direct};
    hookline_testkit::tally_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let tally = direct(dynamodb.endpoint()).tally(STORES_TABLE);
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, (tally, stores))
    });
}

mod inbound {
    use super::{DynamoDb, LEDGER_TABLE, STORES_TABLE, direct};
    hookline_testkit::inbound_contract!(async {
        let dynamodb = DynamoDb::start().await;
        let tally = direct(dynamodb.endpoint()).tally(STORES_TABLE);
        let stores = dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
        (dynamodb, (tally, stores))
    });
}

/// Bodies as in production: receivers store them, the consumer fetches and deletes them.
struct MixedBodies {
    receiver: DirectBodies,
    consumer: S3Bodies,
}

impl KeepBodies for MixedBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), PortError> {
        self.receiver.put(key, body).await
    }
}

impl Bodies for MixedBodies {
    async fn get(&self, key: &BodyKey) -> Result<Option<Vec<u8>>, PortError> {
        self.consumer.get(key).await
    }

    async fn delete(&self, key: &BodyKey) -> Result<(), PortError> {
        self.consumer.delete(key).await
    }
}

mod bodies {
    use super::{MixedBodies, S3, direct};
    hookline_testkit::bodies_contract!(async {
        let s3 = S3::start().await;
        let bodies = MixedBodies {
            receiver: direct(s3.endpoint()).bodies(S3::BUCKET),
            consumer: s3.aws().bodies(S3::BUCKET),
        };
        (s3, bodies)
    });
}

#[tokio::test]
async fn messages_arrive_byte_for_byte() {
    let sqs = Sqs::start().await;
    let direct = direct(sqs.endpoint());
    let queue = direct.event_queue(sqs.queue_url()).taking_at_most(Sqs::LARGEST_MESSAGE);
    sqs.takes_byte_for_byte(&queue).await;
    let groups = sqs.groups();
    assert_eq!(groups[0].as_deref(), Some("shopify#demo.myshopify.com"));
}

fn body_key() -> BodyKey {
    BodyKey {
        delivery: delivery("1"),
        attempt: Attempt::new(),
    }
}

fn causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes
        .map(|error| format!("{error} {error:?}"))
        .collect::<Vec<_>>()
        .join(": ")
}

#[tokio::test]
async fn body_is_signed_with_the_secret_key() {
    let s3 = S3::start().await;
    let bodies = direct_with(s3.endpoint(), "another").bodies(S3::BUCKET);
    let refused = bodies.put(&body_key(), b"body".to_vec()).await.unwrap_err();
    let causes = causes(&refused);
    assert!(causes.contains("S3 answered 403 SignatureDoesNotMatch"), "{causes}");
    assert_eq!(s3.objects(), 0);
}

#[tokio::test]
async fn missing_bucket_is_a_failure() {
    for code in ["NoSuchBucket", "NoSuchKey", ""] {
        let server = FixedServer::start(404, &format!("<Error><Code>{code}</Code></Error>")).await;
        let bodies = direct(server.url()).bodies("b");
        bodies.put(&body_key(), b"body".to_vec()).await.unwrap_err();
    }
}

#[tokio::test]
async fn failing_service_is_unavailable_and_not_quoted() {
    for status in [400, 403, 500, 503] {
        let both = r#"{"__type": "a#Trouble", "message": "Secret Title"}<Code>Trouble</Code>"#;
        for body in [
            both,
            "Secret Title",
            r#"{"__type": "a#Trouble", "message": "Secret Title"}"#,
        ] {
            let server = FixedServer::start(status, body).await;
            let direct = direct(server.url());
            let queue = direct.event_queue("http://queue");
            let failed = [
                direct
                    .bodies("b")
                    .put(&body_key(), b"Secret Title".to_vec())
                    .await
                    .unwrap_err(),
                direct
                    .ledger("t")
                    .claim(&delivery("1"), &attempt("a", noon()))
                    .await
                    .unwrap_err(),
                hookline_domain::delivery::queue::EventQueue::send(&queue, &store("demo"), "Secret Title".into())
                    .await
                    .unwrap_err(),
            ];
            for failed in failed {
                let causes = causes(&failed);
                assert!(causes.contains(&format!("answered {status} ")), "{causes}");
                assert!(!causes.contains("Secret"), "{causes}");
            }
        }
    }
}

#[tokio::test]
async fn response_over_the_limit_is_not_read() {
    let server = FixedServer::start(200, &"x".repeat(7 * 1024 * 1024)).await;
    let direct = direct(server.url());
    let failed = [
        direct.bodies("b").put(&body_key(), Vec::new()).await.unwrap_err(),
        direct
            .ledger("t")
            .claim(&delivery("1"), &attempt("a", noon()))
            .await
            .unwrap_err(),
    ];
    for failed in failed {
        assert!(causes(&failed).contains("more bytes"), "{}", causes(&failed));
    }
}

#[tokio::test]
async fn success_without_a_message_id_is_a_failure() {
    let server = FixedServer::start(200, "{}").await;
    let queue = direct(server.url()).event_queue("http://queue");
    let sent = hookline_domain::delivery::queue::EventQueue::send(&queue, &store("demo"), "x".into()).await;
    sent.unwrap_err();
}

#[tokio::test]
async fn receiver_does_not_wait_for_hanging_services() {
    let (_listener, url) = silent().await;
    let direct = direct(&url);
    let began = Instant::now();
    let claimed = async {
        direct
            .ledger("t")
            .claim(&delivery("1"), &attempt("a", noon()))
            .await
            .unwrap_err()
    };
    let put = async { direct.bodies("b").put(&body_key(), vec![0; 1024]).await.unwrap_err() };
    tokio::join!(claimed, put);
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn failed_warm_up_is_left_to_the_first_call() {
    let (listener, url) = silent().await;
    drop(listener);
    direct(&url).warm().await;
}

async fn secret_from(body: &str) -> Result<Secret, PortError> {
    let server = FixedServer::start(200, body).await;
    let arn = "arn:aws:secretsmanager:eu-central-1:1:secret:a".to_owned();
    direct(server.url()).secret(&SecretRef::Stored(arn)).read().await
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

//! Bodies in S3.

use std::time::Duration;

use hookline_aws::{Aws, Timeouts};
use hookline_domain::delivery::bodies::{Attempt, Bodies, BodyKey, KeepBodies};
use hookline_testkit::{
    builders::delivery,
    emulator::{FixedServer, S3, sdk_config, silent},
};
use tokio::time::Instant;

use super::causes;

#[tokio::test]
async fn body_is_signed_with_the_secret_key() {
    let s3 = S3::with_secret("another").await;
    let refused = s3
        .aws()
        .bodies(S3::BUCKET)
        .put(&body_key(), b"body".to_vec())
        .await
        .unwrap_err();
    let causes = causes(&refused).join(": ");
    assert!(
        causes.contains("403") && causes.contains("SignatureDoesNotMatch"),
        "{causes}"
    );
    assert_eq!(s3.objects(), 0);
}

#[tokio::test]
async fn missing_bucket_is_a_failure_and_no_absent_body() {
    for code in ["NoSuchBucket", "", "NoSuchKey but not quite"] {
        let server = FixedServer::start(404, &format!("<Error><Code>{code}</Code></Error>")).await;
        let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Interactive);
        aws.bodies("b").get(&body_key()).await.unwrap_err();
    }
}

#[tokio::test]
async fn failing_bucket_is_unavailable_and_not_quoted() {
    for status in [403, 500, 503] {
        let server = FixedServer::start(
            status,
            "<Error><Code>Trouble</Code><Message>Secret Title</Message></Error>",
        )
        .await;
        let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Interactive);
        let bodies = aws.bodies("b");
        for failed in [
            bodies.put(&body_key(), b"Secret Title".to_vec()).await.unwrap_err(),
            bodies.get(&body_key()).await.unwrap_err(),
            bodies.delete(&body_key()).await.unwrap_err(),
        ] {
            let causes = causes(&failed).join(": ");
            assert!(causes.contains(&format!("S3 answered {status} Trouble")), "{causes}");
            assert!(!causes.contains("Secret"), "{causes}");
        }
    }
}

#[tokio::test]
async fn response_over_the_limit_is_not_read() {
    let server = FixedServer::start(200, &"x".repeat(7 * 1024 * 1024)).await;
    let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Interactive);
    let failed = aws.bodies("b").get(&body_key()).await.unwrap_err();
    assert!(
        causes(&failed).join(": ").contains("MoreThanAllowed"),
        "{:?}",
        causes(&failed)
    );
}

#[tokio::test]
async fn receiver_does_not_wait_for_a_hanging_bucket() {
    let (_listener, url) = silent().await;
    let aws = Aws::with_config(sdk_config(&url).await, Timeouts::Interactive);
    let began = Instant::now();
    aws.bodies("b").put(&body_key(), vec![0; 1024]).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
}

fn body_key() -> BodyKey {
    BodyKey {
        delivery: delivery("1"),
        attempt: Attempt::new(),
    }
}

//! Hand-written requests as they leave the process, compared with `tests/conformance/requests.json`, which
//! `tests/conformance/test_requests.py` checks against AWS's own models.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hookline_aws::{Aws, Timeouts};
use hookline_direct::DirectAws;
use hookline_domain::{
    delivery::{
        bodies::{Attempt, Bodies, BodyKey, KeepBodies},
        ledger::Claims,
        queue::EventQueue,
    },
    kernel::{
        erase::Erase,
        secret::{SecretRef, SecretSource},
    },
    store::stores::{StoreUpdate, Tally},
};
use hookline_host::server::{self, Server};
use hookline_testkit::{
    builders::{attempt, delivery, noon, store},
    emulator::{ACCESS_KEY, SECRET_KEY, sdk_config},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming};
use serde_json::{Value, json};

const KNOWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/requests.json");

/// S3's list: one old object.
const LISTING: &str = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>bodies/one</Key>\
    <LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>";

type RecordedRequests = Arc<Mutex<Vec<Value>>>;

/// Starts a server that records every request and responds to it.
async fn recorder() -> (Server, String, RecordedRequests) {
    let recorded = RecordedRequests::default();
    let keeping = Arc::clone(&recorded);
    let server = server::start(move |request: Request<Incoming>| {
        let recorded = Arc::clone(&keeping);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let text = |name: &str| {
                head.headers
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
            };
            let is_json = !text("x-amz-target").is_empty();
            let query = head.uri.query().map(str::to_owned);
            let signature = text("authorization")
                .split_once("Signature=")
                .map_or("", |(before, _)| before);
            let credential = text("authorization").split(['=', ',']).nth(1).unwrap_or_default();
            recorded.lock().unwrap().push(json!({
                "method": head.method.as_str(),
                "path": head.uri.path(),
                "query": query,
                "content_type": text("content-type"),
                "target": text("x-amz-target"),
                "checksum": !text("x-amz-content-sha256").is_empty(),
                "scope": credential.split('/').skip(2).collect::<Vec<_>>().join("/"),
                "signed": signature.split_once("SignedHeaders=").map_or("", |(_, names)| names).trim_end_matches([',', ' ']),
                "body": if is_json { serde_json::from_slice(&body)? } else { Value::from(String::from_utf8_lossy(&body)) },
            }));
            let answer = match (is_json, query) {
                (true, _) => r#"{"MessageId": "1", "SecretString": "hush"}"#,
                (false, Some(_)) => LISTING,
                (false, None) => "",
            };
            anyhow::Ok(
                Response::builder()
                    .status(StatusCode::OK)
                    .body(Full::from(Bytes::from_static(answer.as_bytes())))?,
            )
        }
    });
    let server = server.await.unwrap();
    let url = format!("http://{}", server.address);
    (server, url, recorded)
}

fn direct(url: &str) -> DirectAws {
    let look_up = |name: &str| match name {
        "AWS_REGION" => Some("eu-central-1"),
        "AWS_ACCESS_KEY_ID" => Some(ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY" => Some(SECRET_KEY),
        "AWS_ENDPOINT_URL" => Some(url),
        _ => None,
    };
    DirectAws::read(look_up, noon()).unwrap()
}

#[tokio::test]
async fn handwritten_requests_match_the_ones_checked_against_the_models_of_aws() {
    let (_server, url, recorded) = recorder().await;
    let (store, delivery) = (store("demo"), delivery("1"));
    let body = BodyKey {
        delivery: delivery.clone(),
        attempt: Attempt::new(),
    };
    let direct = direct(&url);
    direct
        .ledger("ledger")
        .claim(&delivery, &attempt("a", noon()))
        .await
        .unwrap();
    direct.ledger("ledger").release(&delivery, "a").await.unwrap();
    let counted = StoreUpdate {
        last_event_at: Some(noon()),
        ..StoreUpdate::default()
    };
    direct.tally("stores").add(&store, &counted).await.unwrap();
    direct
        .event_queue("https://sqs/1/events")
        .send(&store, "a message".into())
        .await
        .unwrap();
    let arn = "arn:aws:secretsmanager:eu-central-1:1:secret:a-AbCdEf".to_owned();
    direct.secret(&SecretRef::Stored(arn)).read().await.unwrap();
    direct.bodies("bucket").put(&body, b"a body".to_vec()).await.unwrap();
    let bodies = Aws::with_config(sdk_config(&url).await, Timeouts::Queue).bodies("bucket");
    bodies.put(&body, b"a body".to_vec()).await.unwrap();
    bodies.get(&body).await.unwrap();
    bodies.delete(&body).await.unwrap();
    bodies.erase(&store, noon(), None).await.unwrap();

    let recorded = std::mem::take(&mut *recorded.lock().unwrap());
    let sent = serde_json::to_string_pretty(&recorded).unwrap() + "\n";
    let sent = sent.replace(&body.attempt.to_string(), "ATTEMPT");
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("requests.json");
    fs::write(&written, &sent).unwrap();
    let known = fs::read_to_string(KNOWN).unwrap_or_default();
    assert!(
        sent == known,
        "other requests than were checked: copy {} to {KNOWN} and run tests/conformance\n{sent}",
        written.display()
    );
}

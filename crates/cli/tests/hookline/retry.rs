//! `hookline retry`: a delivery that waits for its next try is tried at once; any other is refused with what to do.

use hookline_domain::{
    delivery::{
        Delivery,
        failed::{FailedDeliveries, FailedDelivery},
        ledger::{DeliveryCompletion, Fate, Ledger, Problem},
    },
    kernel::failure::ErrorCode,
};
use hookline_testkit::emulator::{LEDGER_TABLE, STORES_TABLE};
use jiff::{SignedDuration, Timestamp};

use crate::harness::{CliOutput, Stack, update};

const T1: &str = "2026-11-21T10:00:01Z";
const STORE: [&str; 2] = ["--store", "demo.myshopify.com"];

/// Delivery that a receiver accepted.
fn delivery(id: &str) -> Delivery {
    update(id, 1, T1, "Iron Kettle")
}

/// Records its failure, this long ago, with this receipt.
async fn fail(stack: &Stack, id: &str, ago: SignedDuration, receipt: Option<String>) {
    let at = Timestamp::now() - ago;
    let failed = FailedDelivery {
        delivery: delivery(id).key,
        subject: None,
        problem: Problem {
            at,
            code: ErrorCode::StorageUnavailable,
            cause: None,
            message: "the table is away".to_owned(),
        },
        received_at: at,
        tries: 1,
        parked: false,
        redriven_at: None,
        receipt,
    };
    let stores = stack.dynamodb.aws().stores(STORES_TABLE).beside(LEDGER_TABLE);
    stores.remember(&failed).await.unwrap();
}

async fn retry(stack: &Stack, arguments: &[&str]) -> CliOutput {
    stack.run(&[&["retry"], arguments].concat()).await
}

#[tokio::test]
async fn waiting_delivery_is_tried_at_once() {
    let stack = Stack::start().await;
    stack.take(&delivery("waits")).await;
    let received = stack.receive_all(&stack.events).await;
    let receipt = received[0].receipt_handle.clone();
    fail(&stack, "waits", SignedDuration::from_secs(5), receipt).await;
    assert!(
        stack.ids(&stack.events).await.is_empty(),
        "it is hidden until its next try"
    );

    let output = retry(&stack, &[&["waits"], &STORE[..]].concat()).await;
    assert_eq!(output.status, 0, "{output:?}");
    for words in [
        "products/update waits of demo.myshopify.com: It is tried now; its next try was due about ",
        " UTC. The result shows within seconds.",
        "hookline trace waits --store demo.myshopify.com",
    ] {
        assert!(output.out.contains(words), "{words}: {output:?}");
    }
    assert_eq!(stack.ids(&stack.events).await, ["waits"]);
}

#[tokio::test]
async fn delivery_is_found_without_its_store_and_printed_as_json() {
    let stack = Stack::start().await;
    stack.claim(&delivery("moved")).await;
    stack.claim(&delivery("moved-too")).await;
    fail(&stack, "moved", SignedDuration::from_secs(5), None).await;
    let response = retry(&stack, &["moved", "--json"]).await.object();
    assert_eq!(response["outcome"], "on_its_way");
    assert_eq!(
        (&response["store"], &response["topic"]),
        (&"demo.myshopify.com".into(), &"products/update".into())
    );
    assert!(
        response["message"].as_str().unwrap().starts_with("It is on its way"),
        "{response}"
    );
}

#[tokio::test]
async fn unretryable_delivery_is_refused_with_advice() {
    let stack = Stack::start().await;
    for id in ["dead", "gone", "done"] {
        stack.claim(&delivery(id)).await;
    }
    fail(&stack, "dead", SignedDuration::from_hours(1), None).await;
    fail(&stack, "gone", SignedDuration::from_hours(15 * 24), None).await;
    let ledger = stack.dynamodb.aws().ledger(LEDGER_TABLE);
    let done = delivery("done").key;
    ledger
        .complete(&DeliveryCompletion::new(&done, Fate::Applied), Timestamp::now())
        .await
        .unwrap();
    let cases: [(&str, &str, &[&str]); 3] = [
        (
            "dead",
            "dead_letter",
            &["It is a dead letter until ", "hookline dlq redrive --id dead"],
        ),
        (
            "gone",
            "expired",
            &["its body is gone", "hookline resync demo.myshopify.com"],
        ),
        (
            "done",
            "not_failed",
            &["It has been applied to the index. Nothing to do."],
        ),
    ];
    for (id, outcome, expected) in cases {
        let output = retry(&stack, &[&[id], &STORE[..]].concat()).await;
        assert_eq!(output.status, 1, "{output:?}");
        for words in expected {
            assert!(output.out.contains(words), "{words}: {output:?}");
        }
        let response = retry(&stack, &[&[id, "--json"], &STORE[..]].concat()).await;
        assert_eq!((response.status, &response.object()["outcome"]), (1, &outcome.into()));
    }
    // Each of several deliveries is reported.
    let output = retry(&stack, &[&["dead", "nobody", "done", "--json"], &STORE[..]].concat()).await;
    assert_eq!((output.status, output.objects().len()), (1, 2), "{output:?}");
    assert!(output.err.contains("does not know nobody"), "{output:?}");
}

#[tokio::test]
async fn failed_delivery_that_the_ledger_has_forgotten_is_found_by_its_store() {
    let stack = Stack::start().await;
    fail(&stack, "old", SignedDuration::from_secs(5), None).await;
    let response = retry(&stack, &[&["old", "--json"], &STORE[..]].concat()).await.object();
    assert_eq!(response["outcome"], "on_its_way");
}

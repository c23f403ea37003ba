//! `hookline dlq redrive`: letters arrive in the event queue, and a crash leaves a copy too many, never one too few.

use std::{net::Ipv4Addr, time::Duration};

use hookline_domain::{delivery::envelope, kernel::failure::ErrorCode};
use hookline_testkit::osmem::Osmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::harness::{Stack, broken, finish, update};

const T1: &str = "2026-11-21T10:00:01Z";

/// Adds letters of `product-0` to `product-<n>`.
async fn letters(stack: &Stack, number: u64) -> Vec<String> {
    let mut ids = Vec::new();
    for product in 0..number {
        let id = format!("product-{product:02}");
        let delivery = update(&id, product + 1, T1, "Iron Kettle");
        stack
            .add_dead_letter(&delivery, ErrorCode::IndexUnavailable, "the index is away")
            .await;
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn redriven_letter_is_sent_unchanged_and_removed_from_the_dead_letters() {
    let stack = Stack::start().await;
    let delivery = update("good", 1, T1, "Iron \u{1F525} Kettle");
    stack
        .add_dead_letter(&delivery, ErrorCode::IndexUnavailable, "the index is away")
        .await;
    stack
        .add_dead_letter(&broken("bad"), ErrorCode::SchemaMismatch, "no title")
        .await;
    stack.put(&stack.dead_letters, "not ours").await;
    let output = stack.run(&["dlq", "redrive", "--code", "index_unavailable"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.err.contains("1 dead letter moved"), "{output:?}");
    let sent = stack.receive_all(&stack.events).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].body.as_deref(),
        Some(envelope::encode(&delivery).unwrap().as_str())
    );
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "not ours"]);
}

#[tokio::test]
async fn redrive_of_everything_leaves_and_reports_foreign_messages() {
    let stack = Stack::start().await;
    let ids = letters(&stack, 12).await;
    stack.put(&stack.dead_letters, "not ours").await;
    let output = stack.run(&["dlq", "redrive"]).await;
    assert!(output.err.contains("1 message not ours left"), "{output:?}");
    assert_eq!(stack.ids(&stack.events).await, ids);
    assert_eq!(stack.ids(&stack.dead_letters).await, ["not ours"]);
}

#[tokio::test]
async fn dry_run_changes_nothing() {
    let stack = Stack::start().await;
    let ids = letters(&stack, 3).await;
    let output = stack.run(&["dlq", "redrive", "--dry-run", "--json"]).await;
    assert_eq!(output.objects().len(), 3);
    assert!(stack.ids(&stack.events).await.is_empty());
    assert_eq!(stack.ids(&stack.dead_letters).await, ids);
}

#[tokio::test]
async fn limit_is_respected_and_the_rest_is_visible_at_once() {
    let stack = Stack::start().await;
    letters(&stack, 5).await;
    let output = stack.run(&["dlq", "redrive", "--limit", "2", "--json"]).await;
    assert_eq!(output.objects().len(), 2);
    assert_eq!(stack.ids(&stack.events).await.len(), 2);
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 3);
}

#[tokio::test]
async fn immediately_failing_letters_are_not_moved_forever() {
    let stack = Stack::start().await;
    letters(&stack, 2).await;
    // Simulates that every letter fails again at once.
    let same_queue = stack.dead_letters.clone();
    let output = stack
        .run(&["dlq", "redrive", "--json", "--event-queue-url", &same_queue])
        .await;
    assert_eq!(output.objects().len(), 2, "{output:?}");
    assert!(
        output
            .err
            .contains("2 dead letters left of deliveries that this run had already moved"),
        "{output:?}"
    );
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_redrives_lose_nothing_and_leave_nothing() {
    let stack = Stack::start().await;
    let ids = letters(&stack, 30).await;
    let redrive = || {
        stack
            .hookline(&["dlq", "redrive", "--rate", "1000", "--json"])
            .spawn()
            .unwrap()
    };
    let (one, other, third) = (redrive(), redrive(), redrive());
    let (one, other, third) = tokio::join!(finish(one), finish(other), finish(third));
    assert_eq!(
        (one.status, other.status, third.status),
        (0, 0, 0),
        "{one:?} {other:?} {third:?}"
    );
    let mut sent = stack.ids(&stack.events).await;
    // A second copy would be harmless; a lost one would not.
    sent.dedup();
    assert_eq!(sent, ids);
    assert!(stack.ids(&stack.dead_letters).await.is_empty());
}

/// Proxy that forwards all bytes to `to` and back until a request holds `until`; then it reports that and stops
/// answering.
async fn proxy_that_stalls_at(to: String, until: &'static str) -> (String, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (reached, has_reached) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&to).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let reached = reached.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 20];
                while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                    if String::from_utf8_lossy(&bytes[..length]).contains(until) {
                        reached.send(()).unwrap();
                        return std::future::pending().await;
                    }
                    to_server.write_all(&bytes[..length]).await.unwrap();
                }
            });
            tokio::spawn(async move {
                // A killed process stops reading early.
                let _ended = tokio::io::copy(&mut from_server, &mut to_client).await;
            });
        }
    });
    (url, has_reached)
}

/// Kills a redrive of one letter at its `request` to the queue, and lets the next one finish the work.
async fn kill_at(request: &'static str) {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    let ids = letters(&stack, 1).await;
    let sqs = stack.events.split('/').nth(2).unwrap().to_owned();
    let (deaf, mut reached) = proxy_that_stalls_at(sqs, request).await;
    let mut killed = stack
        .hookline_at(&deaf, &["dlq", "redrive", "--hide-for", "1"])
        .spawn()
        .unwrap();
    tokio::time::timeout(Duration::from_mins(1), reached.recv())
        .await
        .expect("no such request")
        .unwrap();
    killed.kill().await.unwrap();
    stack.consume(&osmem).await;

    // It is still a letter once it is no longer hidden; until then, the queue is polled without a pause.
    let letter = loop {
        let output = stack.run(&["dlq", "redrive", "--json"]).await;
        assert_eq!(output.status, 0, "{output:?}");
        if !output.objects().is_empty() {
            break output;
        }
        assert_ne!(stack.backlog(&stack.dead_letters).await, 0, "the letter is lost");
    };
    assert_eq!(letter.object()["delivery_id"], ids[0]);
    stack.consume(&osmem).await;
    assert!(stack.ids(&stack.dead_letters).await.is_empty());
    assert!(stack.ids(&stack.events).await.is_empty());

    let traced = stack.run(&["trace", &ids[0], "--json"]).await.object();
    assert_eq!(traced["fate"], "applied");
    assert_eq!(
        stack.status().await.events_24h.total,
        1,
        "however often it was sent, it counts once"
    );
    assert_eq!(stack.titles(&osmem, "kettle").await, ["Iron Kettle"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn redrive_killed_before_send_loses_nothing() {
    Box::pin(kill_at("AmazonSQS.SendMessage")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redrive_killed_between_send_and_remove_applies_nothing_twice() {
    Box::pin(kill_at("AmazonSQS.DeleteMessage")).await;
}

//! Redriven letters arrive in the event queue; whoever dies meanwhile leaves one copy too many, never one too few.

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

/// `product-0` to `product-<n>`, each a letter.
async fn letters(stack: &Stack, number: u64) -> Vec<String> {
    let mut ids = Vec::new();
    for product in 0..number {
        let id = format!("product-{product:02}");
        let delivery = update(&id, product + 1, T1, "Iron Kettle");
        stack
            .bury(&delivery, ErrorCode::IndexUnavailable, "the index is away")
            .await;
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn what_is_redriven_is_sent_as_it_was_and_gone_from_the_dead_letters() {
    let stack = Stack::start().await;
    let delivery = update("good", 1, T1, "Iron \u{1F525} Kettle");
    stack
        .bury(&delivery, ErrorCode::IndexUnavailable, "the index is away")
        .await;
    stack.bury(&broken("bad"), ErrorCode::SchemaMismatch, "no title").await;
    stack.put(&stack.dead_letters, "not ours").await;
    let said = stack.run(&["dlq", "redrive", "--code", "index_unavailable"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.err.contains("1 letter moved"), "{said:?}");
    let sent = stack.receive_all(&stack.events).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].body.as_deref(),
        Some(envelope::encode(&delivery).unwrap().as_str())
    );
    assert_eq!(stack.ids(&stack.dead_letters).await, ["bad", "not ours"]);
}

#[tokio::test]
async fn a_redrive_of_everything_leaves_what_is_not_ours_and_says_so() {
    let stack = Stack::start().await;
    let ids = letters(&stack, 12).await;
    stack.put(&stack.dead_letters, "not ours").await;
    let said = stack.run(&["dlq", "redrive"]).await;
    assert!(said.err.contains("1 message not ours left"), "{said:?}");
    assert_eq!(stack.ids(&stack.events).await, ids);
    assert_eq!(stack.ids(&stack.dead_letters).await, ["not ours"]);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let stack = Stack::start().await;
    let ids = letters(&stack, 3).await;
    let said = stack.run(&["dlq", "redrive", "--dry-run", "--json"]).await;
    assert_eq!(said.objects().len(), 3);
    assert!(stack.ids(&stack.events).await.is_empty());
    assert_eq!(stack.ids(&stack.dead_letters).await, ids);
}

#[tokio::test]
async fn no_more_are_moved_than_was_said_and_the_rest_is_there_at_once() {
    let stack = Stack::start().await;
    letters(&stack, 5).await;
    let said = stack.run(&["dlq", "redrive", "--limit", "2", "--json"]).await;
    assert_eq!(said.objects().len(), 2);
    assert_eq!(stack.ids(&stack.events).await.len(), 2);
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 3);
}

#[tokio::test]
async fn what_fails_again_at_once_is_not_moved_for_ever() {
    let stack = Stack::start().await;
    letters(&stack, 2).await;
    // As if every letter came straight back.
    let there = stack.dead_letters.clone();
    let said = stack
        .run(&["dlq", "redrive", "--json", "--event-queue-url", &there])
        .await;
    assert_eq!(said.objects().len(), 2, "{said:?}");
    assert!(
        said.err
            .contains("2 letters left of deliveries that had just been moved"),
        "{said:?}"
    );
    assert_eq!(stack.ids(&stack.dead_letters).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn redrives_at_the_same_time_lose_nothing_and_leave_nothing() {
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
    // A second copy would be harmless; a missing one would not.
    sent.dedup();
    assert_eq!(sent, ids);
    assert!(stack.ids(&stack.dead_letters).await.is_empty());
}

/// Hands on all bytes to `to` and back until a request holds `until`: says so, and answers no more.
async fn deaf_from(to: String, until: &'static str) -> (String, mpsc::UnboundedReceiver<()>) {
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
                // Whoever was killed does not listen to the end.
                let _ended = tokio::io::copy(&mut from_server, &mut to_client).await;
            });
        }
    });
    (url, has_reached)
}

/// A redrive of one letter is killed when it asks the queue for `request`; the next one ends the work.
async fn kill_at(request: &'static str) {
    let (stack, osmem) = (Stack::start().await, Osmem::start().await);
    let ids = letters(&stack, 1).await;
    let sqs = stack.events.split('/').nth(2).unwrap().to_owned();
    let (deaf, mut reached) = deaf_from(sqs, request).await;
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

    // It is a letter still, once it is not hidden any more. The queue is asked until then, without a pause.
    let again = loop {
        let said = stack.run(&["dlq", "redrive", "--json"]).await;
        assert_eq!(said.status, 0, "{said:?}");
        if !said.objects().is_empty() {
            break said;
        }
        assert_ne!(stack.backlog(&stack.dead_letters).await, 0, "the letter is lost");
    };
    assert_eq!(again.object()["delivery_id"], ids[0]);
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
async fn a_redrive_that_is_killed_before_it_has_sent_loses_nothing() {
    Box::pin(kill_at("AmazonSQS.SendMessage")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_is_killed_between_send_and_remove_doubles_nothing() {
    Box::pin(kill_at("AmazonSQS.DeleteMessage")).await;
}

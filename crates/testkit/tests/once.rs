//! What may not be done twice is not tried twice, even when the answer gets lost.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hookline_aws::{Aws, Patience};
use hookline_domain::{
    kernel::ids::Topic,
    store::stores::{Counter, StoreUpdate, Stores, Tally},
};
use hookline_testkit::{
    builders::{noon, store},
    emulator::{STORES_TABLE, sdk_config, silent},
};
use tokio::{io::AsyncReadExt, net::TcpListener};

/// Takes every request and hangs up instead of answering, as a connection that is cut after the write was done.
async fn hang_up(listener: TcpListener, requests: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = vec![0; 64 * 1024];
        if stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {
            requests.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_count_whose_answer_gets_lost_is_not_added_again() {
    let (listener, url) = silent().await;
    let requests = Arc::new(AtomicUsize::new(0));
    let hanging_up = tokio::spawn(hang_up(listener, Arc::clone(&requests)));
    let stores = Aws::with_config(sdk_config(&url).await, Patience::Consumer).stores(STORES_TABLE);
    let mut update = StoreUpdate::default();
    update.count(noon(), Counter::Event(Topic::new("products/update").unwrap()));

    // The hour's item and the store's own, each once.
    assert!(stores.record(&store("demo"), &update).await.is_err());
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    assert!(stores.add(&store("demo"), &update).await.is_err());
    assert_eq!(requests.load(Ordering::Relaxed), 3);
    // Reading is tried as often as the consumer is patient.
    assert!(stores.find(&store("demo")).await.is_err());
    assert_eq!(requests.load(Ordering::Relaxed), 6);
    hanging_up.abort();
}

//! Operations that must not be repeated are not retried, even if the response is lost.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hookline_aws::{Aws, Timeouts};
use hookline_domain::{
    kernel::ids::Topic,
    store::stores::{Counter, StoreUpdate, Stores, Tally},
};
use hookline_testkit::{
    builders::{noon, store},
    emulator::{STORES_TABLE, sdk_config, silent},
};
use tokio::{io::AsyncReadExt, net::TcpListener};

/// Accepts every request and closes the connection instead of responding, as if it broke after the write.
async fn hang_up(listener: TcpListener, requests: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = vec![0; 64 * 1024];
        if stream.read(&mut request).await.is_ok_and(|bytes| bytes > 0) {
            requests.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn lost_response_does_not_add_a_count_twice() {
    let (listener, url) = silent().await;
    let requests = Arc::new(AtomicUsize::new(0));
    let hanging_up = tokio::spawn(hang_up(listener, Arc::clone(&requests)));
    let stores = Aws::with_config(sdk_config(&url).await, Timeouts::Queue).stores(STORES_TABLE);
    let mut update = StoreUpdate::default();
    update.count(noon(), Counter::Event(Topic::new("products/update").unwrap()));

    // The items of the hour and of the store, each once.
    assert!(stores.record(&store("demo"), &update).await.is_err());
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    assert!(stores.add(&store("demo"), &update).await.is_err());
    assert_eq!(requests.load(Ordering::Relaxed), 3);
    // Reads are retried as often as the consumer's timeouts allow.
    assert!(stores.find(&store("demo")).await.is_err());
    assert_eq!(requests.load(Ordering::Relaxed), 6);
    hanging_up.abort();
}

//! Short load: enough to notice a lost update.

use hookline_live_load::Load;

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_misses_an_update() {
    let load = Load {
        connections: 60,
        stores: 3,
        events_per_second: 50,
        events: 100,
    };
    load.run().await.unwrap();
}

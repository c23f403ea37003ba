//! Contract suite of [`Listeners`], and of looks at a store.

use hookline_domain::store::{
    listening::{Audience, Listener, Listeners, Listening, narrow, widen},
    stores::{StoreList, StoreUpdate, Stores, all},
};
use hookline_events::Resource;

use super::at_once;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! listeners_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            listeners,
            $start,
            [
                nobody_listens_at_first,
                listeners_of_a_store_and_of_all_are_seen_by_one_look,
                listeners_replaced_by_another_are_left_alone,
                concurrent_listeners_all_count,
                unknown_store_gets_no_listener,
                listeners_survive_other_writes_and_are_no_store,
            ]
        );
    };
}

fn listener(resource: Resource) -> Listener {
    Listener {
        resources: [resource].into(),
        until: None,
    }
}

async fn known(stores: &impl Stores) {
    let update = StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    };
    stores.record(&store("demo"), &update).await.unwrap();
}

pub async fn nobody_listens_at_first(stores: &(impl Stores + Listeners)) {
    let look = stores.look(&store("demo")).await.unwrap();
    assert_eq!((look.record, look.all), (None, Listening::default()));
    known(stores).await;
    let look = stores.look(&store("demo")).await.unwrap();
    assert_eq!(look.record.unwrap().listening, Listening::default());
}

pub async fn listeners_of_a_store_and_of_all_are_seen_by_one_look(stores: &(impl Stores + Listeners)) {
    known(stores).await;
    let demo = store("demo");
    widen(stores, Audience::All, "one", &listener(Resource::Order), noon())
        .await
        .unwrap();
    widen(
        stores,
        Audience::Store(&demo),
        "two",
        &listener(Resource::Product),
        noon(),
    )
    .await
    .unwrap();
    let look = stores.look(&demo).await.unwrap();
    let now = noon_plus(1);
    let heard = |resource| look.heard(resource, now).map(|heard| heard.audience());
    assert_eq!(heard(Resource::Order), Some((0, 1)));
    assert_eq!(heard(Resource::Product), Some((1, 0)));
    assert_eq!(heard(Resource::Customer), None);
    let other = stores.look(&store("other")).await.unwrap();
    assert_eq!(other.heard(Resource::Product, now), None);
    assert!(other.heard(Resource::Order, now).is_some(), "of an unknown store, too");
    narrow(stores, Audience::Store(&demo), "two", now).await.unwrap();
    assert_eq!(stores.look(&demo).await.unwrap().heard(Resource::Product, now), None);
}

pub async fn listeners_replaced_by_another_are_left_alone(stores: &(impl Stores + Listeners)) {
    known(stores).await;
    let demo = store("demo");
    for to in [Audience::All, Audience::Store(&demo)] {
        let nobody = Listening::default();
        let one = nobody.widened("one", &listener(Resource::Order), noon());
        assert!(stores.replace(to, &nobody, &one).await.unwrap());
        assert!(!stores.replace(to, &nobody, &nobody).await.unwrap(), "{to:?}");
        assert_eq!(stores.listening(to).await.unwrap(), one);
    }
}

pub async fn concurrent_listeners_all_count<S: Listeners + Clone + 'static>(stores: &S) {
    let tasks = (0..4).map(|n| {
        let stores = stores.clone();
        async move {
            // A change that others overtake too often may be refused, and is repeated, as a person would.
            while widen(
                &stores,
                Audience::All,
                &n.to_string(),
                &listener(Resource::Order),
                noon(),
            )
            .await
            .is_err()
            {}
        }
    });
    at_once(tasks.collect()).await;
    assert_eq!(stores.listening(Audience::All).await.unwrap().listeners().len(), 4);
}

pub async fn unknown_store_gets_no_listener(stores: &(impl Stores + Listeners)) {
    let demo = store("demo");
    let to = Audience::Store(&demo);
    assert!(
        widen(stores, to, "one", &listener(Resource::Order), noon())
            .await
            .is_err()
    );
    assert_eq!(stores.find(&demo).await.unwrap(), None);
}

pub async fn listeners_survive_other_writes_and_are_no_store(stores: &(impl Stores + Listeners + StoreList)) {
    known(stores).await;
    let demo = store("demo");
    widen(
        stores,
        Audience::Store(&demo),
        "one",
        &listener(Resource::Order),
        noon(),
    )
    .await
    .unwrap();
    widen(stores, Audience::All, "one", &listener(Resource::Order), noon())
        .await
        .unwrap();
    known(stores).await;
    stores.disable(&demo, noon()).await.unwrap();
    stores.begin_epoch(&demo, noon()).await.unwrap();
    let record = stores.look(&demo).await.unwrap().record.unwrap();
    assert!(record.listening.has("one"));
    assert_eq!(record.seq, 5, "a client that follows the store sees each write");
    let stores = all(stores).await.unwrap();
    assert_eq!(stores.into_keys().collect::<Vec<_>>(), [demo]);
}

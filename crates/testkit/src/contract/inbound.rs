//! Contract suite of [`InboundEndpoints`] and [`InboundTally`], which receivers have, beside [`InboundEndpointsAdmin`], which
//! people have.

use std::collections::BTreeSet;

use hookline_domain::{
    kernel::ids::{InboundName, Source},
    store::{
        inbound::{
            BoundStores, InboundEndpoint, InboundEndpoints, InboundEndpointsAdmin, InboundSettings, InboundTally,
            InboundWritten, Mode,
            mapping::{MappedEvent, Mapping, Pointer},
        },
        stores::{Counter, Counts, Hour, StoreList, StoreUpdate, Stores},
    },
};

use super::at_once;
use crate::builders::{noon, store};

/// Makes a test of each check of the two; see [`contract`](crate::contract).
#[macro_export]
macro_rules! inbound_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            inbound,
            $start,
            [
                endpoints_of_a_source_are_listed_by_name,
                endpoint_is_written_only_as_the_revision_that_was_read,
                one_of_concurrent_writes_wins,
                counts_add_up_and_survive_a_change_of_settings,
                counts_never_make_an_endpoint,
                removed_endpoint_is_gone_with_its_counts,
                endpoints_are_no_stores,
            ]
        );
    };
}

fn acme() -> Source {
    "acme".parse().unwrap()
}

fn name(name: &str) -> InboundName {
    name.parse().unwrap()
}

fn settings(stores: &[&str]) -> InboundSettings {
    let pointer = |text: &str| Pointer::new(text).unwrap();
    InboundSettings {
        stores: BoundStores::Listed(
            stores
                .iter()
                .map(|store| store.parse().unwrap())
                .collect::<BTreeSet<_>>(),
        ),
        addresses: vec!["https://hooks.example.com/a?b=c".to_owned()],
        mode: Some(Mode::Live),
        own: Some("acct_1AbC".parse().unwrap()),
        mapping: Some(Box::new(Mapping {
            topic: pointer("/type"),
            at: Some(pointer("/timestamp")),
            store: None,
            types: [("item.gone".to_owned(), MappedEvent::ProductDeleted)].into(),
            product: None,
            checkout: None,
            ordering: None,
        })),
        senders: None,
    }
}

async fn put<A: InboundEndpointsAdmin>(admin: &A, endpoint: &str, settings: &InboundSettings, revision: u64) -> bool {
    let written = admin
        .put_inbound(&acme(), &name(endpoint), settings, revision)
        .await
        .unwrap();
    written == InboundWritten::Yes
}

async fn find<E: InboundEndpoints>(endpoints: &E, endpoint: &str) -> Option<InboundEndpoint> {
    endpoints.find_inbound(&acme(), &name(endpoint)).await.unwrap()
}

fn counted(count: u64) -> Counts {
    Counts::from([((Hour::of(noon()), Counter::Unbound), count)])
}

pub async fn endpoints_of_a_source_are_listed_by_name<R: InboundEndpoints, A: InboundEndpointsAdmin>(
    (receiver, admin): &(R, A),
) {
    assert_eq!(receiver.inbound(&acme()).await.unwrap(), []);
    // More than a page of those who read pages.
    let names: Vec<String> = (0..120).map(|n| format!("e-{n:03}")).collect();
    for name in names.iter().rev() {
        assert!(put(admin, name, &settings(&[name]), 0).await);
    }
    let other: Source = "acme-2".parse().unwrap();
    admin.put_inbound(&other, &name("z"), &settings(&[]), 0).await.unwrap();
    let found = receiver.inbound(&acme()).await.unwrap();
    let found_names: Vec<_> = found.iter().map(|endpoint| endpoint.name.to_string()).collect();
    assert_eq!(found_names, names);
    assert_eq!(found[7].settings, settings(&["e-007"]));
    assert_eq!((found[7].revision, &found[7].source), (1, &acme()));
    assert_eq!(find(receiver, "e-007").await.as_ref(), Some(&found[7]));
    assert_eq!(find(receiver, "z").await, None);
}

pub async fn endpoint_is_written_only_as_the_revision_that_was_read<R, A: InboundEndpointsAdmin>((_, admin): &(R, A)) {
    assert!(
        !put(admin, "north", &settings(&["A"]), 1).await,
        "there is none to change"
    );
    assert!(put(admin, "north", &settings(&["A"]), 0).await);
    assert!(!put(admin, "north", &settings(&["B"]), 0).await, "there is one already");
    assert!(put(admin, "north", &settings(&["C"]), 1).await);
    assert!(!put(admin, "north", &settings(&["D"]), 1).await);
    let found = find(admin, "north").await.unwrap();
    assert_eq!((found.settings, found.revision), (settings(&["C"]), 2));
}

pub async fn one_of_concurrent_writes_wins<R, A>((_, admin): &(R, A))
where
    A: InboundEndpointsAdmin + Clone + 'static,
{
    let writes = (0..16).map(|writer| {
        let admin = admin.clone();
        async move { put(&admin, "north", &settings(&[&format!("S{writer}")]), 0).await }
    });
    let written = at_once(writes.collect()).await;
    assert_eq!(written.into_iter().filter(|written| *written).count(), 1);
    assert_eq!(find(admin, "north").await.unwrap().revision, 1);
}

pub async fn counts_add_up_and_survive_a_change_of_settings<R, A>((receiver, admin): &(R, A))
where
    R: InboundEndpoints + InboundTally + Clone + 'static,
    A: InboundEndpointsAdmin,
{
    put(admin, "north", &settings(&["A"]), 0).await;
    let adds = (0..16).map(|_| {
        let receiver = receiver.clone();
        async move {
            receiver
                .add_inbound(&acme(), &name("north"), &counted(2), &[])
                .await
                .unwrap();
        }
    });
    at_once(adds.collect()).await;
    assert!(put(admin, "north", &settings(&["B"]), 1).await);
    let found = find(receiver, "north").await.unwrap();
    assert_eq!((found.counts, found.revision), (counted(32), 2));
    let outdated = (Hour::of(noon()), Counter::Unbound);
    receiver
        .add_inbound(&acme(), &name("north"), &counted(1), &[outdated])
        .await
        .unwrap();
    assert_eq!(find(receiver, "north").await.unwrap().counts, Counts::new());
}

pub async fn counts_never_make_an_endpoint<R: InboundEndpoints + InboundTally, A>((receiver, _): &(R, A)) {
    receiver
        .add_inbound(&acme(), &name("north"), &counted(1), &[])
        .await
        .unwrap();
    assert_eq!(find(receiver, "north").await, None);
}

pub async fn removed_endpoint_is_gone_with_its_counts<R, A>((receiver, admin): &(R, A))
where
    R: InboundEndpoints + InboundTally,
    A: InboundEndpointsAdmin,
{
    put(admin, "north", &settings(&["A"]), 0).await;
    receiver
        .add_inbound(&acme(), &name("north"), &counted(1), &[])
        .await
        .unwrap();
    for _ in 0..2 {
        admin.remove_inbound(&acme(), &name("north")).await.unwrap();
        assert_eq!(find(receiver, "north").await, None);
    }
    assert!(put(admin, "north", &settings(&["A"]), 0).await);
    assert_eq!(find(receiver, "north").await.unwrap().counts, Counts::new());
}

pub async fn endpoints_are_no_stores<R, A>((_, admin): &(R, A))
where
    A: InboundEndpointsAdmin + Stores + StoreList,
{
    admin.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    put(admin, "north", &settings(&["A"]), 0).await;
    let page = admin.page(None).await.unwrap();
    let stores: Vec<_> = page.stores.into_iter().map(|(store, _)| store).collect();
    assert_eq!(stores, [store("demo")]);
}

//! Content that differs is found whatever its times are, and content that the index is known to hold is not written
//! again.

use super::*;
use crate::{
    catalogue::{
        digest::Digest,
        entities::{Entities, Entries, ObservedFields},
    },
    event::product::{Stock, Tracking, Variant},
    kernel::{ids::EntityKey, version::Version},
    testing::{at, key},
};

fn entity(number: &str) -> EntityKey {
    key(Kind::Product, number)
}

async fn known(world: &World, number: &str) -> crate::catalogue::entities::FenceRecord {
    let found = world.entities.find(&[entity(number)]).await.unwrap();
    found.into_iter().next().flatten().unwrap()
}

/// A product that is out of stock; its stock is counted, not counted, or of unknown kind.
fn sold_out(updated_at: &str, tracked: Option<bool>) -> Product {
    Product {
        variants: vec![Variant {
            id: id("11"),
            title: "Default Title".into(),
            sku: None,
            price: None,
            currency: Some("EUR".into()),
            stock: Stock {
                oversells: Some(false),
                tracked,
                quantity: Some(0),
            },
        }],
        ..product(1, updated_at, "Engraving Service")
    }
}

fn available(world: &World) -> Option<bool> {
    let document = world.document(Kind::Product, "1").unwrap();
    assert_eq!(document.available, document.variants[0].available);
    let said = |available| match available {
        Some(true) => "in stock",
        Some(false) => "sold out",
        None => "",
    };
    for other in [Some(true), Some(false)] {
        assert_eq!(
            document.text.contains(said(other)),
            document.available == other,
            "{}",
            document.text
        );
    }
    document.available
}

#[tokio::test]
async fn differing_document_is_mended_and_counted_without_a_difference_in_time() {
    let world = in_step(3).await;
    world.clock.pass(minutes(60));
    // The same signed time with another content, as after a webhook that carries less, or a bug of ours.
    world.deliver_product(product(1, OLD, "other")).await;
    assert_eq!(world.title("1").as_deref(), Some("other"));
    world.index.written();
    world.clock.pass(minutes(60));
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!((missed_of(&reconciled), reconciled.mended), (BTreeMap::new(), 1));
    assert_eq!(world.title("1").as_deref(), Some("p1"));
    assert_eq!(world.index.written(), ["1"]);
    let again = world.all_steps(Scope::Differing).await;
    assert_eq!((again.mended, world.index.written()), (0, vec![]));
}

#[tokio::test]
async fn state_that_passed_and_never_reached_the_index_is_written_and_not_counted() {
    let world = in_step(3).await;
    world.clock.pass(minutes(60));
    let changed = product(1, NEWER, "changed");
    world.catalogue.put(changed.clone());
    // The consumer dies behind the fence and its message is lost: the worst case.
    world.index.fail(1);
    world.deliver_product(changed).await;
    assert_eq!(world.title("1").as_deref(), Some("p1"));
    assert!(!known(&world, "1").await.confirmed);
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!((missed_of(&reconciled), reconciled.mended), (BTreeMap::new(), 0));
    assert_eq!(world.title("1").as_deref(), Some("changed"));
    assert!(known(&world, "1").await.confirmed);
    world.index.written();
    world.all_steps(Scope::Differing).await;
    assert_eq!(world.index.written(), [""; 0]);
}

#[tokio::test]
async fn state_from_a_webhook_is_written_once_more_and_then_not_again() {
    let world = in_step(2).await;
    world.clock.pass(minutes(60));
    for (number, title) in [(0, "changed"), (1, "changed")] {
        world.catalogue.put(product(number, NEWER, title));
        world.deliver_product(product(number, NEWER, title)).await;
    }
    world.index.written();
    for written in [vec!["0", "1"], vec![], vec![]] {
        world.clock.pass(minutes(60));
        let reconciled = world.all_steps(Scope::Differing).await;
        assert_eq!((missed_of(&reconciled), reconciled.mended), (BTreeMap::new(), 0));
        assert_eq!(world.index.written(), written);
    }
}

#[tokio::test]
async fn document_rendered_by_another_version_is_written_once_more_and_not_counted() {
    let world = in_step(3).await;
    world.clock.pass(minutes(60));
    let version = Version::new(at(OLD), world.clock.now()).unwrap();
    let older = Digest::read("0:0123");
    let carried = ObservedFields {
        digest: Some(&older),
        ..ObservedFields::default()
    };
    world.entities.advance(&entity("1"), version, carried).await.unwrap();
    world.entities.confirm(&[(entity("1"), version)]).await.unwrap();
    world.clock.pass(minutes(60));
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!((reconciled.mended, world.index.written()), (0, vec!["1".to_owned()]));
    assert!(known(&world, "1").await.remembered.digest.unwrap().is_comparable());
}

#[tokio::test]
async fn uncounted_stock_is_indexed_correctly_in_both_orders() {
    for tracked in [true, false] {
        let expected = Some(!tracked);
        let world = World::new();
        world.catalogue.put(sold_out(OLD, Some(tracked)));
        world.deliver_product(sold_out(OLD, None)).await;
        assert_eq!(available(&world), None, "not known to be counted");
        world.clock.pass(minutes(1));
        world.all_steps(Scope::Everything).await;
        assert_eq!(available(&world), expected);
        world.clock.pass(minutes(1));
        world.deliver_product(sold_out(NEWER, None)).await;
        assert_eq!(
            available(&world),
            expected,
            "a webhook carries less, and what is known stays"
        );
        let tracking: Tracking = [(id("11"), tracked)].into();
        assert_eq!(known(&world, "1").await.remembered.tracking, Some(tracking));

        // A variant added since is unknown, whatever the others are.
        let mut more = sold_out("2026-11-21T11:31:00Z", None);
        let mut new = more.variants[0].clone();
        new.id = id("12");
        more.variants.push(new);
        world.deliver_product(more).await;
        let document = world.document(Kind::Product, "1").unwrap();
        let each: Vec<_> = document.variants.iter().map(|variant| variant.available).collect();
        assert_eq!(each, [expected, None]);
        assert_eq!(
            document.available,
            expected.filter(|available| *available),
            "available if one variant is, otherwise unknown"
        );
    }
}

#[tokio::test]
async fn change_of_stock_tracking_is_mended_without_a_difference_in_time() {
    let world = World::new();
    world.catalogue.put(sold_out(OLD, Some(true)));
    world.all_steps(Scope::Differing).await;
    assert_eq!(available(&world), Some(false));
    world.clock.pass(minutes(60));
    world.catalogue.put(sold_out(OLD, Some(false)));
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!((reconciled.mended, available(&world)), (1, Some(true)));
}

#[tokio::test]
async fn change_of_visibility_is_mended_without_a_difference_in_time() {
    let world = in_step(2).await;
    for visible in [false, true] {
        world.clock.pass(minutes(60));
        world.catalogue.put(Product {
            visible,
            ..product(1, OLD, "p1")
        });
        let mut collection = collection("90", "Stoves");
        collection.visible = visible;
        world.catalogue.put_collection(collection, [id("0"), id("1")]);
        let reconciled = world.all_steps(Scope::Differing).await;
        assert_eq!(world.title("1").is_some(), visible);
        assert_eq!(world.document(Kind::Collection, "90").is_some(), visible);
        let shown: &[&str] = if visible { &["Stoves"] } else { &[] };
        assert_eq!(world.shown_in("0"), shown, "a hidden collection is named nowhere");
        assert_eq!((reconciled.mended, reconciled.regrouped), (1, 2));
    }
}

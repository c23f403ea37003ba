use proptest::prelude::*;

use super::*;
use crate::{
    event::product::{Product, Stock},
    kernel::ids::{EntityKey, Kind},
    testing::{product, store},
};

fn entity() -> EntityKey {
    store().entity(Kind::Product, "1".parse().unwrap())
}

fn stove() -> Product {
    let variant = |id: &str, quantity| Variant {
        id: id.parse().unwrap(),
        title: format!("Steel {id}"),
        sku: Some(format!("EPS-{id}")),
        price: Some("48.00".parse().unwrap()),
        currency: Some("EUR".into()),
        stock: Stock {
            oversells: Some(false),
            tracked: Some(true),
            quantity: Some(quantity),
        },
    };
    Product {
        description: "Folds flat.".into(),
        vendor: Some("Northfold".into()),
        tags: vec!["camping".into(), "stove".into()],
        variants: vec![variant("11", 3), variant("12", 0)],
        image: Some("https://cdn.example/stove.jpg?v=1".into()),
        ..product(1, "2026-11-14T15:04:52Z", "Ember Pocket Stove")
    }
}

fn published(product: &Product) -> Published {
    published_with(product, Unknown::default())
}

fn published_with(product: &Product, unknown: Unknown) -> Published {
    let document = Document::of_product(&entity(), product.clone(), Timestamp::UNIX_EPOCH);
    Published::of(
        Version::read(7),
        Heard::by_one(1),
        &document,
        &product.variants,
        unknown,
    )
}

#[test]
fn each_change_belongs_to_its_group() {
    let before = published(&stove());
    let changes = |change: fn(&mut Product)| {
        let mut changed = stove();
        change(&mut changed);
        published(&changed).changes_since(&before).names()
    };
    assert_eq!(changes(|product| product.title.push('!')), ["title"]);
    assert_eq!(changes(|product| product.handle = Some("stove".into())), ["title"]);
    assert_eq!(changes(|product| product.description.push('!')), ["description"]);
    assert_eq!(changes(|product| product.image = None), ["media"]);
    assert_eq!(changes(|product| product.tags.push("new".into())), ["attributes"]);
    assert_eq!(changes(|product| product.vendor = None), ["attributes"]);
    assert_eq!(changes(|product| product.variants[0].sku = None), ["variants"]);
    assert_eq!(
        changes(|product| product.variants[1].price = Some("50".parse().unwrap())),
        ["price"]
    );
    assert_eq!(
        changes(|product| product.variants[0].stock.quantity = Some(2)),
        ["inventory"]
    );
    assert_eq!(
        changes(|product| product.variants.truncate(1)),
        ["variants", "price", "inventory"]
    );
    let no_change: [&str; 0] = [];
    assert_eq!(
        changes(|product| product.tags.reverse()),
        no_change,
        "their order says nothing"
    );
    assert_eq!(
        changes(|product| product.variants[0].price = Some("48".parse().unwrap())),
        no_change
    );
    assert_eq!(
        changes(|product| product.image = Some("https://cdn.example/stove.jpg?v=2".into())),
        no_change
    );
}

#[test]
fn unknown_group_does_not_differ_and_is_filled_in() {
    let known = published(&stove());
    let unknown = Unknown {
        collections: true,
        inventory: true,
        fields: true,
    };
    let in_part = published_with(
        &Product {
            variants: vec![],
            ..stove()
        },
        unknown,
    );
    // Without variants it would be unavailable; who does not know them does not know that.
    let in_part = Published {
        available: None,
        ..in_part
    };
    assert!(in_part.changes_since(&known).is_empty());
    assert!(known.changes_since(&in_part).is_empty());
    assert_eq!(in_part.clone().over(&known).groups, known.groups);
    assert!(!in_part.clone().over(&known).says_more_than(&known));
    assert!(known.clone().over(&in_part).says_more_than(&in_part));
    let mut without_currency = stove();
    for variant in &mut without_currency.variants {
        variant.currency = None;
    }
    let without_currency = published(&without_currency);
    assert!(
        known.changes_since(&without_currency).is_empty(),
        "a currency that becomes known"
    );
    assert_eq!(
        without_currency.over(&known).price.unwrap().currency.as_deref(),
        Some("EUR")
    );
}

#[test]
fn uncounted_stock_has_no_quantity() {
    let uncounted = |quantity| {
        let mut service = stove();
        for variant in &mut service.variants {
            variant.stock.tracked = Some(false);
            variant.stock.quantity = Some(quantity);
        }
        published(&service)
    };
    assert!(uncounted(0).changes_since(&uncounted(-7)).is_empty());
    assert_eq!(uncounted(0).available, Some(true));
}

#[test]
fn state_of_another_format_counts_as_nothing() {
    let mut bytes = published(&stove()).to_bytes();
    bytes[0] = FORMAT + 1;
    assert_eq!(Published::read(&bytes), None);
    assert_eq!(Published::read(&[]), None);
    assert_eq!(Unsent::read(&[]), Unsent::default());
}

#[test]
fn price_with_more_digits_than_a_price_has_is_not_kept() {
    let mut odd = stove();
    odd.variants[0].price = Some(Decimal::MAX);
    let read = Published::read(&published(&odd).to_bytes()).unwrap();
    assert_eq!(read.price, None);
    assert_eq!(read.groups, published(&odd).groups, "its digest is");
}

proptest! {
    #[test]
    fn bytes_are_few_and_read_back(
        version: i64, own: u32, all: u32, groups: [u64; 8], from: i64, to: i64, scale in 0..=28_u32,
        currency in proptest::option::of("[A-Z]{3}"), available: Option<bool>, kind in 0..3_usize, is_new: bool,
        is_for_new: bool,
        changes in 0..512_u16,
    ) {
        let presence = [Presence::Active, Presence::Hidden, Presence::Gone][kind];
        let price = |mantissa: i64| Decimal::from_i128_with_scale(mantissa.into(), scale);
        let published = Published {
            version: Version::read(version),
            audience: (own, all),
            presence,
            available,
            price: Some(PriceRange { from: price(from), to: price(to), currency }),
            groups,
        };
        let bytes = published.to_bytes();
        prop_assert!(bytes.len() <= MAX_BYTES);
        prop_assert_eq!(Published::read(&bytes), Some(published.clone()));
        for cut in 0..bytes.len() {
            prop_assert!(Published::read(&bytes[..cut]).is_none_or(|read| read.groups == groups));
        }
        let unsent = Unsent { told: Some(published), is_new, is_for_new, changes: Changes(changes) };
        prop_assert_eq!(Unsent::read(&unsent.to_bytes()), unsent);
        let first = Unsent { told: None, is_new, is_for_new, changes: Changes(0) };
        prop_assert_eq!(Unsent::read(&first.to_bytes()), first);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        prop_assert!(Published::read(&bytes).is_none_or(|read| read.to_bytes().len() <= MAX_BYTES));
        prop_assert!(Unsent::read(&bytes).to_bytes().len() <= MAX_BYTES + 3);
    }
}

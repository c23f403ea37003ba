//! Data at and above the limit.

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any, proptest},
};
use serde_json::json;

use crate::{
    CollectionData, CustomData, Data, EventType, LineData, MAX_DATA_BYTES, OrderData, ProductData, ProductStatus,
    Totals, VariantData,
};

const URL: &str = "/api/stores/demo/products/1";

fn product() -> ProductData {
    ProductData {
        id: "1".to_owned(),
        status: ProductStatus::Active,
        title: Some("Stove".to_owned()),
        handle: None,
        description: None,
        vendor: None,
        product_type: None,
        tags: Vec::new(),
        image: None,
        available: Some(true),
        price: None,
        variants: Vec::new(),
        truncated: false,
        data_url: None,
    }
}

fn variants(count: usize) -> Vec<VariantData> {
    let variant = |number: usize| VariantData {
        id: number.to_string(),
        title: format!("Größe {number} 大"),
        sku: Some(format!("SKU-{number}")),
        price: Some("48.00".parse().unwrap()),
        available: Some(true),
        quantity: Some(-1),
    };
    (0..count).map(variant).collect()
}

fn order(lines: usize) -> OrderData {
    let line = |number: usize| LineData {
        id: number.to_string(),
        product_id: None,
        variant_id: None,
        title: Some("x".repeat(40)),
        sku: None,
        quantity: 1,
        price: None,
    };
    OrderData {
        id: "1".to_owned(),
        name: None,
        financial_status: None,
        fulfillment_status: None,
        totals: Totals::default(),
        lines: (0..lines).map(line).collect(),
        created_at: None,
        updated_at: None,
        cancelled_at: None,
        cancel_reason: None,
        test: false,
        truncated: false,
    }
}

fn data_of(product: ProductData) -> Data {
    Data::Product(Box::new(product))
}

fn cut_product(product: ProductData) -> ProductData {
    let cut = data_of(product).cut(URL);
    assert!(cut.size() <= MAX_DATA_BYTES, "{}", cut.size());
    match cut {
        Data::Product(product) => *product,
        other => panic!("{other:?}"),
    }
}

/// A product whose JSON has exactly this size.
fn product_of_size(size: usize) -> ProductData {
    let mut product = product();
    product.description = Some(String::new());
    let rest = size - data_of(product.clone()).size();
    product.description = Some("d".repeat(rest));
    assert_eq!(serde_json::to_vec(&product).unwrap().len(), size);
    product
}

#[test]
fn data_at_the_limit_stays_whole_and_a_byte_more_is_cut() {
    let whole = product_of_size(MAX_DATA_BYTES);
    assert_eq!(cut_product(whole.clone()), whole);
    let cut = cut_product(product_of_size(MAX_DATA_BYTES + 1));
    assert_eq!(cut.description, None);
    assert_eq!(
        (cut.truncated, cut.data_url.as_deref()),
        (true, Some(URL)),
        "says so, and where the rest is"
    );
}

#[test]
fn size_counts_bytes_and_escapes() {
    let mut large = product();
    large.title = Some("大\"\n".to_owned());
    let data = data_of(large);
    assert_eq!(data.size(), serde_json::to_string(&data).unwrap().len());
    // A third of the limit in characters is over it in bytes.
    let mut large = product();
    large.description = Some("大".repeat(MAX_DATA_BYTES / 3));
    assert_eq!(cut_product(large).description, None);
    let mut large = product();
    large.description = Some("\u{1}".repeat(MAX_DATA_BYTES / 6));
    assert_eq!(cut_product(large).description, None);
}

#[test]
fn variants_are_cut_from_the_end_and_as_few_as_possible() {
    let mut bulk = product();
    bulk.description = Some("A bulk product".to_owned());
    bulk.tags = vec!["bulk".to_owned()];
    bulk.variants = variants(2_000);
    let all = bulk.variants.clone();
    let cut = cut_product(bulk);
    assert!(cut.truncated && cut.variants.len() > 400, "{}", cut.variants.len());
    assert_eq!(cut.variants[..], all[..cut.variants.len()], "the first, in their order");
    let mut more = cut.clone();
    more.variants.push(all[cut.variants.len()].clone());
    assert!(data_of(more).size() > MAX_DATA_BYTES, "one more would not fit");
    assert_eq!(cut.price, None);
    assert_eq!(cut.title.as_deref(), Some("Stove"));
}

#[test]
fn cut_measures_each_variant_once() {
    // 10^5 variants, 11 MB: quadratic work would take hours.
    let mut bulk = product();
    bulk.variants = variants(100_000);
    assert!(!cut_product(bulk).variants.is_empty());
}

#[test]
fn cut_ends_whatever_is_too_large() {
    let large = || Some("l".repeat(2 * MAX_DATA_BYTES));
    let mut all = product();
    (all.title, all.handle, all.vendor, all.product_type, all.image) = (large(), large(), large(), large(), large());
    all.tags = vec![large().unwrap()];
    all.variants = variants(3);
    all.variants[0].title = large().unwrap();
    let cut = cut_product(all);
    assert_eq!((cut.id.as_str(), cut.truncated, cut.title), ("1", true, None));
    let collection = CollectionData {
        id: "1".to_owned(),
        status: ProductStatus::Active,
        title: large(),
        handle: large(),
        description: large(),
        image: large(),
        truncated: false,
        data_url: None,
    };
    let cut = Data::Collection(Box::new(collection)).cut(URL);
    assert!(cut.size() <= MAX_DATA_BYTES);
    assert_eq!(serde_json::to_value(cut).unwrap()["data_url"], URL);
}

#[test]
fn facts_lose_lines_from_the_end_and_say_so() {
    let lines = json!(order(2_000).lines);
    let facts = [
        (EventType::ORDER_CREATED, json!(order(2_000))),
        (
            EventType::PAYMENT_REFUNDED,
            json!({"id": "1", "kind": "refund", "test": false, "truncated": false,
                "lines": (0..2_000).map(|id| json!({"line_id": id.to_string(), "quantity": 1})).collect::<Vec<_>>()}),
        ),
        (
            EventType::SHIPPING_LABEL_CREATED,
            json!({"id": "1", "truncated": false, "lines": lines}),
        ),
        (
            EventType::CHECKOUT_COMPLETED,
            json!({"id": "1", "truncated": false, "lines": lines}),
        ),
    ];
    for (kind, value) in facts {
        let cut = Data::read(&kind, value.clone()).unwrap().cut(URL);
        assert!(cut.size() <= MAX_DATA_BYTES, "{kind}");
        let left = serde_json::to_value(cut).unwrap();
        assert_eq!(left["truncated"], true, "{kind}");
        let (left, all) = (left["lines"].as_array().unwrap(), value["lines"].as_array().unwrap());
        assert!(left.len() > 400, "{kind}: {}", left.len());
        assert_eq!(left[..], all[..left.len()], "{kind}");
    }
}

#[test]
fn operators_own_data_is_never_changed() {
    let data = json!({"text": "l".repeat(2 * MAX_DATA_BYTES)});
    let data = Data::Custom(CustomData(data.as_object().unwrap().clone()));
    assert!(data.size() > MAX_DATA_BYTES, "its publisher refuses it");
    assert_eq!(data.clone().cut(URL), data);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_cut_fits_and_keeps_the_first_variants(
        titles in vec((0..3_000_usize, any::<char>()), 0..60),
        tags in vec(".{0,200}", 0..40),
        description in 0..2 * MAX_DATA_BYTES,
    ) {
        let mut whole = product();
        whole.description = Some("d".repeat(description));
        whole.tags = tags;
        whole.variants = variants(titles.len());
        for (variant, (length, letter)) in whole.variants.iter_mut().zip(titles) {
            variant.title = letter.to_string().repeat(length);
        }
        let size = data_of(whole.clone()).size();
        let cut = cut_product(whole.clone());
        assert_eq!(cut.truncated, size > MAX_DATA_BYTES);
        assert_eq!(cut.data_url.is_some(), cut.truncated);
        assert_eq!(cut.variants[..], whole.variants[..cut.variants.len()]);
        if cut.truncated && cut.variants.len() < whole.variants.len() {
            let mut more = cut.clone();
            more.variants.push(whole.variants[cut.variants.len()].clone());
            assert!(data_of(more).size() > MAX_DATA_BYTES, "one more would not fit");
        }
        assert_eq!(data_of(cut.clone()).cut("/elsewhere"), data_of(cut), "cutting again changes nothing");
    }
}

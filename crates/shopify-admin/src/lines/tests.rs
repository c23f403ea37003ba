//! Exports in prepared chunks.

use hookline_domain::{event::product::Product, kernel::port::chain};

use super::*;

const PRODUCT: &str = r#""updatedAt":"2026-11-20T10:00:00Z","status":"ACTIVE","publishedAt":"2026-01-01T00:00:00Z","title":"Lamp","descriptionHtml":"<p>Bright</p>","vendor":"V","productType":"","tags":["a"],"handle":"lamp","options":[],"featuredMedia":null"#;
const VARIANT: &str = r#""title":"S","sku":null,"price":"1.50","inventoryPolicy":"DENY","inventoryQuantity":1,"inventoryItem":{"tracked":true}"#;

fn product(id: u64) -> String {
    format!("{{\"id\":\"gid://shopify/Product/{id}\",{PRODUCT}}}\n")
}

fn variant(id: u64, position: u64, of: u64) -> String {
    format!(
        "{{\"id\":\"gid://shopify/ProductVariant/{id}\",\"position\":{position},{VARIANT},\"__parentId\":\"gid://shopify/Product/{of}\"}}\n"
    )
}

fn collection(id: u64, of: u64) -> String {
    format!(
        "{{\"id\":\"gid://shopify/Collection/{id}\",\"title\":\"C{id}\",\"__parentId\":\"gid://shopify/Product/{of}\"}}\n"
    )
}

fn file() -> String {
    [
        product(271_878_346_596_884_015),
        variant(2, 2, 271_878_346_596_884_015),
        variant(1, 1, 271_878_346_596_884_015),
        collection(7, 271_878_346_596_884_015),
        product(20),
        product(30),
        collection(7, 30),
        variant(31, 1, 30),
    ]
    .concat()
}

fn reading(file: &str, from: usize, piece: usize) -> ExportLines {
    let pieces = file.as_bytes()[from..].chunks(piece).map(<[u8]>::to_vec).collect();
    let began_at = "2026-11-21T00:00:00Z".parse().unwrap();
    ExportLines::of(Source::Canned(pieces), "EUR".to_owned(), began_at, from as u64)
}

async fn all(file: &str, from: usize, piece: usize, limit: usize) -> Result<Vec<(Vec<Product>, u64)>, CatalogueError> {
    let mut lines = reading(file, from, piece);
    let mut batches = Vec::new();
    while let Some(batch) = lines.next(limit).await? {
        assert!(batch.products.len() <= limit);
        let products = batch.products.into_iter().map(|observed| match observed.event {
            Event::ProductUpdated(product) => *product,
            other => panic!("{other:?}"),
        });
        batches.push((products.collect(), batch.offset));
    }
    Ok(batches)
}

#[tokio::test]
async fn products_are_assembled_from_chunks_of_any_size() {
    let whole = all(&file(), 0, 1_000_000, 10).await.unwrap();
    let products = &whole[0].0;
    assert_eq!(products.len(), 3);
    assert_eq!(products[0].id.as_str(), "271878346596884015");
    let variants: Vec<_> = products[0].variants.iter().map(|variant| variant.id.as_str()).collect();
    assert_eq!(variants, ["1", "2"]);
    assert_eq!(products[0].variants[0].currency.as_deref(), Some("EUR"));
    assert_eq!(products[0].collections.as_ref().unwrap().len(), 1);
    assert_eq!(products[1].collections.as_ref().unwrap().len(), 0);
    assert_eq!(products[2].variants.len(), 1);
    assert!(products.iter().all(|product| product.complete && product.visible));
    for piece in [1, 2, 7, 100] {
        assert_eq!(all(&file(), 0, piece, 10).await.unwrap(), whole, "{piece}");
    }
}

#[tokio::test]
async fn reading_continues_where_any_batch_ended() {
    let file = file();
    let whole: Vec<_> = all(&file, 0, 50, 10).await.unwrap().remove(0).0;
    for limit in [1, 2, 3] {
        let batches = all(&file, 0, 50, limit).await.unwrap();
        let mut read = 0;
        for (products, offset) in &batches {
            read += products.len();
            let rest = all(&file, usize::try_from(*offset).unwrap(), 50, 10).await.unwrap();
            let rest: Vec<_> = rest.into_iter().flat_map(|(products, _)| products).collect();
            assert_eq!(rest, whole[read..], "limit {limit}, from {offset}");
        }
        assert_eq!(read, 3);
        assert_eq!(batches.last().unwrap().1, file.len() as u64);
    }
}

#[tokio::test]
async fn empty_export_ends_at_once() {
    assert_eq!(all("", 0, 1, 10).await.unwrap(), []);
}

#[tokio::test]
async fn complete_last_line_without_a_line_feed_is_read() {
    let file = file();
    let whole = all(&file, 0, 50, 10).await.unwrap();
    let batches = all(file.trim_end(), 0, 50, 10).await.unwrap();
    assert_eq!(batches[0].0, whole[0].0);
    let failed = all(&file[..file.len() - 10], 0, 50, 10).await.unwrap_err();
    assert!(
        chain(&failed).contains("breaks off within a line"),
        "{}",
        chain(&failed)
    );
    assert!(matches!(failed, CatalogueError::Unavailable(_)));
}

#[tokio::test]
async fn products_before_a_broken_download_are_returned_and_none_after_it() {
    let file = file();
    let mut lines = reading(&file[..file.len() - 10], 0, 50);
    assert_eq!(lines.next(1).await.unwrap().unwrap().products.len(), 1);
    assert_eq!(lines.next(1).await.unwrap().unwrap().products.len(), 1);
    lines.next(1).await.unwrap_err();
    let failed = lines.next(1).await.unwrap_err();
    assert!(chain(&failed).contains("failed before"));
}

/// Result of reading a file: ids of the products read, ids of those to fetch, and skipped records.
async fn outcome(file: &str) -> (Vec<String>, Vec<String>, Vec<Skipped>) {
    let whole = batches(file, 1_000_000, 100).await;
    for (piece, limit) in [(1, 100), (50, 1), (7, 2)] {
        assert_eq!(
            batches(file, piece, limit).await,
            whole,
            "pieces of {piece}, {limit} at a time"
        );
    }
    whole
}

async fn batches(file: &str, piece: usize, limit: usize) -> (Vec<String>, Vec<String>, Vec<Skipped>) {
    let mut lines = reading(file, 0, piece);
    let (mut read, mut doubtful, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(batch) = lines.next(limit).await.unwrap() {
        read.extend(batch.products.iter().map(|observed| match &observed.event {
            Event::ProductUpdated(product) => product.id.to_string(),
            other => panic!("{other:?}"),
        }));
        doubtful.extend(batch.doubtful.iter().map(EntityId::to_string));
        skipped.extend(batch.skipped);
    }
    (read, doubtful, skipped)
}

fn named(skipped: &[Skipped]) -> Vec<String> {
    skipped.iter().map(Skipped::to_string).collect()
}

#[tokio::test]
async fn unreadable_record_is_skipped_alone_and_named_without_its_value() {
    let good = |id| product(id) + &variant(id * 10, 1, id);
    for (field, odd) in [
        ("tags", product(2).replace("[\"a\"]", "null")),
        ("title", product(2).replace("\"Lamp\"", "{\"Secret\": 1}")),
        ("updatedAt", product(2).replace("2026-11-20T10:00:00Z", "Secret")),
        ("options", product(2).replace("\"options\":[]", "\"options\":null")),
        (
            "options[0].name",
            product(2).replace("\"options\":[]", "\"options\":[{\"values\":[]}]"),
        ),
    ] {
        // Its lines are skipped with it, without a record.
        let file = good(1) + &odd + &variant(20, 1, 2) + &collection(7, 2) + &good(3);
        let (read, doubtful, skipped) = outcome(&file).await;
        assert_eq!(
            (read, doubtful),
            (vec!["1".to_owned(), "3".to_owned()], vec![]),
            "{field}"
        );
        let [skipped] = &*skipped else { panic!("{skipped:?}") };
        assert_eq!(
            (skipped.kind, skipped.id.as_ref().map(EntityId::as_str)),
            (Some(Kind::Product), Some("2"))
        );
        let path = skipped.path.strip_prefix("line 3 of the export").unwrap();
        assert!(
            path.is_empty() || path == format!(": {field}") || field.starts_with(&path[2..]),
            "{path}"
        );
        assert!(!skipped.to_string().contains("Secret"), "{skipped}");
    }
}

#[tokio::test]
async fn product_with_an_unreadable_variant_is_skipped() {
    for (field, odd) in [
        ("price", variant(20, 1, 2).replace("\"1.50\"", "\"Secret\"")),
        (
            "position",
            variant(20, 1, 2).replace("\"position\":1", "\"position\":1e40"),
        ),
        ("inventoryItem.tracked", variant(20, 1, 2).replace("true", "\"Secret\"")),
        ("id", variant(20, 1, 2).replace("ProductVariant", "Metafield")),
    ] {
        let file = product(1) + &product(2) + &odd + &variant(21, 2, 2) + &product(3);
        let (read, _, skipped) = outcome(&file).await;
        assert_eq!(read, ["1", "3"], "{field}");
        let names = named(&skipped);
        assert_eq!(names.len(), 1);
        assert!(
            names[0].starts_with(&format!("product 2, line 3 of the export: {field}: ")),
            "{names:?}"
        );
        assert!(!names[0].contains("Secret"), "{names:?}");
    }
    let unknown = product(1)
        + &variant(10, 1, 1)
            .replace("DENY", "BACKORDER")
            .replace(":1,\"inventoryItem", ":1e30,\"inventoryItem");
    assert_eq!(
        outcome(&unknown).await.0,
        ["1"],
        "an unknown policy does not show whether there is stock"
    );
}

#[tokio::test]
async fn products_around_unreadable_lines_are_fetched_by_id() {
    for odd in ["nonsense", "[1]", "{\"id\":", "7"] {
        let (read, doubtful, skipped) = outcome(&(product(1) + &product(2) + odd + "\n" + &product(3))).await;
        assert_eq!(
            (read, doubtful),
            (vec!["1".to_owned(), "3".to_owned()], vec!["2".to_owned()]),
            "{odd}"
        );
        assert_eq!(skipped[0].path, "line 3 of the export");
        assert_eq!((skipped.len(), &skipped[0].id), (1, &None));
    }
    for odd in [
        r#"{"id":17}"#,
        r#"{"title":"Secret"}"#,
        r#"{"id":"gid://shopify/Shop/1"}"#,
    ] {
        let (read, doubtful, skipped) = outcome(&(product(1) + odd + "\n" + &product(3))).await;
        assert_eq!((read.len(), doubtful.len()), (2, 0));
        assert_eq!(
            named(&skipped),
            ["line 2 of the export: id: expected the id of a Product"]
        );
    }
    let (read, doubtful, skipped) = outcome(&(product(1) + "\n  \n" + &product(2) + "\n")).await;
    assert_eq!(
        (read.len(), doubtful.len(), skipped.len()),
        (2, 0, 0),
        "an empty line is ignored"
    );
}

#[tokio::test]
async fn overlong_line_is_skipped_without_being_buffered() {
    let long = product(2).replace("Bright", &"x".repeat(3 * MAX_LINE_BYTES));
    let mut lines = reading(&(product(1) + &long + &product(3)), 0, 1_000_000);
    let batch = lines.next(10).await.unwrap().unwrap();
    assert_eq!(
        (batch.products.len(), batch.doubtful.len(), batch.skipped.len()),
        (1, 1, 1)
    );
    assert_eq!(batch.skipped[0].path, "line 2 of the export");
    assert!(lines.buffer.capacity() < 2 * MAX_LINE_BYTES);
}

#[tokio::test]
async fn product_of_a_misplaced_or_repeated_line_is_fetched_by_id() {
    for (file, read, doubtful) in [
        (variant(2, 1, 1), vec![], vec!["1"]),
        (
            product(1) + &product(2) + &variant(3, 1, 1) + &variant(4, 2, 1),
            vec!["1", "2"],
            vec!["1"],
        ),
        (
            product(1) + &variant(10, 1, 1) + &product(2) + &product(1),
            vec!["1", "2"],
            vec!["1"],
        ),
        // A line repeated at once counts once.
        (
            product(1) + &product(1) + &variant(10, 1, 1) + &variant(10, 1, 1) + &collection(7, 1),
            vec!["1"],
            vec![],
        ),
    ] {
        let found = outcome(&file).await;
        assert_eq!(
            (found.0, found.2),
            (read.iter().map(ToString::to_string).collect(), vec![]),
            "{file}"
        );
        assert_eq!(
            found.1.into_iter().collect::<HashSet<_>>(),
            doubtful.iter().map(ToString::to_string).collect()
        );
    }
    let orphan = variant(2, 1, 1).replace("gid://shopify/Product/1", "Secret");
    assert_eq!(
        named(&outcome(&orphan).await.2),
        ["line 1 of the export: __parentId: expected the id of a Product"]
    );
}

#[tokio::test]
async fn half_a_character_spoils_only_that_character() {
    let file = product(1).replace("Lamp", r"Lamp \ud83d") + &product(2);
    let mut lines = reading(&file, 0, 50);
    let batch = lines.next(10).await.unwrap().unwrap();
    let Event::ProductUpdated(first) = &batch.products[0].event else {
        panic!("{batch:?}")
    };
    assert_eq!((first.title.as_str(), batch.products.len()), ("Lamp \u{fffd}", 2));
}

#[tokio::test]
async fn hidden_collections_are_left_out() {
    let hidden =
        |count| collection(8, 1).replace("\"title\"", &format!("\"resourcePublicationsCount\":{count},\"title\""));
    for (count, named) in [("{\"count\":0}", 1), ("{\"count\":2}", 2), ("null", 2)] {
        let file = product(1) + &collection(7, 1) + &hidden(count);
        let products = all(&file, 0, 50, 10).await.unwrap().remove(0).0;
        assert_eq!(products[0].collections.as_ref().unwrap().len(), named, "{count}");
    }
}

#[tokio::test]
async fn inactive_and_future_products_are_not_visible() {
    for (changed, to, visible) in [
        ("\"ACTIVE\"", "\"ACTIVE\"", true),
        ("\"ACTIVE\"", "\"UNLISTED\"", false),
        ("\"ACTIVE\"", "\"DRAFT\"", false),
        ("\"ACTIVE\"", "\"SUSPENDED\"", false),
        ("\"2026-01-01T00:00:00Z\"", "null", false),
        ("\"2026-01-01T00:00:00Z\"", "\"2026-11-21T00:00:01Z\"", false),
        ("\"2026-01-01T00:00:00Z\"", "\"2026-11-21T00:00:00Z\"", true),
    ] {
        let products = all(&product(1).replace(changed, to), 0, 50, 10)
            .await
            .unwrap()
            .remove(0)
            .0;
        assert_eq!(products[0].visible, visible, "{to}");
    }
}

//! Exports in canned pieces.

use hookline_domain::port::chain;

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

async fn all(file: &str, from: usize, piece: usize, limit: usize) -> Result<Vec<(Vec<Product>, u64)>, Unasked> {
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
async fn products_are_put_together_however_the_file_comes_in_pieces() {
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
async fn reading_goes_on_where_any_batch_ended() {
    let file = file();
    let whole: Vec<_> = all(&file, 0, 50, 10).await.unwrap().remove(0).0;
    for limit in [1, 2, 3] {
        let batches = all(&file, 0, 50, limit).await.unwrap();
        let mut seen = 0;
        for (products, offset) in &batches {
            seen += products.len();
            let rest = all(&file, usize::try_from(*offset).unwrap(), 50, 10).await.unwrap();
            let rest: Vec<_> = rest.into_iter().flat_map(|(products, _)| products).collect();
            assert_eq!(rest, whole[seen..], "limit {limit}, from {offset}");
        }
        assert_eq!(seen, 3);
        assert_eq!(batches.last().unwrap().1, file.len() as u64);
    }
}

#[tokio::test]
async fn an_empty_export_ends_at_once() {
    assert_eq!(all("", 0, 1, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_last_line_without_its_end_is_read_if_it_is_whole() {
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
    assert!(matches!(failed, Unasked::Unavailable(_)));
}

#[tokio::test]
async fn what_was_whole_before_it_breaks_off_is_told_and_then_nothing_more() {
    let file = file();
    let mut lines = reading(&file[..file.len() - 10], 0, 50);
    assert_eq!(lines.next(1).await.unwrap().unwrap().products.len(), 1);
    assert_eq!(lines.next(1).await.unwrap().unwrap().products.len(), 1);
    lines.next(1).await.unwrap_err();
    let again = lines.next(1).await.unwrap_err();
    assert!(chain(&again).contains("failed before"));
}

#[tokio::test]
async fn a_line_that_does_not_fit_is_named_by_number_and_field_without_its_value() {
    let file = product(1) + &variant(2, 1, 1).replace("\"1.50\"", "\"Secret\"");
    let told = chain(&all(&file, 0, 50, 10).await.unwrap_err());
    assert!(told.contains("line 2 of the export does not fit at price"), "{told}");
    assert!(!told.contains("Secret"), "{told}");
    let file = product(1) + "nonsense\n";
    let told = chain(&all(&file, 0, 50, 10).await.unwrap_err());
    assert!(told.contains("line 2 of the export"), "{told}");
}

#[tokio::test]
async fn a_child_without_its_product_right_before_it_is_not_guessed_at() {
    for file in [
        variant(2, 1, 1),
        product(1) + &product(2) + &variant(3, 1, 1),
        product(1) + &variant(2, 1, 1).replace("ProductVariant", "Metafield"),
    ] {
        assert!(matches!(
            all(&file, 0, 50, 10).await.unwrap_err(),
            Unasked::Disagreed { .. }
        ));
    }
}

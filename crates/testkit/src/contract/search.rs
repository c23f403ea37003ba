//! Contract suite of [`Search`].

use hookline_domain::{
    catalogue::index::{Documents, Index, IndexChange, IndexOutcome, Search, SearchPage, SearchQuery},
    kernel::{
        ids::{EntityKey, Source, StoreKey},
        text::Words,
    },
};

use super::eventually;
use crate::builders::{document, noon, noon_plus, product, store, version};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! search_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            search,
            $start,
            [
                nothing_is_found_before_the_first_write,
                document_is_found_as_written,
                document_is_read_as_last_written,
                title_outweighs_description,
                documents_of_other_stores_are_never_found,
                documents_of_an_ended_install_are_not_found,
                typing_error_is_tolerated,
                characters_are_never_operators,
                words_of_every_script_are_found,
                word_is_found_in_any_spelling,
                hostile_query_gets_a_response,
                stock_keeping_unit_finds_its_product_first,
                matches_are_highlighted,
                page_is_limited_and_reports_the_total,
            ]
        );
    };
}

async fn search_in(search: &impl Search, store: StoreKey, text: &str, limit: usize) -> SearchPage {
    let query = SearchQuery {
        store,
        observed_after: None,
        words: Words::new(text),
        limit,
    };
    search.search(&query).await.unwrap()
}

async fn search(search: &impl Search, text: &str) -> SearchPage {
    search_in(search, store("demo"), text, 10).await
}

fn titles(page: &SearchPage) -> Vec<&str> {
    page.hits.iter().map(|hit| hit.document.title.as_str()).collect()
}

fn put(entity: &EntityKey, title: &str, description: &str) -> IndexChange {
    IndexChange::Put {
        entity: entity.clone(),
        version: version(1),
        document: Box::new(document(entity, title, description)),
    }
}

pub async fn document_is_read_as_last_written<I: Index + Documents>(index: &I) {
    let entity = product(&store("demo"), "1");
    assert_eq!(index.find(&entity).await.unwrap(), None, "there is no index yet");
    for title in ["Lantern", "Storm lantern"] {
        // Without a wait: a search may find it later only.
        assert_eq!(
            index.apply(&[put(&entity, title, "")]).await.unwrap(),
            [IndexOutcome::Applied]
        );
        assert_eq!(index.find(&entity).await.unwrap(), Some(document(&entity, title, "")));
    }
    for other in [product(&store("demo"), "2"), product(&store("other"), "1")] {
        assert_eq!(index.find(&other).await.unwrap(), None);
    }
    let removal = IndexChange::Remove {
        entity: entity.clone(),
        version: version(2),
    };
    assert_eq!(index.apply(&[removal]).await.unwrap(), [IndexOutcome::Applied]);
    assert_eq!(index.find(&entity).await.unwrap(), None);
}

/// Writes products 1, 2, … of the store `demo`, and waits until all of them can be found.
async fn index_products(index: &(impl Index + Search), products: &[(&str, &str)]) {
    let changes: Vec<IndexChange> = (1..)
        .zip(products)
        .map(|(id, (title, description))| {
            let id: i32 = id;
            put(&product(&store("demo"), &id.to_string()), title, description)
        })
        .collect();
    given_changes(index, &changes).await;
}

async fn given_changes(index: &(impl Index + Search), changes: &[IndexChange]) {
    for outcome in index.apply(changes).await.unwrap() {
        assert_eq!(outcome, IndexOutcome::Applied);
    }
    for change in changes {
        let entity = change.entity();
        eventually(&format!("document {entity}"), || async {
            let page = search_in(index, entity.store.clone(), "northfold", 100).await;
            let found = page.hits.iter().any(|hit| hit.document.id == entity.id.as_str());
            found.then_some(())
        })
        .await;
    }
}

pub async fn nothing_is_found_before_the_first_write(index: &impl Search) {
    assert_eq!(
        search(index, "anything").await,
        SearchPage {
            total: 0,
            hits: Vec::new()
        }
    );
}

pub async fn document_is_found_as_written(index: &(impl Index + Search)) {
    let entity = product(&store("demo"), "788032119674292922");
    let mut written = document(
        &entity,
        "Iron Skillet",
        "Seasoned with \"linseed\" oil.\n\nTwo handles.",
    );
    written.price_min = Some("0.000".parse().unwrap());
    written.price_max = Some("1234567.899".parse().unwrap());
    written.updated_at = crate::builders::at("2026-11-14T15:04:52.123456789Z");
    let change = IndexChange::Put {
        entity,
        version: version(1),
        document: Box::new(written.clone()),
    };
    given_changes(index, &[change]).await;
    let page = search(index, "skillet").await;
    assert_eq!(page.hits[0].document, written);
    assert!(page.hits[0].score > 0.0);
}

pub async fn title_outweighs_description(index: &(impl Index + Search)) {
    index_products(
        index,
        &[
            ("Linen Throw", "Goes well with a lantern."),
            ("Storm Lantern", "Burns for a night."),
            ("Oak Board", "For bread."),
        ],
    )
    .await;
    let page = search(index, "lantern").await;
    assert_eq!(titles(&page), ["Storm Lantern", "Linen Throw"]);
    assert_eq!(page.total, 2);
    assert!(page.hits[0].score > page.hits[1].score);
}

pub async fn documents_of_other_stores_are_never_found(index: &(impl Index + Search)) {
    let mut other_source = store("demo");
    other_source.source = Source::new("square").unwrap();
    let [upper, lower] = ["stripe#acct_1AbC", "stripe#acct_1abc"].map(|key| key.parse().unwrap());
    let elsewhere = [store("other"), store("demo-2"), other_source, upper, lower];
    let here = product(&store("demo"), "1");
    let mut changes = vec![put(&here, "Kettle here", "A kettle.")];
    changes.extend(
        elsewhere
            .iter()
            .map(|store| put(&product(store, "1"), "Kettle elsewhere", "A kettle.")),
    );
    given_changes(index, &changes).await;

    assert_eq!(titles(&search(index, "kettle").await), ["Kettle here"]);
    for store in elsewhere {
        let page = search_in(index, store, "kettle", 10).await;
        assert_eq!(titles(&page), ["Kettle elsewhere"]);
        assert_eq!(page.total, 1);
    }
    for trick in [
        "demo.myshopify.com other.myshopify.com",
        "store:other.myshopify.com",
        "* OR kind:product",
    ] {
        let page = search(index, trick).await;
        assert!(!titles(&page).contains(&"Kettle elsewhere"), "{trick}");
    }
}

pub async fn documents_of_an_ended_install_are_not_found(index: &(impl Index + Search)) {
    let states = [
        ("1", -1, "Lamp before"),
        ("2", 0, "Lamp in that moment"),
        ("3", 1, "Lamp after"),
    ];
    let changes = states.map(|(id, seconds, title)| {
        let entity = product(&store("demo"), id);
        let mut document = document(&entity, title, "");
        document.observed_at = noon_plus(seconds);
        IndexChange::Put {
            entity,
            version: version(seconds),
            document: Box::new(document),
        }
    });
    given_changes(index, &changes).await;
    let query = |observed_after| SearchQuery {
        store: store("demo"),
        observed_after,
        words: Words::new("lamp"),
        limit: 10,
    };
    assert_eq!(index.search(&query(None)).await.unwrap().total, 3);
    let page = index.search(&query(Some(noon()))).await.unwrap();
    assert_eq!((titles(&page), page.total), (vec!["Lamp after"], 1));
}

pub async fn typing_error_is_tolerated(index: &(impl Index + Search)) {
    index_products(
        index,
        &[("Iron Skillet", "For the hob."), ("Beeswax Candle", "Pillar.")],
    )
    .await;
    for typo in ["skilet", "skilllet", "sklilet", "SKILLET"] {
        assert_eq!(titles(&search(index, typo).await), ["Iron Skillet"], "{typo}");
    }
    assert_eq!(titles(&search(index, "skyscraper").await), [""; 0]);
}

pub async fn characters_are_never_operators(index: &(impl Index + Search)) {
    index_products(
        index,
        &[("Iron Skillet", "For the hob."), ("Beeswax Candle", "Pillar.")],
    )
    .await;
    let nothing = [
        "",
        " ",
        "*",
        "*:*",
        "?",
        "\"",
        "(",
        ")))",
        "[* TO *]",
        "_exists_:title",
        "/.*/",
        "~",
        "\\",
        "${jndi}",
        "\u{0}",
    ];
    for text in nothing {
        assert_eq!(titles(&search(index, text).await), [""; 0], "{text:?}");
    }
    for text in [
        "-skillet",
        "NOT skillet",
        "+skillet -iron",
        "skillet AND (",
        "\"skillet",
        "skillet~ && \\",
        "{\"skillet\"}",
    ] {
        assert_eq!(titles(&search(index, text).await), ["Iron Skillet"], "{text:?}");
    }
}

pub async fn words_of_every_script_are_found(index: &(impl Index + Search)) {
    index_products(
        index,
        &[
            ("Crème brûlée ramekins", "Six of them."),
            ("南部鉄瓶 kettle", "From Iwate."),
            ("Самовар", "Из Тулы."),
            ("دلة القهوة", "For coffee."),
        ],
    )
    .await;
    for (text, title) in [
        ("brûlée", "Crème brûlée ramekins"),
        ("南部鉄瓶", "南部鉄瓶 kettle"),
        ("самовар", "Самовар"),
        ("القهوة", "دلة القهوة"),
    ] {
        assert_eq!(titles(&search(index, text).await), [title]);
    }
}

pub async fn word_is_found_in_any_spelling(index: &(impl Index + Search)) {
    index_products(
        index,
        &[
            ("Écharpe en laine", "Douce."),
            ("Ångström-Lampe", "Hell."),
            ("Soft\u{ad}ware\u{200b}box", "Boxed."),
            ("ＡＢＣ１２３", "Wide."),
            ("Dose mit Grütze", "Rot."),
            ("می\u{200c}خواهم", "Persian."),
        ],
    )
    .await;
    for (text, title) in [
        ("echarpe", "Écharpe en laine"),
        ("ECHARPE", "Écharpe en laine"),
        ("E\u{301}charpe", "Écharpe en laine"),
        ("angstrom", "Ångström-Lampe"),
        ("Ångström", "Ångström-Lampe"),
        ("softwarebox", "Softwarebox"),
        ("soft\u{2060}ware\u{feff}box", "Softwarebox"),
        ("abc123", "ABC123"),
        ("ａｂｃ１２３", "ABC123"),
        ("grutze", "Dose mit Grütze"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
    ] {
        assert_eq!(titles(&search(index, text).await), [title], "{text}");
    }
}

pub async fn hostile_query_gets_a_response(index: &(impl Index + Search)) {
    index_products(index, &[("Iron Skillet", "For the hob.")]).await;
    let many = |word: &dyn Fn(usize) -> String| (0..10_000).map(word).collect::<String>();
    for text in [
        many(&|n| format!("word{n} ")),
        many(&|n| format!("{n},")),
        many(&|_| "same ".to_owned()),
        "x".repeat(100_000),
        "鉄".repeat(10_000),
        "😀".repeat(10_000),
        "\u{202e}\u{0}".repeat(10_000),
        many(&|n| format!("+(\"{n}\") AND -{n}* OR ~{n}^9 ")),
    ] {
        let page = search(index, &format!("skillet {text}")).await;
        assert_eq!(titles(&page), ["Iron Skillet"], "{}", &text[..12]);
    }
}

pub async fn stock_keeping_unit_finds_its_product_first(index: &(impl Index + Search)) {
    let store = store("demo");
    let mut changes: Vec<IndexChange> = [("10", "CRR-15"), ("11", "CRR-16"), ("12", "LCP-15")]
        .into_iter()
        .map(|(id, sku)| {
            let entity = product(&store, id);
            let mut product = document(&entity, sku, "");
            product.title = format!("Thing {id}");
            product.variants[0].sku = Some(sku.to_owned());
            product.text = format!("Thing {id}\n\nNorthfold\n\n- (SKU {sku})");
            IndexChange::Put {
                entity,
                version: version(1),
                document: Box::new(product),
            }
        })
        .collect();
    // Its title consists of the parts of the stock-keeping unit.
    changes.push(put(&product(&store, "13"), "CRR 16", "CRR 16"));
    given_changes(index, &changes).await;
    for text in ["CRR-16", "crr-16"] {
        assert_eq!(titles(&search(index, text).await)[0], "Thing 11", "{text}");
    }
}

pub async fn matches_are_highlighted(index: &(impl Index + Search)) {
    index_products(index, &[("Iron Skillet", "A skillet for the hob. ")]).await;
    let page = search(index, "skillet").await;
    let highlights = &page.hits[0].highlights;
    assert!(highlights["title"][0].contains("<em>Skillet</em>"), "{highlights:?}");
    assert!(
        highlights["text"].iter().any(|passage| passage.contains("<em>")),
        "{highlights:?}"
    );
}

pub async fn page_is_limited_and_reports_the_total(index: &(impl Index + Search)) {
    index_products(index, &[("Oak Board", "A"), ("Oak Bowl", "B"), ("Oak Spoon", "C")]).await;
    for (limit, found) in [(0, 0), (1, 1), (2, 2), (50_000, 3)] {
        let page = search_in(index, store("demo"), "oak", limit).await;
        assert_eq!((page.hits.len(), page.total), (found, 3));
    }
}

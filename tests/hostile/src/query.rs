//! A person's search text is only words: it never becomes part of the query's structure.
//!
//! Input: the number of results (one byte), then the text.

use hookline_domain::{catalogue::index::SearchQuery, kernel::text::Words};
use hookline_sources::shopify;
use serde_json::Value;

use crate::payload::STORE;

/// The module without its crate, so that a fuzzer need not compile AWS's SDKs.
#[path = "../../../crates/aws/src/opensearch/query.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "only the request is checked here, not the response"
)]
mod opensearch;

pub(crate) fn search_query(data: &[u8]) {
    let (limit, text) = data
        .split_first()
        .map_or((10, data), |(limit, text)| (usize::from(*limit), text));
    let text = String::from_utf8_lossy(text).into_owned();
    let search_words = Words::new(&text);
    let words: Vec<&str> = search_words.iter().collect();
    let harmless: Vec<String> = (0..words.len()).map(|n| format!("kettle{n}")).collect();
    let harmless = harmless.join(" ");
    let built = opensearch::request(&query(&text, limit));
    let reference = opensearch::request(&query(&harmless, limit));

    let mut differences = Vec::new();
    compare("", &built, &reference, &mut differences);
    for (path, value) in differences {
        let at = path
            .strip_prefix("/query/bool/must/bool/should/")
            .unwrap_or_else(|| panic!("{path}"));
        let (at, field) = at.split_once('/').unwrap();
        let expected = match (at.parse::<usize>().unwrap(), field) {
            (0..=2, "multi_match/query") => search_words.text(),
            (n, "term/variants.sku/value") => words[n - 3].to_owned(),
            _ => panic!("{path} depends on the text"),
        };
        assert_eq!(value, expected, "{path}");
    }
    // The query survives a round trip through JSON.
    let sent = serde_json::to_string(&built).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), built);
    // Each byte is at most an escape of six bytes, and each word occurs at most four times, in a frame of 100 bytes.
    assert!(
        sent.len() <= 6 * 4 * search_words.text().len() + 100 * Words::MOST + 4096,
        "{}",
        sent.len()
    );
}

fn query(text: &str, limit: usize) -> SearchQuery {
    SearchQuery {
        store: shopify::store(STORE).unwrap(),
        observed_after: limit.is_multiple_of(2).then(|| "2026-11-14T12:00:00Z".parse().unwrap()),
        words: Words::new(text),
        limit,
    }
}

/// Collects the texts in which two queries differ; panics if they differ in anything else.
fn compare<'a>(path: &str, built: &'a Value, reference: &Value, differences: &mut Vec<(String, &'a str)>) {
    match (built, reference) {
        (Value::Object(built), Value::Object(reference)) => {
            assert!(built.keys().eq(reference.keys()), "{path} has other fields");
            for (key, value) in built {
                compare(&format!("{path}/{key}"), value, &reference[key], differences);
            }
        }
        (Value::Array(built), Value::Array(reference)) => {
            assert_eq!(built.len(), reference.len(), "{path} has another length");
            for (at, (built, reference)) in built.iter().zip(reference).enumerate() {
                compare(&format!("{path}/{at}"), built, reference, differences);
            }
        }
        (Value::String(built), Value::String(reference)) if built != reference => {
            differences.push((path.to_owned(), built));
        }
        (built, reference) => assert_eq!(built, reference, "{path} depends on the text"),
    }
}

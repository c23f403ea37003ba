//! A person's search text is only words: it never becomes part of the query's structure.
//!
//! Input: how many results are wanted (one byte), then the text.

use hookline_domain::{catalogue::index::SearchQuery, kernel::text::Words};
use hookline_sources::shopify;
use serde_json::Value;

use crate::payload::STORE;

/// The module itself, not its crate: a fuzzer would have to compile AWS's SDKs with it.
#[path = "../../../crates/aws/src/opensearch/query.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "only the request is looked at here, not the answer"
)]
mod opensearch;

pub(crate) fn search_query(data: &[u8]) {
    let (limit, text) = data
        .split_first()
        .map_or((10, data), |(limit, text)| (usize::from(*limit), text));
    let text = String::from_utf8_lossy(text).into_owned();
    let looked_for = Words::new(&text);
    let words: Vec<&str> = looked_for.iter().collect();
    let harmless: Vec<String> = (0..words.len()).map(|n| format!("kettle{n}")).collect();
    let harmless = harmless.join(" ");
    let said = opensearch::request(&query(&text, limit));
    let model = opensearch::request(&query(&harmless, limit));

    let mut differ = Vec::new();
    compare("", &said, &model, &mut differ);
    for (path, value) in differ {
        let at = path
            .strip_prefix("/query/bool/must/bool/should/")
            .unwrap_or_else(|| panic!("{path}"));
        let (at, field) = at.split_once('/').unwrap();
        let expected = match (at.parse::<usize>().unwrap(), field) {
            (0..=2, "multi_match/query") => looked_for.text(),
            (n, "term/variants.sku/value") => words[n - 3].to_owned(),
            _ => panic!("{path} depends on what was typed"),
        };
        assert_eq!(value, expected, "{path}");
    }
    // Serialized and parsed again, it is the same.
    let sent = serde_json::to_string(&said).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), said);
    // Each byte at most as an escape of six, each word at most four times, beside what belongs to it.
    assert!(
        sent.len() <= 6 * 4 * looked_for.text().len() + 100 * Words::MOST + 4096,
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
fn compare<'a>(path: &str, said: &'a Value, model: &Value, differ: &mut Vec<(String, &'a str)>) {
    match (said, model) {
        (Value::Object(said), Value::Object(model)) => {
            assert!(said.keys().eq(model.keys()), "{path} has other fields");
            for (key, value) in said {
                compare(&format!("{path}/{key}"), value, &model[key], differ);
            }
        }
        (Value::Array(said), Value::Array(model)) => {
            assert_eq!(said.len(), model.len(), "{path} has another length");
            for (at, (said, model)) in said.iter().zip(model).enumerate() {
                compare(&format!("{path}/{at}"), said, model, differ);
            }
        }
        (Value::String(said), Value::String(model)) if said != model => differ.push((path.to_owned(), said)),
        (said, model) => assert_eq!(said, model, "{path} depends on what was typed"),
    }
}

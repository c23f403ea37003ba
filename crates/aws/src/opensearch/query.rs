//! A search in OpenSearch's query language, and its response.

use std::collections::BTreeMap;

use hookline_domain::catalogue::{
    document::Document,
    index::{Hit, SearchPage, SearchQuery},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Fields to search, each with its weight. The variants' titles are in `text`, without Shopify's
/// placeholder "Default Title", which would make `title` and `default` fit nearly every product.
const FIELDS: [&str; 7] = [
    "title^4",
    "vendor.text^2",
    "tags.text^2",
    "product_type.text^2",
    "collections.title.text^2",
    "description",
    "text",
];

/// Fields in which typing errors are tolerated: `text` holds the words of all the others.
const FUZZY_FIELDS: [&str; 2] = ["title^4", "text"];

/// Most words of the index that a misspelt word may stand for, the nearest first. All stores share the index,
/// so it holds many similar words.
const MAX_EXPANSIONS: usize = 8;

/// Weight of a matching stock-keeping unit, which outweighs everything else.
const SKU_BOOST: u32 = 20;
const PHRASE_BOOST: u32 = 2;

/// `index.max_result_window`
/// (<https://docs.opensearch.org/latest/install-and-configure/configuring-opensearch/index-settings/>).
const MAX_RESULTS: usize = 10_000;

/// Longest search of each shard: less than the client waits, so that no search goes on after the client has left.
const SHARD_TIMEOUT: &str = "2s";

/// Body of the search. The words stand only where OpenSearch takes them as words: `query_string` and its kin,
/// which know operators, are not used.
///
/// Its work is bounded: [`Words`](hookline_domain::kernel::text::Words) has at most 32, each is searched in seven
/// fields as it is, in two as at most eight words, in seven as part of the phrase, and once as a stock-keeping unit.
/// That is below the 1,024 clauses which OpenSearch takes by default. There is no `terminate_after`: it would stop at
/// the first documents that match, not at the best.
pub(super) fn request(query: &SearchQuery) -> Value {
    let text = query.words.text();
    let mut alternatives = vec![
        json!({"multi_match": {
            "query": text,
            "fields": FIELDS,
            "type": "best_fields",
            "tie_breaker": 0.3,
        }}),
        json!({"multi_match": {
            "query": text,
            "fields": FUZZY_FIELDS,
            "type": "best_fields",
            "tie_breaker": 0.3,
            "fuzziness": "AUTO",
            "prefix_length": 1,
            "max_expansions": MAX_EXPANSIONS,
        }}),
        json!({"multi_match": {
            "query": text,
            "fields": FIELDS,
            "type": "phrase",
            "boost": PHRASE_BOOST,
        }}),
    ];
    alternatives.extend(
        query.words.iter().map(
            |word| json!({"term": {"variants.sku": {"value": word, "case_insensitive": true, "boost": SKU_BOOST}}}),
        ),
    );
    let mut filter = vec![
        json!({"term": {"source": query.store.source.as_str()}}),
        json!({"term": {"store": query.store.store.as_str()}}),
    ];
    if let Some(after) = query.observed_after {
        filter.push(json!({"range": {"observed_at": {"gt": after.to_string()}}}));
    }
    json!({
        "size": query.limit.min(MAX_RESULTS),
        "timeout": SHARD_TIMEOUT,
        "track_total_hits": true,
        "query": {"bool": {
            "filter": filter,
            "must": {"bool": {"should": alternatives, "minimum_should_match": 1}},
        }},
        "highlight": {
            "pre_tags": ["<em>"],
            "post_tags": ["</em>"],
            "fields": {
                "title": {"number_of_fragments": 0},
                "description": {"number_of_fragments": 2, "fragment_size": 160},
                "text": {"number_of_fragments": 2, "fragment_size": 160},
            },
        },
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct SearchResponse {
    /// True if the time limit ended the search.
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards", default)]
    shards: Shards,
    hits: Hits,
}

#[derive(Debug, Default, Deserialize)]
struct Shards {
    #[serde(default)]
    failed: u64,
}

/// A part of the index has not answered, so the best documents may be missing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PartialResponseError {
    #[error("the index stopped looking after {SHARD_TIMEOUT}")]
    TimedOut,
    #[error("{0} shards of the index failed")]
    Failed(u64),
}

#[derive(Debug, Deserialize)]
struct Hits {
    total: Total,
    hits: Vec<FoundDocument>,
}

#[derive(Debug, Deserialize)]
struct Total {
    value: u64,
}

#[derive(Debug, Deserialize)]
struct FoundDocument {
    #[serde(rename = "_score")]
    score: f64,
    #[serde(rename = "_source")]
    document: Document,
    #[serde(default)]
    highlight: BTreeMap<String, Vec<String>>,
}

impl SearchResponse {
    pub(super) fn page(self) -> Result<SearchPage, PartialResponseError> {
        if self.timed_out {
            return Err(PartialResponseError::TimedOut);
        }
        if self.shards.failed > 0 {
            return Err(PartialResponseError::Failed(self.shards.failed));
        }
        Ok(SearchPage {
            total: self.hits.total.value,
            hits: self
                .hits
                .hits
                .into_iter()
                .map(|found| Hit {
                    score: found.score,
                    document: found.document,
                    highlights: found.highlight,
                })
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::text::Words;

    use super::*;

    /// OpenSearch's default (`indices.query.bool.max_clause_count`).
    const MOST_CLAUSES: usize = 1_024;

    fn body(typed: &str) -> Value {
        request(&SearchQuery {
            store: "shopify#demo.myshopify.com".parse().unwrap(),
            observed_after: Some(jiff::Timestamp::UNIX_EPOCH),
            words: Words::new(typed),
            limit: 50,
        })
    }

    /// Most words that the index can make of a text: each character outside of ASCII's and each run within.
    fn most_words(text: &str) -> usize {
        let mut inside = false;
        let mut words = 0;
        for c in text.chars() {
            let begins = c.is_ascii_alphanumeric() && !inside;
            inside = c.is_ascii_alphanumeric();
            words += usize::from(begins);
        }
        words
    }

    /// Clauses that OpenSearch makes of a query, if the index makes this many words of the text.
    fn clauses(query: &Value, words: &impl Fn(&str) -> usize) -> usize {
        match query {
            Value::Object(fields) => (fields.iter())
                .map(|(name, value)| match name.as_str() {
                    "multi_match" => {
                        let each = value["max_expansions"].as_u64().unwrap_or(1);
                        let fields = value["fields"].as_array().unwrap().len();
                        assert_eq!(value.get("fuzziness").is_some(), value.get("max_expansions").is_some());
                        words(value["query"].as_str().unwrap()) * fields * usize::try_from(each).unwrap()
                    }
                    "term" | "range" => 1,
                    "bool" | "filter" | "must" | "should" => clauses(value, words),
                    "minimum_should_match" => 0,
                    other => panic!("{other} has an unknown number of clauses"),
                })
                .sum(),
            Value::Array(queries) => queries.iter().map(|query| clauses(query, words)).sum(),
            other => panic!("{other} is not a query"),
        }
    }

    #[test]
    fn query_never_exceeds_the_maximum_clauses_of_the_index() {
        let many = |word: &dyn Fn(usize) -> String| (0..10_000).map(word).collect::<String>();
        for typed in [
            many(&|n| format!("word{n} ")),
            many(&|_| "same ".to_owned()),
            many(&|n| format!("a{n},")),
            many(&|n| format!("\"{n}\" AND ({n} OR *:{n}) ~{n}^9 ")),
            many(&|_| "\0 ".to_owned()),
            "x".repeat(100_000),
            "x.".repeat(100_000),
            String::new(),
        ] {
            let body = body(&typed);
            let clauses = clauses(&body["query"], &most_words);
            assert!(
                clauses <= MOST_CLAUSES,
                "{clauses} of {}",
                &typed[..typed.len().min(40)]
            );
            assert!(body.to_string().len() < 64 * 1024);
            assert_eq!(body["timeout"], SHARD_TIMEOUT);
        }
    }

    #[test]
    fn query_in_another_script_never_exceeds_the_maximum_clauses() {
        // An index makes a word of each of these characters.
        let each = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        for typed in ["鉄瓶南部茶釜", "ひらがな", "😀🎉🫖", "鉄😀"] {
            let clauses = clauses(&body(&typed.repeat(2_000))["query"], &each);
            assert!((900..=MOST_CLAUSES).contains(&clauses), "{clauses} of {typed}");
        }
    }

    #[test]
    fn partial_response_is_an_error() {
        let page = |head: Value| {
            let mut answer = json!({"hits": {"total": {"value": 0}, "hits": []}});
            answer
                .as_object_mut()
                .unwrap()
                .extend(head.as_object().unwrap().clone());
            serde_json::from_value::<SearchResponse>(answer).unwrap().page()
        };
        assert_eq!(page(json!({})).unwrap().total, 0);
        assert_eq!(page(json!({"timed_out": true})), Err(PartialResponseError::TimedOut));
        assert_eq!(
            page(json!({"_shards": {"total": 5, "failed": 2}})),
            Err(PartialResponseError::Failed(2))
        );
    }
}

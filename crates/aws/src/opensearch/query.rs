//! A search as OpenSearch's query language says it, and the answer read back.

use std::collections::BTreeMap;

use hookline_domain::{
    document::Document,
    index::{Hit, SearchPage, SearchQuery},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Where words are looked for, and how much a hit there counts. The variants' titles are in `text`, without Shopify's
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

/// A stock-keeping unit that fits outweighs everything else.
const SKU_BOOST: u32 = 20;
const PHRASE_BOOST: u32 = 2;

/// So many of the first words may be stock-keeping units.
const SKU_WORDS: usize = 16;

/// `index.max_result_window` (<https://docs.opensearch.org/latest/install-and-configure/configuring-opensearch/index-settings/>).
const MOST_RESULTS: usize = 10_000;

/// The body of the search. The words only ever stand where OpenSearch takes them as words: `query_string` and its kin,
/// which know operators, are not used.
pub(super) fn request(query: &SearchQuery) -> Value {
    let text = query.text.as_str();
    let mut ways = vec![
        json!({"multi_match": {
            "query": text,
            "fields": FIELDS,
            "type": "best_fields",
            "tie_breaker": 0.3,
            "fuzziness": "AUTO",
            "prefix_length": 1,
        }}),
        json!({"multi_match": {
            "query": text,
            "fields": FIELDS,
            "type": "phrase",
            "boost": PHRASE_BOOST,
        }}),
    ];
    ways.extend(
        text.split_whitespace().take(SKU_WORDS).map(
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
        "size": query.limit.min(MOST_RESULTS),
        "track_total_hits": true,
        "query": {"bool": {
            "filter": filter,
            "must": {"bool": {"should": ways, "minimum_should_match": 1}},
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
pub(super) struct Answer {
    hits: Hits,
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

impl Answer {
    pub(super) fn page(self) -> SearchPage {
        SearchPage {
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
        }
    }
}

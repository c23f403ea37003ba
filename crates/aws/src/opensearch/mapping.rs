//! Mapping of a document's fields.

use serde_json::{Value, json};

/// Most characters of a text that is indexed as one term; longer ones are stored only. Lucene refuses terms of more
/// than 32,766 bytes, and the whole document with them
/// (<https://docs.opensearch.org/latest/field-types/supported-field-types/keyword/>).
const MAX_KEYWORD_CHARS: u32 = 1024;

/// Name of our analyzer: words without case and accents, so that `echarpe` finds `Écharpe`.
const WORDS_ANALYZER: &str = "words";

/// Body of the request that creates the index. It sets no number of shards: Serverless chooses its own, and a domain's
/// default does. It sets replicas only if they are configured.
///
/// The analyzer folds case and accents only; the domain has brought documents and queries into one form
/// ([`text`](hookline_domain::kernel::text)). The analyzer leaves joiners out of words, because few people type them,
/// and the shown text keeps them.
///
/// `dynamic: false`, not `strict`: while a new release is rolled out, documents with a field that this mapping does not
/// have yet are stored and returned, and not found by that field. `strict` would refuse them for good, and the order of
/// two deployments would lose a change. A field that is *mapped* and does not fit is refused with either.
///
/// Prices are decimal texts in the document, and are indexed in thousandths, because some currencies have three
/// decimals.
pub(super) fn index(replicas: Option<u32>) -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": MAX_KEYWORD_CHARS});
    let searched = json!({
        "type": "keyword",
        "ignore_above": MAX_KEYWORD_CHARS,
        "fields": {"text": {"type": "text", "analyzer": WORDS_ANALYZER}},
    });
    let stored_only = json!({"type": "keyword", "index": false, "doc_values": false});
    let text = json!({"type": "text", "analyzer": WORDS_ANALYZER});
    let price = json!({"type": "scaled_float", "scaling_factor": 1000});
    let flag = json!({"type": "boolean"});
    let mut index = json!({
        "settings": {"analysis": {
            "char_filter": {"joiners": {"type": "mapping", "mappings": ["\\u200C=>", "\\u200D=>"]}},
            "analyzer": {(WORDS_ANALYZER): {
                "type": "custom",
                "char_filter": ["joiners"],
                "tokenizer": "standard",
                "filter": ["lowercase", "asciifolding"],
            }},
        }},
        "mappings": {
            "dynamic": false,
            "properties": {
                "source": keyword,
                "store": keyword,
                "kind": keyword,
                "id": keyword,
                "title": text,
                "description": text,
                "vendor": searched,
                "product_type": searched,
                "tags": searched,
                "options": {"properties": {"name": keyword, "values": keyword}},
                "variants": {
                    "properties": {
                        "id": keyword,
                        "title": stored_only,
                        "sku": keyword,
                        "price": price,
                        "currency": keyword,
                        "available": flag,
                    },
                },
                "collections": {"properties": {"id": keyword, "title": searched}},
                "partial": flag,
                "price_min": price,
                "price_max": price,
                "currency": keyword,
                "available": flag,
                "image": stored_only,
                "handle": keyword,
                "updated_at": {"type": "date"},
                "observed_at": {"type": "date"},
                "text": text,
            },
        },
    });
    if let Some(replicas) = replicas {
        index["settings"]["index"] = json!({"number_of_replicas": replicas});
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_set_only_if_configured() {
        assert_eq!(index(None)["settings"].get("index"), None);
        assert_eq!(index(Some(2))["settings"]["index"]["number_of_replicas"], 2);
    }
}

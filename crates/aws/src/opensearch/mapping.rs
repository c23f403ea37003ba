//! What the index knows of a document's fields.

use serde_json::{Value, json};

/// Longer texts are kept but not indexed as one term: Lucene refuses terms of more than 32,766 bytes, and with them the
/// whole document (<https://docs.opensearch.org/latest/field-types/supported-field-types/keyword/>).
const LONGEST_KEYWORD: u32 = 1024;

/// The name of our analyzer: words without case and accents, so that `echarpe` finds `Écharpe`.
const WORDS: &str = "words";

/// The body that makes the index. It does not say how many shards: Serverless chooses its own, and a domain's default does.
/// Nor how many replicas, unless somebody has to.
///
/// Of letters only case and accents are folded; all else that one form of text needs has been done to documents and to
/// what is asked ([`text`](hookline_domain::kernel::text)). Joiners are left out of words here, and kept in the text that is shown:
/// few who look for a word type them.
///
/// `dynamic: false`, not `strict`: while a new release is rolled out, documents with a field that this mapping does not
/// have yet are kept and returned, only not found by that field. `strict` would refuse them for good, and a change
/// would be lost for the order of two deployments. A field that is *mapped* and does not fit is refused with either.
///
/// Prices come as decimal texts, stay so in the document, and are indexed in thousandths, for some currencies have
/// three decimals.
pub(super) fn index(replicas: Option<u32>) -> Value {
    let keyword = json!({"type": "keyword", "ignore_above": LONGEST_KEYWORD});
    let searched = json!({
        "type": "keyword",
        "ignore_above": LONGEST_KEYWORD,
        "fields": {"text": {"type": "text", "analyzer": WORDS}},
    });
    let kept = json!({"type": "keyword", "index": false, "doc_values": false});
    let text = json!({"type": "text", "analyzer": WORDS});
    let price = json!({"type": "scaled_float", "scaling_factor": 1000});
    let flag = json!({"type": "boolean"});
    let mut index = json!({
        "settings": {"analysis": {
            "char_filter": {"joiners": {"type": "mapping", "mappings": ["\\u200C=>", "\\u200D=>"]}},
            "analyzer": {(WORDS): {
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
                        "title": kept,
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
                "image": kept,
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
    fn replicas_are_said_only_if_somebody_said_them() {
        assert_eq!(index(None)["settings"].get("index"), None);
        assert_eq!(index(Some(2))["settings"]["index"]["number_of_replicas"], 2);
    }
}

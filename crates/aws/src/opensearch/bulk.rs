//! Changes as the lines of `_bulk` requests, and what its answer says of each.

use std::collections::BTreeMap;

use hookline_domain::index::{Change, Outcome};
use serde::Deserialize;
use serde_json::json;

/// The advice for a request is 5 to 15 MiB, and the smallest domains refuse more than 10 MiB
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html#network-limits>).
const REQUEST_BYTES: usize = 5 * 1024 * 1024;
const REQUEST_OPERATIONS: usize = 1000;

/// One `_bulk` request.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// Its body, line by line.
    pub(super) lines: Vec<String>,
    /// How many changes that is.
    pub(super) operations: usize,
    bytes: usize,
}

/// The changes in as few requests as the limits allow; a change that is over the limit by itself gets its own.
pub(super) fn requests(changes: &[Change]) -> Result<Vec<Request>, serde_json::Error> {
    let mut full = Vec::new();
    let mut request = Request::default();
    for change in changes {
        let lines = lines(change)?;
        let bytes = lines.iter().map(|line| line.len() + 1).sum::<usize>();
        let fits = request.bytes + bytes <= REQUEST_BYTES && request.operations < REQUEST_OPERATIONS;
        if !fits && request.operations > 0 {
            full.push(std::mem::take(&mut request));
        }
        request.lines.extend(lines);
        request.bytes += bytes;
        request.operations += 1;
    }
    if request.operations > 0 {
        full.push(request);
    }
    Ok(full)
}

fn lines(change: &Change) -> Result<Vec<String>, serde_json::Error> {
    let version = match change {
        Change::Put { version, .. } | Change::Remove { version, .. } => version.as_i64(),
    };
    let target = json!({
        "_id": change.entity().to_string(),
        "version": version,
        "version_type": "external_gte",
    });
    Ok(match change {
        Change::Put { document, .. } => {
            vec![json!({"index": target}).to_string(), serde_json::to_string(document)?]
        }
        Change::Remove { .. } => vec![json!({"delete": target}).to_string()],
    })
}

/// The answer to a `_bulk` request that was taken as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// One for each operation, in order, under the name of what was done.
    items: Vec<BTreeMap<String, Item>>,
}

#[derive(Debug, Deserialize)]
struct Item {
    status: u16,
    error: Option<ErrorCause>,
}

/// An answer with a status of 400 or above. Serverless and the proxies before it may answer with any other body.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    error: ErrorCause,
}

impl ErrorBody {
    pub(super) fn reason(self) -> String {
        self.error.into_reason()
    }
}

/// Only the type is read: the reason quotes values of the document.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ErrorCause {
    Typed {
        #[serde(rename = "type")]
        name: String,
    },
    Untyped(serde::de::IgnoredAny),
}

impl ErrorCause {
    fn into_reason(self) -> String {
        match self {
            Self::Typed { name } => name,
            Self::Untyped(_) => "unnamed".to_owned(),
        }
    }
}

/// The answer does not have one entry for each operation.
#[derive(Debug, thiserror::Error)]
#[error("the index answered {answered} of {sent} operations")]
pub(super) struct Incomplete {
    answered: usize,
    sent: usize,
}

const INDEX_GONE: &str = "index_not_found_exception";

impl Answer {
    pub(super) fn says_the_index_is_gone(&self) -> bool {
        self.items.iter().flat_map(BTreeMap::values).any(Item::index_is_gone)
    }

    pub(super) fn outcomes(self, sent: usize) -> Result<Vec<Outcome>, Incomplete> {
        let outcomes: Vec<Outcome> = self
            .items
            .into_iter()
            .filter_map(|mut entry| entry.pop_first())
            .map(|(done, item)| item.outcome(&done))
            .collect();
        if outcomes.len() == sent {
            Ok(outcomes)
        } else {
            Err(Incomplete {
                answered: outcomes.len(),
                sent,
            })
        }
    }
}

impl Item {
    fn index_is_gone(&self) -> bool {
        matches!(&self.error, Some(ErrorCause::Typed { name }) if name == INDEX_GONE)
    }

    fn outcome(self, done: &str) -> Outcome {
        let index_is_gone = self.index_is_gone();
        let reason = |cause: Option<ErrorCause>| cause.map_or_else(|| "unnamed".to_owned(), ErrorCause::into_reason);
        match self.status {
            200..=299 => Outcome::Applied,
            404 if done == "delete" => Outcome::Applied,
            409 => Outcome::Superseded,
            // It is made anew before the next attempt.
            404 if index_is_gone => Outcome::Failed {
                reason: reason(self.error),
            },
            // None of these is the document's fault: permissions or a write block, patience, load.
            401 | 403 | 408 | 429 | 500.. => Outcome::Failed {
                reason: reason(self.error),
            },
            _ => Outcome::Rejected {
                reason: reason(self.error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        ids::{EntityId, EntityKey, Kind, Source, StoreKey, StoreName},
        version::Version,
    };

    use super::*;

    fn outcomes(items: &str, sent: usize) -> Result<Vec<Outcome>, Incomplete> {
        let answer: Answer = serde_json::from_str(&format!(r#"{{"took":1,"errors":true,"items":[{items}]}}"#)).unwrap();
        answer.outcomes(sent)
    }

    fn removal() -> Change {
        Change::Remove {
            entity: EntityKey {
                store: StoreKey {
                    source: Source::new("s".repeat(32)).unwrap(),
                    store: StoreName::new("s".repeat(255)).unwrap(),
                },
                kind: Kind::Collection,
                id: EntityId::new("9".repeat(128)).unwrap(),
            },
            version: Version::FINAL,
        }
    }

    #[test]
    fn each_status_has_its_outcome_and_reasons_hold_no_values() {
        let failed = |reason: &str| Outcome::Failed {
            reason: reason.to_owned(),
        };
        let rejected = |reason: &str| Outcome::Rejected {
            reason: reason.to_owned(),
        };
        let items = r#"
            {"index":{"_id":"1","status":201}},
            {"delete":{"_id":"2","status":404,"result":"not_found"}},
            {"index":{"_id":"3","status":409,"error":{"type":"version_conflict_engine_exception","reason":"x"}}},
            {"index":{"_id":"4","status":429,"error":{"type":"rejected_execution_exception","reason":"x"}}},
            {"index":{"_id":"5","status":503,"error":{"type":"unavailable_shards_exception","reason":"x"}}},
            {"index":{"_id":"6","status":400,"error":{"type":"mapper_parsing_exception","reason":"value: 'secret'"}}},
            {"index":{"_id":"7","status":404,"error":{"type":"index_not_found_exception","reason":"x"}}},
            {"index":{"_id":"8","status":403,"error":"no"}},
            {"index":{"_id":"9","status":400,"error":"no"}}"#;
        assert_eq!(
            outcomes(items, 9).unwrap(),
            [
                Outcome::Applied,
                Outcome::Applied,
                Outcome::Superseded,
                failed("rejected_execution_exception"),
                failed("unavailable_shards_exception"),
                rejected("mapper_parsing_exception"),
                failed("index_not_found_exception"),
                failed("unnamed"),
                rejected("unnamed"),
            ]
        );
    }

    #[test]
    fn an_answer_that_is_too_short_is_no_answer() {
        assert!(outcomes(r#"{"index":{"status":201}}"#, 2).is_err());
    }

    #[test]
    fn a_thousand_changes_are_one_request_and_one_more_is_two() {
        let operations = |changes: usize| -> Vec<usize> {
            let requests = requests(&vec![removal(); changes]).unwrap();
            requests.iter().map(|request| request.operations).collect()
        };
        assert_eq!(operations(0), [0; 0]);
        assert_eq!(operations(1000), [1000]);
        assert_eq!(operations(1001), [1000, 1]);
    }

    #[test]
    fn the_longest_id_fits() {
        assert!(removal().entity().to_string().len() <= 512);
    }
}

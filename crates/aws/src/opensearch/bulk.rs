//! Changes as the lines of `_bulk` requests, and the outcome of each in the response.

use std::collections::BTreeMap;

use hookline_domain::{
    catalogue::index::{IndexChange, IndexOutcome},
    kernel::{
        port::{Cause, PortError},
        version::Version,
    },
};
use serde::Deserialize;
use serde_json::json;

use crate::failure;

/// Most bytes of a request: 5 to 15 MiB are advised, and the smallest domains refuse more than 10 MiB
/// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html#network-limits>).
const MAX_REQUEST_BYTES: usize = 5 * 1024 * 1024;
const MAX_REQUEST_OPERATIONS: usize = 1000;

/// Comparison of a change's version with the stored one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    /// `external_gte`: the change passes if it is at least as new.
    AtLeast,
    /// `external`: it passes if it is newer.
    Greater,
    /// `external`, one version later than it is: it passes if it is at least as new, and says that it is newer.
    OneLater,
}

/// Outcome of a request.
pub(super) enum BulkOutcome {
    /// One outcome for each change.
    Outcomes(Vec<IndexOutcome>),
    /// Nothing is written: the index takes no versions of this kind.
    VersionsRefused,
}

/// The index takes no external versions at all.
#[derive(Debug, thiserror::Error)]
#[error("the index refuses external versions")]
pub(super) struct VersionsRefusedError;

impl failure::Ours for VersionsRefusedError {}

impl BulkOutcome {
    pub(super) fn whole(self) -> Result<Vec<IndexOutcome>, PortError> {
        match self {
            Self::Outcomes(outcomes) => Ok(outcomes),
            Self::VersionsRefused => Err(failure::of_ours(super::PORT, VersionsRefusedError)),
        }
    }
}

/// The changes in as few parts as the limits of one request allow; a change that exceeds the limit on its own gets its
/// own.
pub(super) fn parts(changes: &[IndexChange]) -> Result<Vec<&[IndexChange]>, serde_json::Error> {
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, change) in changes.iter().enumerate() {
        let lines = lines(std::slice::from_ref(change), Versions::AtLeast)?;
        let length = lines.iter().map(|line| line.len() + 1).sum::<usize>();
        if at > from && (bytes + length > MAX_REQUEST_BYTES || at - from == MAX_REQUEST_OPERATIONS) {
            parts.push(&changes[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += length;
    }
    if from < changes.len() {
        parts.push(&changes[from..]);
    }
    Ok(parts)
}

/// The lines of a request's body.
pub(super) fn lines(changes: &[IndexChange], versions: Versions) -> Result<Vec<String>, serde_json::Error> {
    let mut lines = Vec::with_capacity(2 * changes.len());
    for change in changes {
        let version = version(change).as_i64();
        let (version, version_type) = match versions {
            Versions::AtLeast => (version, "external_gte"),
            Versions::Greater => (version, "external"),
            Versions::OneLater => (version.saturating_add(1), "external"),
        };
        let target = json!({
            "_id": change.entity().to_string(),
            "version": version,
            "version_type": version_type,
        });
        match change {
            IndexChange::Put { document, .. } => {
                lines.push(json!({"index": target}).to_string());
                lines.push(serde_json::to_string(document)?);
            }
            IndexChange::Remove { .. } => lines.push(json!({"delete": target}).to_string()),
        }
    }
    Ok(lines)
}

fn version(change: &IndexChange) -> Version {
    match change {
        IndexChange::Put { version, .. } | IndexChange::Remove { version, .. } => *version,
    }
}

/// Response to a `_bulk` request that was not refused as a whole.
#[derive(Debug, Deserialize)]
pub(super) struct BulkResponse {
    /// One for each operation, in order, under the operation's name.
    items: Vec<BTreeMap<String, Item>>,
}

#[derive(Debug, Deserialize)]
struct Item {
    status: u16,
    error: Option<ErrorCause>,
}

/// Body of a response with a status of 400 or above. Serverless and the proxies before it may send any other.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    error: ErrorCause,
}

impl ErrorBody {
    pub(super) fn reason(self) -> String {
        self.error.into_reason()
    }

    pub(super) fn is_about_versions(&self) -> bool {
        self.error.is_about_versions()
    }
}

/// Only the type is read, and the first of the types behind it: the reason quotes values of the document.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ErrorCause {
    Typed {
        #[serde(rename = "type")]
        name: String,
        /// Inspected, and never shown.
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        root_cause: Vec<RootCause>,
    },
    Untyped(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct RootCause {
    #[serde(rename = "type")]
    name: String,
}

impl ErrorCause {
    /// True if the index refuses the kind of version. The content of a document cannot cause this: it is refused under
    /// other names.
    fn is_about_versions(&self) -> bool {
        let Self::Typed {
            name,
            reason: Some(reason),
            ..
        } = self
        else {
            return false;
        };
        let reason = reason.to_ascii_lowercase();
        let names_it = ["external_gte", "version_type", "version type", "versiontype"];
        !name.contains("mapp") && !name.contains("document") && names_it.iter().any(|kind| reason.contains(kind))
    }

    fn into_reason(self) -> String {
        match self {
            Self::Typed { name, root_cause, .. } => root_cause.into_iter().next().map_or(name, |root| root.name),
            Self::Untyped(_) => "unnamed".to_owned(),
        }
    }
}

/// The response does not have one entry for each operation.
#[derive(Debug, thiserror::Error)]
#[error("the index answered {answered} of {sent} operations")]
pub(super) struct IncompleteError {
    answered: usize,
    sent: usize,
}

impl crate::failure::Ours for IncompleteError {}

pub(super) const INDEX_GONE: &str = "index_not_found_exception";

impl BulkResponse {
    pub(super) fn says_the_index_is_gone(&self) -> bool {
        self.items.iter().flat_map(BTreeMap::values).any(Item::index_is_gone)
    }

    /// True if the index takes no versions of the kind that was sent.
    pub(super) fn is_about_versions(&self) -> bool {
        let mut items = self.items.iter().flat_map(BTreeMap::values);
        items.any(|item| {
            matches!(item.status, 400 | 405 | 501) && item.error.as_ref().is_some_and(ErrorCause::is_about_versions)
        })
    }

    /// Outcomes of these changes, which were sent with these versions.
    pub(super) fn outcomes(
        self,
        sent: &[IndexChange],
        versions: Versions,
    ) -> Result<Vec<IndexOutcome>, IncompleteError> {
        let answered = self.items.into_iter().filter_map(|mut entry| entry.pop_first());
        let outcomes: Vec<IndexOutcome> = answered
            .zip(sent)
            .map(|((done, item), change)| match item.outcome(&done) {
                // No version is later than the final one, so the stored version is final as well: a removal.
                IndexOutcome::Superseded
                    if versions != Versions::AtLeast
                        && matches!(
                            change,
                            IndexChange::Remove {
                                version: Version::FINAL,
                                ..
                            }
                        ) =>
                {
                    IndexOutcome::Applied
                }
                outcome => outcome,
            })
            .collect();
        if outcomes.len() == sent.len() {
            Ok(outcomes)
        } else {
            Err(IncompleteError {
                answered: outcomes.len(),
                sent: sent.len(),
            })
        }
    }
}

impl Item {
    fn index_is_gone(&self) -> bool {
        matches!(&self.error, Some(ErrorCause::Typed { name, .. }) if name == INDEX_GONE)
    }

    fn outcome(self, done: &str) -> IndexOutcome {
        let index_is_gone = self.index_is_gone();
        let reason = self.error.map_or_else(|| "unnamed".to_owned(), ErrorCause::into_reason);
        match self.status {
            200..=299 => IndexOutcome::Applied,
            404 if done == "delete" => IndexOutcome::Applied,
            409 => IndexOutcome::Superseded,
            // The next attempt creates it first.
            404 if index_is_gone => IndexOutcome::Failed {
                cause: Cause::Missing,
                reason,
            },
            // None of these is caused by the document: permissions or a write block, a timeout, load.
            status @ (401 | 403 | 408 | 429 | 500..) => IndexOutcome::Failed {
                cause: super::cause(status, &reason),
                reason,
            },
            _ => IndexOutcome::Rejected { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::ids::{EntityId, EntityKey, Kind, Source, StoreKey, StoreName};

    use super::*;

    fn outcomes(items: &str, sent: usize) -> Result<Vec<IndexOutcome>, IncompleteError> {
        let answer: BulkResponse =
            serde_json::from_str(&format!(r#"{{"took":1,"errors":true,"items":[{items}]}}"#)).unwrap();
        answer.outcomes(&vec![removal(); sent], Versions::AtLeast)
    }

    fn removal() -> IndexChange {
        IndexChange::Remove {
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
        let failed = |cause, reason: &str| IndexOutcome::Failed {
            cause,
            reason: reason.to_owned(),
        };
        let rejected = |reason: &str| IndexOutcome::Rejected {
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
                IndexOutcome::Applied,
                IndexOutcome::Applied,
                IndexOutcome::Superseded,
                failed(Cause::Throttled, "rejected_execution_exception"),
                failed(Cause::Other, "unavailable_shards_exception"),
                rejected("mapper_parsing_exception"),
                failed(Cause::Missing, "index_not_found_exception"),
                failed(Cause::Denied, "unnamed"),
                rejected("unnamed"),
            ]
        );
    }

    #[test]
    fn response_that_is_too_short_is_an_error() {
        assert!(outcomes(r#"{"index":{"status":201}}"#, 2).is_err());
    }

    #[test]
    fn thousand_changes_are_one_request_and_one_more_is_two() {
        let operations = |changes: usize| -> Vec<usize> {
            let changes = vec![removal(); changes];
            parts(&changes).unwrap().into_iter().map(<[IndexChange]>::len).collect()
        };
        assert_eq!(operations(0), [0; 0]);
        assert_eq!(operations(1000), [1000]);
        assert_eq!(operations(1001), [1000, 1]);
    }

    #[test]
    fn longest_id_fits() {
        assert!(removal().entity().to_string().len() <= 512);
    }

    #[test]
    fn refusal_of_the_kind_of_version_differs_from_other_refusals() {
        let is_about_versions = |status: u16, name: &str, reason: &str| {
            let item = json!({"index": {"status": status, "error": {"type": name, "reason": reason}}});
            let answer: BulkResponse = serde_json::from_value(json!({"items": [item]})).unwrap();
            let whole: ErrorBody = serde_json::from_value(json!({"error": {"type": name, "reason": reason}})).unwrap();
            (answer.is_about_versions(), whole.is_about_versions())
        };
        for reason in [
            "Validation Failed: 1: version type [EXTERNAL_GTE] is not supported;",
            "Unsupported parameter version_type",
            "No version type match [external_gte]",
        ] {
            assert_eq!(
                is_about_versions(400, "illegal_argument_exception", reason),
                (true, true),
                "{reason}"
            );
        }
        let quoted = "failed to parse field [handle]: 'version type external_gte'";
        assert_eq!(
            is_about_versions(400, "mapper_parsing_exception", quoted),
            (false, false)
        );
        let conflict = "version conflict, current version [2] is higher or equal to the one provided [1]";
        assert_eq!(
            is_about_versions(409, "version_conflict_engine_exception", conflict),
            (false, false)
        );
    }
}

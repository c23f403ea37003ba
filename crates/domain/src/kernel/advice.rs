//! Advice on errors: what to do about each, by its code and by the class of the port failure behind it. All advice
//! comes from here.

use serde::{Deserialize, Serialize};

use crate::kernel::{
    failure::{ErrorCode, LastError},
    port::Cause,
};

/// An error with the advice on it, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct AdvisedError {
    /// The error.
    #[serde(flatten)]
    pub error: LastError,
    /// Likely cause and what to do, in a sentence or two.
    pub advice: String,
}

impl From<LastError> for AdvisedError {
    fn from(error: LastError) -> Self {
        let advice = advice(error.code, error.cause);
        Self { error, advice }
    }
}

/// Returns the likely cause of an error and what to do about it. If a port failed, the class of its failure decides.
#[must_use]
pub fn advice(code: ErrorCode, cause: Option<Cause>) -> String {
    let of_port = match code {
        ErrorCode::IndexUnavailable => cause.and_then(of_index),
        ErrorCode::StorageUnavailable => cause.and_then(of_storage),
        ErrorCode::CatalogueUnavailable => cause.and_then(of_catalogue),
        ErrorCode::SchemaMismatch
        | ErrorCode::StoreMismatch
        | ErrorCode::UninstallUnknown
        | ErrorCode::BodyLost
        | ErrorCode::IndexRejected
        | ErrorCode::StoreChanging
        | ErrorCode::NotConnected
        | ErrorCode::NotConfigured
        | ErrorCode::TokenRefused
        | ErrorCode::EventsUnavailable => None,
    };
    of_port.unwrap_or_else(|| of_code(code).to_owned())
}

fn of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::SchemaMismatch => {
            "The subscription may use another API version: compare the payload with the topic's shape, then redrive the delivery."
        }
        ErrorCode::StoreMismatch => {
            "Somebody presented one store's delivery as another's. Nothing was applied: find out where it came from, then dismiss it."
        }
        ErrorCode::UninstallUnknown => {
            "The source asks for a store's data to be erased, but as far as we know the store still has the app installed. \
             If it does not, run `hookline store remove`, then redrive the delivery."
        }
        ErrorCode::BodyLost => {
            "The payload bucket has lost the body: resync the store, which fetches its current state."
        }
        ErrorCode::IndexRejected => {
            "The search index rejects the document: compare its mapping with the one that Hookline creates, then redrive."
        }
        ErrorCode::IndexUnavailable => {
            "The search cluster did not take the change. Hookline retries by itself: look at the cluster's health."
        }
        ErrorCode::StorageUnavailable => {
            "A table, queue, bucket or key failed. Hookline retries by itself: the function's log has the full cause."
        }
        ErrorCode::StoreChanging => {
            "The store has uninstalled the app. Hookline retries by itself, and there is nothing to do."
        }
        ErrorCode::NotConnected => "We have no Admin API token for the store: run `hookline store add` with one.",
        ErrorCode::NotConfigured => {
            "This deployment lacks a table or a bucket for it: deploy with the setting that the error names, then redrive."
        }
        ErrorCode::TokenRefused => "Shopify refuses the store's token: run `hookline store add` with a new one.",
        ErrorCode::CatalogueUnavailable => "The store's Admin API does not answer. Hookline retries by itself.",
        ErrorCode::EventsUnavailable => {
            "The fan-out queue did not take the event. The document is indexed, and Hookline retries by itself: look at the \
             queue and at the function's permission to send to it. Redriving sends what was not sent."
        }
    }
}

/// Beginning of a sentence whose end says how to retry the delivery. Names what to correct, if that is known.
pub(crate) fn remove_cause(code: ErrorCode, cause: Option<Cause>) -> String {
    correction(code, cause).map_or_else(
        || "Remove the cause, then".to_owned(),
        |correction| format!("Remove the cause: {correction}. Then"),
    )
}

/// Returns true if a failure lasts until a person corrects something.
pub(crate) fn lasts(code: ErrorCode, cause: Option<Cause>) -> bool {
    matches!(cause, Some(Cause::Denied | Cause::Missing)) && correction(code, cause).is_some()
}

/// Returns what a person corrects so that a port no longer fails this way, as the end of a sentence; `None` if that is
/// not known or there is nothing to correct.
fn correction(code: ErrorCode, cause: Option<Cause>) -> Option<&'static str> {
    match (code, cause?) {
        (ErrorCode::IndexUnavailable, Cause::Denied) => Some(
            "map the function's role in fine-grained access control, or allow it in the collection's data access policy",
        ),
        (ErrorCode::IndexUnavailable, Cause::Throttled) => {
            Some("lower ReindexConcurrency or add capacity to the cluster")
        }
        (ErrorCode::IndexUnavailable, Cause::Timeout) => Some("look at the cluster's load"),
        (ErrorCode::IndexUnavailable, Cause::Unreachable) => {
            Some("look at the cluster's address, its security groups and its health")
        }
        (ErrorCode::StorageUnavailable, Cause::Denied) => {
            Some("deploy the stack again or correct the policy; the function's log names the permission")
        }
        (ErrorCode::StorageUnavailable, Cause::Throttled) => {
            Some("look at throttled requests of the table, queue or key, and at the account's quotas")
        }
        (ErrorCode::StorageUnavailable, Cause::Missing) => {
            Some("look at the stack's drift and restore what is missing")
        }
        (ErrorCode::StorageUnavailable, Cause::Timeout | Cause::Unreachable) => {
            Some("look at the network and at AWS's health page")
        }
        _ => None,
    }
}

fn of_index(cause: Cause) -> Option<String> {
    let correction = correction(ErrorCode::IndexUnavailable, Some(cause)).unwrap_or_default();
    match cause {
        Cause::Denied => Some(format!(
            "The search index refuses the function's role. Hookline retries by itself: {correction}, then redrive what has \
             become a dead letter."
        )),
        Cause::Throttled => Some(format!(
            "The search cluster throttles our requests. Hookline retries by itself: if this continues, {correction}."
        )),
        Cause::Missing => Some(
            "The search index does not exist. The next attempt creates it: then reconcile the store to fill it."
                .to_owned(),
        ),
        Cause::Timeout => Some(format!(
            "The search cluster is too slow. Hookline retries by itself: {correction}."
        )),
        Cause::Unreachable => Some(format!(
            "The search cluster cannot be reached. Hookline retries by itself: {correction}."
        )),
        Cause::Other => None,
    }
}

fn of_storage(cause: Cause) -> Option<String> {
    let correction = correction(ErrorCode::StorageUnavailable, Some(cause)).unwrap_or_default();
    match cause {
        Cause::Denied => Some(format!(
            "The function's role lacks a permission, or a key's policy refuses it. Hookline retries by itself: {correction}. \
             Then redrive what has become a dead letter."
        )),
        Cause::Throttled => Some(format!(
            "AWS throttles our requests. Hookline retries by itself: if this continues, {correction}."
        )),
        Cause::Missing => Some(format!(
            "A table, queue, bucket, key or secret does not exist or is disabled: {correction}. Then redrive what has become a \
             dead letter."
        )),
        Cause::Timeout | Cause::Unreachable => Some(format!(
            "AWS does not answer. Hookline retries by itself: if this continues, {correction}."
        )),
        Cause::Other => None,
    }
}

fn of_catalogue(cause: Cause) -> Option<String> {
    match cause {
        Cause::Throttled => {
            Some("The store's quota is used up. Hookline retries by itself, and there is nothing to do.".to_owned())
        }
        Cause::Denied | Cause::Missing | Cause::Timeout | Cause::Unreachable | Cause::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_throttled_and_missing_get_different_advice() {
        for code in [ErrorCode::IndexUnavailable, ErrorCode::StorageUnavailable] {
            let causes = [
                None,
                Some(Cause::Denied),
                Some(Cause::Throttled),
                Some(Cause::Missing),
                Some(Cause::Timeout),
            ];
            let advice = causes.map(|cause| advice(code, cause));
            let distinct: std::collections::BTreeSet<_> = advice.iter().collect();
            assert_eq!(distinct.len(), advice.len(), "{code}");
        }
    }

    #[test]
    fn advice_contains_correction_that_meaning_names() {
        for code in [ErrorCode::IndexUnavailable, ErrorCode::StorageUnavailable] {
            for cause in Cause::ALL {
                if let Some(correction) = correction(code, Some(cause)) {
                    assert!(advice(code, Some(cause)).contains(correction), "{code} {cause}");
                }
            }
        }
    }

    #[test]
    fn denied_and_missing_last_until_a_person_corrects_them() {
        let lasting = Cause::ALL.map(|cause| lasts(ErrorCode::StorageUnavailable, Some(cause)));
        assert_eq!(lasting, [true, false, true, false, false, false]);
        assert!(
            !lasts(ErrorCode::IndexUnavailable, Some(Cause::Missing)),
            "the next attempt creates it"
        );
        assert!(!lasts(ErrorCode::StorageUnavailable, None));
    }

    /// Rows of the tables in docs/operations.md.
    fn documented_rows() -> Vec<Vec<String>> {
        let page = include_str!("../../../../docs/operations.md");
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            row.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
    }

    #[test]
    fn operations_page_has_the_advice_of_every_code() {
        let rows = documented_rows();
        for code in ErrorCode::ALL {
            let name = format!("`{code}`");
            let row = rows.iter().find(|row| row.len() == 3 && row[0] == name);
            assert_eq!(
                row.map(|row| row[2].as_str()),
                Some(advice(code, None).as_str()),
                "{code}"
            );
        }
    }

    #[test]
    fn operations_page_has_the_advice_of_every_cause() {
        let rows = documented_rows();
        for code in ErrorCode::ALL {
            for cause in Cause::ALL {
                let (name, class) = (format!("`{code}`"), format!("`{cause}`"));
                let row = rows
                    .iter()
                    .find(|row| row.len() == 3 && row[0] == name && row[1] == class);
                let of_cause = advice(code, Some(cause));
                let expected = (of_cause != advice(code, None)).then_some(of_cause.as_str());
                assert_eq!(row.map(|row| row[2].as_str()), expected, "{code} {cause}");
            }
        }
    }

    #[test]
    fn advice_ignores_cause_of_errors_without_port() {
        for cause in Cause::ALL {
            assert_eq!(
                advice(ErrorCode::SchemaMismatch, Some(cause)),
                advice(ErrorCode::SchemaMismatch, None)
            );
        }
    }
}

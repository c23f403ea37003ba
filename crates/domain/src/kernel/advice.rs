//! Advice: what to do about an error, by its code and by the class of the port's failure behind it. The one place for it.

use crate::kernel::{failure::ErrorCode, port::Cause};

/// The likely cause of an error, and what to do about it. Where a port failed, the class of its failure decides.
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
        | ErrorCode::TokenRefused => None,
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
            "A store asks to be forgotten, and as far as we know it has the app installed. If it has not, run `hookline store \
             remove`, then redrive the delivery."
        }
        ErrorCode::BodyLost => "The payload bucket has lost the body: resync the store, which brings what it told.",
        ErrorCode::IndexRejected => {
            "The search index will never take the document: compare its mapping with the one Hookline makes, then redrive."
        }
        ErrorCode::IndexUnavailable => {
            "The search cluster did not take the change. Hookline retries by itself: look at the cluster's health."
        }
        ErrorCode::StorageUnavailable => {
            "A table, queue, bucket or key failed. Hookline retries by itself: the function's log has the whole cause."
        }
        ErrorCode::StoreChanging => {
            "The store was uninstalled. Hookline retries by itself, and there is nothing to do."
        }
        ErrorCode::NotConnected => "No Admin API token is held for the store: run `hookline store add` with one.",
        ErrorCode::NotConfigured => {
            "This deployment lacks a table or a bucket for it: deploy it with the setting it names, then redrive."
        }
        ErrorCode::TokenRefused => "Shopify refuses the store's token: run `hookline store add` with a new one.",
        ErrorCode::CatalogueUnavailable => "The store's Admin API does not answer. Hookline retries by itself.",
    }
}

/// Beginning of a sentence whose end says how the delivery is tried again: it names what is to be mended, where that is known.
pub(crate) fn remove_cause(code: ErrorCode, cause: Option<Cause>) -> String {
    mend(code, cause).map_or_else(
        || "Remove the cause, then".to_owned(),
        |mend| format!("Remove the cause: {mend}. Then"),
    )
}

/// Whether a failure lasts until a person mends something.
pub(crate) fn lasts(code: ErrorCode, cause: Option<Cause>) -> bool {
    matches!(cause, Some(Cause::Denied | Cause::Missing)) && mend(code, cause).is_some()
}

/// What a person mends so that a port no longer fails this way, as the end of a sentence; `None` where that is not known, or
/// nothing is to be mended.
fn mend(code: ErrorCode, cause: Option<Cause>) -> Option<&'static str> {
    match (code, cause?) {
        (ErrorCode::IndexUnavailable, Cause::Denied) => Some(
            "map the function's role in fine-grained access control, or allow it in the collection's data access policy",
        ),
        (ErrorCode::IndexUnavailable, Cause::Throttled) => Some("lower ReindexConcurrency or give the cluster more"),
        (ErrorCode::IndexUnavailable, Cause::Timeout) => Some("look at the cluster's load"),
        (ErrorCode::IndexUnavailable, Cause::Unreachable) => {
            Some("look at the cluster's address, its security groups and its health")
        }
        (ErrorCode::StorageUnavailable, Cause::Denied) => {
            Some("deploy the stack again or mend the policy; the function's log names the permission")
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
    let mend = mend(ErrorCode::IndexUnavailable, Some(cause)).unwrap_or_default();
    match cause {
        Cause::Denied => Some(format!(
            "The search index refuses the function's role. Hookline retries by itself: {mend}, then redrive what has become \
             a dead letter."
        )),
        Cause::Throttled => Some(format!(
            "The search cluster takes fewer requests than were made. Hookline retries by itself: if this stays, {mend}."
        )),
        Cause::Missing => Some(
            "The search index does not exist. The next attempt makes it: then reconcile the store to fill it."
                .to_owned(),
        ),
        Cause::Timeout => Some(format!(
            "The search cluster is too slow. Hookline retries by itself: {mend}."
        )),
        Cause::Unreachable => Some(format!(
            "The search cluster cannot be reached. Hookline retries by itself: {mend}."
        )),
        Cause::Other => None,
    }
}

fn of_storage(cause: Cause) -> Option<String> {
    let mend = mend(ErrorCode::StorageUnavailable, Some(cause)).unwrap_or_default();
    match cause {
        Cause::Denied => Some(format!(
            "The function's role lacks a permission, or a key's policy refuses it. Hookline retries by itself: {mend}. Then \
             redrive what has become a dead letter."
        )),
        Cause::Throttled => Some(format!(
            "AWS takes fewer requests than were made. Hookline retries by itself: if this stays, {mend}."
        )),
        Cause::Missing => Some(format!(
            "A table, queue, bucket, key or secret does not exist or is disabled: {mend}. Then redrive what has become a dead \
             letter."
        )),
        Cause::Timeout | Cause::Unreachable => Some(format!(
            "AWS does not answer. Hookline retries by itself: if this stays, {mend}."
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
    fn refused_throttled_and_missing_get_different_advice() {
        for code in [ErrorCode::IndexUnavailable, ErrorCode::StorageUnavailable] {
            let told = [
                None,
                Some(Cause::Denied),
                Some(Cause::Throttled),
                Some(Cause::Missing),
                Some(Cause::Timeout),
            ];
            let told = told.map(|cause| advice(code, cause));
            let distinct: std::collections::BTreeSet<_> = told.iter().collect();
            assert_eq!(distinct.len(), told.len(), "{code}");
        }
    }

    #[test]
    fn what_is_to_be_mended_is_the_same_in_advice_and_in_what_a_delivery_means() {
        for code in [ErrorCode::IndexUnavailable, ErrorCode::StorageUnavailable] {
            for cause in Cause::ALL {
                if let Some(mend) = mend(code, Some(cause)) {
                    assert!(advice(code, Some(cause)).contains(mend), "{code} {cause}");
                }
            }
        }
    }

    #[test]
    fn denied_and_missing_last_until_a_person_mends_them() {
        let lasting = Cause::ALL.map(|cause| lasts(ErrorCode::StorageUnavailable, Some(cause)));
        assert_eq!(lasting, [true, false, true, false, false, false]);
        assert!(
            !lasts(ErrorCode::IndexUnavailable, Some(Cause::Missing)),
            "the next try makes it"
        );
        assert!(!lasts(ErrorCode::StorageUnavailable, None));
    }

    #[test]
    fn an_error_that_is_no_ports_failure_keeps_its_advice() {
        for cause in Cause::ALL {
            assert_eq!(
                advice(ErrorCode::SchemaMismatch, Some(cause)),
                advice(ErrorCode::SchemaMismatch, None)
            );
        }
    }
}

//! Advice: what to do about an error, by its code and by the class of the port's failure behind it. The one place for it.

use crate::{port::Cause, stores::ErrorCode};

/// The likely cause of an error, and what to do about it. Where a port failed, the class of its failure decides.
#[must_use]
pub fn advice(code: ErrorCode, cause: Option<Cause>) -> &'static str {
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
    of_port.unwrap_or(of_code(code))
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

fn of_index(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::Denied => Some(
            "The search index refuses the function's role. Hookline retries by itself: map the role in fine-grained access \
             control, or allow it in the collection's data access policy, then redrive what has become a dead letter.",
        ),
        Cause::Throttled => Some(
            "The search cluster takes fewer requests than were made. Hookline retries by itself: if this stays, lower \
             ReindexConcurrency or give the cluster more.",
        ),
        Cause::Missing => {
            Some("The search index does not exist. The next attempt makes it: then reconcile the store to fill it.")
        }
        Cause::Timeout => Some("The search cluster is too slow. Hookline retries by itself: look at its load."),
        Cause::Unreachable => Some(
            "The search cluster cannot be reached. Hookline retries by itself: look at its address, its security groups and \
             its health.",
        ),
        Cause::Other => None,
    }
}

fn of_storage(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::Denied => Some(
            "The function's role lacks a permission, or a key's policy refuses it. Hookline retries by itself: the function's \
             log names both. Deploy the stack again or mend the policy, then redrive what has become a dead letter.",
        ),
        Cause::Throttled => Some(
            "AWS takes fewer requests than were made. Hookline retries by itself: if this stays, look at throttled requests of \
             the table, queue or key, and at the account's quotas.",
        ),
        Cause::Missing => Some(
            "A table, queue, bucket, key or secret does not exist or is disabled. Look at the stack's drift, restore what is \
             missing, then redrive what has become a dead letter.",
        ),
        Cause::Timeout | Cause::Unreachable => Some(
            "AWS does not answer. Hookline retries by itself: if this stays, look at the network and at AWS's health page.",
        ),
        Cause::Other => None,
    }
}

fn of_catalogue(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::Throttled => {
            Some("The store's quota is used up. Hookline retries by itself, and there is nothing to do.")
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
    fn an_error_that_is_no_ports_failure_keeps_its_advice() {
        for cause in Cause::ALL {
            assert_eq!(
                advice(ErrorCode::SchemaMismatch, Some(cause)),
                advice(ErrorCode::SchemaMismatch, None)
            );
        }
    }
}

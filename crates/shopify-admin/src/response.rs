//! Responses of the Admin API to any operation: data, errors, and cost.
//!
//! Errors: <https://shopify.dev/docs/api/admin-graphql/latest#status-and-error-codes>, costs:
//! <https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits>.

use hookline_domain::{kernel::port::PortError, sync::vendor::CatalogueError};
use hookline_sources::shopify::{mended, problem};
use serde::{Deserialize, de::DeserializeOwned};

/// Name of this port in failures.
pub(crate) const PORT: &str = "the store's Admin API";

/// Maximum length of a quoted message, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

/// Response with the status 200.
#[derive(Debug, Deserialize)]
pub(crate) struct GraphqlResponse<T> {
    // Also the default for null.
    #[serde(default = "Option::default")]
    data: Option<T>,
    #[serde(default)]
    errors: Vec<ErrorBody>,
    extensions: Option<Extensions>,
}

#[derive(Debug, Deserialize)]
struct ErrorBody {
    message: String,
    extensions: Option<ErrorExtensions>,
}

#[derive(Debug, Deserialize)]
struct ErrorExtensions {
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Extensions {
    cost: Option<Cost>,
}

/// Cost of a query.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    /// Points that the bucket must hold before the query runs.
    pub requested_query_cost: f64,
    /// State of the bucket.
    pub throttle_status: ThrottleStatus,
}

/// State of a store's bucket.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottleStatus {
    pub maximum_available: f64,
    pub currently_available: f64,
    pub restore_rate: f64,
}

/// A response without data.
#[derive(Debug)]
pub(crate) enum ResponseError {
    /// The bucket holds too little.
    Throttled,
    /// Failure that may not recur.
    Transient(CatalogueError),
    /// Failure that will recur.
    Permanent(CatalogueError),
}

/// Failure that the server reports.
#[derive(Debug, thiserror::Error)]
#[error("it answered {code}: {message}")]
struct ServerError {
    code: String,
    message: String,
}

/// Reads the response of a named operation.
///
/// # Errors
/// [`CatalogueError::Disagreed`] if it does not fit. The error does not quote it.
pub(crate) fn read<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<GraphqlResponse<T>, CatalogueError> {
    let read = |body: &[u8]| {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| misfit(&format!("the answer to {operation}"), &error))
    };
    match (read(body), mended(body)) {
        (Err(_), Some(mended)) => read(&mended),
        (read, _) => read,
    }
}

/// Returns the error for a place that does not fit, with the expectation and without the value.
pub(crate) fn misfit(what: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> CatalogueError {
    let place = match error.path().to_string() {
        path if path != "." && error.inner().is_data() => format!(" at {path}"),
        _ => String::new(),
    };
    CatalogueError::Disagreed {
        problem: format!("{what} does not fit{place}: {}", problem(error.inner())),
    }
}

impl<T> GraphqlResponse<T> {
    /// Cost of the query, if stated.
    pub(crate) fn cost(&self) -> Option<Cost> {
        self.extensions.as_ref().and_then(|extensions| extensions.cost.clone())
    }

    /// Returns the data, but not if there is any error: a null then does not mean that the value does not exist.
    pub(crate) fn into_data(self, operation: &str) -> Result<T, ResponseError> {
        let Some(error) = self.errors.into_iter().min_by_key(rank) else {
            return self.data.ok_or_else(|| {
                ResponseError::Permanent(CatalogueError::Disagreed {
                    problem: format!("the answer to {operation} has neither data nor errors"),
                })
            });
        };
        let code = error.extensions.and_then(|extensions| extensions.code);
        let message = one_line(&error.message);
        Err(match code.as_deref() {
            Some("THROTTLED") => ResponseError::Throttled,
            Some("ACCESS_DENIED") => ResponseError::Permanent(CatalogueError::Refused {
                reason: format!("{message} (give the app this scope, install it again, then add the store again)"),
            }),
            Some("SHOP_INACTIVE") => ResponseError::Permanent(CatalogueError::Refused {
                reason: format!("the store is not active: {message}"),
            }),
            Some("MAX_COST_EXCEEDED") => ResponseError::Permanent(CatalogueError::Disagreed {
                problem: format!("{operation} costs more than one query may: {message}"),
            }),
            Some("INTERNAL_SERVER_ERROR" | "TIMEOUT" | "SERVICE_UNAVAILABLE") => {
                let code = code.unwrap_or_default();
                ResponseError::Transient(PortError::new(PORT, ServerError { code, message }).into())
            }
            // Without a code, the message describes an error in the document or its variables, or an internal failure.
            Some(_) | None if message.starts_with("Internal error") => {
                let code = "an internal error".to_owned();
                ResponseError::Transient(PortError::new(PORT, ServerError { code, message }).into())
            }
            Some(_) | None => ResponseError::Permanent(CatalogueError::Disagreed {
                problem: format!("{operation}: {message}"),
            }),
        })
    }
}

/// Rank of an error: of several, the lowest decides.
fn rank(error: &ErrorBody) -> u8 {
    match error
        .extensions
        .as_ref()
        .and_then(|extensions| extensions.code.as_deref())
    {
        Some("THROTTLED") => 0,
        Some("ACCESS_DENIED" | "SHOP_INACTIVE" | "MAX_COST_EXCEEDED") => 1,
        _ => 2,
    }
}

/// Returns a message on one line, at most [`MAX_MESSAGE_CHARS`] long.
pub(crate) fn one_line(message: &str) -> String {
    let line: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE_CHARS)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::port::chain;
    use serde_json::Value;

    use super::*;

    fn failure(errors: &str) -> ResponseError {
        let body = format!("{{\"data\": {{\"nodes\": [null]}}, \"errors\": {errors}}}");
        let answer: GraphqlResponse<Value> = read("Products", body.as_bytes()).unwrap();
        answer.into_data("Products").unwrap_err()
    }

    #[test]
    fn each_code_is_transient_or_permanent() {
        assert!(matches!(
            failure(r#"[{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]"#),
            ResponseError::Throttled
        ));
        assert!(matches!(
            failure(r#"[{"message": "Access denied for nodes field.", "extensions": {"code": "ACCESS_DENIED"}}]"#),
            ResponseError::Permanent(CatalogueError::Refused { .. })
        ));
        assert!(matches!(
            failure(r#"[{"message": "Query cost is 1200", "extensions": {"code": "MAX_COST_EXCEEDED"}}]"#),
            ResponseError::Permanent(CatalogueError::Disagreed { .. })
        ));
        assert!(matches!(
            failure(
                r#"[{"message": "Internal error. Looks like …", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]"#
            ),
            ResponseError::Transient(CatalogueError::Unavailable(_))
        ));
        assert!(matches!(
            failure(r#"[{"message": "Field 'nam' doesn't exist on type 'Product'"}]"#),
            ResponseError::Permanent(CatalogueError::Disagreed { .. })
        ));
    }

    #[test]
    fn null_beside_an_error_does_not_mean_absence() {
        assert!(matches!(
            failure(r#"[{"message": "Internal error", "path": ["nodes", 0]}]"#),
            ResponseError::Transient(_)
        ));
    }

    #[test]
    fn error_of_a_response_names_the_place_and_quotes_nothing() {
        #[derive(Debug, Deserialize)]
        struct Data {
            #[serde(rename = "title")]
            _title: u32,
        }
        let error = read::<Data>("Shop", br#"{"data": {"title": "Secret Title"}}"#).unwrap_err();
        let message = chain(&error);
        assert!(
            message.contains("the answer to Shop does not fit at data.title"),
            "{message}"
        );
        assert!(!message.contains("Secret"), "{message}");
        let error = read::<Data>("Shop", b"<html>Secret Title").unwrap_err();
        assert!(!chain(&error).contains("Secret"));
    }
}

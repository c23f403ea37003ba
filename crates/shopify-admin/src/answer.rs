//! What the Admin API answers, whatever was asked: data, errors, and what it cost.
//!
//! Errors: <https://shopify.dev/docs/api/admin-graphql/latest#status-and-error-codes>, costs:
//! <https://shopify.dev/docs/api/usage/limits#graphql-admin-api-rate-limits>.

use hookline_domain::{kernel::port::PortError, sync::vendor::CatalogueError};
use hookline_sources::shopify::{mended, problem};
use serde::{Deserialize, de::DeserializeOwned};

/// The name of this port in failures.
pub(crate) const PORT: &str = "the store's Admin API";

/// How much of what it said is told.
const TOLD: usize = 300;

/// An answer with the status 200.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<T> {
    // Of null, too.
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

/// What a query cost.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    /// What has to be there before it is done.
    pub requested_query_cost: f64,
    /// What there is.
    pub throttle_status: ThrottleStatus,
}

/// What a store's bucket holds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottleStatus {
    pub maximum_available: f64,
    pub currently_available: f64,
    pub restore_rate: f64,
}

/// Why there is no data.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The bucket holds too little.
    Throttled,
    /// It failed, and may not the next time.
    Passing(CatalogueError),
    /// It will fail again.
    Lasting(CatalogueError),
}

/// It says that it has failed.
#[derive(Debug, thiserror::Error)]
#[error("it answered {code}: {message}")]
struct Failed {
    code: String,
    message: String,
}

/// Reads an answer of a named operation.
///
/// # Errors
/// [`CatalogueError::Disagreed`] when it is not one. Quotes nothing of it.
pub(crate) fn read<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<Answer<T>, CatalogueError> {
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

/// Says where something does not fit, and what was expected there, without the value that was found.
pub(crate) fn misfit(what: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> CatalogueError {
    let place = match error.path().to_string() {
        path if path != "." && error.inner().is_data() => format!(" at {path}"),
        _ => String::new(),
    };
    CatalogueError::Disagreed {
        problem: format!("{what} does not fit{place}: {}", problem(error.inner())),
    }
}

impl<T> Answer<T> {
    /// What it cost, as far as it says.
    pub(crate) fn cost(&self) -> Option<Cost> {
        self.extensions.as_ref().and_then(|extensions| extensions.cost.clone())
    }

    /// The data. With any error there is none: what is null then is not what is not there.
    pub(crate) fn into_data(self, operation: &str) -> Result<T, Failure> {
        let Some(error) = self.errors.into_iter().min_by_key(rank) else {
            return self.data.ok_or_else(|| {
                Failure::Lasting(CatalogueError::Disagreed {
                    problem: format!("the answer to {operation} has neither data nor errors"),
                })
            });
        };
        let code = error.extensions.and_then(|extensions| extensions.code);
        let message = told(&error.message);
        Err(match code.as_deref() {
            Some("THROTTLED") => Failure::Throttled,
            Some("ACCESS_DENIED") => Failure::Lasting(CatalogueError::Refused {
                reason: format!("{message} (give the app this scope, install it anew, then add the store again)"),
            }),
            Some("SHOP_INACTIVE") => Failure::Lasting(CatalogueError::Refused {
                reason: format!("the store is not active: {message}"),
            }),
            Some("MAX_COST_EXCEEDED") => Failure::Lasting(CatalogueError::Disagreed {
                problem: format!("{operation} costs more than one query may: {message}"),
            }),
            Some("INTERNAL_SERVER_ERROR" | "TIMEOUT" | "SERVICE_UNAVAILABLE") => {
                let code = code.unwrap_or_default();
                Failure::Passing(PortError::new(PORT, Failed { code, message }).into())
            }
            // Without a code it says what is wrong with the document or its variables. The same words come for what
            // broke inside.
            Some(_) | None if message.starts_with("Internal error") => {
                let code = "an internal error".to_owned();
                Failure::Passing(PortError::new(PORT, Failed { code, message }).into())
            }
            Some(_) | None => Failure::Lasting(CatalogueError::Disagreed {
                problem: format!("{operation}: {message}"),
            }),
        })
    }
}

/// Of several errors, the one that decides: what lasts before what passes.
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

/// What it said, on one line and not too long.
pub(crate) fn told(message: &str) -> String {
    let line: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(TOLD)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::port::chain;
    use serde_json::Value;

    use super::*;

    fn failure(errors: &str) -> Failure {
        let body = format!("{{\"data\": {{\"nodes\": [null]}}, \"errors\": {errors}}}");
        let answer: Answer<Value> = read("Products", body.as_bytes()).unwrap();
        answer.into_data("Products").unwrap_err()
    }

    #[test]
    fn each_code_says_whether_it_is_worth_a_retry() {
        assert!(matches!(
            failure(r#"[{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]"#),
            Failure::Throttled
        ));
        assert!(matches!(
            failure(r#"[{"message": "Access denied for nodes field.", "extensions": {"code": "ACCESS_DENIED"}}]"#),
            Failure::Lasting(CatalogueError::Refused { .. })
        ));
        assert!(matches!(
            failure(r#"[{"message": "Query cost is 1200", "extensions": {"code": "MAX_COST_EXCEEDED"}}]"#),
            Failure::Lasting(CatalogueError::Disagreed { .. })
        ));
        assert!(matches!(
            failure(
                r#"[{"message": "Internal error. Looks like …", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]"#
            ),
            Failure::Passing(CatalogueError::Unavailable(_))
        ));
        assert!(matches!(
            failure(r#"[{"message": "Field 'nam' doesn't exist on type 'Product'"}]"#),
            Failure::Lasting(CatalogueError::Disagreed { .. })
        ));
    }

    #[test]
    fn what_is_null_beside_an_error_is_not_what_is_not_there() {
        assert!(matches!(
            failure(r#"[{"message": "Internal error", "path": ["nodes", 0]}]"#),
            Failure::Passing(_)
        ));
    }

    #[test]
    fn an_answer_that_does_not_fit_says_where_and_quotes_nothing() {
        #[derive(Debug, Deserialize)]
        struct Data {
            #[serde(rename = "title")]
            _title: u32,
        }
        let error = read::<Data>("Shop", br#"{"data": {"title": "Secret Title"}}"#).unwrap_err();
        let told = chain(&error);
        assert!(told.contains("the answer to Shop does not fit at data.title"), "{told}");
        assert!(!told.contains("Secret"), "{told}");
        let error = read::<Data>("Shop", b"<html>Secret Title").unwrap_err();
        assert!(!chain(&error).contains("Secret"));
    }
}

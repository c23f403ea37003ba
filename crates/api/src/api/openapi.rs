//! `GET /api/openapi.json`: the description of this API. Public, because it contains no secret.
//!
//! docs/openapi.json is generated: a test builds it from the types of the API and compares it with the file. Functions link
//! only the file.

#[cfg(test)]
mod description;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod schemas;

use http::{Response, StatusCode};
use lambda_http::Body;

use hookline_lambda::serve;

/// The description, for people and for the tests that compare responses with it.
pub(super) const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

pub(super) fn answer() -> Response<Body> {
    serve::json_text(StatusCode::OK, DESCRIPTION.to_owned())
}

//! `GET /api/openapi.json`: this API, described. Public: nothing in it is a secret.

use http::{Response, StatusCode};
use lambda_http::Body;

use hookline_lambda::serve;

/// What a person reads and a test holds the answers against.
pub(super) const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

pub(super) fn answer() -> Response<Body> {
    serve::json_text(StatusCode::OK, DESCRIPTION.to_owned())
}

//! `GET /api/openapi.json`: the description of this API. Public, because it contains no secret.

use http::{Response, StatusCode};
use lambda_http::Body;

use hookline_lambda::serve;

/// The description, for people and for the tests that compare responses with it.
pub(super) const DESCRIPTION: &str = include_str!("../../../../docs/openapi.json");

pub(super) fn answer() -> Response<Body> {
    serve::json_text(StatusCode::OK, DESCRIPTION.to_owned())
}

//! Requests as API Gateway sends them to each function behind the API.

mod actions;
mod read;
mod search;

use std::collections::HashMap;

use hookline_domain::access::{Principal, Reach, Role};
use http::Response;
use lambda_http::{Body, Request, RequestExt};
use serde_json::{Value, json};

use crate::testing::{principal, routed};

/// A request for a route, by a principal or without one.
fn request_for(
    route: &str,
    path: &[(&str, &str)],
    query: &[(&str, &str)],
    body: &str,
    principal: Option<&Principal>,
) -> Request {
    let parameters = |pairs: &[(&str, &str)]| -> HashMap<String, Vec<String>> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        pairs.collect()
    };
    let request = Request::new(Body::Text(body.to_owned()))
        .with_path_parameters(parameters(path))
        .with_query_string_parameters(parameters(query));
    routed(request, route, principal)
}

/// A principal that may see all stores, and change nothing.
fn viewer_of_all() -> Principal {
    principal(Role::Viewer, Reach::All)
}

fn principal_of(store: &str, role: Role) -> Principal {
    principal(
        role,
        Reach::Stores([format!("shopify#{store}").parse().unwrap()].into()),
    )
}

/// JSON of a response. No browser may guess another content type than the declared one.
fn value(response: &Response<Body>) -> Value {
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    match response.body() {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        _ => Value::Null,
    }
}

//! `/api/stores/{store}/endpoints…`, and `/api/endpoints…` for those of all stores: endpoints and their messages. Function `status`
//! serves what reads, and `actions` what changes.

mod change;
mod credentials;
mod read;
mod resend;

use std::collections::BTreeMap;

use hookline_domain::outbound::{
    AuthKind, CredentialsIn, Endpoint, EndpointKey, EndpointRecords, EndpointView, MessageView, Scope,
};
use hookline_lambda::serve::json;
use http::{Response, StatusCode};
use jiff::Timestamp;
use lambda_http::{Body, Request, RequestExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{change::EndpointActions, read::EndpointReads};
#[cfg(test)]
pub(super) use self::{
    change::{ActivateBody, DryRunResponse, PauseBody, RotateBody},
    read::{
        DEFAULT_MESSAGES_PER_PAGE, DEFAULT_STATS_HOURS, EndpointsResponse, MAX_MESSAGES_PER_PAGE, MessagesResponse,
        WhyResponse,
    },
    resend::{ReplayBody, ReplayMessagesResponse, TestBody, TestResponse},
};
use crate::guard::{ApiError, set_etag};

/// Route of an endpoint or of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndpointRoute<'a> {
    /// Method.
    method: &'a str,
    /// True if it is about endpoints of all stores.
    is_of_all: bool,
    /// Part of the path behind `/endpoints`.
    rest: &'a str,
}

impl<'a> EndpointRoute<'a> {
    /// Reads a route that API Gateway chose; `None` if it is about something else.
    pub(super) fn of(route: &'a str) -> Option<Self> {
        let (method, path) = route.split_once(' ')?;
        let of_store = path
            .strip_prefix("/api/stores/{store}/endpoints")
            .map(|rest| (false, rest));
        let (is_of_all, rest) = of_store.or_else(|| path.strip_prefix("/api/endpoints").map(|rest| (true, rest)))?;
        Some(Self {
            method,
            is_of_all,
            rest,
        })
    }
}

/// Request body that creates an endpoint.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CreateEndpointBody {
    /// Settings. Whatever is left out has its default.
    #[cfg_attr(test, schemars(with = "hookline_domain::outbound::EndpointSettings"))]
    settings: Map<String, Value>,
    /// Headers of its own, such as an authorization: at most 10, 4 KiB together. They are sealed, and never shown again.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Authorization of its requests by a token. The client's secret is sealed, and never shown again.
    #[serde(default)]
    auth: Option<AuthBody>,
    /// Client certificate that its server demands (mTLS). The private key is sealed, and never shown again.
    #[serde(default)]
    client_certificate: Option<CertificateBody>,
}

/// Client certificate and private key.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateBody {
    /// Certificates in PEM: the client's own, then those of its issuers without the root; at most 4, 8 KiB together in DER.
    certificate: String,
    /// Private key of the first, in PEM, not encrypted: RSA of 2048 to 6144 bits, ECDSA of P-256, P-384 or P-521, or Ed25519. In
    /// requests only: it cannot be read again.
    private_key: String,
}

/// Authorization by a token of OAuth 2, which Hookline gets with client credentials (RFC 6749 § 4.4).
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct AuthBody {
    /// Kind.
    kind: AuthKind,
    /// URL of the server that gives tokens: https, on a public host.
    token_url: String,
    /// Id of the client: at most 256 printable characters of ASCII.
    client_id: String,
    /// Secret of the client: at most 1,024 printable characters of ASCII. In requests only: it cannot be read again.
    client_secret: String,
    /// Scope to be requested, words with one blank between them; null requests none.
    #[serde(default)]
    scope: Option<String>,
    /// Place of the client's id and secret in a request for a token.
    #[serde(default)]
    credentials_in: CredentialsIn,
}

/// Request body that changes an endpoint, a merge patch (RFC 7396) of the one that creates it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeEndpointBody {
    /// Settings to be changed; one that is null gets its default.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Headers of its own, all of them: those that it had go. Null removes them; without this member, they stay.
    #[serde(default, deserialize_with = "some")]
    #[expect(clippy::option_option, reason = "null and absence mean different things")]
    headers: Option<Option<BTreeMap<String, String>>>,
    /// Authorization by a token, whole, the client's secret included. Null removes it; without this member, it stays.
    #[serde(default, deserialize_with = "some")]
    #[expect(clippy::option_option, reason = "null and absence mean different things")]
    auth: Option<Option<AuthBody>>,
    /// Client certificate and private key. Null removes them; without this member, they stay.
    #[serde(default, deserialize_with = "some")]
    #[expect(clippy::option_option, reason = "null and absence mean different things")]
    client_certificate: Option<Option<CertificateBody>>,
}

/// Reads a member that exists, also if it is null.
fn some<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// An endpoint with its new secret.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EndpointWithSecret {
    /// The endpoint.
    endpoint: EndpointView,
    /// Secret of the signatures `v1`, `whsec_…`. In this response only: it cannot be read again.
    secret: String,
    /// Public key of the signatures `v1a`, `whpk_…`.
    public_key: String,
}

/// Response with a message.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct MessageResponse {
    /// The message.
    message: MessageView,
}

/// Names of all settings.
const SETTINGS: [&str; 14] = [
    "url",
    "description",
    "types",
    "conditions",
    "ordering",
    "when_paused",
    "format",
    "personal",
    "signatures",
    "timeout_seconds",
    "max_in_flight",
    "max_per_second",
    "keep_days",
    "disable_after_days",
];

/// Refuses settings that do not exist, by name.
fn check_names(settings: &Map<String, Value>) -> Result<(), ApiError> {
    match settings.keys().find(|name| !SETTINGS.contains(&name.as_str())) {
        Some(unknown) => Err(ApiError::BadRequest(format!(
            "settings: there is no {unknown:?}; there are {}",
            SETTINGS.join(", ")
        ))),
        None => Ok(()),
    }
}

/// Refuses query parameters other than these, by name.
fn check_parameters(request: &Request, known: &[&str]) -> Result<(), ApiError> {
    let parameters = request.query_string_parameters_ref();
    let unknown = parameters.and_then(|all| all.iter().map(|(name, _)| name).find(|name| !known.contains(name)));
    match unknown {
        Some(unknown) if known.is_empty() => Err(ApiError::BadRequest(format!("there is no parameter {unknown:?}"))),
        Some(unknown) => Err(ApiError::BadRequest(format!(
            "there is no parameter {unknown:?}; there are {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

/// Value of a path parameter, parsed.
fn in_path<T: std::str::FromStr<Err: std::fmt::Display>>(request: &Request, name: &str) -> Result<T, ApiError> {
    let parameters = request.path_parameters_ref();
    let text = parameters
        .and_then(|parameters| parameters.first(name))
        .unwrap_or_default();
    text.parse()
        .map_err(|error| ApiError::BadRequest(format!("{name} in the path: {error}")))
}

/// Endpoint that the path names.
async fn endpoint_in_path(
    endpoints: &impl EndpointRecords,
    scope: Scope,
    request: &Request,
) -> Result<Endpoint, ApiError> {
    let id = in_path(request, "endpoint")?;
    let found = endpoints.read(&EndpointKey { scope, id }).await?;
    found.ok_or_else(no_endpoint)
}

fn no_endpoint() -> ApiError {
    ApiError::NotFound("there is no such endpoint: it was deleted, or the path names another owner".to_owned())
}

/// Response with an endpoint and its revision.
fn with_etag(status: StatusCode, endpoint: &EndpointView, body: &impl Serialize) -> Response<Body> {
    let mut response = json(status, body);
    set_etag(&mut response, endpoint.revision);
    response
}

/// Time in a body or a parameter.
fn time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    text.parse()
        .map_err(|_| ApiError::BadRequest(format!("{name} must be a time, as in 2026-11-29T10:04:52Z")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hookline_domain::outbound::EndpointSettings;

    use super::*;

    #[test]
    fn names_of_the_settings_are_those_that_can_be_read() {
        let schema = serde_json::to_value(schemars::schema_for!(EndpointSettings)).unwrap();
        let read: BTreeSet<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(read, BTreeSet::from(SETTINGS));
    }

    #[test]
    fn routes_of_stores_and_of_all_are_read() {
        let read = |route| EndpointRoute::of(route).map(|route| (route.method, route.is_of_all, route.rest));
        assert_eq!(read("GET /api/endpoints"), Some(("GET", true, "")));
        let of_store = "POST /api/stores/{store}/endpoints/{endpoint}/pause";
        assert_eq!(read(of_store), Some(("POST", false, "/{endpoint}/pause")));
        assert_eq!(read("GET /api/stores/{store}/events"), None);
    }
}

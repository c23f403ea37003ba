//! Actions that begin, renew and end a session that watches the events of a store.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    outbound::TypePattern,
    store::{
        listening::ListenError,
        sessions::{self, BeginError, ParseSessionError, SessionName},
    },
};
use hookline_lambda::serve;
use http::{Response, StatusCode};
use jiff::Timestamp;
use lambda_http::{Body, Request, RequestExt};
use serde::{Deserialize, Serialize};

use super::{ActionPorts, ActionResponse, ActionsApi, MAX_BODY_BYTES, parse_body};
use crate::guard::ApiError;

const LISTEN_BODY: &str = "{\"session\": \"…\", \"types\": [\"product.*\"]}";

/// Request body that begins or renews a session.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ListenBody {
    /// Name of the session, chosen by the caller: 8 to 40 small letters, digits and hyphens, such as a UUID.
    session: String,
    /// Types of events, as in `inventory.updated` or `product.*`; without them, all.
    #[serde(default)]
    types: Vec<String>,
}

/// Response to a session that has begun or is renewed.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct ListenResponse {
    /// End of the session unless it is renewed.
    until: Timestamp,
}

impl<P: ActionPorts> ActionsApi<P> {
    /// Makes events of the store wanted for a while.
    pub(super) async fn listen(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let ListenBody { session, types } = parse_body(request, LISTEN_BODY, MAX_BODY_BYTES)?;
        let session = session_name(&session)?;
        let types = types
            .iter()
            .map(|text| text.parse())
            .collect::<Result<Vec<TypePattern>, _>>();
        let mut types = types.map_err(|error| ApiError::BadRequest(error.to_string()))?;
        if types.is_empty() {
            types.push(TypePattern::All);
        }
        let resources = types.iter().flat_map(TypePattern::resources).collect();
        match sessions::begin(&self.adapters.stores, store, &session, resources, self.now()).await {
            Ok(until) => Ok(serve::json(StatusCode::OK, &ListenResponse { until })),
            Err(refused @ BeginError::TooMany) => Err(ApiError::Conflict(refused.to_string())),
            Err(BeginError::Listen(failure)) => Err(not_changed(failure)),
        }
    }

    /// Ends a session.
    pub(super) async fn end_listening(&self, store: &StoreKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let parameters = request.path_parameters_ref();
        let session = parameters.and_then(|parameters| parameters.first("session"));
        let session = session_name(session.unwrap_or_default())?;
        let ended = sessions::end(&self.adapters.stores, store, &session, self.now()).await;
        ended.map_err(not_changed)?;
        let response = ActionResponse {
            message: "The session has ended.".into(),
        };
        Ok(serve::json(StatusCode::OK, &response))
    }
}

fn session_name(text: &str) -> Result<SessionName, ApiError> {
    text.parse()
        .map_err(|error: ParseSessionError| ApiError::BadRequest(error.to_string()))
}

fn not_changed(failure: ListenError) -> ApiError {
    match failure {
        ListenError::Storage(failure) => failure.into(),
        ListenError::Refused => PortError::new("stores", failure).into(),
    }
}

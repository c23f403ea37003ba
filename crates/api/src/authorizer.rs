//! Lambda authorizer of the HTTP API and the WebSocket API: turns the credentials of a request into a [`Principal`].
//!
//! ```text
//!   authorization: Bearer hl_…       an operator's token; the table has its current role and scope
//!   authorization: Bearer eyJ….….…   a Shopify session token, signed with the app's secret
//!   ?ticket=…                        WebSocket only: used up by this request; its principal is checked again
//! ```
//!
//! API Gateway caches no response, so a revocation or change applies from the next request on. Each decision is one log
//! line, with the principal's id and never the credentials.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hookline_domain::{
    access::{
        Principal,
        ticket::{TicketKey, Tickets},
        token::{PresentedToken, TokenError, TokenId, Tokens},
    },
    kernel::{
        port::{Clock, PortError, chain},
        secret::SecretSource,
    },
};
use hookline_sources::{
    shopify::{SENDER, Session, SessionError},
    signature::Secrets,
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};

use hookline_lambda::{
    rotating::{Rotating, RotatingSecretError},
    start::StartError,
};

/// Event from API Gateway: format 2.0 of an HTTP API, or that of a WebSocket API's `$connect`
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>,
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    version: Option<String>,
    method_arn: Option<String>,
    headers: Option<HashMap<String, String>>,
    query_string_parameters: Option<HashMap<String, String>>,
    request_context: Option<RequestContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    event_type: Option<String>,
}

/// Response to API Gateway.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AuthorizerResponse {
    /// To an HTTP API with simple responses.
    Http(SimpleResponse),
    /// To a WebSocket API.
    Socket(PolicyResponse),
}

/// Decision about a request, with the context for the function behind the route.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimpleResponse {
    is_authorized: bool,
    context: BTreeMap<&'static str, String>,
}

/// Decision as an IAM policy for the requested method, with the context for the function behind the route.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyResponse {
    principal_id: String,
    #[serde(rename = "policyDocument")]
    document: PolicyDocument,
    context: BTreeMap<&'static str, String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDocument {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: &'static str,
    resource: String,
}

/// Failure to decide. API Gateway answers 500, and the request does not reach the function.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizerError {
    /// The access table failed.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The event has neither of the two formats: the authorizer is attached to another kind of API.
    #[error("unsupported event: neither format 2.0 of an HTTP API nor $connect of a WebSocket API")]
    UnsupportedEvent,
}

/// Reason for a denial; for logs only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum DeniedError {
    #[error("no credentials")]
    NoCredentials,
    #[error("unknown")]
    Unknown,
    #[error("token {0}")]
    Token(#[from] TokenError),
    #[error("session: {0}")]
    Session(#[from] SessionError),
    #[error("expired")]
    Expired,
    #[error("ticket used, expired or unknown")]
    Ticket,
}

/// Outcome of an authorization, with the principal's id if the credentials name one.
struct Decision {
    principal_id: Option<String>,
    result: Result<Principal, DeniedError>,
}

impl Decision {
    fn denied(reason: DeniedError) -> Self {
        Self {
            principal_id: None,
            result: Err(reason),
        }
    }

    fn about(principal_id: &impl ToString, result: Result<Principal, DeniedError>) -> Self {
        Self {
            principal_id: Some(principal_id.to_string()),
            result,
        }
    }
}

/// The authorizer, over a port of tokens and tickets.
#[derive(Debug)]
pub struct Authorizer<A, K, C> {
    access: A,
    sessions: Option<Sessions<K, C>>,
    clock: C,
}

#[derive(Debug)]
struct Sessions<K, C> {
    client_id: String,
    secrets: Rotating<K, C, Secrets>,
}

impl<A: Tokens + Tickets, K: SecretSource, C: Clock + Clone> Authorizer<A, K, C> {
    /// Creates an authorizer. `app` is the client id with the source of its secrets; without it, session tokens are
    /// denied.
    ///
    /// # Errors
    /// [`RotatingSecretError`] if the app's secrets cannot be read or used.
    pub async fn new(access: A, app: Option<(String, K)>, clock: C) -> Result<Self, RotatingSecretError> {
        let sessions = match app {
            Some((client_id, secrets)) => Some(Sessions {
                client_id,
                secrets: Rotating::read(secrets, clock.clone(), |text| {
                    Ok(Secrets::parse(text, SENDER.scheme.key)?)
                })
                .await?,
            }),
            None => None,
        };
        Ok(Self {
            access,
            sessions,
            clock,
        })
    }

    /// Authorizes a request.
    ///
    /// # Errors
    /// [`AuthorizerError`] if no decision is possible; API Gateway then answers 500.
    pub async fn decide(&self, request: &AuthorizerRequest) -> Result<AuthorizerResponse, AuthorizerError> {
        let connecting = request
            .request_context
            .as_ref()
            .and_then(|context| context.event_type.as_deref());
        let (decision, method) = match (request.version.as_deref(), connecting, &request.method_arn) {
            (Some("2.0"), _, None) => (self.bearer(request).await?, None),
            (None, Some("CONNECT"), Some(method)) => (self.ticket(request).await?, Some(method)),
            _ => return Err(AuthorizerError::UnsupportedEvent),
        };
        let principal = decision.principal_id.as_deref().unwrap_or("nobody");
        let api = if method.is_some() { "websocket" } else { "http" };
        let outcome = match &decision.result {
            Ok(_) => "authorized".to_owned(),
            Err(reason) => format!("refused: {reason}"),
        };
        tracing::info!(service = "authorizer", api, principal, outcome, "authorization decided");
        Ok(match method {
            None => AuthorizerResponse::Http(SimpleResponse {
                is_authorized: decision.result.is_ok(),
                context: decision.result.map(|principal| principal.context()).unwrap_or_default(),
            }),
            Some(method) => AuthorizerResponse::Socket(policy(decision.result.ok(), method)),
        })
    }

    async fn bearer(&self, request: &AuthorizerRequest) -> Result<Decision, PortError> {
        let Some(text) = bearer_token(request) else {
            return Ok(Decision::denied(DeniedError::NoCredentials));
        };
        if let Some(borne) = PresentedToken::parse(text) {
            let Some(token) = self.access.find(borne.id()).await? else {
                return Ok(Decision::about(borne.id(), Err(DeniedError::Unknown)));
            };
            let result = token.principal(&borne, self.clock.now());
            return Ok(Decision::about(borne.id(), result.map_err(DeniedError::Token)));
        }
        let Some(sessions) = &self.sessions else {
            return Ok(Decision::denied(DeniedError::Unknown));
        };
        Ok(match sessions.read(text, &self.clock).await {
            Ok(session) => {
                let principal = session.principal();
                Decision::about(&principal.id, Ok(principal.clone()))
            }
            Err(reason) => Decision::denied(DeniedError::Session(reason)),
        })
    }

    async fn ticket(&self, request: &AuthorizerRequest) -> Result<Decision, PortError> {
        let ticket = request
            .query_string_parameters
            .as_ref()
            .and_then(|query| query.get("ticket"));
        let Some(ticket) = ticket else {
            return Ok(Decision::denied(DeniedError::NoCredentials));
        };
        let Some(key) = TicketKey::of(ticket) else {
            return Ok(Decision::denied(DeniedError::Unknown));
        };
        let now = self.clock.now();
        let Some(principal) = self.access.spend(&key, now).await? else {
            return Ok(Decision::denied(DeniedError::Ticket));
        };
        let principal_id = principal.id.clone();
        // The token may have been revoked or changed since the ticket was issued.
        let result = match principal_id.parse::<TokenId>() {
            Ok(id) => match self.access.find(&id).await? {
                Some(token) => token.bearer(now).map_err(DeniedError::Token),
                None => Err(DeniedError::Unknown),
            },
            Err(_) if principal.expires_at <= now => Err(DeniedError::Expired),
            Err(_) => Ok(principal),
        };
        Ok(Decision::about(&principal_id, result))
    }
}

impl<K: SecretSource, C: Clock> Sessions<K, C> {
    /// Reads a session token. A secret removed by a rotation stops being accepted after at most five minutes; a new
    /// secret is accepted at once.
    async fn read(&self, text: &str, clock: &C) -> Result<Session, SessionError> {
        self.secrets.keep_fresh().await;
        let read = |secrets: &Secrets| Session::read(text, secrets, &self.client_id, clock.now());
        match read(&self.secrets.current()) {
            Err(SessionError::Mismatch) => match self.secrets.after_mismatch().await {
                Some(rotated) => read(&rotated),
                None => Err(SessionError::Mismatch),
            },
            other => other,
        }
    }
}

/// Returns the bearer token of the `Authorization` header; `None` without exactly one such header, or with another
/// scheme or no token. API Gateway joins two such headers into one, whose value is not a token.
fn bearer_token(request: &AuthorizerRequest) -> Option<&str> {
    let mut values = request
        .headers
        .iter()
        .flatten()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let (Some((_, value)), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, text) = value.split_at_checked("Bearer ".len())?;
    (scheme.eq_ignore_ascii_case("Bearer ") && !text.is_empty()).then_some(text)
}

fn policy(principal: Option<Principal>, method: &str) -> PolicyResponse {
    PolicyResponse {
        document: PolicyDocument {
            version: "2012-10-17",
            statement: [Statement {
                effect: if principal.is_some() { "Allow" } else { "Deny" },
                action: "execute-api:Invoke",
                resource: method.to_owned(),
            }],
        },
        context: principal.as_ref().map(Principal::context).unwrap_or_default(),
        principal_id: principal.map_or_else(|| "nobody".to_owned(), |principal| principal.id),
    }
}

/// Authorizes requests until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<A, K, C>(authorizer: Authorizer<A, K, C>) -> Result<(), StartError>
where
    A: Tokens + Tickets + 'static,
    K: SecretSource + 'static,
    C: Clock + Clone + 'static,
{
    let authorizer = Arc::new(authorizer);
    let handle = service_fn(move |event: LambdaEvent<AuthorizerRequest>| {
        let authorizer = Arc::clone(&authorizer);
        async move {
            authorizer.decide(&event.payload).await.map_err(|failure| {
                tracing::error!(service = "authorizer", error = %chain(&failure), "authorization failed");
                StartError::from(failure)
            })
        }
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests;

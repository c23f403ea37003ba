//! The one authorizer, of the HTTP API and of the WebSocket API: makes a [`Principal`] of what a request bears.
//!
//! ```text
//!   authorization: Bearer hl_…       an operator's token: the table says what it lets do, now
//!   authorization: Bearer eyJ….….…   a Shopify session token: signed by the app's secret
//!   ?ticket=…                        of a WebSocket only: spent, and what its principal may do asked again
//! ```
//!
//! API Gateway is told to keep no answer, so what is revoked or changed holds from the next request on. Each decision is one
//! line in the log, with the principal's id and never what was borne.

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
    rotating::{NoSecret, Rotating},
    start::StartError,
};

/// What API Gateway asks: format 2.0 of an HTTP API, or of a WebSocket API's `$connect`
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>,
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    version: Option<String>,
    method_arn: Option<String>,
    headers: Option<HashMap<String, String>>,
    query_string_parameters: Option<HashMap<String, String>>,
    request_context: Option<Context>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    event_type: Option<String>,
}

/// What API Gateway is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// By an HTTP API with simple responses.
    Http(Simple),
    /// By a WebSocket API.
    Socket(Policy),
}

/// Whether the request may pass, and what the function behind is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simple {
    is_authorized: bool,
    context: BTreeMap<&'static str, String>,
}

/// The same, as a policy for the one method that was asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    principal_id: String,
    #[serde(rename = "policyDocument")]
    document: Document,
    context: BTreeMap<&'static str, String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
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

/// Why there is no answer. API Gateway answers 500 then, and lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It cannot be said.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// Neither of the two questions: the authorizer is wired to something else.
    #[error("this is no question of an HTTP API in format 2.0, nor of a WebSocket API's $connect")]
    NotAsked,
}

/// Why somebody is not let in. For our logs only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Outside {
    #[error("nothing borne")]
    Nothing,
    #[error("unknown")]
    Unknown,
    #[error("token {0}")]
    Token(#[from] TokenError),
    #[error("session: {0}")]
    Session(#[from] SessionError),
    #[error("expired")]
    Expired,
    #[error("spent or no ticket")]
    Ticket,
}

/// Whom it is about, as far as is known, and whether they are let in.
struct Decision {
    whom: Option<String>,
    found: Result<Principal, Outside>,
}

impl Decision {
    fn outside(why: Outside) -> Self {
        Self {
            whom: None,
            found: Err(why),
        }
    }

    fn of(whom: &impl ToString, found: Result<Principal, Outside>) -> Self {
        Self {
            whom: Some(whom.to_string()),
            found,
        }
    }
}

/// The authorizer.
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
    /// Ready to decide. `app` is the client id and where its secrets are; without it, session tokens are refused.
    ///
    /// # Errors
    /// [`NoSecret`] when there is an app, and its secrets cannot be used.
    pub async fn new(access: A, app: Option<(String, K)>, clock: C) -> Result<Self, NoSecret> {
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

    /// Decides.
    ///
    /// # Errors
    /// [`NoAnswer`] when that cannot be said: then nobody is let in.
    pub async fn decide(&self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let connecting = asked
            .request_context
            .as_ref()
            .and_then(|context| context.event_type.as_deref());
        let (decision, method) = match (asked.version.as_deref(), connecting, &asked.method_arn) {
            (Some("2.0"), _, None) => (self.bearer(asked).await?, None),
            (None, Some("CONNECT"), Some(method)) => (self.ticket(asked).await?, Some(method)),
            _ => return Err(NoAnswer::NotAsked),
        };
        let principal = decision.whom.as_deref().unwrap_or("nobody");
        let api = if method.is_some() { "websocket" } else { "http" };
        let outcome = match &decision.found {
            Ok(_) => "let in".to_owned(),
            Err(why) => format!("refused: {why}"),
        };
        tracing::info!(
            service = "authorizer",
            api,
            principal,
            outcome,
            "somebody asked to be let in"
        );
        Ok(match method {
            None => Answer::Http(Simple {
                is_authorized: decision.found.is_ok(),
                context: decision.found.map(|principal| principal.context()).unwrap_or_default(),
            }),
            Some(method) => Answer::Socket(policy(decision.found.ok(), method)),
        })
    }

    async fn bearer(&self, asked: &Asked) -> Result<Decision, PortError> {
        let Some(text) = borne(asked) else {
            return Ok(Decision::outside(Outside::Nothing));
        };
        if let Some(borne) = PresentedToken::parse(text) {
            let Some(token) = self.access.find(borne.id()).await? else {
                return Ok(Decision::of(borne.id(), Err(Outside::Unknown)));
            };
            let found = token.principal(&borne, self.clock.now());
            return Ok(Decision::of(borne.id(), found.map_err(Outside::Token)));
        }
        let Some(sessions) = &self.sessions else {
            return Ok(Decision::outside(Outside::Unknown));
        };
        Ok(match sessions.read(text, &self.clock).await {
            Ok(session) => {
                let principal = session.principal();
                Decision::of(&principal.id, Ok(principal.clone()))
            }
            Err(why) => Decision::outside(Outside::Session(why)),
        })
    }

    async fn ticket(&self, asked: &Asked) -> Result<Decision, PortError> {
        let ticket = asked
            .query_string_parameters
            .as_ref()
            .and_then(|query| query.get("ticket"));
        let Some(ticket) = ticket else {
            return Ok(Decision::outside(Outside::Nothing));
        };
        let Some(key) = TicketKey::of(ticket) else {
            return Ok(Decision::outside(Outside::Unknown));
        };
        let now = self.clock.now();
        let Some(principal) = self.access.spend(&key, now).await? else {
            return Ok(Decision::outside(Outside::Ticket));
        };
        let whom = principal.id.clone();
        // A token may have been revoked or changed since.
        let found = match whom.parse::<TokenId>() {
            Ok(id) => match self.access.find(&id).await? {
                Some(token) => token.bearer(now).map_err(Outside::Token),
                None => Err(Outside::Unknown),
            },
            Err(_) if principal.expires_at <= now => Err(Outside::Expired),
            Err(_) => Ok(principal),
        };
        Ok(Decision::of(&whom, found))
    }
}

impl<K: SecretSource, C: Clock> Sessions<K, C> {
    /// A secret that was taken out of rotation signs nothing any more after five minutes; one that was put in, at once.
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

/// The text after `Bearer `. Of two such headers API Gateway makes one, which is none.
fn borne(asked: &Asked) -> Option<&str> {
    let mut values = asked
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

fn policy(principal: Option<Principal>, method: &str) -> Policy {
    Policy {
        document: Document {
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

/// Decides until Lambda ends the function.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn run<A, K, C>(authorizer: Authorizer<A, K, C>) -> Result<(), StartError>
where
    A: Tokens + Tickets + 'static,
    K: SecretSource + 'static,
    C: Clock + Clone + 'static,
{
    let authorizer = Arc::new(authorizer);
    let handle = service_fn(move |event: LambdaEvent<Asked>| {
        let authorizer = Arc::clone(&authorizer);
        async move {
            authorizer.decide(&event.payload).await.map_err(|failure| {
                tracing::error!(service = "authorizer", error = %chain(&failure), "a request was not decided on");
                StartError::from(failure)
            })
        }
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests;

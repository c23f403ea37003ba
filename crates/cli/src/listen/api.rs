//! The stack's HTTP API, as an admin of one store uses it.

use std::{fmt::Write as _, fs, time::Duration};

use anyhow::{Context, Result, bail};
use hookline_domain::kernel::secret::Secret;
use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{args::ListenArgs, resources::required};

/// Variable that holds the token.
const TOKEN: &str = "HOOKLINE_TOKEN";

/// Timeout of a call.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Client of the API, for one store.
pub struct Api {
    client: Client,
    base: String,
    token: Secret,
    /// Name of the store.
    pub store: String,
}

/// Session that makes events of the store wanted while it lasts.
pub struct Session {
    pub api: Api,
    pub name: String,
    pub types: Vec<String>,
}

/// Failure of a call.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The API refuses. Not retryable: the message says what to do.
    #[error("{0}")]
    Refused(String),
    /// The API cannot be reached, or fails. Retryable.
    #[error("{0}")]
    Unavailable(String),
}

/// Body of an error: ours, or API Gateway's.
#[derive(Default, Deserialize)]
struct ErrorBody {
    error: Option<String>,
}

impl Api {
    #[expect(clippy::disallowed_methods, reason = "the operator names the API")]
    pub fn new(args: &ListenArgs) -> Result<Self> {
        let base = required(args.api_url.as_ref(), "API_URL", "--api-url")?;
        Ok(Self {
            client: Client::builder().timeout(TIMEOUT).build()?,
            base: base.trim_end_matches('/').to_owned(),
            token: token(args)?,
            store: args.store.0.label().into_owned(),
        })
    }

    /// URL of the WebSocket API.
    pub async fn live_url(&self) -> Result<Url> {
        let me = self.call(Method::GET, "/api/me", None).await?;
        let url = me["live_url"]
            .as_str()
            .context("this stack has no WebSocket API (its LIVE_URL is not set)")?;
        Ok(url.parse()?)
    }

    /// A ticket, which opens one connection.
    pub async fn ticket(&self) -> Result<String, CallError> {
        let issued = self.call(Method::POST, "/api/live/tickets", None).await?;
        let ticket = issued["ticket"].as_str().map(str::to_owned);
        ticket.ok_or_else(|| CallError::Refused("the API has issued no ticket".to_owned()))
    }

    fn of_store(&self, path: &str) -> String {
        format!("/api/stores/{}/{path}", segment(&self.store))
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, CallError> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method, url).bearer_auth(self.token.reveal());
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let unavailable = |error: &reqwest::Error| {
            CallError::Unavailable(format!("the API at {} cannot be reached: {}", self.base, cause(error)))
        };
        let response = request.send().await.map_err(|error| unavailable(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| unavailable(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| CallError::Refused(format!("{} is not the API of a stack", self.base)));
        }
        let ErrorBody { error } = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            let error = error.unwrap_or_else(|| "try again in a moment".to_owned());
            return Err(CallError::Unavailable(format!(
                "the API answers {}: {error}",
                status.as_u16()
            )));
        }
        Err(CallError::Refused(error.unwrap_or_else(|| self.explain(status))))
    }

    /// Meaning of an answer that is API Gateway's own.
    fn explain(&self, status: StatusCode) -> String {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "the API refuses the token: it is unknown, revoked or expired. Create one with `hookline token create \
                 --role admin --store {}`, and set {TOKEN}",
                self.store
            ),
            StatusCode::NOT_FOUND => {
                "the API does not know this request: update the stack with `make deploy`, or correct API_URL".to_owned()
            }
            _ => format!("the API answers {}", status.as_u16()),
        }
    }
}

impl Session {
    /// Begins the session, or renews it.
    pub async fn begin(&self) -> Result<(), CallError> {
        let body = json!({"session": self.name, "types": self.types});
        self.api
            .call(Method::POST, &self.api.of_store("listen"), Some(body))
            .await?;
        Ok(())
    }

    pub async fn end(&self) -> Result<(), CallError> {
        let path = self.api.of_store(&format!("listen/{}", self.name));
        self.api.call(Method::DELETE, &path, None).await?;
        Ok(())
    }
}

fn token(args: &ListenArgs) -> Result<Secret> {
    let text = if let Some(file) = &args.token_file {
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
    } else {
        #[expect(
            clippy::disallowed_methods,
            reason = "every process could read it if it were an option"
        )]
        let variable = std::env::var(TOKEN);
        variable.unwrap_or_default()
    };
    let text = text.trim();
    if text.is_empty() {
        bail!(
            "there is no token: set {TOKEN}, or give --token-file. To create one: hookline token create --role admin \
             --store {}",
            args.store.0.label()
        );
    }
    Ok(Secret::new(text))
}

/// A text as one segment of a path.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The innermost cause of a failed request, which names the problem best.
pub fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_store_is_one_segment_of_a_path() {
        assert_eq!(segment("demo.myshopify.com"), "demo.myshopify.com");
        assert_eq!(segment("square:MJUNIPER1OAK2"), "square%3AMJUNIPER1OAK2");
        assert_eq!(segment("a/b ü"), "a%2Fb%20%C3%BC");
    }
}

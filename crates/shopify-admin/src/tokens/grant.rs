//! Grants: how Shopify gives a token for the app's client id and secret.

use std::fmt;

use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::PortError,
        secret::{Secret, SecretSource},
    },
    sync::vendor::CatalogueError,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::credential::Kept;
use crate::{
    answer::{PORT, told},
    http::{Http, REQUEST, Reply, refused},
    time::Time,
};

/// The app, as Shopify knows it.
#[derive(Debug, Clone)]
pub struct App<S> {
    client_id: Option<String>,
    secrets: S,
}

impl<S> App<S> {
    /// An app of this client id, without which only custom apps' tokens work, and with these client secrets: one, or two
    /// with a comma between them, newest first.
    pub fn new(client_id: Option<String>, secrets: S) -> Self {
        Self { client_id, secrets }
    }
}

/// New tokens, and when they stop being taken.
#[derive(Debug)]
pub(crate) struct Granted {
    pub kept: Kept,
    pub expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Request<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    grant_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<i64>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The client secrets cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("no client secret is given")]
struct NoSecret;

/// What is asked for a new token.
pub(crate) enum Wanted<'a> {
    ClientCredentials,
    Refresh(&'a str),
}

impl<S: SecretSource> App<S> {
    /// Asks for new tokens, once. The answer's tokens must be kept before they are used: until then, what they were
    /// granted for is still good.
    pub(crate) async fn grant(
        &self,
        http: &Http,
        time: &Time,
        store: &StoreKey,
        wanted: Wanted<'_>,
        until: Timestamp,
    ) -> Result<Granted, CatalogueError> {
        let client_id = self.client_id.as_deref().ok_or_else(|| CatalogueError::Refused {
            reason: "it can only be renewed by an app whose client id is known: set SHOPIFY_CLIENT_ID".to_owned(),
        })?;
        let secrets = self.secrets.read().await?;
        let newest = secrets.reveal().split(',').next().map(str::trim).unwrap_or_default();
        if newest.is_empty() {
            return Err(PortError::new("secret", NoSecret).into());
        }
        let (grant_type, refresh_token) = match wanted {
            Wanted::ClientCredentials => ("client_credentials", None),
            Wanted::Refresh(token) => ("refresh_token", Some(token)),
        };
        let request = Request {
            client_id,
            client_secret: newest,
            grant_type,
            refresh_token,
        };
        let body = serde_json::to_vec(&request).map_err(|error| PortError::new(PORT, error))?;
        let asked_at = time.now();
        match http.grant(store, body, time.left(until).min(REQUEST)).await? {
            Reply::Body(body) => read(&body, asked_at, refresh_token),
            Reply::Unauthorized => Err(rejected(
                "Shopify does not take the app's client id and secret (401): look at SHOPIFY_CLIENT_ID",
            )),
            Reply::Later(_) => Err(CatalogueError::Throttled),
            Reply::Passing(failure) => Err(failure.into()),
            Reply::Lasting(status @ (StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN), body) => {
                Err(rejected(&refusal(status, &body)))
            }
            Reply::Lasting(status, _) => Err(refused(status)),
        }
    }
}

fn read(body: &[u8], asked_at: Timestamp, refresh: Option<&str>) -> Result<Granted, CatalogueError> {
    // Nothing of what does not fit is told: it holds tokens.
    let answer: Answer = serde_json::from_slice(body).map_err(|_| CatalogueError::Disagreed {
        problem: "the answer to a grant is not one".to_owned(),
    })?;
    let lifetime = answer.expires_in.map(SignedDuration::from_secs);
    let kept = match (refresh, answer.refresh_token) {
        (None, _) => Kept::ClientCredentials {
            access: answer.access_token,
        },
        (Some(_), Some(refresh)) => Kept::Offline {
            access: answer.access_token,
            refresh,
        },
        (Some(refresh), None) => Kept::Offline {
            access: answer.access_token,
            refresh: refresh.to_owned(),
        },
    };
    Ok(Granted {
        kept,
        // From when it was asked for: rather too early than too late.
        expires_at: lifetime.and_then(|lifetime| asked_at.checked_add(lifetime).ok()),
    })
}

fn refusal(status: StatusCode, body: &[u8]) -> String {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => format!(
            "no new one is granted: {} {} (add the store again)",
            told(&refusal.error),
            told(&refusal.error_description)
        ),
        Err(_) => format!("no new one is granted ({}); add the store again", status.as_u16()),
    }
}

fn rejected(reason: &str) -> CatalogueError {
    CatalogueError::Refused {
        reason: reason.to_owned(),
    }
}

impl fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientCredentials => "ClientCredentials",
            Self::Refresh(_) => "Refresh(redacted)",
        })
    }
}

/// A token that somebody has given, to try it before it is kept.
#[derive(Debug, Clone)]
pub struct Given(pub Secret);

//! Grants of tokens by Shopify, for the app's client id and secret.

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

use super::credential::StoredTokens;
use crate::{
    http::{Http, REQUEST_TIMEOUT, Reply, refused},
    response::{PORT, one_line},
    time::Time,
};

/// App at Shopify.
#[derive(Debug, Clone)]
pub struct App<S> {
    client_id: Option<String>,
    secrets: S,
}

impl<S> App<S> {
    /// Creates an app with this client id, without which only tokens of custom apps work, and these client secrets:
    /// one, or two separated by a comma, newest first.
    pub fn new(client_id: Option<String>, secrets: S) -> Self {
        Self { client_id, secrets }
    }
}

/// Granted tokens with their expiry.
#[derive(Debug)]
pub(crate) struct Granted {
    pub stored: StoredTokens,
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
struct GrantResponse {
    access_token: String,
    expires_in: Option<i64>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct GrantErrorResponse {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The client secret is missing.
#[derive(Debug, thiserror::Error)]
#[error("there is no client secret")]
struct NoClientSecretError;

/// Type of a grant.
pub(crate) enum GrantType<'a> {
    ClientCredentials,
    Refresh(&'a str),
}

impl<S: SecretSource> App<S> {
    /// Requests new tokens, once. They must be stored before they are used: until then, the refresh token that they
    /// were granted for stays valid.
    pub(crate) async fn grant(
        &self,
        http: &Http,
        time: &Time,
        store: &StoreKey,
        grant_type: GrantType<'_>,
        until: Timestamp,
    ) -> Result<Granted, CatalogueError> {
        let client_id = self.client_id.as_deref().ok_or_else(|| CatalogueError::Refused {
            reason: "only an app whose client id is known can renew it: set SHOPIFY_CLIENT_ID".to_owned(),
        })?;
        let secrets = self.secrets.read().await?;
        let newest = secrets.reveal().split(',').next().map(str::trim).unwrap_or_default();
        if newest.is_empty() {
            return Err(PortError::new("secret", NoClientSecretError).into());
        }
        let (grant_type, refresh_token) = match grant_type {
            GrantType::ClientCredentials => ("client_credentials", None),
            GrantType::Refresh(token) => ("refresh_token", Some(token)),
        };
        let request = Request {
            client_id,
            client_secret: newest,
            grant_type,
            refresh_token,
        };
        let body = serde_json::to_vec(&request).map_err(|error| PortError::new(PORT, error))?;
        let requested_at = time.now();
        match http
            .grant(store, body, time.remaining(until).min(REQUEST_TIMEOUT))
            .await?
        {
            Reply::Body(body) => read(&body, requested_at, refresh_token),
            Reply::Unauthorized => Err(rejected(
                "Shopify does not accept the app's client id and secret (401): check SHOPIFY_CLIENT_ID",
            )),
            Reply::Later(_) => Err(CatalogueError::Throttled),
            Reply::Transient(failure) => Err(failure.into()),
            Reply::Permanent(status @ (StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN), body) => {
                Err(rejected(&refusal(status, &body)))
            }
            Reply::Permanent(status, _) => Err(refused(status)),
        }
    }
}

fn read(body: &[u8], requested_at: Timestamp, refresh: Option<&str>) -> Result<Granted, CatalogueError> {
    // The error does not quote the body: it holds tokens.
    let answer: GrantResponse = serde_json::from_slice(body).map_err(|_| CatalogueError::Disagreed {
        problem: "the response to a grant does not fit".to_owned(),
    })?;
    let lifetime = answer.expires_in.map(SignedDuration::from_secs);
    let stored = match (refresh, answer.refresh_token) {
        (None, _) => StoredTokens::ClientCredentials {
            access: answer.access_token,
        },
        (Some(_), Some(refresh)) => StoredTokens::Offline {
            access: answer.access_token,
            refresh,
        },
        (Some(refresh), None) => StoredTokens::Offline {
            access: answer.access_token,
            refresh: refresh.to_owned(),
        },
    };
    Ok(Granted {
        stored,
        // Counted from the request, so that it rather expires too early than too late.
        expires_at: lifetime.and_then(|lifetime| requested_at.checked_add(lifetime).ok()),
    })
}

fn refusal(status: StatusCode, body: &[u8]) -> String {
    match serde_json::from_slice::<GrantErrorResponse>(body) {
        Ok(refusal) => format!(
            "Shopify grants no new token: {} {} (add the store again)",
            one_line(&refusal.error),
            one_line(&refusal.error_description)
        ),
        Err(_) => format!("Shopify grants no new token ({}); add the store again", status.as_u16()),
    }
}

fn rejected(reason: &str) -> CatalogueError {
    CatalogueError::Refused {
        reason: reason.to_owned(),
    }
}

impl fmt::Debug for GrantType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientCredentials => "ClientCredentials",
            Self::Refresh(_) => "Refresh(redacted)",
        })
    }
}

/// Token that a person provides, to test it before it is stored.
#[derive(Debug, Clone)]
pub struct GrantedToken(pub Secret);

//! [`SecretSource`] on Secrets Manager.

use std::sync::Arc;

use hookline_domain::kernel::{
    port::PortError,
    secret::{Secret, SecretSource},
};
use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    client::{Attempts, Client, ROOM},
};

const PORT: &str = "secret";

/// A secret, wherever it is. Keeps nothing: whoever reads it decides how long the value is good for.
#[derive(Debug, Clone)]
pub enum DirectSecret {
    /// Given literally.
    Literal(Secret),
    /// The current version of the secret of this ARN or name in Secrets Manager.
    Kept(KeptSecret),
}

/// A secret in Secrets Manager.
#[derive(Debug, Clone)]
pub struct KeptSecret {
    pub(crate) secrets_manager: Arc<Client>,
    pub(crate) arn: String,
}

#[derive(Serialize)]
struct Get<'a> {
    #[serde(rename = "SecretId")]
    id: &'a str,
}

#[derive(Deserialize)]
struct Got {
    #[serde(rename = "SecretString")]
    text: Option<String>,
}

/// The secret is binary, and nothing of ours is.
#[derive(Debug, thiserror::Error)]
#[error("the secret has no text")]
struct NoText;

impl KeptSecret {
    /// The secret in Secrets Manager's answer.
    ///
    /// # Errors
    /// When there is none in it that is a text.
    pub fn read_secret(answer: &Answer) -> Result<Secret, PortError> {
        let got: Got = answer.json().map_err(|error| error.of(PORT))?;
        let text = got.text.ok_or_else(|| PortError::new(PORT, NoText))?;
        Ok(Secret::new(text))
    }
}

impl SecretSource for DirectSecret {
    async fn read(&self) -> Result<Secret, PortError> {
        match self {
            Self::Literal(secret) => secret.read().await,
            Self::Kept(secret) => secret.read().await,
        }
    }
}

impl SecretSource for KeptSecret {
    async fn read(&self) -> Result<Secret, PortError> {
        let get = Get { id: &self.arn };
        let operation = "secretsmanager.GetSecretValue";
        let answer = self.secrets_manager.json(operation, &get, ROOM, Attempts::Two).await;
        Self::read_secret(&answer.map_err(|error| error.of(PORT))?)
    }
}

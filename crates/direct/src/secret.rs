//! [`SecretSource`] on Secrets Manager.

use std::sync::Arc;

use hookline_domain::kernel::{
    port::PortError,
    secret::{Secret, SecretSource},
};
use serde::{Deserialize, Serialize};

use crate::{
    client::{Attempts, Client, REQUEST_CAPACITY_BYTES},
    response::AwsResponse,
};

const PORT: &str = "secret";

/// A secret, given literally or stored in Secrets Manager. Caches nothing: the reader decides how long a value is good for.
#[derive(Debug, Clone)]
pub enum DirectSecret {
    /// Given literally.
    Literal(Secret),
    /// The current version of the secret of this ARN or name in Secrets Manager.
    Stored(StoredSecret),
}

/// A secret in Secrets Manager.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    pub(crate) secrets_manager: Arc<Client>,
    pub(crate) arn: String,
}

#[derive(Serialize)]
struct GetSecretValue<'a> {
    #[serde(rename = "SecretId")]
    id: &'a str,
}

#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    text: Option<String>,
}

/// The secret is binary, which none of ours is.
#[derive(Debug, thiserror::Error)]
#[error("the secret has no text")]
struct NoTextError;

impl StoredSecret {
    /// Reads Secrets Manager's response.
    ///
    /// # Errors
    /// Fails if the response holds no secret that is a text.
    pub fn read_secret(response: &AwsResponse) -> Result<Secret, PortError> {
        let value: SecretValue = response.json().map_err(|error| error.into_unavailable(PORT))?;
        let text = value.text.ok_or_else(|| PortError::new(PORT, NoTextError))?;
        Ok(Secret::new(text))
    }
}

impl SecretSource for DirectSecret {
    async fn read(&self) -> Result<Secret, PortError> {
        match self {
            Self::Literal(secret) => secret.read().await,
            Self::Stored(secret) => secret.read().await,
        }
    }
}

impl SecretSource for StoredSecret {
    async fn read(&self) -> Result<Secret, PortError> {
        let get = GetSecretValue { id: &self.arn };
        let operation = "secretsmanager.GetSecretValue";
        let response = self
            .secrets_manager
            .json(operation, &get, REQUEST_CAPACITY_BYTES, Attempts::Two)
            .await;
        Self::read_secret(&response.map_err(|error| error.into_unavailable(PORT))?)
    }
}

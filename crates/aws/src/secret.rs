//! [`SecretSource`] on Secrets Manager.

use aws_sdk_secretsmanager::Client;
use hookline_domain::kernel::{
    port::PortError,
    secret::{Secret, SecretSource},
};

use crate::failure::{self, Ours};

const PORT: &str = "secret";

/// A secret, given literally or stored in Secrets Manager.
#[derive(Debug, Clone)]
pub enum AwsSecret {
    /// Given literally.
    Literal(Secret),
    /// Stored in Secrets Manager.
    Stored(SecretsManagerSecret),
}

impl SecretSource for AwsSecret {
    async fn read(&self) -> Result<Secret, PortError> {
        match self {
            Self::Literal(secret) => secret.read().await,
            Self::Stored(secret) => secret.read().await,
        }
    }
}

/// The current version of one secret. Caches nothing: the reader decides how long a value is good for.
#[derive(Debug, Clone)]
pub struct SecretsManagerSecret {
    client: Client,
    arn: String,
}

/// The secret is binary, which none of ours is.
#[derive(Debug, thiserror::Error)]
#[error("the secret has no text")]
struct NoTextError;

impl Ours for NoTextError {}

impl SecretsManagerSecret {
    pub(crate) fn new(client: Client, arn: impl Into<String>) -> Self {
        Self {
            client,
            arn: arn.into(),
        }
    }
}

impl SecretSource for SecretsManagerSecret {
    async fn read(&self) -> Result<Secret, PortError> {
        let value = self
            .client
            .get_secret_value()
            .secret_id(&self.arn)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let text = value.secret_string.ok_or_else(|| failure::of_ours(PORT, NoTextError))?;
        Ok(Secret::new(text))
    }
}

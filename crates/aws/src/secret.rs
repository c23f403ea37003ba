//! [`SecretSource`] on Secrets Manager.

use aws_sdk_secretsmanager::{Client, operation::update_secret_version_stage::UpdateSecretVersionStageError};
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

/// A secret's text with the version that it is.
#[derive(Debug, Clone)]
pub struct VersionedSecret {
    /// The text.
    pub secret: Secret,
    version: String,
}

/// Label of the version that everybody reads.
const CURRENT: &str = "AWSCURRENT";

impl SecretsManagerSecret {
    /// Reads the current version, to be changed.
    ///
    /// # Errors
    /// [`PortError`] if it cannot be read.
    pub async fn read_version(&self) -> Result<VersionedSecret, PortError> {
        let value = self.client.get_secret_value().secret_id(&self.arn).send().await;
        let value = value.map_err(|error| failure::of_call(PORT, error))?;
        let text = value.secret_string.ok_or_else(|| failure::of_ours(PORT, NoTextError))?;
        Ok(VersionedSecret {
            secret: Secret::new(text),
            version: value.version_id.unwrap_or_default(),
        })
    }

    /// Makes a text the current version, unless another one than `read` is current by now: then returns `false` and changes
    /// nothing that anybody reads. `PutSecretValue` has no condition, so the text is stored under a label of its own first, and
    /// the label of the current version is moved from the version that was read: Secrets Manager refuses that if it is elsewhere
    /// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html>). Needs
    /// `secretsmanager:PutSecretValue` and `secretsmanager:UpdateSecretVersionStage`.
    ///
    /// # Errors
    /// [`PortError`] if Secrets Manager cannot be reached or refuses it.
    pub async fn replace(&self, read: &VersionedSecret, text: &Secret) -> Result<bool, PortError> {
        let label = format!("hookline-{}", uuid::Uuid::new_v4().simple());
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.arn)
            .secret_string(text.reveal());
        let put = put
            .version_stages(&label)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let version = put.version_id.unwrap_or_default();
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(&self.arn)
            .version_stage(CURRENT);
        let moved = moved
            .move_to_version_id(&version)
            .remove_from_version_id(&read.version)
            .send()
            .await;
        // Without a label, a version goes by itself.
        let cleared = self
            .client
            .update_secret_version_stage()
            .secret_id(&self.arn)
            .version_stage(&label);
        let cleared = cleared.remove_from_version_id(&version).send().await;
        drop(cleared);
        match moved {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateSecretVersionStageError::is_invalid_parameter_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(failure::of_call(PORT, error)),
        }
    }
}

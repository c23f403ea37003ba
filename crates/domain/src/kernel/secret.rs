//! Secrets as a type that cannot be printed, and the port that reads them.

use std::{fmt, future::Future};

use crate::kernel::port::PortError;

/// A secret text. `Debug` redacts it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself. Call this only where the secret is used.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Store of one secret.
pub trait SecretSource: Send + Sync {
    /// Reads the secret's current value.
    fn read(&self) -> impl Future<Output = Result<Secret, PortError>> + Send;
}

/// Reference to a secret: its value or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The secret itself, for local use and tests.
    Literal(Secret),
    /// Name of a stored secret (an ARN in AWS Secrets Manager).
    Stored(String),
}

/// A secret given literally.
impl SecretSource for Secret {
    async fn read(&self) -> Result<Secret, PortError> {
        Ok(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_redacts_the_secret() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "Secret(redacted)");
    }
}

//! Secrets as a type that cannot be printed, and the port they come from.

use std::{fmt, future::Future};

use crate::kernel::port::PortError;

/// A secret text. `Debug` shows that there is one, never what it is; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Call it only where the secret is used.
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

/// Where a secret is kept.
pub trait SecretSource: Send + Sync {
    /// Reads the secret's present value.
    fn read(&self) -> impl Future<Output = Result<Secret, PortError>> + Send;
}

/// Which secret is meant: given literally, or by the name it is kept under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The secret itself: for local use and tests.
    Literal(Secret),
    /// Its name in the place where secrets are kept (an ARN in AWS Secrets Manager).
    Kept(String),
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
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "Secret(redacted)");
    }
}

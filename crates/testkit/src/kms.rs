//! KMS beside this process.

use hookline_aws::{Aws, Timeouts};

use crate::ministack::Ministack;

/// A KMS process with one key. Killed on drop; ends when this process dies.
#[derive(Debug)]
pub struct Kms {
    process: Ministack,
    key: String,
}

impl Kms {
    /// Starts the process and creates the key.
    ///
    /// # Panics
    /// If `LOCAL_SHOPIFY_PYTHON` does not name the emulators' Python.
    pub async fn start() -> Self {
        let process = Ministack::start("kms").await;
        let made = aws_sdk_kms::Client::new(&process.config)
            .create_key()
            .send()
            .await
            .unwrap();
        let key = made.key_metadata.unwrap().arn.unwrap();
        Self { process, key }
    }

    /// The adapters, configured as in the consumer.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.process.config.clone(), Timeouts::Queue)
    }

    /// URL of the server, as in `AWS_ENDPOINT_URL_KMS`.
    pub fn endpoint(&self) -> &str {
        self.process.config.endpoint_url().unwrap()
    }

    /// ARN of the key.
    pub fn key(&self) -> &str {
        &self.key
    }
}

//! KMS beside this process.

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use base64::{Engine, prelude::BASE64_STANDARD};
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

    /// Creates a key for personal data, as docs/operations.md says; returns its ARN and its public half, in base64.
    ///
    /// # Panics
    /// If the process does not answer.
    pub async fn key_for_personal_data(&self) -> (String, String) {
        let client = aws_sdk_kms::Client::new(&self.process.config);
        let made = client
            .create_key()
            .key_spec(KeySpec::Rsa3072)
            .key_usage(KeyUsageType::EncryptDecrypt)
            .send()
            .await
            .unwrap();
        let arn = made.key_metadata.unwrap().arn.unwrap();
        let public = client.get_public_key().key_id(&arn).send().await.unwrap();
        (arn, BASE64_STANDARD.encode(public.public_key.unwrap()))
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

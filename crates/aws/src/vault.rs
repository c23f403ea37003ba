//! [`Vault`] on KMS. The store is the encryption context, so that tokens of one store open for no other, and
//! `CloudTrail` says whose tokens were opened
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>).

use aws_sdk_kms::{Client, primitives::Blob};
use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::connections::Vault,
};

use crate::failure::{self, Ours};

const PORT: &str = "vault";

/// Name of the encryption context; the template's policies may name it, too.
const CONTEXT_KEY: &str = "store";

/// A [`Vault`] with one symmetric key of KMS.
#[derive(Debug, Clone)]
pub struct KmsVault {
    client: Client,
    key: String,
}

/// KMS's response holds no text.
#[derive(Debug, thiserror::Error)]
#[error("the response of KMS is empty")]
struct EmptyResponseError;

impl Ours for EmptyResponseError {}

impl KmsVault {
    pub(crate) fn new(client: Client, key: impl Into<String>) -> Self {
        Self {
            client,
            key: key.into(),
        }
    }
}

impl Vault for KmsVault {
    async fn seal(&self, store: &StoreKey, open: &[u8]) -> Result<Vec<u8>, PortError> {
        let sealed = self
            .client
            .encrypt()
            .key_id(&self.key)
            .encryption_context(CONTEXT_KEY, store.to_string())
            .plaintext(Blob::new(open))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let sealed = sealed
            .ciphertext_blob
            .ok_or_else(|| failure::of_ours(PORT, EmptyResponseError))?;
        Ok(sealed.into_inner())
    }

    async fn open(&self, store: &StoreKey, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        let open = self
            .client
            .decrypt()
            // Only with this key, even if the ciphertext names another.
            .key_id(&self.key)
            .encryption_context(CONTEXT_KEY, store.to_string())
            .ciphertext_blob(Blob::new(sealed))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let open = open
            .plaintext
            .ok_or_else(|| failure::of_ours(PORT, EmptyResponseError))?;
        Ok(open.into_inner())
    }
}

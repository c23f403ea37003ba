//! [`Vault`], [`EndpointVault`] and [`DataKeys`] on KMS, each with a key of its own. The store, or the endpoint and its owner, is the
//! encryption context, so that what is sealed for one opens for no other, and `CloudTrail` says whose secrets were opened
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>).

use std::collections::HashMap;

use aws_sdk_kms::{Client, primitives::Blob, types::EncryptionAlgorithmSpec};
use hookline_domain::{
    delivery::sealed::DataKeys,
    kernel::{ids::StoreKey, port::PortError},
    outbound::{EndpointKey, EndpointVault},
    store::connections::Vault,
};

use crate::failure::{self, Ours};

const PORT: &str = "vault";
const DATA_KEYS_PORT: &str = "data keys";

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

/// Encryption context: names and values.
type Context<'a> = &'a [(&'static str, String)];

impl KmsVault {
    async fn seal_in(&self, context: Context<'_>, open: &[u8]) -> Result<Vec<u8>, PortError> {
        let sealed = self
            .client
            .encrypt()
            .key_id(&self.key)
            .set_encryption_context(Some(map(context)))
            .plaintext(Blob::new(open))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let sealed = sealed
            .ciphertext_blob
            .ok_or_else(|| failure::of_ours(PORT, EmptyResponseError))?;
        Ok(sealed.into_inner())
    }

    async fn open_in(&self, context: Context<'_>, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        let open = self
            .client
            .decrypt()
            // Only with this key, even if the ciphertext names another.
            .key_id(&self.key)
            .set_encryption_context(Some(map(context)))
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

/// [`DataKeys`] with an asymmetric key of the operator's, whose public half receivers have.
#[derive(Debug, Clone)]
pub struct KmsDataKeys {
    client: Client,
    key: String,
}

impl KmsDataKeys {
    pub(crate) fn new(client: Client, key: impl Into<String>) -> Self {
        Self {
            client,
            key: key.into(),
        }
    }
}

impl DataKeys for KmsDataKeys {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Option<Vec<u8>>, PortError> {
        let decrypted = self
            .client
            .decrypt()
            .key_id(&self.key)
            .encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
            .ciphertext_blob(Blob::new(wrapped))
            .send()
            .await;
        match decrypted {
            Ok(decrypted) => {
                let key = decrypted.plaintext;
                let key = key.ok_or_else(|| failure::of_ours(DATA_KEYS_PORT, EmptyResponseError))?;
                Ok(Some(key.into_inner()))
            }
            // Encrypted with another key: the operator has changed it since.
            Err(error)
                if error.as_service_error().is_some_and(|error| {
                    error.is_invalid_ciphertext_exception() || error.is_incorrect_key_exception()
                }) =>
            {
                Ok(None)
            }
            Err(error) => Err(failure::of_call(DATA_KEYS_PORT, error)),
        }
    }
}

fn map(context: Context<'_>) -> HashMap<String, String> {
    let pairs = context.iter();
    pairs.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn of_store(store: &StoreKey) -> [(&'static str, String); 1] {
    [(CONTEXT_KEY, store.to_string())]
}

fn of_endpoint(endpoint: &EndpointKey) -> [(&'static str, String); 2] {
    [
        ("owner", endpoint.scope.to_string()),
        ("endpoint", endpoint.id.to_string()),
    ]
}

impl Vault for KmsVault {
    async fn seal(&self, store: &StoreKey, open: &[u8]) -> Result<Vec<u8>, PortError> {
        self.seal_in(&of_store(store), open).await
    }

    async fn open(&self, store: &StoreKey, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        self.open_in(&of_store(store), sealed).await
    }
}

impl EndpointVault for KmsVault {
    async fn seal(&self, key: &EndpointKey, open: &[u8]) -> Result<Vec<u8>, PortError> {
        self.seal_in(&of_endpoint(key), open).await
    }

    async fn open(&self, key: &EndpointKey, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
        self.open_in(&of_endpoint(key), sealed).await
    }
}

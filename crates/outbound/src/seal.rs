//! Sealing of what only the dispatcher may know of an endpoint, and the check of its settings: what the API and the command do
//! before they write an endpoint.

use hookline_domain::{
    kernel::port::PortError,
    outbound::{
        CredentialsChange, EndpointKey, EndpointSettings, EndpointVault, InvalidSettingsError, Scope, SealedAuth,
        SealedCertificate, SealedHeaders, SealedSecret, catalog,
    },
};
use jiff::Timestamp;

use crate::{
    certificate::OpenCertificate,
    endpoint_url::{EndpointUrl, InvalidEndpointUrlError, UrlRules, is_private},
    headers::InvalidHeaderError,
    oauth::OpenAuth,
    sealed::{OpenHeaders, OpenKeys},
};

/// Most bytes that an [`EndpointVault`] seals.
pub(crate) const MAX_SEALED_BYTES: usize = 4096;

/// Settings or headers that an endpoint may not have. Not retryable. Contains no value of a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpointError {
    /// The URL.
    #[error(transparent)]
    Url(#[from] InvalidEndpointUrlError),
    /// Personal data over http.
    #[error("personal data goes over https only: change the URL, or set personal to none")]
    PersonalOverHttp,
    /// Another setting.
    #[error(transparent)]
    Settings(#[from] InvalidSettingsError),
    /// A header.
    #[error(transparent)]
    Header(#[from] InvalidHeaderError),
}

/// Checks all settings of an endpoint of this owner: the URL by the rules of the deployment, without asking DNS, and the paths of conditions by the schemas of
/// the chosen types.
///
/// # Errors
/// [`InvalidEndpointError`] with the first that is wrong.
pub fn check_settings(
    scope: &Scope,
    settings: &EndpointSettings,
    rules: &UrlRules,
) -> Result<(), InvalidEndpointError> {
    EndpointUrl::parse(&settings.url, rules)?;
    if !settings.personal.is_none() && !is_private(&settings.url) {
        return Err(InvalidEndpointError::PersonalOverHttp);
    }
    Ok(settings.check(scope, catalog::schemas)?)
}

impl OpenKeys {
    /// Seals them for an endpoint.
    ///
    /// # Errors
    /// [`PortError`] if the vault did not answer. **Retryable.**
    pub async fn seal(
        &self,
        vault: &impl EndpointVault,
        key: &EndpointKey,
        now: Timestamp,
    ) -> Result<SealedSecret, PortError> {
        Ok(SealedSecret {
            sealed: vault.seal(key, &self.to_bytes()).await?,
            public_key: self.public_key().to_string(),
            created_at: now,
            until: None,
        })
    }
}

impl OpenHeaders {
    /// Checks that they are short enough to be sealed.
    ///
    /// # Errors
    /// [`InvalidHeaderError::TooLong`].
    pub fn check_length(&self) -> Result<(), InvalidHeaderError> {
        if self.to_bytes().len() > MAX_SEALED_BYTES {
            return Err(InvalidHeaderError::TooLong);
        }
        Ok(())
    }

    /// Seals them for an endpoint; `None` if there are none.
    ///
    /// # Errors
    /// [`PortError`] if the vault did not answer. **Retryable.**
    pub async fn seal(
        &self,
        vault: &impl EndpointVault,
        key: &EndpointKey,
    ) -> Result<Option<SealedHeaders>, PortError> {
        let names = self.names();
        if names.is_empty() {
            return Ok(None);
        }
        let sealed = vault.seal(key, &self.to_bytes()).await?;
        Ok(Some(SealedHeaders { names, sealed }))
    }
}

impl OpenCertificate {
    /// Seals its private key for an endpoint.
    ///
    /// # Errors
    /// [`PortError`] if the vault did not answer. **Retryable.**
    pub async fn seal(&self, vault: &impl EndpointVault, key: &EndpointKey) -> Result<SealedCertificate, PortError> {
        Ok(self.with_sealed(vault.seal(key, self.key()).await?))
    }
}

impl OpenAuth {
    /// Seals it for an endpoint.
    ///
    /// # Errors
    /// [`PortError`] if the vault did not answer. **Retryable.**
    pub async fn seal(&self, vault: &impl EndpointVault, key: &EndpointKey) -> Result<SealedAuth, PortError> {
        Ok(SealedAuth {
            auth: self.auth().clone(),
            sealed: vault.seal(key, &self.to_bytes()).await?,
        })
    }
}

/// Checked credentials that are to replace those of an endpoint: what is absent stays, and `Some(None)` or no headers remove.
#[derive(Debug, Default)]
pub struct OpenCredentials {
    /// Custom headers.
    pub headers: Option<OpenHeaders>,
    /// Authorization by a token.
    pub auth: Option<Option<OpenAuth>>,
    /// Client certificate.
    pub certificate: Option<Option<OpenCertificate>>,
}

impl OpenCredentials {
    /// Returns true if everything stays.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_none() && self.auth.is_none() && self.certificate.is_none()
    }

    /// Seals them for an endpoint.
    ///
    /// # Errors
    /// [`PortError`] if the vault did not answer. **Retryable.**
    pub async fn seal(&self, vault: &impl EndpointVault, key: &EndpointKey) -> Result<CredentialsChange, PortError> {
        let mut change = CredentialsChange::default();
        if let Some(headers) = &self.headers {
            change.headers = Some(headers.seal(vault, key).await?);
        }
        if let Some(auth) = &self.auth {
            change.auth = Some(match auth {
                Some(auth) => Some(auth.seal(vault, key).await?),
                None => None,
            });
        }
        if let Some(certificate) = &self.certificate {
            change.certificate = Some(match certificate {
                Some(certificate) => Some(certificate.seal(vault, key).await?),
                None => None,
            });
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hookline_domain::{
        memory::{MemoryEndpointVault, noon},
        outbound::{Condition, PersonalLevel},
    };
    use serde_json::json;

    use super::*;

    fn key() -> EndpointKey {
        "* ep_1".parse().unwrap()
    }

    #[test]
    fn settings_are_checked_with_the_rules_of_urls_and_the_schemas() {
        let check = |url: &str, condition: serde_json::Value| {
            let mut settings = EndpointSettings::new(url, &["product.*"]);
            settings.conditions = vec![serde_json::from_value::<Condition>(condition).unwrap()];
            check_settings(&Scope::All, &settings, &UrlRules::default()).map_err(|error| error.to_string())
        };
        let known = json!({"path": "data.available", "op": "=", "value": true});
        check("https://example.com/", known.clone()).unwrap();
        assert!(check("http://example.com/", known).unwrap_err().contains("https://"));
        let unknown = json!({"path": "data.nothing", "op": "=", "value": true});
        assert!(
            check("https://example.com/", unknown)
                .unwrap_err()
                .contains("data.nothing")
        );
    }

    #[test]
    fn personal_data_goes_over_https_only() {
        let rules = UrlRules {
            allow_http: true,
            ..UrlRules::default()
        };
        let mut settings = EndpointSettings::new("http://example.com/", &["order.*"]);
        check_settings(&Scope::All, &settings, &rules).unwrap();
        settings.personal = PersonalLevel::Contact;
        assert_eq!(
            check_settings(&Scope::All, &settings, &rules),
            Err(InvalidEndpointError::PersonalOverHttp)
        );
        settings.url = "https://example.com/".to_owned();
        check_settings(&Scope::All, &settings, &rules).unwrap();
    }

    #[tokio::test]
    async fn what_is_sealed_opens_for_its_endpoint_and_no_other() {
        let (keys, vault) = (OpenKeys::generate().unwrap(), MemoryEndpointVault);
        let sealed = keys.seal(&vault, &key(), noon()).await.unwrap();
        assert_eq!(sealed.public_key, keys.public_key().to_string());
        let open = vault.open(&key(), &sealed.sealed).await.unwrap();
        let open = OpenKeys::from_bytes(&open).unwrap();
        assert_eq!(open.secret.text().reveal(), keys.secret.text().reveal());
        vault
            .open(&"* ep_2".parse().unwrap(), &sealed.sealed)
            .await
            .unwrap_err();
    }

    #[tokio::test]
    async fn headers_that_do_not_fit_are_refused_and_none_are_not_sealed() {
        let of =
            |length: usize| OpenHeaders::parse(BTreeMap::from([("x-key".to_owned(), "v".repeat(length))])).unwrap();
        of(4000).check_length().unwrap();
        assert_eq!(of(4090).check_length(), Err(InvalidHeaderError::TooLong));
        let none = OpenHeaders::default().seal(&MemoryEndpointVault, &key()).await;
        assert_eq!(none.unwrap(), None);
        let some = of(1).seal(&MemoryEndpointVault, &key()).await.unwrap().unwrap();
        assert_eq!(some.names, ["x-key"]);
    }
}

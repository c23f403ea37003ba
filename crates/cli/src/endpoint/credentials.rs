//! Credentials of an endpoint, as the arguments give them: checked first, and sealed when the endpoint's key is known.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use hookline_domain::outbound::{AuthKind, CredentialsChange, EndpointAuth, EndpointKey, EndpointVault};
use hookline_outbound::{OpenAuth, OpenCertificate, OpenHeaders, UrlRules};
use jiff::Timestamp;

use crate::args::{AuthArgs, CertificateArgs, HeaderArg, SettingsArgs};

/// Checked credentials.
pub struct OpenCredentials {
    headers: OpenHeaders,
    auth: Option<OpenAuth>,
    certificate: Option<OpenCertificate>,
}

impl OpenCredentials {
    /// Checks what is given.
    pub fn of(args: &SettingsArgs, rules: &UrlRules) -> Result<Self> {
        Ok(Self {
            headers: headers(&args.headers)?,
            auth: auth(&args.auth, rules)?,
            certificate: certificate(&args.certificate)?,
        })
    }

    /// True if none is given.
    pub fn is_empty(&self) -> bool {
        self.headers.names().is_empty() && self.auth.is_none() && self.certificate.is_none()
    }

    /// Seals what is given, for an endpoint. What is not given stays.
    pub async fn seal(&self, vault: &impl EndpointVault, key: &EndpointKey) -> Result<CredentialsChange> {
        let headers = self.headers.seal(vault, key).await?;
        let auth = match &self.auth {
            Some(auth) => Some(auth.seal(vault, key).await?),
            None => None,
        };
        let certificate = match &self.certificate {
            Some(certificate) => Some(certificate.seal(vault, key).await?),
            None => None,
        };
        Ok(CredentialsChange {
            headers: headers.map(Some),
            auth: auth.map(Some),
            certificate: certificate.map(Some),
        })
    }
}

fn headers(given: &[HeaderArg]) -> Result<OpenHeaders> {
    let pairs = given.iter().flat_map(|HeaderArg(pairs)| pairs.clone());
    let open = OpenHeaders::parse(pairs.collect::<BTreeMap<_, _>>())?;
    open.check_length()?;
    Ok(open)
}

fn auth(given: &AuthArgs, rules: &UrlRules) -> Result<Option<OpenAuth>> {
    let (Some(token_url), Some(client_id), Some(secret)) = (&given.token_url, &given.client_id, &given.client_secret)
    else {
        return Ok(None);
    };
    let auth = EndpointAuth {
        kind: AuthKind::OAuth2,
        token_url: token_url.clone(),
        client_id: client_id.clone(),
        scope: given.scope.clone(),
        credentials_in: given.credentials_in.map(Into::into).unwrap_or_default(),
    };
    Ok(Some(OpenAuth::parse(auth, secret.0.clone(), rules)?))
}

fn certificate(given: &CertificateArgs) -> Result<Option<OpenCertificate>> {
    let (Some(certificate), Some(key)) = (&given.client_certificate, &given.client_key) else {
        return Ok(None);
    };
    let read = |file: &Path| fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()));
    let open = OpenCertificate::parse(&read(certificate)?, &read(key)?, Timestamp::now())?;
    Ok(Some(open))
}

//! Credentials of an endpoint, as the arguments give them: checked first, and sealed when the endpoint's key is known.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use hookline_domain::outbound::{AuthKind, EndpointAuth};
use hookline_outbound::{OpenAuth, OpenCertificate, OpenCredentials, OpenHeaders, UrlRules};
use jiff::Timestamp;

use crate::args::{AuthArgs, CertificateArgs, HeaderArg, SettingsArgs};

/// Checks the credentials that are given; none that is left out is changed.
pub fn open(args: &SettingsArgs, rules: &UrlRules) -> Result<OpenCredentials> {
    let headers = headers(&args.headers)?;
    Ok(OpenCredentials {
        headers: (!headers.names().is_empty()).then_some(headers),
        auth: auth(&args.auth, rules)?.map(Some),
        certificate: certificate(&args.certificate)?.map(Some),
    })
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

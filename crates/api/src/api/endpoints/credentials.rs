//! Credentials of an endpoint in requests: checked first, and sealed when the endpoint's key is known.
#![expect(clippy::option_option, reason = "null and absence mean different things")]

use std::collections::BTreeMap;

use hookline_domain::{kernel::secret::Secret, outbound::EndpointAuth};
use hookline_outbound::{OpenAuth, OpenCertificate, OpenCredentials, OpenHeaders, UrlRules};
use jiff::Timestamp;

use super::{AuthBody, CertificateBody};
use crate::guard::ApiError;

/// Credentials as a request gives them: null removes one, and one that is absent stays.
pub(super) struct GivenCredentials {
    pub(super) headers: Option<Option<BTreeMap<String, String>>>,
    pub(super) auth: Option<Option<AuthBody>>,
    pub(super) certificate: Option<Option<CertificateBody>>,
}

impl GivenCredentials {
    /// Checks them.
    pub(super) fn open(self, rules: &UrlRules, now: Timestamp) -> Result<OpenCredentials, ApiError> {
        let auth = |auth: AuthBody| open_auth(auth, rules);
        let certificate = |given: CertificateBody| {
            let open = OpenCertificate::parse(&given.certificate, &given.private_key, now);
            open.map_err(|error| ApiError::BadRequest(format!("client_certificate: {error}")))
        };
        Ok(OpenCredentials {
            headers: self
                .headers
                .map(|headers| open_headers(headers.unwrap_or_default()))
                .transpose()?,
            auth: self.auth.map(|given| given.map(auth).transpose()).transpose()?,
            certificate: self
                .certificate
                .map(|given| given.map(certificate).transpose())
                .transpose()?,
        })
    }
}

fn open_headers(headers: BTreeMap<String, String>) -> Result<OpenHeaders, ApiError> {
    let open = OpenHeaders::parse(headers);
    let checked = open.and_then(|open| open.check_length().map(|()| open));
    checked.map_err(|error| ApiError::BadRequest(format!("headers: {error}")))
}

fn open_auth(body: AuthBody, rules: &UrlRules) -> Result<OpenAuth, ApiError> {
    let auth = EndpointAuth {
        kind: body.kind,
        token_url: body.token_url,
        client_id: body.client_id,
        scope: body.scope,
        credentials_in: body.credentials_in,
    };
    let open = OpenAuth::parse(auth, Secret::new(body.client_secret), rules);
    open.map_err(|error| ApiError::BadRequest(format!("auth: {error}")))
}

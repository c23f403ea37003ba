//! TLS to endpoints: version 1.3, or 1.2 with forward secrecy.

use std::{io, sync::Arc};

use hookline_domain::outbound::NoAnswerError;
use rustls::{AlertDescription, ClientConfig, RootCertStore, crypto::aws_lc_rs, sign::SingleCertAndKey};
use tokio_rustls::TlsConnector;

use crate::certificate::OpenCertificate;

/// Issuers of certificates that are trusted.
pub type Roots = RootCertStore;

/// Issuers that Mozilla trusts, compiled in: a function need not read them from its machine.
#[must_use]
pub fn mozilla_roots() -> Roots {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// Returns what connects without a client certificate.
pub(crate) fn connector(roots: Arc<Roots>) -> TlsConnector {
    connector_with(roots, None).expect("without a client certificate, nothing can be wrong with it")
}

/// Returns what connects with this client certificate. Sessions are resumed within it only.
///
/// # Errors
/// Fails if the key cannot be used, or is not the certificate's.
pub(crate) fn connector_with(
    roots: Arc<Roots>,
    certificate: Option<&OpenCertificate>,
) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let certified = certificate.map(|one| one.certified(&provider)).transpose()?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots);
    let mut config = match certified {
        Some(certified) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// Returns the reason for which a handshake failed.
pub(crate) fn reason(failure: &io::Error) -> NoAnswerError {
    problem(failure).map_or(NoAnswerError::TlsFailed, of_problem)
}

/// Returns what rustls says of a failure.
pub(crate) fn problem(failure: &io::Error) -> Option<&rustls::Error> {
    failure.get_ref()?.downcast_ref()
}

/// Returns the reason for which TLS failed.
pub(crate) fn of_problem(problem: &rustls::Error) -> NoAnswerError {
    match problem {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => NoAnswerError::Certificate,
        // A server sends these about the certificate of a client only.
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => NoAnswerError::ClientCertificate,
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        ) => NoAnswerError::TlsUnsupported,
        _ => NoAnswerError::TlsFailed,
    }
}

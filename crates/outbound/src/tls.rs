//! TLS to endpoints: version 1.3, or 1.2 with forward secrecy.

use std::{io, sync::Arc};

use hookline_domain::outbound::NoAnswerError;
use rustls::{AlertDescription, ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio_rustls::TlsConnector;

/// Issuers of certificates that are trusted.
pub type Roots = RootCertStore;

/// Issuers that Mozilla trusts, compiled in: a function need not read them from its machine.
#[must_use]
pub fn mozilla_roots() -> Roots {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

pub(crate) fn connector(roots: Roots) -> TlsConnector {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config).into()
}

/// Returns the reason for which a handshake failed.
pub(crate) fn reason(failure: &io::Error) -> NoAnswerError {
    let problem = failure
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match problem {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            NoAnswerError::Certificate
        }
        Some(
            rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(
                AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity,
            ),
        ) => NoAnswerError::TlsUnsupported,
        _ => NoAnswerError::TlsFailed,
    }
}

//! Trust in a server's certificate, with the roots looked up when one is shown.
//!
//! A system trusts some 140 roots, and one of them is needed. Reading all of them into a store at the start takes longer
//! than the handshake. Here the system's file is read once, when the first server shows its chain, and only the roots are
//! parsed that have issued something in it; what is checked then is what `rustls` checks, by its own verifier.

use std::sync::{Arc, OnceLock};

use memchr::memmem;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use webpki::EndEntityCert;

/// Trusts the roots that the system trusts: those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, or of the distribution.
#[derive(Debug)]
pub(crate) struct SystemRoots {
    provider: Arc<CryptoProvider>,
    roots: OnceLock<Vec<CertificateDer<'static>>>,
}

impl SystemRoots {
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            roots: OnceLock::new(),
        }
    }

    /// Reads the system's roots now, unless that was done.
    pub(crate) fn read(&self) -> &[CertificateDer<'static>] {
        // What cannot be read is a root less; with none left, no server is trusted.
        self.roots.get_or_init(|| rustls_native_certs::load_native_certs().certs)
    }

    /// The roots that may have issued one of these.
    fn issuers_of<'a>(&self, shown: impl Iterator<Item = &'a CertificateDer<'a>>) -> Result<RootCertStore, Error> {
        let mut store = RootCertStore::empty();
        for shown in shown {
            let parsed = EndEntityCert::try_from(shown).map_err(|_| CertificateError::BadEncoding)?;
            let issuer = memmem::Finder::new(parsed.issuer());
            let candidates = self.read().iter().filter(|root| issuer.find(root).is_some());
            // One that holds the name and is not what it says is of no use, and does no harm.
            store.add_parsable_certificates(candidates.cloned());
        }
        Ok(store)
    }
}

impl ServerCertVerifier for SystemRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let store = self.issuers_of(std::iter::once(end_entity).chain(intermediates))?;
        if store.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&self.provider))
            .build()
            .map_err(|problem| Error::General(problem.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

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
        self.roots
            .get_or_init(|| rustls_native_certs::load_native_certs().certs)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
    use rustls::crypto::aws_lc_rs;

    use super::*;

    const NAME: &str = "dynamodb.eu-west-1.amazonaws.com";

    fn authority_params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn root(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap()
    }

    fn below(name: &str, issuer: &CertifiedIssuer<'static, KeyPair>) -> CertifiedIssuer<'static, KeyPair> {
        CertifiedIssuer::signed_by(authority_params(name), KeyPair::generate().unwrap(), issuer).unwrap()
    }

    fn leaf(issuer: &CertifiedIssuer<'static, KeyPair>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        let signed = params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap();
        signed.der().clone()
    }

    fn trusting(roots: &[&CertifiedIssuer<'static, KeyPair>]) -> SystemRoots {
        let system = SystemRoots::new(Arc::new(aws_lc_rs::default_provider()));
        let roots = roots.iter().map(|root| root.der().clone()).collect();
        system.roots.set(roots).unwrap();
        system
    }

    fn shown(
        system: &SystemRoots,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &str,
        year: u64,
    ) -> Result<(), Error> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_556_952 + 15_000_000));
        system.verify_server_cert(leaf, between, &name, &[], now).map(drop)
    }

    #[test]
    fn a_server_is_trusted_whose_chain_ends_in_one_of_the_systems_roots() {
        let (one, other) = (root("One"), root("Other"));
        let between = below("Between", &one);
        let system = trusting(&[&other, &one]);
        assert_eq!(shown(&system, &leaf(&one), &[], NAME, 2026), Ok(()));
        let below = leaf(&between);
        assert_eq!(shown(&system, &below, &[between.der().clone()], NAME, 2026), Ok(()));
        // As AWS's do: the root is shown, too, signed by an older one.
        let crossed = [between.der().clone(), one.der().clone()];
        assert_eq!(shown(&system, &below, &crossed, NAME, 2026), Ok(()));
    }

    #[test]
    fn no_other_server_is() {
        let (one, other) = (root("One"), root("Other"));
        let between = below("Between", &one);
        let good = leaf(&one);
        let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert_eq!(shown(&trusting(&[&other]), &good, &[], NAME, 2026), unknown);
        assert_eq!(shown(&trusting(&[]), &good, &[], NAME, 2026), unknown);
        // What is between is not shown, or is no root for being shown.
        assert_eq!(shown(&trusting(&[&one]), &leaf(&between), &[], NAME, 2026), unknown);
        let chain = [other.der().clone()];
        assert_eq!(shown(&trusting(&[&one]), &leaf(&other), &chain, NAME, 2026), unknown);
        // A root's name is not its key.
        let namesake = root("One");
        shown(&trusting(&[&one]), &leaf(&namesake), &[], NAME, 2026).unwrap_err();
        let system = trusting(&[&one]);
        shown(&system, &good, &[], "sqs.eu-west-1.amazonaws.com", 2026).unwrap_err();
        for year in [2024, 2028] {
            shown(&system, &good, &[], NAME, year).unwrap_err();
        }
        shown(&system, &CertificateDer::from(vec![1, 2, 3]), &[], NAME, 2026).unwrap_err();
    }
}

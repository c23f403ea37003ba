//! Client certificates: the identity that Hookline shows an endpoint's server within TLS (mTLS).
//!
//! The certificates are public, and shown in each handshake, so that the private key alone is sealed.

use std::{fmt, sync::Arc};

use hookline_domain::outbound::SealedCertificate;
use jiff::Timestamp;
use rustls::{
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::{der, seal::MAX_SEALED_BYTES, sealed::UnsealError};

/// Most certificates of a chain.
const MAX_CERTIFICATES: usize = 4;

/// Most bytes of a chain, in DER. Fan-out reads them with the endpoint.
const MAX_CHAIN_BYTES: usize = 8 * 1024;

/// Client certificate with its chain and its private key. `Debug` shows the subject only.
pub struct OpenCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    subject: String,
    ends_at: Timestamp,
}

/// A certificate or a key that an endpoint may not have. Not retryable. Contains nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificateError {
    /// The certificate is none.
    #[error("certificate must hold certificates in PEM: the client's own first, then those of its issuers")]
    Certificate,
    /// The chain is too long.
    #[error(
        "certificate has at most {MAX_CERTIFICATES} certificates, of {MAX_CHAIN_BYTES} bytes together in DER: leave out the root"
    )]
    TooLong,
    /// The certificate has ended.
    #[error("certificate has ended at {0}")]
    Ended(Timestamp),
    /// The key is none, or encrypted, or of a kind that is not supported.
    #[error(
        "private_key must hold one key in PEM, not encrypted: RSA of 2048 to 6144 bits, ECDSA of P-256, P-384 or P-521, or Ed25519"
    )]
    Key,
    /// The key is that of another certificate.
    #[error("private_key is not the key of the first certificate")]
    OtherKey,
}

impl OpenCertificate {
    /// Reads a chain of certificates and a private key (PKCS #8, SEC 1 or PKCS #1), and checks that the key is the certificate's,
    /// and that the certificate has not ended.
    ///
    /// # Errors
    /// [`InvalidCertificateError`] with the first that is wrong.
    pub fn parse(certificate: &str, private_key: &str, now: Timestamp) -> Result<Self, InvalidCertificateError> {
        use InvalidCertificateError as Error;

        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|_| Error::Certificate)?;
        let first = chain.first().ok_or(Error::Certificate)?;
        if chain.len() > MAX_CERTIFICATES || chain.iter().map(|one| one.len()).sum::<usize>() > MAX_CHAIN_BYTES {
            return Err(Error::TooLong);
        }
        let facts = der::facts(first).ok_or(Error::Certificate)?;
        if facts.ends_at <= now {
            return Err(Error::Ended(facts.ends_at));
        }
        let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes()).map_err(|_| Error::Key)?;
        if key.secret_der().len() > MAX_SEALED_BYTES {
            return Err(Error::Key);
        }
        let open = Self {
            chain,
            key,
            subject: facts.subject,
            ends_at: facts.ends_at,
        };
        open.certified(&aws_lc_rs::default_provider())
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => Error::OtherKey,
                rustls::Error::InvalidCertificate(_) => Error::Certificate,
                _ => Error::Key,
            })?;
        Ok(open)
    }

    /// Reads a certificate whose key was opened.
    ///
    /// # Errors
    /// [`UnsealError::Certificate`].
    pub(crate) fn from_sealed(sealed: &SealedCertificate, open: Vec<u8>) -> Result<Self, UnsealError> {
        Ok(Self {
            chain: sealed.chain.iter().cloned().map(CertificateDer::from).collect(),
            key: PrivateKeyDer::try_from(open).map_err(|_| UnsealError::Certificate)?,
            subject: sealed.subject.clone(),
            ends_at: sealed.ends_at,
        })
    }

    /// Sealed form.
    pub(crate) fn with_sealed(&self, sealed: Vec<u8>) -> SealedCertificate {
        SealedCertificate {
            chain: self.chain.iter().map(|one| one.to_vec()).collect(),
            subject: self.subject.clone(),
            ends_at: self.ends_at,
            sealed,
        }
    }

    /// Bytes to be sealed: the private key in DER.
    pub(crate) fn key(&self) -> &[u8] {
        self.key.secret_der()
    }

    /// Certificates, the client's own first.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Certificate and key, as TLS uses them.
    pub(crate) fn certified(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, rustls::Error> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), provider).map(Arc::new)
    }
}

impl fmt::Debug for OpenCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenCertificate").field(&self.subject).finish()
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        memory::{MemoryEndpointVault, noon},
        outbound::EndpointVault,
    };
    use rcgen::{
        CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
        SignatureAlgorithm, date_time_ymd,
    };

    use super::{InvalidCertificateError as Error, *};

    fn made(algorithm: &'static SignatureAlgorithm, year: i32) -> (String, String) {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(year, 1, 1);
        params.distinguished_name.push(DnType::CommonName, "hookline");
        let key = KeyPair::generate_for(algorithm).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn parse(certificate: &str, key: &str) -> Result<OpenCertificate, Error> {
        OpenCertificate::parse(certificate, key, noon())
    }

    #[tokio::test]
    async fn certificate_reads_back_and_its_key_is_sealed_and_not_shown() {
        let endpoint = "* ep_1".parse().unwrap();
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
            let (certificate, key) = made(algorithm, 2030);
            let open = parse(&certificate, &key).unwrap();
            assert_eq!(
                (open.subject.contains("CN=hookline"), open.ends_at.as_second()),
                (true, 1_893_456_000)
            );
            let sealed = open.seal(&MemoryEndpointVault, &endpoint).await.unwrap();
            let bytes = MemoryEndpointVault.open(&endpoint, &sealed.sealed).await.unwrap();
            let again = OpenCertificate::from_sealed(&sealed, bytes).unwrap();
            assert_eq!((again.chain(), again.key()), (open.chain(), open.key()));
            again.certified(&aws_lc_rs::default_provider()).unwrap();
            let shown = format!("{open:?} {sealed:?}");
            assert!(shown.len() < 200 && shown.contains("CN=hookline"), "{shown}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (certificate, key) = made(&PKCS_ECDSA_P256_SHA256, 2030);
        let (other, other_key) = made(&PKCS_ED25519, 2030);
        let (ended, ended_key) = made(&PKCS_ECDSA_P256_SHA256, 2026);
        let same_kind = made(&PKCS_ECDSA_P256_SHA256, 2030).1;
        assert_eq!(parse(&certificate, &other_key).unwrap_err(), Error::OtherKey);
        assert_eq!(parse(&certificate, &same_kind).unwrap_err(), Error::OtherKey);
        assert!(matches!(parse(&ended, &ended_key).unwrap_err(), Error::Ended(_)));
        parse(&format!("{certificate}{other}"), &key).unwrap();
        assert_eq!(
            parse(&format!("{other}{certificate}"), &key).unwrap_err(),
            Error::OtherKey
        );
        assert_eq!(parse(&certificate.repeat(5), &key).unwrap_err(), Error::TooLong);
        for certificate in ["", "hookline", &key, &certificate[..certificate.len() / 2]] {
            assert_eq!(
                parse(certificate, &key).unwrap_err(),
                Error::Certificate,
                "{certificate}"
            );
        }
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for key in ["", "hookline", &certificate, &encrypted, &key[..key.len() / 2]] {
            assert_eq!(parse(&certificate, key).unwrap_err(), Error::Key);
        }
    }
}

//! Certificate authority for one run, and the files that make clients trust it.
//!
//! Files that clients read, checked in the sources of the locked versions:
//! - Rust: `aws-smithy-http-client` 1.5 and `rustls-platform-verifier` (reqwest's) take their roots from
//!   `rustls-native-certs`, which reads `SSL_CERT_FILE` instead of the system's bundle;
//! - boto3: `AWS_CA_BUNDLE`, instead of botocore's own bundle;
//! - Node.js: `NODE_EXTRA_CA_CERTS`, beside the roots that are compiled in.
//!
//! The first two get the system's roots too, because on Lambda some 140 are read.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// Trusted roots of distributions: Debian, Amazon Linux and Fedora.
const SYSTEM: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// An authority and its certificate for a server, `127.0.0.1`.
pub struct Authority {
    /// TLS configuration of the server.
    pub acceptor: TlsAcceptor,
    /// The system's roots and this one, as PEM.
    pub trusted: PathBuf,
    /// This one, as PEM.
    pub alone: PathBuf,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("alone", &self.alone)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes keys and certificates, and writes the public halves into `folder`.
    ///
    /// # Errors
    /// If the folder is not writable.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named("Hookline's benchmark");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        // OpenSSL takes a certificate whose issuer has the same name for a self-signed one.
        params.distinguished_name = named("127.0.0.1");
        let server = params.signed_by(&key, &issuer)?;

        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], private)?;

        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let (alone, trusted) = (folder.join("authority.pem"), folder.join("trusted.pem"));
        fs::write(&alone, issuer.pem())?;
        let system = SYSTEM.iter().find_map(|path| fs::read_to_string(path).ok());
        fs::write(&trusted, system.unwrap_or_default() + &issuer.pem())?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            trusted,
            alone,
        })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

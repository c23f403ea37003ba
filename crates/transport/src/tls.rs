//! TLS, and the servers that it trusts.
//!
//! The roots are Mozilla's, compiled into the program: a system's roots would have to be read and parsed at every cold start,
//! some 140 of them where one is needed. They change with a new version of the crate `webpki-roots` and a deployment. A file
//! of roots replaces them where a proxy stands before AWS.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_rustls::TlsConnector;

/// TLS, configured when the first connection needs it.
#[derive(Debug, Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
    made: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// A file of roots is missing, or has no readable one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no file with certificates (PEM) at {0}")]
pub struct RootsError(String);

impl Default for Tls {
    /// Trusts the roots that Mozilla trusts.
    fn default() -> Self {
        Self::trusting_only(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        })
    }
}

impl Tls {
    /// Trusts the roots in a file, and no others.
    pub(crate) fn trusting(file: &str) -> Result<Self, RootsError> {
        let wrong = || RootsError(file.to_owned());
        let read = CertificateDer::pem_file_iter(Path::new(file)).map_err(|_| wrong())?;
        let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|_| wrong())?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            return Err(wrong());
        }
        Ok(Self::trusting_only(roots))
    }

    fn trusting_only(roots: RootCertStore) -> Self {
        Self {
            roots: Arc::new(roots),
            made: Arc::default(),
        }
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        Arc::clone(self.made.get_or_init(|| Arc::new(self.configured()))).into()
    }

    fn configured(&self) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::pki_types::ServerName;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const NAME: &str = "dynamodb.eu-west-1.amazonaws.com";

    fn issuer() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "tests connect to servers of their own")]
    /// Connects to a server of this name whose certificate `issuer` has issued. Returns whether that succeeds.
    async fn connects(tls: &Tls, issuer: &CertifiedIssuer<'static, KeyPair>, name: &str) -> bool {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([NAME.to_owned()])
            .unwrap()
            .signed_by(&key, issuer)
            .unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap())
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap());
        let accept = async {
            let (stream, _) = listener.accept().await.unwrap();
            TlsAcceptor::from(Arc::new(config)).accept(stream).await
        };
        let connect = async {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            tls.connector().connect(name, stream.await.unwrap()).await
        };
        let (_, connected) = tokio::join!(accept, connect);
        connected.is_ok()
    }

    #[tokio::test]
    async fn only_servers_of_configured_roots_are_trusted() {
        let (one, other) = (issuer(), issuer());
        let file = std::env::temp_dir().join(format!("hookline-roots-{}.pem", std::process::id()));
        fs::write(&file, one.pem()).unwrap();
        let tls = Tls::trusting(file.to_str().unwrap());
        fs::remove_file(&file).unwrap();
        let tls = tls.unwrap();
        assert!(connects(&tls, &one, NAME).await);
        assert!(!connects(&tls, &other, NAME).await);
        assert!(!connects(&tls, &one, "sqs.eu-west-1.amazonaws.com").await);
        assert!(!connects(&Tls::default(), &one, NAME).await);
    }

    #[test]
    fn file_without_a_root_is_refused() {
        assert_eq!(
            Tls::trusting("/nowhere.pem").unwrap_err(),
            RootsError("/nowhere.pem".into())
        );
        assert!(Tls::trusting("/dev/null").is_err());
        assert!(!Tls::default().roots.is_empty());
    }
}

//! Client certificates, against a server that demands one.

use std::sync::Arc;

use hookline_domain::{
    memory::{MemoryEndpointVault, SetClock, noon},
    outbound::{Attempted, Endpoint, EndpointSettings, NoAnswerError, Post},
};
use hookline_outbound::{Guard, OpenCertificate, OpenKeys, Poster, Roots, Sender, UrlRules};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

use crate::{
    kept,
    network::{Dns, Network},
    server::Server,
};

const HOST: &str = "shop.example.com";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer(name: &str) -> Issuer {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn roots(issuer: &Issuer) -> Roots {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    roots
}

/// Certificate with its key, and the same in DER.
fn client(issuer: &Issuer, name: &str) -> (OpenCertificate, Vec<u8>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let open = OpenCertificate::parse(&certificate.pem(), &key.serialize_pem(), noon()).unwrap();
    (open, certificate.der().to_vec())
}

/// Server of this issuer, which demands clients of this issuer.
async fn server(issuer: &Issuer, version: &'static SupportedProtocolVersion) -> Server {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(issuer)), Arc::clone(&provider));
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()])
        .unwrap()
        .signed_by(&key, issuer)
        .unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    Server::start(|_, _| Some((204, "", String::new())), Some(config.unwrap())).await
}

async fn endpoint(n: usize, certificate: Option<&OpenCertificate>) -> Endpoint {
    let settings = EndpointSettings::new(&format!("https://{HOST}/{n}"), &["*"]);
    let mut endpoint = Endpoint::new(format!("* ep_{n}").parse().unwrap(), settings, noon());
    let keys = OpenKeys::generate().unwrap();
    endpoint.secrets = vec![keys.seal(&MemoryEndpointVault, &endpoint.key, noon()).await.unwrap()];
    if let Some(certificate) = certificate {
        let sealed = certificate.seal(&MemoryEndpointVault, &endpoint.key).await.unwrap();
        endpoint.credentials.certificate = Some(sealed);
    }
    endpoint
}

type TestPoster = Poster<Network, MemoryEndpointVault, SetClock>;

fn poster(server: &Server, issuer: &Issuer) -> TestPoster {
    let network = Network::new(Dns::Answers(vec!["93.184.215.14".parse().unwrap()])).led_to(server.address);
    let sender = Sender::new(Guard::new(network), roots(issuer));
    Poster::new(sender, MemoryEndpointVault, UrlRules::default(), SetClock::new(noon()))
}

async fn post(poster: &TestPoster, endpoint: &Endpoint) -> Attempted {
    poster.post(endpoint, &kept(), 1, false).await.unwrap().attempted
}

#[tokio::test]
async fn endpoint_shows_its_certificate_and_shares_no_connection_with_another() {
    let issuer = issuer("ours");
    for version in [&TLS12, &TLS13] {
        let server = server(&issuer, version).await;
        let poster = poster(&server, &issuer);
        let (first, first_der) = client(&issuer, "first");
        let (second, second_der) = client(&issuer, "second");
        let endpoints = [endpoint(1, Some(&first)).await, endpoint(2, Some(&second)).await];
        for _ in 0..2 {
            for endpoint in &endpoints {
                assert_eq!(post(&poster, endpoint).await.unwrap().status, 204);
            }
        }
        let connections = [("/1", first_der), ("/2", second_der)].map(|(path, certificate)| {
            let seen = server.seen(path);
            assert!(
                seen.iter().all(|one| one.certificate.as_ref() == Some(&certificate)),
                "{path}"
            );
            assert_eq!((seen.len(), seen[0].connection), (2, seen[1].connection), "{path}");
            seen[0].connection
        });
        assert_ne!(connections[0], connections[1]);
    }
}

#[tokio::test]
async fn endpoint_without_the_right_certificate_fails_with_its_own_code() {
    let (issuer, stranger) = (issuer("ours"), issuer("another"));
    let (foreign, _) = client(&stranger, "foreign");
    for version in [&TLS12, &TLS13] {
        let server = server(&issuer, version).await;
        let poster = poster(&server, &issuer);
        for (n, certificate) in [(1, None), (2, Some(&foreign))] {
            let attempted = post(&poster, &endpoint(n, certificate).await).await;
            assert_eq!(attempted, Err(NoAnswerError::ClientCertificate), "{version:?} {n}");
        }
        let (own, _) = client(&issuer, "own");
        assert_eq!(post(&poster, &endpoint(3, Some(&own)).await).await.unwrap().status, 204);
    }
}

#[tokio::test]
async fn replaced_certificate_is_shown_on_a_new_connection() {
    let issuer = issuer("ours");
    let server = server(&issuer, &TLS13).await;
    let poster = poster(&server, &issuer);
    let (old, _) = client(&issuer, "old");
    let (new, new_der) = client(&issuer, "new");
    let before = endpoint(1, Some(&old)).await;
    post(&poster, &before).await.unwrap();
    let sealed = new.seal(&MemoryEndpointVault, &before.key).await.unwrap();
    let mut after = before.clone();
    after.revision += 1;
    after.credentials.certificate = Some(sealed);
    post(&poster, &after).await.unwrap();
    let seen = server.seen("/1");
    assert_eq!(seen[1].certificate, Some(new_der));
    assert_ne!(seen[0].connection, seen[1].connection);
}

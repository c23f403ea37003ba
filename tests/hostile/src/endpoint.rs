//! An endpoint's URL is a stranger's, and so are the addresses of its host and the bytes that it answers.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hookline_domain::outbound::{Attempted, MAX_EXCERPT_BYTES, Meaning, NoAnswerError};
use hookline_outbound::{Connect, EndpointUrl, Guard, Resolve, Sender, UrlRules, check_public, mozilla_roots};
use http::HeaderMap;
use jiff::Timestamp;
use tokio::io::{AsyncWriteExt, DuplexStream};

/// Network whose names all have these addresses and whose servers all answer these bytes.
#[derive(Clone)]
struct Network {
    addresses: Vec<IpAddr>,
    answer: Vec<u8>,
    connections: Arc<AtomicUsize>,
}

impl Resolve for Network {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.addresses.clone())
    }
}

impl Connect for Network {
    type Stream = DuplexStream;

    async fn connect(&self, to: SocketAddr) -> io::Result<(DuplexStream, SocketAddr)> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let answer = self.answer.clone();
        tokio::spawn(async move {
            // The client may have gone; what it made of the bytes is checked by the caller.
            let _gone = far.write_all(&answer).await;
        });
        Ok((near, to))
    }
}

/// Posts to a URL, with time that passes as soon as nothing else is to be done. Returns the result and the number of
/// connections.
fn post(url: &EndpointUrl, addresses: Vec<IpAddr>, answer: &[u8]) -> (Attempted, usize) {
    let network = Network {
        addresses,
        answer: answer.to_vec(),
        connections: Arc::default(),
    };
    let connections = Arc::clone(&network.connections);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let sender = Sender::new(Guard::new(network), mozilla_roots());
    let limit = Duration::from_secs(10);
    let report = runtime.block_on(sender.post(url, HeaderMap::new(), "{}".into(), limit, Timestamp::UNIX_EPOCH));
    assert!(report.timing.total <= Duration::from_secs(11));
    (report.attempted, connections.load(Ordering::Relaxed))
}

/// An accepted URL has a name for its host, means the same when it is read again, and opens no connection inward.
///
/// Input: a URL. Its last 16 bytes also serve as addresses.
pub(crate) fn endpoint_url(data: &[u8]) {
    let rules = UrlRules {
        allow_http: true,
        own_hosts: vec!["own.example.com".into()],
    };
    let address = last_address(data);
    if check_public(address.into()).is_ok() {
        assert!(
            address.to_ipv4().is_none() && address.segments()[0] & 0xe000 == 0x2000,
            "{address} is not global unicast"
        );
    }
    let v4 = Ipv4Addr::from_bits(u32::from_be_bytes(address.octets()[12..].try_into().unwrap()));
    let is_special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_unspecified();
    assert!(!is_special || check_public(v4.into()).is_err(), "{v4} is not public");
    assert!(
        check_public(v4.to_ipv6_mapped().into()).is_err(),
        "a mapped address is refused"
    );

    let text = String::from_utf8_lossy(data);
    let Ok(url) = EndpointUrl::parse(&text, &rules) else {
        return;
    };
    let host = url.host();
    assert!(
        host.contains('.') && host.is_ascii() && host == host.to_ascii_lowercase(),
        "{host}"
    );
    assert!(host.parse::<IpAddr>().is_err() && host != "own.example.com", "{host}");
    assert!([80, 443, 8080, 8443].contains(&url.port()));
    assert_eq!(
        EndpointUrl::parse(url.as_str(), &rules).as_ref(),
        Ok(&url),
        "read again"
    );
    assert!(!format!("{url:?}").contains('?'), "a log shows no query");
    for address in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
        "169.254.169.254".parse().unwrap(),
    ] {
        let public = "93.184.216.34".parse().unwrap();
        let (attempted, connections) = post(&url, vec![public, address], b"");
        assert_eq!((attempted, connections), (Err(NoAnswerError::NotPublic), 0), "{host}");
    }
}

/// Whatever an endpoint answers, there is one connection, an end within the limits, and a bounded record.
///
/// Input: the bytes of the answer.
pub(crate) fn endpoint_answer(data: &[u8]) {
    let url = EndpointUrl::parse(
        "http://example.com/hook",
        &UrlRules {
            allow_http: true,
            own_hosts: vec![],
        },
    );
    let (attempted, connections) = post(&url.unwrap(), vec!["93.184.216.34".parse().unwrap()], data);
    assert_eq!(connections, 1);
    match &attempted {
        Ok(answer) => {
            assert!((200..600).contains(&answer.status), "{}", answer.status);
            let excerpt = answer.excerpt.as_ref();
            assert!(excerpt.is_none_or(|excerpt| excerpt.as_str().len() <= MAX_EXCERPT_BYTES));
            assert!(answer.location.as_ref().is_none_or(|location| location.len() <= 2048));
            let bounds = Duration::from_secs(1)..=Duration::from_hours(24);
            assert!(answer.retry_after.is_none_or(|wait| bounds.contains(&wait)));
            assert!(data.starts_with(b"HTTP/1."), "only HTTP is an answer");
        }
        Err(reason) => assert!(
            matches!(
                reason,
                NoAnswerError::Closed | NoAnswerError::NotHttp | NoAnswerError::HeadTooLarge | NoAnswerError::TimedOut
            ),
            "{reason}"
        ),
    }
    assert!(attempted.is_ok() || Meaning::of(&attempted).code().is_some());
}

fn last_address(data: &[u8]) -> Ipv6Addr {
    let mut octets = [0; 16];
    for (octet, byte) in octets.iter_mut().rev().zip(data.iter().rev()) {
        *octet = *byte;
    }
    octets.into()
}

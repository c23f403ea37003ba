//! No request goes inward: spellings of addresses that are not public, by every answer that DNS can give, open no connection.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use hookline_domain::outbound::NoAnswerError;
use hookline_outbound::{EndpointUrl, Guard, Sender, mozilla_roots};
use http::HeaderMap;
use jiff::Timestamp;
use tokio::net::TcpListener;

use crate::{
    network::{Dns, Network},
    rules, spellings,
};

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Posts to a URL and returns the reason for which there was no answer.
async fn post(sender: &Sender<Network>, url: &EndpointUrl) -> Result<u16, NoAnswerError> {
    let limit = Duration::from_secs(10);
    let report = sender.post(
        url,
        HeaderMap::new(),
        Bytes::from_static(b"{}"),
        limit,
        Timestamp::UNIX_EPOCH,
    );
    report.await.attempted.map(|answer| answer.status)
}

/// Answers of DNS that lead inward, at least in part.
fn inward() -> Vec<Dns> {
    let answers: &[&[&str]] = &[
        &["127.0.0.1"],
        &["127.0.0.1", "93.184.216.34"],
        &["93.184.216.34", "127.0.0.1"],
        &["93.184.216.34", "169.254.169.254"],
        &["10.0.0.1"],
        &["172.31.0.1"],
        &["192.168.0.1"],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["0.0.0.0"],
        &["::1"],
        &["::"],
        &["::ffff:127.0.0.1"],
        &["::ffff:a9fe:a9fe"],
        &["::127.0.0.1"],
        &["64:ff9b::127.0.0.1"],
        &["64:ff9b:1::a00:1"],
        &["2002:7f00:1::"],
        &["2001:0:7f00:1::"],
        &["fd00:ec2::254"],
        &["fe80::1"],
        &["ff02::1"],
        &["2a00:1450:4001:81c::200e", "fd00::1"],
        &["2a00:1450::5efe:127.0.0.1"],
    ];
    answers.iter().map(|texts| Dns::Answers(addresses(texts))).collect()
}

#[tokio::test]
async fn no_spelling_and_no_answer_of_dns_opens_a_connection() {
    let spellings = spellings::all();
    assert!(spellings.len() >= 400, "{} spellings", spellings.len());
    let mut resolved = 0;
    for dns in inward() {
        let network = Network::new(dns);
        let sender = Sender::new(Guard::new(network.clone()), mozilla_roots());
        for text in &spellings {
            if let Ok(url) = EndpointUrl::parse(text, &rules()) {
                assert_eq!(post(&sender, &url).await, Err(NoAnswerError::NotPublic), "{text}");
                resolved += 1;
            }
        }
        assert_eq!(network.connected(), [], "of {} spellings", spellings.len());
    }
    assert!(resolved > 0, "some are names, which only their addresses give away");
}

#[tokio::test]
async fn only_names_are_left_to_dns() {
    for text in spellings::addresses() {
        assert!(EndpointUrl::parse(&text, &rules()).is_err(), "{text}");
    }
}

#[tokio::test]
async fn server_on_loopback_is_not_reached_by_the_system_s_own_tcp() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(local).await else {
            continue;
        };
        let address = listener.local_addr().unwrap();
        let network = Network::new(Dns::Answers(vec![address.ip()])).with_real_tcp(address.port());
        let sender = Sender::new(Guard::new(network), mozilla_roots());
        let url = EndpointUrl::parse("http://rebound.example.com/hook", &rules()).unwrap();
        assert_eq!(post(&sender, &url).await, Err(NoAnswerError::NotPublic));
        let none = tokio::select! {
            biased;
            _ = listener.accept() => false,
            () = std::future::ready(()) => true,
        };
        assert!(none, "{local}");
    }
}

#[tokio::test]
async fn host_is_resolved_once_and_the_checked_address_is_connected_to() {
    let public = "93.184.216.34";
    let network = Network::new(Dns::Changes(vec![addresses(&[public]), addresses(&["127.0.0.1"])]));
    let sender = Sender::new(Guard::new(network.clone()), mozilla_roots());
    let url = EndpointUrl::parse("https://rebound.example.com", &rules()).unwrap();
    assert_eq!(post(&sender, &url).await, Err(NoAnswerError::ConnectionRefused));
    assert_eq!(network.resolutions(), 1);
    assert_eq!(network.connected(), [format!("{public}:443").parse().unwrap()]);
    assert_eq!(
        post(&sender, &url).await,
        Err(NoAnswerError::NotPublic),
        "it has turned inward"
    );
    assert_eq!((network.resolutions(), network.connected().len()), (2, 1));
}

#[tokio::test]
async fn connection_whose_other_end_is_another_address_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let network = Network::new(Dns::Answers(addresses(&["93.184.216.34"])))
        .led_to(listener.local_addr().unwrap())
        .without_disguise();
    let sender = Sender::new(Guard::new(network), mozilla_roots());
    let url = EndpointUrl::parse("http://example.com", &rules()).unwrap();
    assert_eq!(post(&sender, &url).await, Err(NoAnswerError::NotPublic));
}

#[tokio::test(start_paused = true)]
async fn silent_or_failing_dns_ends_the_attempt() {
    let url = EndpointUrl::parse("https://example.com", &rules()).unwrap();
    for (dns, expected) in [
        (Dns::Silent, NoAnswerError::DnsTimeout),
        (Dns::Fails, NoAnswerError::NotFound),
        (Dns::Answers(vec![]), NoAnswerError::NotFound),
    ] {
        let sender = Sender::new(Guard::new(Network::new(dns)), mozilla_roots());
        assert_eq!(post(&sender, &url).await, Err(expected));
    }
}

#[tokio::test]
async fn addresses_are_tried_in_turn_and_not_without_end() {
    let many: Vec<IpAddr> = (1..=20).map(|n| format!("93.184.216.{n}").parse().unwrap()).collect();
    let network = Network::new(Dns::Answers([addresses(&["2a00:1450:4001:81c::200e"]), many].concat()));
    let sender = Sender::new(Guard::new(network.clone()), mozilla_roots());
    let url = EndpointUrl::parse("https://example.com", &rules()).unwrap();
    assert_eq!(post(&sender, &url).await, Err(NoAnswerError::ConnectionRefused));
    let tried = network.connected();
    assert_eq!(tried.len(), hookline_outbound::MAX_ADDRESSES);
    assert!(
        tried.iter().all(std::net::SocketAddr::is_ipv4),
        "a function may have no IPv6"
    );
}

#[tokio::test(start_paused = true)]
async fn address_without_a_way_to_it_does_not_keep_the_next_one_from_being_tried() {
    let both = addresses(&["93.184.216.34", "2a00:1450:4001:81c::200e"]);
    let network = Network::new(Dns::Answers(both.clone())).with_silent(both[0]);
    let sender = Sender::new(Guard::new(network.clone()), mozilla_roots());
    let url = EndpointUrl::parse("https://example.com", &rules()).unwrap();
    assert_eq!(post(&sender, &url).await, Err(NoAnswerError::ConnectionRefused));
    assert_eq!(network.connected().len(), 2);
    let only = Network::new(Dns::Answers(vec![both[0]])).with_silent(both[0]);
    let sender = Sender::new(Guard::new(only), mozilla_roots());
    assert_eq!(post(&sender, &url).await, Err(NoAnswerError::ConnectTimeout));
}

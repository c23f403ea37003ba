//! Every topic of every source has a sample that its source recognizes, reads and interprets.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use hookline_domain::{
    kernel::secret::Secret,
    store::{
        inbound::{BoundStores, InboundEndpoint, InboundSettings},
        stores::Counts,
    },
};
use hookline_sources::{
    ALL, Inbound, Read, interpret, read_saved,
    scheme::KeyForm,
    signature::{Secrets, SignedRequest},
    standard,
};
use http::HeaderMap;
use jiff::Timestamp;

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn headers(file: &Path) -> HeaderMap {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let headers: HashMap<String, String> = serde_json::from_slice(&text).expect("headers are an object of texts");
    HeaderMap::try_from(&headers).expect("headers are valid")
}

#[test]
fn sample_of_every_topic_is_read_and_interpreted() {
    for platform in ALL.into_iter().filter(|platform| !platform.reads_endpoint) {
        let sender = platform.sender;
        for topic in sender.topics {
            let name = topic.name.replace(['/', '_', '.'], "-");
            let file = |end: &str| events().join(sender.name).join(format!("{name}{end}"));
            let headers = headers(&file(".headers.json"));
            assert!((platform.recognizes)(&headers), "{}: {}", sender.name, topic.name);
            let body = fs::read(file(".json")).unwrap();
            let delivery = read_saved(&headers, &body, "2026-11-21T12:00:00Z".parse().unwrap()).unwrap();
            assert_eq!(delivery.key.store.source.as_str(), sender.name, "{}", topic.name);
            assert_eq!(delivery.key.topic.as_str(), topic.name);
            interpret(&delivery, None).unwrap_or_else(|error| panic!("{}: {error}", topic.name));
        }
    }
}

/// The endpoint that the samples of Standard Webhooks are sent to.
fn warehouse() -> InboundEndpoint {
    let mapping = fs::read(events().join("standard/mapping.json")).expect("samples are valid");
    InboundEndpoint {
        source: "standard".parse().expect("samples are valid"),
        name: "warehouse".parse().expect("samples are valid"),
        settings: InboundSettings {
            stores: BoundStores::Listed(BTreeSet::from(["warehouse".parse().expect("samples are valid")])),
            addresses: Vec::new(),
            mode: None,
            own: None,
            mapping: Some(serde_json::from_slice(&mapping).expect("samples are valid")),
            senders: None,
        },
        revision: 1,
        counts: Counts::new(),
    }
}

/// Samples whose bodies need the mapping of their endpoint: signed, so they go through the receiver's way.
fn standard_samples(folder: &str) -> Vec<(String, Read)> {
    let (endpoint, folder) = (warehouse(), events().join(folder));
    let secret = Secret::new("whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNo");
    let secrets = Secrets::parse(&secret, KeyForm::Whsec).expect("samples are valid");
    let now = Timestamp::from_second(1_795_946_692).expect("samples are valid");
    let inbound = Inbound {
        function: "standard",
        endpoint: Some(endpoint),
    };
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("samples are valid")
        .filter_map(|file| {
            file.expect("samples are valid")
                .file_name()
                .to_str()?
                .strip_suffix(".headers.json")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    let read = names.into_iter().map(|name| {
        let headers = headers(&folder.join(format!("{name}.headers.json")));
        let body = fs::read(folder.join(format!("{name}.json"))).expect("samples are valid");
        let request = SignedRequest {
            headers: &headers,
            body: &body,
            addresses: &[],
        };
        let verified = standard::SENDER
            .verify(&request, &secrets, now)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let read = (standard::SENDER.read)(verified, &headers, &inbound, now).expect("samples are valid");
        (name, read)
    });
    read.collect()
}

#[test]
fn sample_of_every_mapped_topic_is_signed_read_and_interpreted() {
    let endpoint = warehouse();
    let mut topics = BTreeSet::new();
    for (name, read) in standard_samples("standard") {
        let Read::Delivery(delivery) = read else {
            panic!("{name}: {read:?}")
        };
        interpret(&delivery, Some(&endpoint)).unwrap_or_else(|error| panic!("{name}: {error}"));
        topics.insert(delivery.key.topic.to_string());
    }
    let mapped = endpoint
        .settings
        .mapping
        .unwrap()
        .types
        .into_keys()
        .collect::<BTreeSet<_>>();
    assert_eq!(topics, mapped);
}

#[test]
fn hostile_sample_is_unreadable_or_loses_no_more_than_what_cannot_be_read() {
    let endpoint = warehouse();
    for (name, read) in standard_samples("standard/hostile") {
        match (name.as_str(), read) {
            ("price-in-tiers", Read::Delivery(delivery)) => assert!(interpret(&delivery, Some(&endpoint)).is_ok()),
            ("id-with-hash", Read::Delivery(delivery)) => assert!(interpret(&delivery, Some(&endpoint)).is_err()),
            (_, Read::Unreadable(_)) => {}
            (_, other) => panic!("{name}: {other:?}"),
        }
    }
}

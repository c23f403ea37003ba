//! Every behaviour of `hookline_local.endpoints`: its meaning and its code are those of the table.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use hookline_domain::outbound::{Answer, Attempted, Meaning};
use hookline_outbound::{AttemptReport, EndpointUrl, Guard, Roots, Sender};
use hookline_testkit::endpoints::{HOST, LocalEndpoints, address};
use http::HeaderMap;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use crate::{
    network::{Dns, Network},
    rules,
};

/// Some public address, under which servers on loopback appear.
const PUBLIC: &str = "93.184.215.14";

/// Behaviours that are about time: tests need not wait as long as the limits of deployments are.
const SHORTENED: [&str; 2] = ["timed_out", "connect_timeout"];

fn roots() -> Roots {
    let mut roots = Roots::empty();
    roots
        .add(CertificateDer::from_pem_slice(&LocalEndpoints::root()).unwrap())
        .unwrap();
    roots
}

/// Sender to the server of a behaviour.
fn sender_to(behaviour: &Value) -> Sender<Network> {
    let network = Network::new(Dns::Answers(vec![PUBLIC.parse().unwrap()]));
    Sender::new(Guard::new(network.led_to(address(behaviour))), roots())
}

fn url(behaviour: &Value, instance: &str) -> EndpointUrl {
    let scheme = if behaviour["where"] == "tls" { "https" } else { "http" };
    let name = behaviour["name"].as_str().unwrap();
    EndpointUrl::parse(&format!("{scheme}://{HOST}/{name}/{instance}"), &rules()).unwrap()
}

async fn post(sender: &Sender<Network>, url: &EndpointUrl, body: Bytes, limit: Duration) -> AttemptReport {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", "evt_01M8KC7FD03QH5TX988ZJ0TNS4".parse().unwrap());
    sender.post(url, headers, body, limit, Timestamp::now()).await
}

/// Meaning and code, as in the table.
fn outcome(attempted: &Attempted) -> Value {
    let meaning = Meaning::of(attempted);
    let name = match meaning {
        Meaning::Sent => "sent",
        Meaning::Own(_) => "own",
        Meaning::General { .. } => "general",
        Meaning::Disable(_) => "gone",
        Meaning::Abort(_) => "aborted",
    };
    json!({"meaning": name, "code": meaning.code()})
}

/// True if the outcome is one that the table allows.
fn is_expected(behaviour: &Value, outcome: &Value) -> bool {
    let also = &behaviour["also"];
    // Those that need something of the test happen only where it does that.
    let by_chance = ["answers-early-413", "at-the-limit"].contains(&behaviour["name"].as_str().unwrap());
    let is_also = also["meaning"] == outcome["meaning"] && also["code"] == outcome["code"];
    behaviour["expects"] == *outcome || (by_chance && is_also)
}

#[tokio::test]
async fn every_behaviour_has_its_meaning_and_code() {
    let server = LocalEndpoints::shared();
    let rows = server.behaviours().await;
    let rows: Vec<&Value> = rows.iter().filter(|row| row["where"] != "resolver").collect();
    assert!(rows.len() >= 70, "{}", rows.len());
    let instance = "meaning";
    // It needs nearly all of its limit; that it is slow is nothing to the sender.
    server.set("slow", instance, &json!({"delay_seconds": 0.5})).await;
    let attempts = rows.iter().map(async |row| {
        let name = row["name"].as_str().unwrap();
        // Its own port refuses while it is down, whatever the instance; another test may not see that.
        if let Some(parameters) = row.get("set").filter(|set| !set.is_null()) {
            server.set(name, instance, parameters).await;
        }
        let code = row["expects"]["code"].as_str().unwrap_or_default();
        let limit = Duration::from_secs(if SHORTENED.contains(&code) { 2 } else { 10 });
        // More than fits into the buffers on the way.
        let body = Bytes::from(vec![b' '; if name == "never-reads" { 8 << 20 } else { 200 << 10 }]);
        let report = post(&sender_to(row), &url(row, instance), body, limit).await;
        (row, report)
    });
    let mut wrong = Vec::new();
    for (row, report) in join_all(attempts).await {
        let outcome = outcome(&report.attempted);
        if !is_expected(row, &outcome) {
            wrong.push(format!("{} expects {}: {outcome}", row["name"], row["expects"]));
        }
        if let Ok(Answer {
            excerpt: Some(excerpt), ..
        }) = &report.attempted
        {
            assert!(excerpt.as_str().len() <= hookline_domain::outbound::MAX_EXCERPT_BYTES);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        server.requests("/inward", 0).await,
        Vec::<Value>::new(),
        "no redirection is followed"
    );
}

#[tokio::test]
async fn waits_are_respected_within_bounds_and_nonsense_is_not() {
    let server = LocalEndpoints::shared();
    for row in server.behaviours().await {
        let Some(expected) = row.get("retry_after_seconds") else {
            continue;
        };
        let report = post(
            &sender_to(&row),
            &url(&row, "wait"),
            Bytes::new(),
            Duration::from_secs(10),
        )
        .await;
        let Meaning::General { wait, .. } = Meaning::of(&report.attempted) else {
            panic!("{row}: {report:?}")
        };
        let (wait, expected) = (wait.map(|wait| wait.as_secs()), expected.as_u64());
        // A date has whole seconds, and time passes.
        let is_near = matches!((wait, expected), (Some(wait), Some(120)) if (60..=120).contains(&wait));
        assert!(wait == expected || is_near, "{row}: {wait:?}");
    }
}

#[tokio::test]
async fn every_answer_of_dns_has_its_meaning_and_no_connection_goes_inward() {
    for row in LocalEndpoints::shared().behaviours().await {
        if row["where"] != "resolver" {
            continue;
        }
        let host = row["host"].as_str().unwrap();
        let parsed = EndpointUrl::parse(&format!("https://{host}/"), &rules());
        let Some(answers) = row["addresses"].as_array() else {
            assert_eq!(row["expects"]["code"], "invalid_url");
            assert!(parsed.is_err(), "{host}");
            continue;
        };
        let dns = if answers.contains(&Value::Null) {
            Dns::Silent
        } else {
            Dns::Changes(answers.iter().map(addresses).collect())
        };
        let network = Network::new(dns);
        let sender = Sender::new(Guard::new(network.clone()), roots());
        let mut last = Value::Null;
        for _ in answers {
            let report = post(&sender, &parsed.clone().unwrap(), Bytes::new(), Duration::from_secs(1)).await;
            last = outcome(&report.attempted);
        }
        assert_eq!(last, row["expects"], "{row}");
        let public: IpAddr = PUBLIC.parse().unwrap();
        assert!(
            network.connected().iter().all(|address| address.ip() == public),
            "{row}"
        );
    }
}

/// Addresses of an answer; Rust's type has no zone.
fn addresses(answer: &Value) -> Vec<IpAddr> {
    let texts = answer.as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    texts
        .map(|text| text.split('%').next().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn connection_is_used_again_until_it_is_forgotten() {
    let server = LocalEndpoints::shared();
    let rows = server.behaviours().await;
    for name in ["ok", "tls-ok"] {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        let (sender, url) = (sender_to(row), url(row, "again"));
        let mut addresses = Vec::new();
        for _ in 0..3 {
            let report = post(&sender, &url, Bytes::from_static(b"{}"), Duration::from_secs(10)).await;
            assert_eq!(report.attempted.unwrap().status, 200);
            addresses.push(report.address);
        }
        sender.forget();
        let report = post(&sender, &url, Bytes::from_static(b"{}"), Duration::from_secs(10)).await;
        addresses.push(report.address);
        let public = Some(PUBLIC.parse().unwrap());
        assert_eq!(addresses, [public, None, None, public], "of new connections only");
        let seen = server.requests(&format!("/{name}/again"), 4).await;
        let connections: Vec<_> = seen.iter().map(|request| &request["connection"]).collect();
        assert!(
            connections[0] == connections[2] && connections[2] != connections[3],
            "{name}"
        );
    }
}

#[tokio::test]
async fn closed_idle_connection_costs_no_message() {
    let server = LocalEndpoints::shared();
    let rows = server.behaviours().await;
    let row = rows.iter().find(|row| row["name"] == "keep-alive-closed").unwrap();
    let (sender, url) = (sender_to(row), url(row, "idle"));
    server
        .set("keep-alive-closed", "idle", &json!({"idle_seconds": 0}))
        .await;
    for _ in 0..5 {
        let report = post(&sender, &url, Bytes::from_static(b"{}"), Duration::from_secs(10)).await;
        assert_eq!(report.attempted.unwrap().status, 200);
        server.closed("keep-alive-closed", "idle").await;
    }
    assert_eq!(server.requests("/keep-alive-closed/idle", 5).await.len(), 5);
}

#[tokio::test]
async fn request_arrives_as_it_was_made() {
    let server = LocalEndpoints::shared();
    let rows = server.behaviours().await;
    let row = rows.iter().find(|row| row["name"] == "ok").unwrap();
    let body = Bytes::from_static("{\"title\":\"Wälnut\"}".as_bytes());
    post(&sender_to(row), &url(row, "arrives"), body, Duration::from_secs(10)).await;
    let seen = server.requests("/ok/arrives", 1).await.remove(0);
    assert_eq!(
        (&seen["method"], &seen["body_complete"]),
        (&json!("POST"), &json!(true))
    );
    let headers: Vec<(String, String)> = serde_json::from_value(seen["headers"].clone()).unwrap();
    let expected = [
        ("webhook-id", "evt_01M8KC7FD03QH5TX988ZJ0TNS4"),
        ("host", HOST),
        ("content-length", "19"),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

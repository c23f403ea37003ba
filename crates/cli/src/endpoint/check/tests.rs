use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use hookline_webhooks::Verifier;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Address of a receiver that answers each request so.
fn receiver(answer: impl Fn(&str, &BTreeMap<String, String>, &[u8]) -> u16 + Send + Sync + Clone + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            thread::spawn(move || serve(stream.unwrap(), answer));
        }
    });
    format!("http://{address}/webhooks").parse().unwrap()
}

fn serve(stream: TcpStream, answer: impl Fn(&str, &BTreeMap<String, String>, &[u8]) -> u16) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let status = answer(&first, &headers, &body);
        write!(writer, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

async fn rows(url: Url, second_secret: Option<&str>) -> Vec<CheckRow> {
    let args = CheckArgs {
        url,
        secret: SECRET.to_owned(),
        second_secret: second_secret.map(str::to_owned),
    };
    check(&args).await.unwrap()
}

fn failed(rows: &[CheckRow]) -> Vec<&str> {
    rows.iter().filter(|row| !row.passed).map(|row| row.check).collect()
}

/// Status of a receiver that verifies signatures with these secrets.
fn verifying(
    secrets: &'static [&'static str],
) -> impl Fn(&str, &BTreeMap<String, String>, &[u8]) -> u16 + Send + Sync + Clone + 'static {
    let verifier = Verifier::new(secrets).unwrap();
    move |first, headers, body| {
        if !first.starts_with("POST") {
            return 405;
        }
        let header = |name: &str| headers.get(name).map(String::as_str);
        match verifier.verify(header, body, Timestamp::now().into()) {
            Ok(_) => 204,
            Err(_) => 403,
        }
    }
}

#[tokio::test]
async fn receiver_that_verifies_passes_all_sixteen_checks() {
    let rows = rows(receiver(verifying(&[SECRET])), None).await;
    assert_eq!(failed(&rows), Vec::<&str>::new(), "{rows:?}");
    assert_eq!(rows.len(), 16);
}

#[tokio::test]
async fn second_secret_is_checked_if_it_is_given() {
    const SECOND: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let name = "second secret of a rotation";
    let both = rows(receiver(verifying(&[SECRET, SECOND])), Some(SECOND)).await;
    assert_eq!(failed(&both), Vec::<&str>::new());
    assert!(both.iter().any(|row| row.check == name));
    let one = rows(receiver(verifying(&[SECRET])), Some(SECOND)).await;
    assert_eq!(failed(&one), [name]);
}

#[tokio::test]
async fn receiver_that_takes_everything_fails_what_it_should_refuse() {
    let rows = rows(receiver(|_, _, _| 200), None).await;
    let expected = [
        "signature of another secret",
        "body changed after it was signed",
        "no signature",
        "right signature of ten minutes ago",
        "GET",
    ];
    assert_eq!(failed(&rows), expected);
}

#[tokio::test]
async fn receiver_that_refuses_large_bodies_and_repeated_events_is_told_so() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let verified = verifying(&[SECRET]);
    let rows = rows(
        receiver(move |first, headers, body| {
            let status = verified(first, headers, body);
            let mut seen = seen.lock().unwrap();
            let is_repeated = status == 204 && seen.contains(&headers["webhook-id"]);
            if status == 204 {
                seen.push(headers["webhook-id"].clone());
            }
            match (body.len() > 100_000, is_repeated) {
                (true, _) => 413,
                (_, true) => 409,
                _ => status,
            }
        }),
        None,
    )
    .await;
    assert_eq!(failed(&rows), ["same event twice", "256 KiB"]);
}

#[tokio::test]
async fn receiver_that_is_not_there_fails_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let rows = rows(format!("http://{address}/").parse().unwrap(), None).await;
    assert!(!rows[0].passed && rows[0].seen.contains("refused"), "{rows:?}");
    assert_eq!(rows.last().unwrap().seen, "no answer");
}

#[test]
fn large_request_has_256_kib_whatever_the_time() {
    // A tenth of all times is written a digit shorter.
    for _ in 0..100 {
        let (id, large) = large_sample().unwrap();
        assert_eq!(large.len(), LARGE_BYTES, "{id}");
        let large: Value = serde_json::from_str(&large).unwrap();
        assert_eq!(large["id"], json!(id));
    }
}

//! Tests of an endpoint's credentials: what is shown of them, and what is not.

use hookline_domain::{
    memory::MemoryEndpointVault,
    outbound::{EndpointRecords, EndpointVault},
};

use super::*;

/// Certificate with its chain, and its key.
const OURS: &str = include_str!("../../../../../../../tests/endpoints/certificates/tls-ok.pem");
const OTHER: &str = include_str!("../../../../../../../tests/endpoints/certificates/tls-other-name.pem");
const ENDED: &str = include_str!("../../../../../../../tests/endpoints/certificates/tls-expired.pem");

fn auth(change: &Value) -> Value {
    let mut auth = json!({
        "kind": "oauth2",
        "token_url": "https://login.example.com/token?tenant=t0ken",
        "client_id": "hookline",
        "client_secret": "s3cret",
    });
    auth.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    auth
}

fn certificate(certificate: &str, key: &str) -> Value {
    json!({"certificate": certificate, "private_key": key})
}

fn with(name: &str, credentials: &Value) -> Value {
    json!({"settings": settings(json!({}))["settings"], name: credentials})
}

async fn change(world: &World, id: &str, body: Value) -> (u16, Value) {
    let call = Call {
        route: format!("PATCH {OWN}/{{endpoint}}"),
        endpoint: id,
        body: body.to_string(),
        if_match: Some("*"),
        ..Call::default()
    };
    let (status, body, _) = world.call(call, &principal(Role::Admin, Reach::All)).await;
    (status, body)
}

#[tokio::test]
async fn authorization_is_sealed_and_shown_without_its_secret() {
    let world = World::new().await;
    let body = with("auth", &auth(&json!({"scope": "a b"})));
    let (status, created) = world.admin(&format!("POST {OWN}"), "", &body).await;
    assert_eq!(status, 201, "{created}");
    assert!(!created.to_string().contains("s3cret"));
    let id = created["endpoint"]["id"].as_str().unwrap();
    let shown = json!({
        "kind": "oauth2",
        "token_url": "https://login.example.com/token?tenant=t0ken",
        "client_id": "hookline",
        "scope": "a b",
        "credentials_in": "header",
    });
    assert_eq!(created["endpoint"]["auth"], shown);
    let read = world.get(&format!("{OWN}/{{endpoint}}"), id, &[]).await;
    assert_eq!(
        read["auth"]["token_url"], "https://login.example.com/token",
        "viewers see no query"
    );
    let key = endpoint_key(Scope::Store(key(STORE)), id);
    let stored = world.endpoints.read(&key).await.unwrap().unwrap();
    let sealed = stored.credentials.auth.unwrap().sealed;
    let open = MemoryEndpointVault.open(&key, &sealed).await.unwrap();
    assert!(String::from_utf8(open).unwrap().contains("s3cret"));
    let (_, kept) = change(&world, id, json!({"settings": {"description": "b"}})).await;
    assert_eq!(kept["auth"], shown, "left out, it stays");
    let (_, changed) = change(&world, id, json!({"auth": auth(&json!({"credentials_in": "body"}))})).await;
    assert_eq!(
        (&changed["auth"]["scope"], &changed["auth"]["credentials_in"]),
        (&Value::Null, &json!("body"))
    );
    let (status, refusal) = change(&world, id, json!({"headers": {"Authorization": "Bearer a"}})).await;
    assert!(
        status == 400 && refusal["error"].as_str().unwrap().contains("beside auth"),
        "{refusal}"
    );
    let (_, without) = change(&world, id, json!({"auth": null})).await;
    assert_eq!(without["auth"], Value::Null);
}

#[tokio::test]
async fn client_certificate_is_checked_and_shown_without_its_key() {
    let world = World::new().await;
    let body = with("client_certificate", &certificate(OURS, OURS));
    let (status, created) = world.admin(&format!("POST {OWN}"), "", &body).await;
    assert_eq!(status, 201, "{created}");
    let id = created["endpoint"]["id"].as_str().unwrap();
    let shown = json!({"subject": "CN=Hookline tests, tls-ok", "ends_at": "9999-12-30T22:00:00.999999999Z"});
    assert_eq!(created["endpoint"]["client_certificate"], shown);
    assert_eq!(
        world.get(&format!("{OWN}/{{endpoint}}"), id, &[]).await["client_certificate"],
        shown
    );
    let (_, changed) = change(&world, id, json!({"client_certificate": certificate(OTHER, OTHER)})).await;
    assert_eq!(
        changed["client_certificate"]["subject"],
        "CN=Hookline tests, tls-other-name"
    );
    let (_, without) = change(&world, id, json!({"client_certificate": null})).await;
    assert_eq!(without["client_certificate"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_with_credentials_is_named_and_no_secret_is_repeated() {
    let world = World::new().await;
    for (body, part) in [
        (
            with("auth", &auth(&json!({"token_url": "https://10.0.0.1/"}))),
            "auth: token_url: the URL's host",
        ),
        (
            with("auth", &auth(&json!({"token_url": "http://login.example.com/"}))),
            "must begin with https://",
        ),
        (
            with("auth", &auth(&json!({"client_secret": "s3cret\n"}))),
            "auth: client_secret",
        ),
        (with("auth", &auth(&json!({"scope": ""}))), "auth: scope"),
        (with("auth", &auth(&json!({"kind": "basic"}))), "basic"),
        (with("auth", &auth(&json!({"audience": "a"}))), "audience"),
        (
            with("client_certificate", &certificate(OURS, OTHER)),
            "not the key of the first certificate",
        ),
        (with("client_certificate", &certificate(ENDED, ENDED)), "has ended at"),
        (
            with("client_certificate", &certificate("s3cret", OURS)),
            "client_certificate: certificate must",
        ),
        (
            with("client_certificate", &certificate(OURS, "s3cret")),
            "client_certificate: private_key must",
        ),
    ] {
        let (status, refusal) = world.admin(&format!("POST {OWN}"), "", &body).await;
        let error = refusal["error"].as_str().unwrap();
        assert!(status == 400 && error.contains(part), "{part}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    assert_eq!(world.get(OWN, "", &[]).await["endpoints"], json!([]));
}

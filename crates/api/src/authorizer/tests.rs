use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    access::{
        Reach, Role,
        ticket::{GOOD_FOR, Ticket},
        token::{Token, TokenChange},
    },
    kernel::secret::Secret,
    memory::MemoryAccess,
};
use hookline_host::gateway::http_event;
use hookline_sources::shopify;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::testing::{Down, STORE, noon};

const CLIENT: &str = "an-app";
const METHOD: &str = "arn:aws:execute-api:eu-west-1:000000000000:abc/live/$connect";

type TestAuthorizer = Authorizer<MemoryAccess, Secret, Timestamp>;

async fn authorizer(access: &MemoryAccess, secrets: &str) -> TestAuthorizer {
    let app = Some((CLIENT.to_owned(), Secret::new(secrets)));
    Authorizer::new(access.clone(), app, noon()).await.unwrap()
}

fn one_store() -> Reach {
    Reach::Stores([shopify::store(STORE).unwrap()].into())
}

async fn token(access: &MemoryAccess, hours: i64) -> (Token, String) {
    let expires_at = noon() + SignedDuration::from_hours(hours);
    let (token, borne) = Token::mint(Role::Viewer, one_store(), "x".into(), noon(), expires_at).unwrap();
    access.put(&token).await.unwrap();
    (token, borne.text().reveal().to_owned())
}

fn session(secret: &str, expires_in: i64) -> String {
    let now = noon().as_second();
    let claims = json!({
        "iss": format!("https://{STORE}/admin"), "dest": format!("https://{STORE}"), "aud": CLIENT, "sub": "42",
        "nbf": now - 60, "exp": now + expires_in,
    });
    let [header, claims] =
        [json!({"alg": "HS256"}), claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(format!("{header}.{claims}").as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac.finalize().into_bytes());
    format!("{header}.{claims}.{signature}")
}

fn event_of(event: Value) -> AuthorizerRequest {
    serde_json::from_value(event).unwrap()
}

/// An event of an HTTP API as in AWS's documentation, shortened.
fn http(authorization: Option<&str>) -> AuthorizerRequest {
    let headers = authorization.map_or_else(|| json!({}), |value| json!({"host": "x", "Authorization": value}));
    let mut event = http_event("GET /api/me", "/api/me");
    event["type"] = "REQUEST".into();
    event["routeArn"] = "arn:aws:execute-api:eu-west-1:000000000000:abc/$default/GET/api/me".into();
    event["identitySource"] = authorization.map(|value| [value]).into();
    event["headers"] = headers;
    event_of(event)
}

fn socket(ticket: Option<&str>) -> AuthorizerRequest {
    event_of(json!({
        "type": "REQUEST",
        "methodArn": METHOD,
        "headers": {"Host": "x", "Sec-WebSocket-Version": "13"},
        "queryStringParameters": ticket.map(|ticket| json!({"ticket": ticket})),
        "stageVariables": {},
        "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c="},
    }))
}

async fn response(authorizer: &TestAuthorizer, request: AuthorizerRequest) -> Value {
    serde_json::to_value(authorizer.decide(&request).await.unwrap()).unwrap()
}

async fn authorized(authorizer: &TestAuthorizer, text: &str) -> Option<Principal> {
    let response = response(authorizer, http(Some(&format!("Bearer {text}")))).await;
    let found = Principal::from_context(|name| response["context"].get(name)?.as_str()).ok();
    assert_eq!(response["isAuthorized"], found.is_some(), "{response}");
    found
}

async fn connected(authorizer: &TestAuthorizer, ticket: &str) -> Option<Principal> {
    let response = response(authorizer, socket(Some(ticket))).await;
    let found = Principal::from_context(|name| response["context"].get(name)?.as_str()).ok();
    let effect = if found.is_some() { "Allow" } else { "Deny" };
    let statement = json!([{"Effect": effect, "Action": "execute-api:Invoke", "Resource": METHOD}]);
    assert_eq!(
        response["policyDocument"],
        json!({"Version": "2012-10-17", "Statement": statement})
    );
    found
}

async fn ticket(access: &MemoryAccess, principal: &Principal, at: Timestamp) -> String {
    let (ticket, text) = Ticket::mint(principal.clone(), at).unwrap();
    access.issue(&ticket).await.unwrap();
    text.reveal().to_owned()
}

#[tokio::test]
async fn token_authorizes_with_its_current_role_and_scope() {
    let access = MemoryAccess::default();
    let authorizer = authorizer(&access, "hush").await;
    let (token, text) = token(&access, 1).await;
    let principal = authorized(&authorizer, &text).await.unwrap();
    assert_eq!(
        (principal.id, principal.role, principal.reach),
        (token.id.to_string(), Role::Viewer, one_store())
    );
    let change = TokenChange {
        role: Some(Role::Admin),
        reach: Some(Reach::All),
    };
    access.change(&token.id, &change).await.unwrap();
    let principal = authorized(&authorizer, &text).await.unwrap();
    assert_eq!((principal.role, principal.reach), (Role::Admin, Reach::All));
    access.revoke(&token.id, noon()).await.unwrap();
    assert_eq!(authorized(&authorizer, &text).await, None);
}

#[tokio::test]
async fn invalid_token_or_header_is_denied() {
    let access = MemoryAccess::default();
    let authorizer = authorizer(&access, "hush").await;
    let (_, text) = token(&access, 1).await;
    let (_, expired) = token(&access, 0).await;
    let (_, unknown) = token(&MemoryAccess::default(), 1).await;
    let forged = format!("{}{}", &text[..text.len() - 4], &unknown[unknown.len() - 4..]);
    for wrong in [
        expired,
        unknown,
        forged,
        "a-token-nobody-could-guess".into(),
        format!("{text},Bearer {text}"),
    ] {
        assert_eq!(authorized(&authorizer, &wrong).await, None, "{wrong}");
    }
    let denied = json!({"isAuthorized": false, "context": {}});
    let padded = format!("Bearer  {text}");
    for header in [
        None,
        Some(text.as_str()),
        Some("Bearer "),
        Some("Bearer"),
        Some("Basic YTpi"),
        Some(""),
        Some(&padded),
    ] {
        assert_eq!(response(&authorizer, http(header)).await, denied, "{header:?}");
    }
    assert!(authorized(&authorizer, &text).await.is_some());
}

#[tokio::test]
async fn session_token_authorizes_for_its_own_store() {
    let access = MemoryAccess::default();
    let authorizer = authorizer(&access, "new,old").await;
    for secret in ["new", "old"] {
        let principal = authorized(&authorizer, &session(secret, 60)).await.unwrap();
        assert_eq!(
            (principal.id.as_str(), principal.role),
            ("shopify:demo.myshopify.com:42", Role::Viewer)
        );
        assert_eq!(principal.reach, one_store());
    }
    assert_eq!(authorized(&authorizer, &session("other", 60)).await, None);
    assert_eq!(authorized(&authorizer, &session("new", 0)).await, None);
    let without: TestAuthorizer = Authorizer::new(access, None, noon()).await.unwrap();
    assert_eq!(authorized(&without, &session("new", 60)).await, None);
}

#[tokio::test]
async fn authorizer_with_an_app_and_no_secret_does_not_start() {
    let app = Some((CLIENT.to_owned(), Secret::new("")));
    assert!(Authorizer::new(MemoryAccess::default(), app, noon()).await.is_err());
}

#[tokio::test]
async fn ticket_opens_one_connection() {
    let access = MemoryAccess::default();
    let authorizer = authorizer(&access, "hush").await;
    let (_, text) = token(&access, 1).await;
    let principal = authorized(&authorizer, &text).await.unwrap();
    let shown = ticket(&access, &principal, noon()).await;
    assert_eq!(connected(&authorizer, &shown).await, Some(principal.clone()));
    assert_eq!(connected(&authorizer, &shown).await, None);
    let old = ticket(&access, &principal, noon() - GOOD_FOR).await;
    assert_eq!(connected(&authorizer, &old).await, None);
    let of_shop = authorized(&authorizer, &session("hush", 60)).await.unwrap();
    let shown = ticket(&access, &of_shop, noon()).await;
    assert_eq!(connected(&authorizer, &shown).await, Some(of_shop));
}

#[tokio::test]
async fn ticket_reflects_later_changes_of_its_token() {
    let access = MemoryAccess::default();
    let authorizer = authorizer(&access, "hush").await;
    let (token, text) = token(&access, 1).await;
    let principal = authorized(&authorizer, &text).await.unwrap();
    let [first, second] = [
        ticket(&access, &principal, noon()).await,
        ticket(&access, &principal, noon()).await,
    ];
    let change = TokenChange {
        role: Some(Role::Admin),
        reach: None,
    };
    access.change(&token.id, &change).await.unwrap();
    assert_eq!(connected(&authorizer, &first).await.unwrap().role, Role::Admin);
    access.revoke(&token.id, noon()).await.unwrap();
    assert_eq!(connected(&authorizer, &second).await, None);
    let over = Principal {
        id: "shopify:demo.myshopify.com:42".into(),
        expires_at: noon(),
        ..principal
    };
    let shown = ticket(&access, &over, noon()).await;
    assert_eq!(connected(&authorizer, &shown).await, None);
}

#[tokio::test]
async fn neither_api_accepts_credentials_of_the_other() {
    let access = MemoryAccess::default();
    let authorizer = authorizer(&access, "hush").await;
    let (_, text) = token(&access, 1).await;
    let principal = authorized(&authorizer, &text).await.unwrap();
    let shown = ticket(&access, &principal, noon()).await;
    // A token in a URL could end up in logs.
    assert_eq!(connected(&authorizer, &text).await, None);
    assert_eq!(authorized(&authorizer, &shown).await, None);
    assert_eq!(response(&authorizer, socket(None)).await["principalId"], "nobody");
    assert!(connected(&authorizer, &shown).await.is_some());
}

#[tokio::test]
async fn unsupported_event_is_an_error() {
    let authorizer = authorizer(&MemoryAccess::default(), "hush").await;
    let rest = json!({"version": "1.0", "type": "REQUEST", "methodArn": METHOD, "headers": {}, "requestContext": {}});
    let message = json!({"methodArn": METHOD, "requestContext": {"eventType": "MESSAGE"}});
    for event in [json!({}), rest, message] {
        assert!(matches!(
            authorizer.decide(&event_of(event)).await,
            Err(AuthorizerError::UnsupportedEvent)
        ));
    }
}

#[tokio::test]
async fn authorization_fails_when_the_table_is_unavailable() {
    let authorizer = Authorizer::new(Down, None::<(String, Secret)>, noon()).await.unwrap();
    let (_, text) = token(&MemoryAccess::default(), 1).await;
    let shown = "a".repeat(43);
    for request in [http(Some(&format!("Bearer {text}"))), socket(Some(&shown))] {
        assert!(matches!(
            authorizer.decide(&request).await,
            Err(AuthorizerError::Unavailable(_))
        ));
    }
}

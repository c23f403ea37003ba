//! The WebSocket API's side: who connects, says what to follow, and goes.
//!
//! The authorizer has said who it is, in the context of `$connect`; after that, what is remembered of the connection counts
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html>).
//! Answers are sent to the connection, and not returned: only what is on its way there has an order.

use std::{collections::HashMap, sync::Arc, time::Instant};

use hookline_domain::{
    access::Principal,
    kernel::port::{Clock, PortError, chain},
    live::{Activity, Follow, Push, Watchers},
    store::stores::{StoreViews, Stores},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use hookline_lambda::start::StartError;

/// What API Gateway hands over, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketEvent {
    request_context: Context,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    event_type: EventType,
    connection_id: String,
    authorizer: Option<HashMap<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    Connect,
    Message,
    Disconnect,
}

/// What API Gateway is told: of `$connect`, whether it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketAnswer {
    /// As of HTTP.
    pub status_code: u16,
}

/// Answers one event.
pub async fn answer<W, S, A, P, C>(follow: &Follow<W, S, A, P, C>, event: SocketEvent) -> SocketAnswer
where
    W: Watchers,
    S: Stores + StoreViews,
    A: Activity,
    P: Push,
    C: Clock,
{
    let started = Instant::now();
    let connection = event.request_context.connection_id.as_str();
    let (what, done) = match event.request_context.event_type {
        // Another function's.
        EventType::Disconnect => return forget(&follow.watchers, event).await,
        EventType::Connect => {
            let Some(principal) = principal(&event.request_context) else {
                tracing::warn!(
                    connection,
                    outcome = "unauthorized",
                    "nobody has let this connection in"
                );
                return SocketAnswer { status_code: 401 };
            };
            ("connected", follow.connected(connection, principal).await)
        }
        EventType::Message => ("asked", follow.asked(connection, message(&event)).await),
    };
    finish(connection, what, started, &done)
}

fn principal(context: &Context) -> Option<Principal> {
    let authorizer = context.authorizer.as_ref()?;
    Principal::from_context(|name| authorizer.get(name)?.as_str()).ok()
}

/// What was sent; nothing of what is no text, which is no message then.
fn message(event: &SocketEvent) -> &str {
    let text = event.body.as_deref().filter(|_| !event.is_base64_encoded);
    text.unwrap_or_default()
}

/// Forgets one who has gone: the answer to `$disconnect`, which comes mostly, not always
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html>).
pub async fn forget(watchers: &impl Watchers, event: SocketEvent) -> SocketAnswer {
    let started = Instant::now();
    let connection = event.request_context.connection_id.as_str();
    finish(connection, "gone", started, &watchers.remove(connection).await)
}

fn finish(connection: &str, what: &'static str, started: Instant, done: &Result<(), PortError>) -> SocketAnswer {
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match done {
        Ok(()) => {
            tracing::info!(connection, outcome = what, duration_us, "a connection was answered");
            SocketAnswer { status_code: 200 }
        }
        Err(failure) => {
            let error = chain(failure);
            tracing::error!(
                connection,
                outcome = "unavailable",
                what,
                duration_us,
                error,
                "a connection was not answered"
            );
            SocketAnswer { status_code: 503 }
        }
    }
}

/// Forgets those who go until Lambda ends the function.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn forget_all(watchers: impl Watchers + 'static) -> Result<(), StartError> {
    let watchers = Arc::new(watchers);
    let handle = service_fn(move |event: LambdaEvent<SocketEvent>| {
        let watchers = Arc::clone(&watchers);
        async move { Ok::<_, StartError>(forget(&*watchers, event.payload).await) }
    });
    lambda_runtime::run(handle).await
}

/// Answers events until Lambda ends the function.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn run<W, S, A, P, C>(follow: Follow<W, S, A, P, C>) -> Result<(), StartError>
where
    W: Watchers + 'static,
    S: Stores + StoreViews + 'static,
    A: Activity + 'static,
    P: Push + 'static,
    C: Clock + 'static,
{
    let follow = Arc::new(follow);
    let handle = service_fn(move |event: LambdaEvent<SocketEvent>| {
        let follow = Arc::clone(&follow);
        // On the heap, for the compiler would else have to lay out all of it in one piece.
        Box::pin(async move { Ok::<_, StartError>(answer(&follow, event.payload).await) })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        access::{Reach, Role},
        live::Frame,
        memory::{MemoryActivity, MemoryPush, MemoryStores, MemoryWatchers},
        store::stores::StoreUpdate,
    };
    use hookline_sources::store_from_text;
    use serde_json::json;

    use super::*;
    use hookline_lambda::SystemClock;

    type Following = Follow<MemoryWatchers, MemoryStores, MemoryActivity, MemoryPush, SystemClock>;

    fn follow() -> Following {
        Follow {
            watchers: MemoryWatchers::default(),
            stores: MemoryStores::default(),
            activity: MemoryActivity::default(),
            push: MemoryPush::default(),
            clock: SystemClock,
            key: |name| store_from_text(name.as_str()).ok(),
        }
    }

    fn event(event_type: &str, more: &Value) -> SocketEvent {
        let mut event = json!({"requestContext": {
            "eventType": event_type,
            "connectionId": "L0SM9cOFvHcCIhw=",
            "routeKey": "$default",
            "stage": "live",
        }});
        for (name, value) in more.as_object().unwrap() {
            if name == "authorizer" {
                event["requestContext"]["authorizer"] = value.clone();
            } else {
                event[name] = value.clone();
            }
        }
        serde_json::from_value(event).unwrap()
    }

    async fn sent(follow: &Following, event_type: &str, more: &Value) -> u16 {
        answer(follow, event(event_type, more)).await.status_code
    }

    fn viewer() -> Value {
        json!({"authorizer": {
            "principal": "tok_1",
            "role": "viewer",
            "reach": "shopify#demo.myshopify.com",
            "expires_at": "2999-01-01T00:00:00Z",
            "principalId": "tok_1",
            "integrationLatency": 12,
        }})
    }

    #[tokio::test]
    async fn one_whom_the_authorizer_let_in_connects_asks_and_goes() {
        let follow = follow();
        let demo = "shopify#demo.myshopify.com".parse().unwrap();
        follow.stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        assert_eq!(sent(&follow, "CONNECT", &viewer()).await, 200);
        let known = follow.watchers.find("L0SM9cOFvHcCIhw=").await.unwrap().unwrap();
        assert_eq!(known.principal.role, Role::Viewer);
        assert_eq!(known.principal.reach, Reach::Stores([demo].into()));
        let watch = r#"{"action":"watch","store":"demo.myshopify.com"}"#;
        let message = json!({"body": watch, "isBase64Encoded": false});
        assert_eq!(sent(&follow, "MESSAGE", &message).await, 200);
        let told = follow.push.take();
        assert!(
            matches!(told[..], [(_, Frame::Access { .. }), (_, Frame::Snapshot { .. })]),
            "{told:?}"
        );
        let gone = event("DISCONNECT", &json!({}));
        assert_eq!(forget(&follow.watchers, gone).await.status_code, 200);
        assert_eq!(follow.watchers.find("L0SM9cOFvHcCIhw=").await.unwrap(), None);
    }

    #[tokio::test]
    async fn nobody_connects_whom_the_authorizer_did_not_let_in() {
        let follow = follow();
        let garbled = json!({"authorizer": {"principal": "tok_1", "role": "owner", "reach": "*"}});
        for more in [json!({}), json!({"authorizer": {}}), garbled] {
            assert_eq!(sent(&follow, "CONNECT", &more).await, 401);
        }
        assert_eq!(follow.watchers.find("L0SM9cOFvHcCIhw=").await.unwrap(), None);
        // The context of a message lets nobody in.
        let mut message = viewer();
        message["body"] = json!(r#"{"action":"watch","store":"demo.myshopify.com"}"#);
        assert_eq!(sent(&follow, "MESSAGE", &message).await, 200);
        assert_eq!(follow.push.take(), []);
        assert_eq!(follow.push.closed(), ["L0SM9cOFvHcCIhw="]);
    }

    #[tokio::test]
    async fn what_is_no_text_is_refused() {
        let follow = follow();
        sent(&follow, "CONNECT", &viewer()).await;
        for body in [
            json!({}),
            json!({"body": null}),
            json!({"body": "eyJhY3Rpb24iOiJwaW5nIn0=", "isBase64Encoded": true}),
        ] {
            assert_eq!(sent(&follow, "MESSAGE", &body).await, 200);
            assert!(matches!(follow.push.take()[..], [(_, Frame::Refused { .. })]), "{body}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_an_error_of_ours() {
        let follow = follow();
        sent(&follow, "CONNECT", &viewer()).await;
        follow.push.fail(1);
        assert_eq!(sent(&follow, "MESSAGE", &json!({"body": "{}"})).await, 503);
    }
}

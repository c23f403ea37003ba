//! Events of the WebSocket API: connections, their messages, and their ends.
//!
//! The authorizer puts the principal into the context of `$connect`; later events of the connection use the stored
//! watcher
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html>).
//! Replies are pushed to the connection instead of returned, because only pushed messages have a defined order.

use std::{collections::HashMap, sync::Arc, time::Instant};

use hookline_domain::{
    access::Principal,
    kernel::port::{PortError, chain},
    live::{Follow, FollowPorts, Watchers},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use hookline_lambda::start::StartError;

/// Event from API Gateway; only the fields that are read.
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

/// Response to API Gateway; that of `$connect` accepts or rejects the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketResponse {
    /// HTTP status code.
    pub status_code: u16,
}

/// Handles one event.
pub async fn answer<P: FollowPorts>(follow: &Follow<P>, event: SocketEvent) -> SocketResponse {
    let started = Instant::now();
    let connection = event.request_context.connection_id.as_str();
    let (event_type, done) = match event.request_context.event_type {
        // Routed to another function; handled for completeness.
        EventType::Disconnect => return forget(&follow.watchers, event).await,
        EventType::Connect => {
            let Some(principal) = principal(&event.request_context) else {
                tracing::warn!(
                    connection,
                    outcome = "unauthorized",
                    "rejected a connection without a principal from the authorizer"
                );
                return SocketResponse { status_code: 401 };
            };
            ("connected", follow.connected(connection, principal).await)
        }
        EventType::Message => ("message", follow.asked(connection, message(&event)).await),
    };
    finish(connection, event_type, started, &done)
}

fn principal(context: &Context) -> Option<Principal> {
    let authorizer = context.authorizer.as_ref()?;
    Principal::from_context(|name| authorizer.get(name)?.as_str()).ok()
}

/// Returns the text of a message; empty if it is binary, which makes it an invalid message.
fn message(event: &SocketEvent) -> &str {
    let text = event.body.as_deref().filter(|_| !event.is_base64_encoded);
    text.unwrap_or_default()
}

/// Removes a closed connection. API Gateway sends `$disconnect` on a best-effort basis
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html>).
pub async fn forget(watchers: &impl Watchers, event: SocketEvent) -> SocketResponse {
    let started = Instant::now();
    let connection = event.request_context.connection_id.as_str();
    finish(connection, "disconnected", started, &watchers.remove(connection).await)
}

fn finish(connection: &str, event: &'static str, started: Instant, done: &Result<(), PortError>) -> SocketResponse {
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match done {
        Ok(()) => {
            tracing::info!(connection, outcome = event, duration_us, "connection event handled");
            SocketResponse { status_code: 200 }
        }
        Err(failure) => {
            let error = chain(failure);
            tracing::error!(
                connection,
                outcome = "unavailable",
                event,
                duration_us,
                error,
                "failed to handle a connection event"
            );
            SocketResponse { status_code: 503 }
        }
    }
}

/// Removes closed connections until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn forget_all(watchers: impl Watchers + 'static) -> Result<(), StartError> {
    let watchers = Arc::new(watchers);
    let handle = service_fn(move |event: LambdaEvent<SocketEvent>| {
        let watchers = Arc::clone(&watchers);
        async move { Ok::<_, StartError>(forget(&*watchers, event.payload).await) }
    });
    lambda_runtime::run(handle).await
}

/// Handles events until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<P: FollowPorts + 'static>(follow: Follow<P>) -> Result<(), StartError> {
    let follow = Arc::new(follow);
    let handle = service_fn(move |event: LambdaEvent<SocketEvent>| {
        let follow = Arc::clone(&follow);
        // Boxed, because the compiler would otherwise lay out the whole future inline.
        Box::pin(async move { Ok::<_, StartError>(answer(&follow, event.payload).await) })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        access::{Reach, Role},
        live::Frame,
        memory::{InMemory, MemoryActivity, MemoryPush, MemoryStores, MemoryWatchers},
        store::stores::{StoreUpdate, Stores},
    };
    use hookline_sources::store_from_text;
    use serde_json::json;

    use super::*;
    use crate::testing::noon;

    type Following = Follow<InMemory>;

    fn follow() -> Following {
        Follow {
            watchers: MemoryWatchers::default(),
            stores: MemoryStores::default(),
            activity: MemoryActivity::default(),
            push: MemoryPush::default(),
            clock: noon(),
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
    async fn authorized_principal_connects_watches_and_disconnects() {
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
        let sent = follow.push.take();
        assert!(
            matches!(sent[..], [(_, Frame::Access { .. }), (_, Frame::Snapshot { .. })]),
            "{sent:?}"
        );
        let gone = event("DISCONNECT", &json!({}));
        assert_eq!(forget(&follow.watchers, gone).await.status_code, 200);
        assert_eq!(follow.watchers.find("L0SM9cOFvHcCIhw=").await.unwrap(), None);
    }

    #[tokio::test]
    async fn connection_without_authorized_principal_is_rejected() {
        let follow = follow();
        let garbled = json!({"authorizer": {"principal": "tok_1", "role": "owner", "reach": "*"}});
        for more in [json!({}), json!({"authorizer": {}}), garbled] {
            assert_eq!(sent(&follow, "CONNECT", &more).await, 401);
        }
        assert_eq!(follow.watchers.find("L0SM9cOFvHcCIhw=").await.unwrap(), None);
        // The context of a message authorizes no connection.
        let mut message = viewer();
        message["body"] = json!(r#"{"action":"watch","store":"demo.myshopify.com"}"#);
        assert_eq!(sent(&follow, "MESSAGE", &message).await, 200);
        assert_eq!(follow.push.take(), []);
        assert_eq!(follow.push.closed(), ["L0SM9cOFvHcCIhw="]);
    }

    #[tokio::test]
    async fn message_without_text_is_refused() {
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
    async fn failure_to_reply_is_an_error_of_the_server() {
        let follow = follow();
        sent(&follow, "CONNECT", &viewer()).await;
        follow.push.fail(1);
        assert_eq!(sent(&follow, "MESSAGE", &json!({"body": "{}"})).await, 503);
    }
}

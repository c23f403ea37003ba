//! Tests of endpoints and messages, in both functions.

mod credentials;
mod messages;
mod personal;
mod stats;

use hookline_domain::{
    kernel::ids::StoreLabel,
    memory::{
        MemoryAccess, MemoryActivity, MemoryEndpoints, MemoryEventLog, MemoryMessages, MemoryOutboxes, MemoryStats,
        MemoryWakeUps, event,
    },
    outbound::{
        AttemptCode, AttemptRecord, BusVerdict, EndpointKey, EndpointRecords, EndpointState, EventLog, EventRecords,
        Excerpt, KeptEvent, Manage, MessageFate, MessageRecord, Messages, Resend, Scope, Verdict, Verdicts,
    },
    store::listening::{Audience, Listeners},
};
use hookline_outbound::UrlRules;
use http::HeaderValue;

use super::*;
use crate::api::{About, EndpointActions, EndpointReads, ReadAdapters, ReadApi, endpoints::EndpointRoute};

const ALL: &str = "/api/endpoints";
const OWN: &str = "/api/stores/{store}/endpoints";

struct World {
    actions: ActionsFixture,
    reads: ReadApi<InMemory<SetClock>>,
    endpoints: MemoryEndpoints,
    outboxes: MemoryOutboxes,
    messages: MemoryMessages,
    stats: MemoryStats,
    events: MemoryEventLog,
    wake_ups: MemoryWakeUps,
}

/// A request: route, endpoint, event, query, body, `If-Match`.
#[derive(Default)]
struct Call<'a> {
    route: String,
    endpoint: &'a str,
    event: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: String,
    if_match: Option<&'a str>,
}

impl World {
    async fn new() -> Self {
        let mut actions = fixture_with(false).await;
        let clock = SetClock::new(noon());
        let (endpoints, outboxes, events) = (
            MemoryEndpoints::default(),
            MemoryOutboxes::default(),
            MemoryEventLog::default(),
        );
        let (messages, stats) = (MemoryMessages::beside(events.clone()), MemoryStats::default());
        let wake_ups = MemoryWakeUps::default();
        actions.api.adapters.endpoints = Some(EndpointActions {
            manage: Manage {
                endpoints: endpoints.clone(),
                listeners: actions.stores.clone(),
                wake_ups: wake_ups.clone(),
                clock: clock.clone(),
            },
            resend: Resend {
                endpoints: endpoints.clone(),
                outboxes: outboxes.clone(),
                messages: messages.clone(),
                events: events.clone(),
                wake_ups: wake_ups.clone(),
                pause: clock.clone(),
                clock: clock.clone(),
            },
            vault: MemoryEndpointVault,
            rules: UrlRules {
                allow_http: false,
                own_hosts: vec!["own.example.com".to_owned()],
            },
        });
        let reads = ReadAdapters {
            stores: actions.stores.clone(),
            records: Some(actions.ledger.clone()),
            activity: Some(MemoryActivity::default()),
            events: Some(events.clone()),
            endpoints: Some(EndpointReads {
                endpoints: endpoints.clone(),
                outboxes: outboxes.clone(),
                messages: messages.clone(),
                stats: stats.clone(),
            }),
            queues: Some((MemoryQueue::default(), MemoryDeadLetters::default())),
            tickets: Some(MemoryAccess::default()),
            clock,
        };
        Self {
            actions,
            reads: ReadApi::new(reads, About::default()),
            endpoints,
            outboxes,
            messages,
            stats,
            events,
            wake_ups,
        }
    }

    async fn call(&self, call: Call<'_>, principal: &Principal) -> (u16, Value, Option<String>) {
        let path = [
            ("store", STORE),
            ("endpoint", call.endpoint),
            ("event", call.event),
            ("id", call.event),
        ];
        let mut request = request_for(&call.route, &path, call.query, &call.body, Some(principal));
        if let Some(revision) = call.if_match {
            let value = HeaderValue::from_str(revision).unwrap();
            request.headers_mut().insert("if-match", value);
        }
        let response = if call.route.starts_with("GET") {
            self.reads.answer(request).await
        } else {
            self.actions.api.answer(request).await
        };
        let etag = response
            .headers()
            .get("etag")
            .map(|etag| etag.to_str().unwrap().to_owned());
        (response.status().as_u16(), value(&response), etag)
    }

    async fn admin(&self, route: &str, endpoint: &str, body: &Value) -> (u16, Value) {
        let call = Call {
            route: route.to_owned(),
            endpoint,
            body: body.to_string(),
            ..Call::default()
        };
        let (status, body, _) = self.call(call, &principal(Role::Admin, Reach::All)).await;
        (status, body)
    }

    async fn get(&self, route: &str, endpoint: &str, query: &[(&str, &str)]) -> Value {
        let call = Call {
            route: format!("GET {route}"),
            endpoint,
            query,
            ..Call::default()
        };
        let (status, body, _) = self.call(call, &viewer_of_all()).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Creates an endpoint and returns its id.
    async fn created(&self, base: &str) -> String {
        let (status, body) = self.admin(&format!("POST {base}"), "", &settings(json!({}))).await;
        assert_eq!(status, 201, "{body}");
        body["endpoint"]["id"].as_str().unwrap().to_owned()
    }

    /// Keeps an event for an endpoint, with a record of this fate if there is one.
    async fn message(&self, nth: usize, endpoint: &EndpointKey, fate: Option<MessageFate>) -> String {
        let event = event(&key(STORE), nth);
        let id = event.id.clone();
        self.events
            .keep(&[KeptEvent {
                store: key(STORE),
                subject: "note#1".parse().unwrap(),
                cause: None,
                at: event.timestamp,
                accepted_at: event.timestamp,
                expires_at: event.timestamp,
                json: serde_json::to_string(&event).unwrap(),
                verdicts: Verdicts::from([(endpoint.clone(), Verdict::Queued)]),
                bus: BusVerdict::Off,
                bus_error: None,
                kind: event.kind.clone(),
                id: event.id,
            }])
            .await;
        if fate.is_some() {
            let record = MessageRecord {
                fate,
                attempts: vec![AttemptRecord {
                    at: noon(),
                    took_ms: 70,
                    status: Some(500),
                    code: Some(AttemptCode::Failed),
                    number: Some(1),
                    revision: Some(1),
                    excerpt: Excerpt::of(b"no such sku"),
                }],
                ..MessageRecord::new(key(STORE), Some(event.kind), noon())
            };
            self.messages.put(endpoint, &[(id.clone(), record)]).await;
        }
        id.to_string()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "calls are easier to read")]
fn settings(change: Value) -> Value {
    let mut settings = json!({"url": "https://example.com/hook?token=t0ken", "types": ["custom.*"]});
    settings
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    json!({ "settings": settings })
}

fn endpoint_key(scope: Scope, id: &str) -> EndpointKey {
    EndpointKey {
        scope,
        id: id.parse().unwrap(),
    }
}

#[tokio::test]
async fn secret_is_in_the_answer_to_creation_and_rotation_only() {
    let world = World::new().await;
    let mut body = settings(json!({"conditions": [{"path": "data.a", "op": "=", "value": 1}]}));
    body["headers"] = json!({"authorization": "Bearer s3cret"});
    let (status, created) = world.admin(&format!("POST {OWN}"), "", &body).await;
    assert_eq!(status, 201, "{created}");
    assert!(created["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(created["endpoint"]["public_keys"], json!([created["public_key"]]));
    let id = created["endpoint"]["id"].as_str().unwrap();
    let (status, rotated) = world
        .admin(
            &format!("POST {OWN}/{{endpoint}}/rotate"),
            id,
            &json!({"overlap_hours": 1}),
        )
        .await;
    assert_eq!(
        (status, rotated["endpoint"]["secrets"].as_array().unwrap().len()),
        (200, 2)
    );
    assert_ne!(rotated["secret"], created["secret"]);
    let call = Call {
        route: format!("GET {OWN}/{{endpoint}}"),
        endpoint: id,
        ..Call::default()
    };
    let (_, read, etag) = world.call(call, &principal(Role::Admin, Reach::All)).await;
    assert_eq!(
        (etag.as_deref(), &read["header_names"]),
        (Some("\"2\""), &json!(["authorization"]))
    );
    assert_eq!(read["settings"]["url"], "https://example.com/hook?token=t0ken");
    let text = read.to_string();
    assert!(!text.contains("whsec_") && !text.contains("whsk_") && !text.contains("s3cret"));
    let seen = world.get(&format!("{OWN}/{{endpoint}}"), id, &[]).await;
    assert_eq!(
        seen["settings"]["url"], "https://example.com/hook",
        "a viewer sees no query"
    );
}

#[tokio::test]
async fn created_endpoint_is_listened_for_and_one_of_all_stores_is_apart() {
    let world = World::new().await;
    let (own, all) = (world.created(OWN).await, world.created(ALL).await);
    let ids = async |base, query: &[(&str, &str)]| {
        let list = world.get(base, "", query).await;
        let endpoints = list["endpoints"].as_array().unwrap().clone();
        let ids: Vec<String> = endpoints
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, list["most"].as_u64().unwrap())
    };
    assert_eq!(ids(OWN, &[]).await, (vec![own.clone()], 20));
    assert_eq!(ids(ALL, &[]).await, (vec![all], 10));
    for (query, is_found) in [
        (("state", "active"), true),
        (("state", "paused"), false),
        (("type", "custom.noted"), true),
        (("type", "custom.*"), true),
        (("type", "product.*"), false),
        (("q", "EXAMPLE.com"), true),
        (("q", "t0ken"), false),
    ] {
        assert_eq!(ids(OWN, &[query]).await.0.len(), usize::from(is_found), "{query:?}");
    }
    let store = key(STORE);
    for audience in [Audience::Store(&store), Audience::All] {
        assert_eq!(
            world
                .actions
                .stores
                .listening(audience)
                .await
                .unwrap()
                .listeners()
                .len(),
            1
        );
    }
}

#[tokio::test]
async fn only_admins_change_and_only_those_of_all_stores_see_what_is_of_all() {
    let world = World::new().await;
    let (own, all) = (world.created(OWN).await, world.created(ALL).await);
    let of_store = |role| principal_of(STORE, role);
    let elsewhere = principal_of("other.myshopify.com", Role::Admin);
    for (route, id, principal, expected) in [
        (format!("GET {OWN}"), &own, of_store(Role::Viewer), 200),
        (format!("GET {OWN}"), &own, elsewhere.clone(), 404),
        (format!("GET {ALL}"), &all, of_store(Role::Admin), 404),
        (format!("GET {OWN}/{{endpoint}}"), &all, viewer_of_all(), 404),
        (format!("GET {ALL}/{{endpoint}}"), &all, viewer_of_all(), 200),
        (
            format!("POST {OWN}/{{endpoint}}/pause"),
            &own,
            of_store(Role::Viewer),
            403,
        ),
        (format!("POST {ALL}/{{endpoint}}/pause"), &all, viewer_of_all(), 403),
        (
            format!("POST {ALL}/{{endpoint}}/pause"),
            &all,
            of_store(Role::Admin),
            404,
        ),
        (format!("POST {OWN}/{{endpoint}}/pause"), &own, elsewhere, 404),
        (
            format!("POST {OWN}/{{endpoint}}/pause"),
            &own,
            of_store(Role::Admin),
            200,
        ),
    ] {
        let call = Call {
            endpoint: id,
            route: route.clone(),
            ..Call::default()
        };
        let (status, body, _) = world.call(call, &principal).await;
        assert_eq!(status, expected, "{route} {principal:?}: {body}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_created() {
    let world = World::new().await;
    for (body, part) in [
        (json!({}), "settings"),
        (json!({"settings": {}, "secret": "a"}), "secret"),
        (settings(json!({"speed": 1})), "\"speed\""),
        (settings(json!({"url": "http://example.com"})), "https://"),
        (settings(json!({"url": "https://own.example.com"})), "Hookline itself"),
        (settings(json!({"types": ["prodct.*"]})), "prodct"),
        (settings(json!({"keep_days": 15})), "keep_days"),
        (
            json!({"settings": settings(json!({}))["settings"], "headers": {"host": "a"}}),
            "host cannot be set",
        ),
    ] {
        let (status, refusal) = world.admin(&format!("POST {OWN}"), "", &body).await;
        assert_eq!(status, 400, "{body}");
        assert!(refusal["error"].as_str().unwrap().contains(part), "{body}: {refusal}");
    }
    let call = Call {
        route: format!("GET {OWN}"),
        query: &[("colour", "red")],
        ..Call::default()
    };
    let (status, refusal, _) = world.call(call, &viewer_of_all()).await;
    assert!(status == 400 && refusal["error"].as_str().unwrap().contains("colour"));
    let list = world.get(OWN, "", &[]).await;
    assert_eq!(list["endpoints"], json!([]));
}

#[tokio::test]
async fn change_needs_the_revision_and_merges() {
    let world = World::new().await;
    let (_, created) = world
        .admin(
            &format!("POST {OWN}"),
            "",
            &settings(json!({"keep_days": 3, "description": "a"})),
        )
        .await;
    let id = created["endpoint"]["id"].as_str().unwrap();
    let change = async |if_match, body: Value| {
        let call = Call {
            route: format!("PATCH {OWN}/{{endpoint}}"),
            endpoint: id,
            body: body.to_string(),
            if_match,
            ..Call::default()
        };
        world.call(call, &principal(Role::Admin, Reach::All)).await
    };
    let body = json!({"settings": {"keep_days": null, "timeout_seconds": 5}, "headers": {"x-key": "v"}});
    assert_eq!(change(None, body.clone()).await.0, 428);
    assert_eq!(change(Some("1"), body.clone()).await.0, 400);
    let (status, changed, etag) = change(Some("\"1\""), body.clone()).await;
    assert_eq!((status, etag.as_deref()), (200, Some("\"2\"")), "{changed}");
    let settings = &changed["settings"];
    assert_eq!(
        (
            &settings["keep_days"],
            &settings["timeout_seconds"],
            &settings["description"]
        ),
        (&json!(7), &json!(5), &json!("a"))
    );
    assert_eq!(changed["header_names"], json!(["x-key"]));
    let (status, refusal, etag) = change(Some("\"1\""), body).await;
    assert_eq!((status, etag.as_deref()), (412, Some("\"2\"")));
    assert!(refusal["error"].as_str().unwrap().contains("revision 2"));
    let (_, kept, _) = change(Some("*"), json!({"settings": {"description": "b"}})).await;
    assert_eq!(kept["header_names"], json!(["x-key"]), "left out, they stay");
    let (_, without, _) = change(Some("*"), json!({"headers": null})).await;
    assert_eq!(without["header_names"], json!([]));
    assert_eq!(change(Some("*"), json!({"settings": {"url": null}})).await.0, 400);
}

#[tokio::test]
async fn endpoint_is_paused_activated_and_deleted() {
    let world = World::new().await;
    let id = world.created(OWN).await;
    let act = async |action: &str, body| {
        world
            .admin(&format!("POST {OWN}/{{endpoint}}/{action}"), &id, &body)
            .await
    };
    let (status, paused) = act("pause", json!({"reason": "maintenance"})).await;
    assert_eq!((status, &paused["state"]), (200, &json!("paused")));
    assert!(paused["state_sentence"].as_str().unwrap().contains("(maintenance)"));
    assert_eq!(act("pause", json!({})).await.0, 409);
    let (status, refusal) = act("test", json!({"type": "product.updated"})).await;
    assert!(status == 409 && refusal["error"].as_str().unwrap().contains("activate it"));
    assert_eq!(act("activate", json!({"backlog": "some"})).await.0, 400);
    assert_eq!(act("activate", json!({"backlog": "newest"})).await.1["state"], "active");
    let (status, deleted) = world
        .admin(&format!("DELETE {OWN}/{{endpoint}}"), &id, &json!({}))
        .await;
    assert_eq!((status, &deleted["state"]), (200, &json!("deleting")));
    let key = endpoint_key(Scope::Store(key(STORE)), &id);
    assert_eq!(world.endpoints.state(&key), Some(EndpointState::Deleting));
    assert_eq!(world.wake_ups.take().len(), 2, "of the activation and the deletion");
}

#[tokio::test]
async fn dry_run_counts_what_would_pass_and_creates_nothing() {
    let world = World::new().await;
    let other = endpoint_key(Scope::All, "ep_1");
    for nth in 0..3 {
        world.message(nth, &other, None).await;
    }
    let call = |base: &str, types| Call {
        route: format!("POST {base}"),
        query: &[("dry_run", "true")],
        body: settings(json!({ "types": types })).to_string(),
        ..Call::default()
    };
    let admin = principal(Role::Admin, Reach::All);
    for (types, would_pass) in [(["custom.*"], 3), (["product.*"], 0)] {
        let (status, body, _) = world.call(call(OWN, types), &admin).await;
        assert_eq!((status, body), (200, json!({"would_pass": would_pass, "of": 3})));
    }
    assert_eq!(world.call(call(ALL, ["*"]), &admin).await.0, 400);
    assert_eq!(world.get(OWN, "", &[]).await["endpoints"], json!([]));
}

#[test]
fn every_described_route_of_endpoints_is_served_by_one_function() {
    let described: Value = serde_json::from_str(crate::api::openapi::DESCRIPTION).unwrap();
    let paths = described["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let of_endpoints: Vec<String> = routes.filter(|route| EndpointRoute::of(route).is_some()).collect();
    assert_eq!(of_endpoints.len(), 32);
}

//! Tests of sessions that watch events.

use hookline_domain::store::listening::{Audience, Listeners, Listening};
use hookline_events::Resource;

use super::*;

const LISTEN: &str = "POST /api/stores/{store}/listen";
const END_LISTENING: &str = "DELETE /api/stores/{store}/listen/{session}";

impl ActionsFixture {
    async fn listening(&self) -> Listening {
        self.stores.listening(Audience::Store(&key(STORE))).await.unwrap()
    }

    async fn end_listening(&self, session: &str) -> u16 {
        let admin = principal_of(STORE, Role::Admin);
        let path = [("store", STORE), ("session", session)];
        let request = request_for(END_LISTENING, &path, &[], "", Some(&admin));
        self.api.answer(request).await.status().as_u16()
    }
}

#[tokio::test]
async fn session_makes_events_wanted_until_it_ends() {
    let fixture = fixture_with(false).await;
    let body = r#"{"session": "a-session", "types": ["inventory.*", "order.created"]}"#;
    let (status, begun) = fixture.act(LISTEN, body).await;
    assert_eq!(
        (status, &begun["until"]),
        (200, &json!(noon() + SignedDuration::from_mins(10)))
    );
    let listening = fixture.listening().await;
    assert!(listening.is_watched(noon()));
    let wanted = |resource| listening.period(resource, noon()).is_some();
    assert!(wanted(Resource::Product) && wanted(Resource::Order) && !wanted(Resource::Customer));
    assert_eq!(fixture.end_listening("a-session").await, 200);
    assert!(!fixture.listening().await.is_watched(noon()));
    assert_eq!(fixture.end_listening("a-session").await, 200, "it has ended");
    // Without types, all.
    fixture.act(LISTEN, r#"{"session": "a-session"}"#).await;
    assert!(fixture.listening().await.period(Resource::Custom, noon()).is_some());
}

#[tokio::test]
async fn session_is_refused_if_it_is_malformed_or_one_too_many() {
    let fixture = fixture_with(false).await;
    for (body, part) in [
        ("{}", "session"),
        (r#"{"session": "A SESSION"}"#, "8 to 40 small letters"),
        (r#"{"session": "a-session", "types": ["prodct.*"]}"#, "prodct.*"),
    ] {
        let (status, refusal) = fixture.act(LISTEN, body).await;
        assert_eq!(status, 400);
        assert!(refusal["error"].as_str().unwrap().contains(part), "{refusal}");
    }
    assert_eq!(fixture.end_listening("A SESSION").await, 400);
    assert!(!fixture.listening().await.is_watched(noon()));
    for number in 0..8 {
        let body = format!(r#"{{"session": "session-{number}"}}"#);
        assert_eq!(fixture.act(LISTEN, &body).await.0, 200);
    }
    assert_eq!(fixture.act(LISTEN, r#"{"session": "session-8"}"#).await.0, 409);
}

//! Tokens of OAuth 2: where they come from, and when a new one is requested.

use std::{net::IpAddr, time::Duration};

use hookline_domain::{
    kernel::secret::Secret,
    memory::{MemoryEndpointVault, SetClock, noon},
    outbound::{
        Attempted, AuthKind, CredentialsIn, Endpoint, EndpointAuth, EndpointSettings, NoAnswerError, Post, Signatures,
    },
};
use hookline_outbound::{Guard, OpenAuth, OpenKeys, Poster, Roots, Sender, UrlRules};
use jiff::SignedDuration;

use crate::{
    kept,
    network::{Dns, Network},
    rules,
    server::{Answers, Server},
};

const PUBLIC: &str = "93.184.215.14";
const TOKEN: &str = "/token?tenant=1";

type TestPoster = Poster<Network, MemoryEndpointVault, SetClock>;

struct World {
    server: Server,
    network: Network,
    poster: TestPoster,
    clock: SetClock,
    endpoint: Endpoint,
}

impl World {
    async fn new(answers: Answers) -> Self {
        Self::with(answers, Dns::Answers(vec![PUBLIC.parse().unwrap()]), rules()).await
    }

    async fn with(answers: Answers, dns: Dns, rules: UrlRules) -> Self {
        let server = Server::start(answers, None).await;
        let network = Network::new(dns).led_to(server.address);
        let (clock, vault) = (SetClock::new(noon()), MemoryEndpointVault);
        let sender = Sender::new(Guard::new(network.clone()), Roots::empty());
        let mut settings = EndpointSettings::new("http://shop.example.com/hook", &["*"]);
        settings.signatures = Signatures::V1;
        settings.timeout_seconds = 1;
        let mut endpoint = Endpoint::new("* ep_1".parse().unwrap(), settings, noon());
        let keys = OpenKeys::generate().unwrap();
        endpoint.secrets = vec![keys.seal(&vault, &endpoint.key, noon()).await.unwrap()];
        let auth = EndpointAuth {
            kind: AuthKind::OAuth2,
            token_url: format!("http://login.example.com{TOKEN}"),
            client_id: "hookline".to_owned(),
            scope: Some("events".to_owned()),
            credentials_in: CredentialsIn::Body,
        };
        let open = OpenAuth::parse(auth, Secret::new("s3cret"), &crate::rules()).unwrap();
        endpoint.credentials.auth = Some(open.seal(&vault, &endpoint.key).await.unwrap());
        Self {
            poster: Poster::new(sender, vault, rules, clock.clone()),
            server,
            network,
            clock,
            endpoint,
        }
    }

    async fn post(&self) -> Attempted {
        let posted = self.poster.post(&self.endpoint, &kept(), 1, false).await.unwrap();
        posted.attempted
    }

    async fn status(&self) -> u16 {
        self.post().await.unwrap().status
    }

    /// Numbers of requests for a token and of posts.
    fn counts(&self) -> (usize, usize) {
        (self.server.seen(TOKEN).len(), self.server.seen("/hook").len())
    }
}

/// Token of which the number is that of the request.
fn token(nth: usize) -> (u16, &'static str, String) {
    let token = format!("{{\"access_token\":\"t{nth}\",\"token_type\":\"Bearer\",\"expires_in\":600}}");
    (200, "", token)
}

#[expect(clippy::unnecessary_wraps, reason = "others give no answer")]
fn taken(path: &str, nth: usize) -> Option<(u16, &'static str, String)> {
    match path {
        TOKEN => Some(token(nth)),
        _ => Some((204, "", String::new())),
    }
}

#[tokio::test]
async fn token_is_requested_once_and_sent_until_it_ends() {
    let world = World::new(taken).await;
    for (seconds, tokens) in [(0, 1), (0, 1), (539, 1), (1, 2)] {
        world.clock.pass(SignedDuration::from_secs(seconds));
        assert_eq!(world.status().await, 204);
        assert_eq!(world.counts().0, tokens, "{seconds}");
    }
    let request = &world.server.seen(TOKEN)[0];
    assert!(request.head[0].starts_with("POST "));
    assert_eq!(
        request.body,
        "grant_type=client_credentials&scope=events&client_id=hookline&client_secret=s3cret"
    );
    assert_eq!(request.header("host"), Some("login.example.com"));
    assert_eq!(request.header("webhook-signature"), None);
    let posts = world.server.seen("/hook");
    let sent: Vec<_> = posts.iter().map(|post| post.header("authorization").unwrap()).collect();
    assert_eq!(sent, ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]);
    assert!(posts[0].header("webhook-signature").is_some());
}

#[tokio::test]
async fn refused_token_is_replaced_by_the_next_attempt_and_not_within_this_one() {
    let world = World::new(|path, nth| match path {
        TOKEN => Some(token(nth)),
        _ => Some((if nth == 1 { 401 } else { 204 }, "", String::new())),
    })
    .await;
    assert_eq!(world.status().await, 401);
    assert_eq!(world.counts(), (1, 1));
    assert_eq!(world.status().await, 204);
    assert_eq!(world.counts(), (2, 2));
    assert_eq!(world.server.seen("/hook")[1].header("authorization"), Some("Bearer t2"));
}

#[tokio::test]
async fn endpoint_that_refuses_new_tokens_too_costs_one_a_minute() {
    let world = World::new(|path, nth| match path {
        TOKEN => Some(token(nth)),
        _ => Some((401, "", String::new())),
    })
    .await;
    for (seconds, tokens) in [(0, 1), (0, 2), (0, 2), (59, 2), (1, 2), (0, 3)] {
        world.clock.pass(SignedDuration::from_secs(seconds));
        assert_eq!(world.status().await, 401);
        assert_eq!(world.counts().0, tokens, "{seconds}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_posted_and_the_failure_has_its_code() {
    let cases: [(Answers, NoAnswerError); 6] = [
        (
            |_, _| Some((401, "", "{\"error\":\"invalid_client\"}".to_owned())),
            NoAnswerError::TokenRefused,
        ),
        (|_, _| Some((503, "", String::new())), NoAnswerError::TokenUnavailable),
        (|_, _| None, NoAnswerError::TokenUnavailable),
        (
            |_, _| Some((302, "location: /hook\r\n", String::new())),
            NoAnswerError::TokenInvalid,
        ),
        (|_, _| Some((200, "", "<html>".to_owned())), NoAnswerError::TokenInvalid),
        (
            |_, _| Some((200, "", format!("{}{}", token(1).2, " ".repeat(16 << 10)))),
            NoAnswerError::TokenInvalid,
        ),
    ];
    for (answers, expected) in cases {
        let world = World::new(answers).await;
        assert_eq!(world.post().await, Err(expected));
        assert_eq!(world.counts(), (1, 0), "{expected}");
    }
}

#[tokio::test]
async fn token_url_goes_through_the_guard() {
    let inward: IpAddr = "169.254.169.254".parse().unwrap();
    let public: IpAddr = PUBLIC.parse().unwrap();
    let dns = Dns::Changes(vec![vec![inward], vec![public, inward], vec![public]]);
    let world = World::with(taken, dns, rules()).await;
    for _ in 0..2 {
        assert_eq!(world.post().await, Err(NoAnswerError::TokenUnavailable));
    }
    assert_eq!(world.network.connected(), []);
    assert_eq!(world.status().await, 204);
}

#[tokio::test]
async fn token_url_keeps_the_rules_of_today() {
    let mut world = World::with(taken, Dns::Answers(vec![PUBLIC.parse().unwrap()]), UrlRules::default()).await;
    world.endpoint.settings.url = "https://shop.example.com/hook".to_owned();
    assert_eq!(world.post().await, Err(NoAnswerError::TokenUnavailable));
    assert_eq!(world.network.resolutions(), 0);
}

#[tokio::test]
async fn waiting_for_a_token_is_part_of_the_attempt() {
    let world = World::new(|_, _| None).await;
    let posted = world.poster.post(&world.endpoint, &kept(), 1, false).await.unwrap();
    assert!(posted.took >= Duration::from_secs(1), "{:?}", posted.took);
}

//! Tokens: granted, renewed by one of several functions, stored before use. With DynamoDB.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError, chain},
        secret::Secret,
    },
    memory::MemoryVault,
    store::connections::{Connection, Connections, Lease, Leased},
    sync::vendor::{Catalogue, CatalogueError},
};
use hookline_shopify_admin::{App, Credential, GrantedToken, ShopifyAdmin, Sleep, Time, Tokens};
use hookline_testkit::{
    RealClock,
    emulator::{CONNECTIONS_TABLE, DynamoDb},
    shopify::{CLIENT_ID, CLIENT_SECRET},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::shop::{Passing, Shop, http};

/// Table that can refuse to store renewed tokens, as if the function had died before.
#[derive(Clone)]
struct Table<C> {
    connections: C,
    dies: Arc<AtomicBool>,
}

/// The function has died.
#[derive(Debug, thiserror::Error)]
#[error("the function has died")]
struct DiedError;

impl<C: Connections> Connections for Table<C> {
    async fn find(&self, store: &StoreKey) -> Result<Option<Connection>, PortError> {
        self.connections.find(store).await
    }

    async fn put(&self, store: &StoreKey, sealed: Vec<u8>, expires_at: Option<Timestamp>) -> Result<(), PortError> {
        self.connections.put(store, sealed, expires_at).await
    }

    async fn lease(
        &self,
        store: &StoreKey,
        generation: u64,
        lease: &Lease,
        now: Timestamp,
    ) -> Result<Leased, PortError> {
        self.connections.lease(store, generation, lease, now).await
    }

    async fn renew(
        &self,
        store: &StoreKey,
        owner: &str,
        sealed: Vec<u8>,
        expires_at: Option<Timestamp>,
    ) -> Result<bool, PortError> {
        if self.dies.load(Ordering::SeqCst) {
            return Err(PortError::new("connections", DiedError));
        }
        self.connections.renew(store, owner, sealed, expires_at).await
    }

    async fn remove(&self, store: &StoreKey) -> Result<(), PortError> {
        self.connections.remove(store).await
    }
}

/// Sleeps for a short real time, for tests in which one function waits for another.
#[derive(Clone)]
struct Brief;

impl Sleep for Brief {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(Duration::from_millis(2)))
    }
}

/// Shop with the table of its tokens.
struct World {
    shop: Shop,
    dynamodb: DynamoDb,
}

type Function = ShopifyAdmin<Arc<Tokens<Table<hookline_aws::DynamoConnections>, MemoryVault, Secret>>>;

impl World {
    async fn new() -> Self {
        Self {
            shop: Shop::new().await,
            dynamodb: DynamoDb::start().await,
        }
    }

    fn connections(&self) -> hookline_aws::DynamoConnections {
        self.dynamodb.aws().connections(CONNECTIONS_TABLE)
    }

    /// Returns the tokens of one function, with its own memory and connections.
    fn tokens(&self, time: Time) -> Tokens<Table<hookline_aws::DynamoConnections>, MemoryVault, Secret> {
        self.tokens_that(time, false)
    }

    fn tokens_that(
        &self,
        time: Time,
        dies: bool,
    ) -> Tokens<Table<hookline_aws::DynamoConnections>, MemoryVault, Secret> {
        let table = Table {
            connections: self.connections(),
            dies: Arc::new(AtomicBool::new(dies)),
        };
        let secrets = Secret::new(format!("{CLIENT_SECRET},an-old-one"));
        Tokens::new(
            table,
            MemoryVault,
            App::new(Some(CLIENT_ID.to_owned()), secrets),
            http(),
            time,
        )
    }

    fn function(&self, time: &Time) -> Function {
        ShopifyAdmin::new(http(), Arc::new(self.tokens(time.clone())), time.clone())
    }

    /// Connects with an expiring token.
    async fn connect_expiring(&self, expires_at: Timestamp) {
        let installed = self.shop.control("install", json!({"kind": "expiring"})).await;
        let credential = Credential::Offline {
            access: secret(&installed["access_token"]),
            refresh: secret(&installed["refresh_token"]),
            expires_at,
        };
        self.connect(credential).await;
    }

    async fn connect(&self, credential: Credential) {
        let tokens = self.tokens(Time::of(RealClock));
        let prepared = tokens.prepare(&self.shop.store, credential).await.unwrap();
        tokens.keep(&self.shop.store, &prepared).await.unwrap();
    }

    async fn expire(&self) {
        self.shop.control("tokens", json!({"expire": true})).await;
    }

    /// Number of grants by type.
    async fn grants(&self, kind: &str) -> u64 {
        let state = self.shop.control("tokens", json!({})).await;
        state["grants"][kind].as_u64().unwrap_or_default()
    }

    async fn stored_connection(&self) -> Connection {
        self.connections().find(&self.shop.store).await.unwrap().unwrap()
    }
}

fn secret(value: &Value) -> Secret {
    Secret::new(value.as_str().unwrap())
}

fn soon(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_renewals_make_one_grant_and_both_get_a_token() {
    for how_many in [2, 12] {
        let world = World::new().await;
        world.connect_expiring(soon(-1)).await;
        world.expire().await;
        let start = Arc::new(Barrier::new(how_many));
        let requests = (0..how_many).map(|_| {
            let function = world.function(&Time::with_sleep(RealClock, Brief));
            let (store, start) = (world.shop.store.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                function.shop(&store).await.map(|shop| shop.currency)
            })
        });
        for request in requests.collect::<Vec<_>>() {
            assert_eq!(request.await.unwrap().unwrap(), "EUR");
        }
        assert_eq!(world.grants("refresh_token").await, 1, "of {how_many}");
        assert_eq!(world.grants("refused").await, 0, "of {how_many}");
        assert_eq!(world.shop.count("unauthorized").await, 0);
        let stored = world.stored_connection().await;
        assert_eq!((stored.generation, stored.lease), (2, None));
        assert!(stored.expires_at.unwrap() > soon(3000));
    }
}

#[tokio::test]
async fn token_is_cached_while_it_is_valid() {
    let world = World::new().await;
    let passing = Passing::default();
    world.connect_expiring(soon(3600)).await;
    let function = world.function(&passing.time());
    for _ in 0..3 {
        function.shop(&world.shop.store).await.unwrap();
    }
    assert_eq!(world.grants("refresh_token").await, 0);
    // Before it expires, it is renewed.
    passing.pass(SignedDuration::from_secs(3600 - 120));
    function.shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("refresh_token").await, 1);
    assert_eq!(world.stored_connection().await.generation, 2);
}

#[tokio::test]
async fn old_token_is_used_until_it_expires_while_another_function_renews_it() {
    let world = World::new().await;
    let passing = Passing::default();
    world.connect_expiring(soon(100)).await;
    let another = Lease {
        owner: "another".to_owned(),
        until: soon(45),
    };
    let leased = world
        .connections()
        .lease(&world.shop.store, 1, &another, Timestamp::now())
        .await;
    assert_eq!(leased.unwrap(), Leased::Granted);
    world.function(&passing.time()).shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("refresh_token").await, 0);
    assert_eq!(passing.waits(), [] as [Duration; 0]);
}

#[tokio::test]
async fn lease_of_a_dead_function_expires() {
    let world = World::new().await;
    let passing = Passing::default();
    world.connect_expiring(soon(-1)).await;
    world.expire().await;
    let dead = Lease {
        owner: "dead".to_owned(),
        until: soon(45),
    };
    let leased = world
        .connections()
        .lease(&world.shop.store, 1, &dead, Timestamp::now())
        .await;
    assert_eq!(leased.unwrap(), Leased::Granted);
    world.function(&passing.time()).shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("refresh_token").await, 1);
    assert!(passing.waited() > Duration::from_secs(40), "{:?}", passing.waited());
    // With too little time left, the error says that another function renews it.
    world.connect_expiring(soon(-1)).await;
    let generation = world.stored_connection().await.generation;
    let leased = world
        .connections()
        .lease(&world.shop.store, generation, &dead, Timestamp::now())
        .await;
    assert_eq!(leased.unwrap(), Leased::Granted);
    let hurried = world.function(&Passing::default().time()).until(soon(10));
    let failed = hurried.shop(&world.shop.store).await.unwrap_err();
    assert!(
        chain(&failed).contains("another function is renewing"),
        "{}",
        chain(&failed)
    );
}

#[tokio::test]
async fn refresh_token_still_works_when_a_function_dies_after_the_grant() {
    let world = World::new().await;
    world.connect_expiring(soon(-1)).await;
    world.expire().await;
    let passing = Passing::default();
    let dying = ShopifyAdmin::new(http(), world.tokens_that(passing.time(), true), passing.time());
    let failed = dying.shop(&world.shop.store).await.unwrap_err();
    assert!(chain(&failed).contains("died"), "{}", chain(&failed));
    assert_eq!(world.grants("refresh_token").await, 1);
    assert_eq!(world.stored_connection().await.generation, 1);
    // The granted token has not been used, so the stored one is still valid.
    world.function(&passing.time()).shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("refresh_token").await, 2);
    assert_eq!(world.grants("refused").await, 0);
    assert_eq!(world.stored_connection().await.generation, 2);
}

#[tokio::test]
async fn refused_token_that_looks_valid_is_renewed_once() {
    let world = World::new().await;
    let passing = Passing::default();
    world.connect_expiring(soon(3600)).await;
    let (one, other) = (world.function(&passing.time()), world.function(&passing.time()));
    one.shop(&world.shop.store).await.unwrap();
    other.shop(&world.shop.store).await.unwrap();
    world.expire().await;
    one.shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("refresh_token").await, 1);
    // The other function finds the stored token.
    other.shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("refresh_token").await, 1);
    assert_eq!(world.shop.count("unauthorized").await, 2);
}

#[tokio::test]
async fn client_credentials_are_granted_and_renewed() {
    let world = World::new().await;
    let passing = Passing::default();
    world.connect(Credential::ClientCredentials).await;
    assert_eq!(world.grants("client_credentials").await, 1);
    let function = world.function(&passing.time());
    function.shop(&world.shop.store).await.unwrap();
    world.expire().await;
    passing.pass(SignedDuration::from_hours(24));
    function.shop(&world.shop.store).await.unwrap();
    assert_eq!(world.grants("client_credentials").await, 2);
    assert_eq!(world.grants("refresh_token").await, 0);
}

#[tokio::test]
async fn token_of_a_custom_app_never_expires_and_can_be_replaced() {
    let world = World::new().await;
    let passing = Passing::default();
    let function = world.function(&passing.time());
    let missing = function.shop(&world.shop.store).await.unwrap_err();
    assert!(matches!(missing, CatalogueError::NotConnected), "{missing:?}");
    let access = Secret::new(crate::shop::TOKEN);
    world.connect(Credential::Custom { access }).await;
    function.shop(&world.shop.store).await.unwrap();
    passing.pass(SignedDuration::from_hours(24 * 365));
    function.shop(&world.shop.store).await.unwrap();
    assert_eq!(world.stored_connection().await.expires_at, None);
    // Revoked: nothing renews it …
    world.shop.control("uninstall", json!({})).await;
    let refused = function.shop(&world.shop.store).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::Refused { .. }), "{refused:?}");
    // … until a person provides another, which is found at once.
    world.shop.control("install", json!({"token": "shpat_new"})).await;
    let access = Secret::new("shpat_new");
    world.connect(Credential::Custom { access }).await;
    function.shop(&world.shop.store).await.unwrap();
}

#[tokio::test]
async fn refused_grant_has_a_reason_and_ends_its_lease() {
    let world = World::new().await;
    let passing = Passing::default();
    world.connect_expiring(soon(-1)).await;
    world.shop.control("uninstall", json!({})).await;
    let failed = world
        .function(&passing.time())
        .shop(&world.shop.store)
        .await
        .unwrap_err();
    assert!(matches!(failed, CatalogueError::Refused { .. }), "{failed:?}");
    assert!(chain(&failed).contains("shop_not_permitted"), "{}", chain(&failed));
    assert!(
        world
            .stored_connection()
            .await
            .lease
            .is_none_or(|lease| lease.until <= passing.now())
    );
    // After a transient failure it can be tried again at once.
    world.connect_expiring(soon(-1)).await;
    world.expire().await;
    world
        .shop
        .control("faults", json!({"next": 1, "kind": "503", "where": "token"}))
        .await;
    let failed = world
        .function(&passing.time())
        .shop(&world.shop.store)
        .await
        .unwrap_err();
    assert!(matches!(failed, CatalogueError::Unavailable(_)), "{failed:?}");
    world.function(&passing.time()).shop(&world.shop.store).await.unwrap();
    assert_eq!(passing.waits(), [] as [Duration; 0]);
}

#[tokio::test]
async fn credential_is_tested_before_it_is_stored_and_can_be_removed() {
    let world = World::new().await;
    let tokens = world.tokens(Time::of(RealClock));
    let access = Secret::new(crate::shop::TOKEN);
    let prepared = tokens
        .prepare(&world.shop.store, Credential::Custom { access })
        .await
        .unwrap();
    let trying = ShopifyAdmin::new(http(), GrantedToken(prepared.token()), Time::of(RealClock));
    trying.shop(&world.shop.store).await.unwrap();
    assert_eq!(world.connections().find(&world.shop.store).await.unwrap(), None);
    tokens.keep(&world.shop.store, &prepared).await.unwrap();
    assert_eq!(world.stored_connection().await.generation, 1);
    assert!(!format!("{prepared:?}").contains("shpat"));
    tokens.forget(&world.shop.store).await.unwrap();
    let missing = world
        .function(&Time::of(RealClock))
        .shop(&world.shop.store)
        .await
        .unwrap_err();
    assert!(matches!(missing, CatalogueError::NotConnected), "{missing:?}");
}

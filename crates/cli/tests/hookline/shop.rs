//! A stack with a store: the binary, with the local Shopify as the store's Admin API.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use hookline_domain::{
    catalogue::index::{Search, SearchQuery},
    kernel::{ids::StoreKey, secret::Secret, text::Words},
    store::stores::{StoreRecord, Stores},
    sync::vendor::{VendorSubscriptions, WantedSubscription},
};
use hookline_lambda::SystemClock;
use hookline_shopify_admin::{GrantedToken, Http, ShopifyAdmin, Time};
use hookline_testkit::{
    emulator::{CONNECTIONS_TABLE, STORES_TABLE},
    kms::Kms,
    osmem::Osmem,
    shopify::{CLIENT_ID, CLIENT_SECRET, LocalShopify},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, sync::OnceCell};

use super::harness::{CliOutput, Stack, finish};

/// KMS shared by all tests; each test encrypts for its own store.
static KMS: OnceCell<Kms> = OnceCell::const_new();

/// Address of the stack's receivers, which do not exist.
pub const RECEIVERS: &str = "https://hooks.example.com/api/webhooks/receive/shopify";

/// A store, and a stack that does not know it yet.
pub struct Shop {
    pub stack: Stack,
    pub name: String,
    pub token: String,
    kms: &'static Kms,
    osmem: Option<Osmem>,
    folder: PathBuf,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A leftover is in the folder for temporary files.
        let _stays = std::fs::remove_dir_all(&self.folder);
    }
}

impl Shop {
    /// Opens a store with the catalog of the samples and a custom app's token.
    pub async fn open() -> Self {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let name = format!("cli-{number}.myshopify.com");
        let folder = std::env::temp_dir().join(format!("hookline-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let shop = Self {
            stack: Stack::start().await,
            token: format!("shpat_of_shop_{number}"),
            name,
            kms: KMS.get_or_init(Kms::start).await,
            osmem: None,
            folder,
        };
        let token = &shop.token;
        shop.control("install", json!({ "kind": "custom", "token": token, "seed": true }))
            .await;
        shop
    }

    /// Opens a store, with an index.
    pub async fn open_with_index() -> Self {
        let osmem = Some(Osmem::start().await);
        let shop = Self::open().await;
        shop.with(osmem)
    }

    fn with(mut self, osmem: Option<Osmem>) -> Self {
        self.osmem = osmem;
        self
    }

    /// Calls the local Shopify's control interface.
    pub async fn control(&self, action: &str, arguments: Value) -> Value {
        LocalShopify::shared().control(&self.name, action, arguments).await
    }

    pub fn key(&self) -> StoreKey {
        format!("shopify#{}", self.name).parse().unwrap()
    }

    /// Creates a file with this text.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Command of the binary with this stack's settings. `{store}` in an argument is the store's name.
    pub fn hookline(&self, arguments: &[&str]) -> Command {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| argument.replace("{store}", &self.name))
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.stack.hookline(&arguments);
        command
            .env("AWS_ENDPOINT_URL_KMS", self.kms.endpoint())
            .env("CONNECTIONS_TABLE", CONNECTIONS_TABLE)
            .env("TOKEN_KEY_ARN", self.kms.key())
            .env("SHOPIFY_ADMIN_URL", LocalShopify::shared().admin_url())
            .env("SHOPIFY_CLIENT_ID", CLIENT_ID)
            .env("SHOPIFY_CLIENT_SECRETS", CLIENT_SECRET)
            .env("RECEIVER_URL", RECEIVERS)
            .env("OPENSEARCH_INDEX", "hookline");
        if let Some(osmem) = &self.osmem {
            command.env("OPENSEARCH_URL", osmem.url());
        }
        command
    }

    /// Runs the binary to its end.
    pub async fn run(&self, arguments: &[&str]) -> CliOutput {
        finish(self.hookline(arguments).spawn().unwrap()).await
    }

    /// Runs the binary with this standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> CliOutput {
        let mut child = self.hookline(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        finish(child).await
    }

    /// Adds the store to the stack.
    pub async fn add(&self) {
        let file = self.file("token.txt", &self.token);
        let output = self.run(&["store", "add", "{store}", "--token-file", &file]).await;
        assert_eq!(output.status, 0, "{output:?}");
    }

    /// Subscribes to a topic as another program would.
    pub async fn subscribe(&self, topic: &str, uri: &str) {
        let http = Http::new(&LocalShopify::shared().admin_url()).unwrap();
        let shopify = ShopifyAdmin::new(http, GrantedToken(Secret::new(&self.token)), Time::of(SystemClock));
        let subscription = WantedSubscription {
            topic: topic.parse().unwrap(),
            uri: uri.to_owned(),
            include_fields: Vec::new(),
        };
        shopify.create(&self.key(), &subscription).await.unwrap();
    }

    /// The stack's record of the store.
    pub async fn record(&self) -> Option<StoreRecord> {
        let stores = self.stack.dynamodb.aws().stores(STORES_TABLE);
        stores.find(&self.key()).await.unwrap()
    }

    /// Content of the table of tokens, as text.
    pub async fn stored_token(&self) -> Option<String> {
        let client = self.stack.dynamodb.client();
        let scan = client.scan().table_name(CONNECTIONS_TABLE).send().await.unwrap();
        let items = scan.items();
        assert!(items.len() <= 1, "{items:?}");
        items.first().map(|item| format!("{item:?}"))
    }

    /// Waits until a search for a word finds something of the store, or nothing any more: the index refreshes every
    /// second.
    pub async fn shows(&self, word: &str, anything: bool) {
        let index = self.osmem.as_ref().unwrap().index().await;
        let query = SearchQuery {
            store: self.key(),
            observed_after: None,
            words: Words::new(word),
            limit: 1,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let total = index.search(&query).await.unwrap().total;
            if (total > 0) == anything {
                return;
            }
            assert!(Instant::now() < deadline, "{total} are shown for {word:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

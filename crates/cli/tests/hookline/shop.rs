//! A Hookline with a shop: the binary, pointed at the local Shopify, too.

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
use hookline_shopify_admin::{Given, Http, ShopifyAdmin, Time};
use hookline_testkit::{
    emulator::{CONNECTIONS_TABLE, STORES_TABLE},
    kms::Kms,
    osmem::Osmem,
    shopify::{CLIENT_ID, CLIENT_SECRET, LocalShopify},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, sync::OnceCell};

use super::harness::{Said, Stack, finish};

/// The KMS of all tests: each seals for a store of its own.
static KMS: OnceCell<Kms> = OnceCell::const_new();

/// Where the stack's receivers would be.
pub const RECEIVERS: &str = "https://hooks.example.com/api/webhooks/receive/shopify";

/// A shop of its own, and a stack that does not know it yet.
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
        // What stays is in the folder for temporary files.
        let _stays = std::fs::remove_dir_all(&self.folder);
    }
}

impl Shop {
    /// Opens one with the catalogue of the samples, and a custom app's token.
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

    /// The same, with an index.
    pub async fn open_with_index() -> Self {
        let osmem = Some(Osmem::start().await);
        let shop = Self::open().await;
        shop.with(osmem)
    }

    fn with(mut self, osmem: Option<Osmem>) -> Self {
        self.osmem = osmem;
        self
    }

    /// Does what the local Shopify's control interface offers.
    pub async fn control(&self, act: &str, given: Value) -> Value {
        LocalShopify::shared().control(&self.name, act, given).await
    }

    pub fn key(&self) -> StoreKey {
        StoreKey {
            source: "shopify".parse().unwrap(),
            store: self.name.parse().unwrap(),
        }
    }

    /// A file that holds this.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The binary, pointed here. `{store}` in an argument is the shop's name.
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
    pub async fn run(&self, arguments: &[&str]) -> Said {
        finish(self.hookline(arguments).spawn().unwrap()).await
    }

    /// The same, with this on its standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.hookline(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        finish(child).await
    }

    /// Has the stack know it.
    pub async fn add(&self) {
        let file = self.file("token.txt", &self.token);
        let said = self.run(&["store", "add", "{store}", "--token-file", &file]).await;
        assert_eq!(said.status, 0, "{said:?}");
    }

    /// Subscribes to a topic as somebody else's program does.
    pub async fn subscribe(&self, topic: &str, uri: &str) {
        let http = Http::new(&LocalShopify::shared().admin_url()).unwrap();
        let shopify = ShopifyAdmin::new(http, Given(Secret::new(&self.token)), Time::of(SystemClock));
        let wanted = WantedSubscription {
            topic: topic.parse().unwrap(),
            uri: uri.to_owned(),
            include_fields: Vec::new(),
        };
        shopify.create(&self.key(), &wanted).await.unwrap();
    }

    /// What the stack knows of it.
    pub async fn record(&self) -> Option<StoreRecord> {
        let stores = self.stack.dynamodb.aws().stores(STORES_TABLE);
        stores.find(&self.key()).await.unwrap()
    }

    /// All that the table of tokens holds, as text.
    pub async fn kept(&self) -> Option<String> {
        let client = self.stack.dynamodb.client();
        let scan = client.scan().table_name(CONNECTIONS_TABLE).send().await.unwrap();
        let items = scan.items();
        assert!(items.len() <= 1, "{items:?}");
        items.first().map(|item| format!("{item:?}"))
    }

    /// Waits until the index shows something of the shop for a word, or nothing any more: it shows within a second what
    /// it was told.
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

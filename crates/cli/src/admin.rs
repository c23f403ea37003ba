//! The ways to stores' Admin APIs and to the index: told by options or by the variables that the functions have.

use anyhow::{Context, Error, Result, anyhow, bail};
use clap::Args;
use hookline_aws::{
    AwsSecret, DynamoConnections, DynamoEntities, DynamoStores, KmsVault, OpenSearchConfig, OpenSearchIndex,
};
use hookline_domain::{
    catalogue::apply::Apply,
    kernel::{
        ids::StoreKey,
        secret::{Secret, SecretRef},
    },
    sync::vendor::CatalogueError,
};
use hookline_shopify_admin::{App, DEFAULT_ADMIN_URL, Http, ShopifyAdmin, Time, Tokens};

use crate::{
    clock::Now,
    places::{Connected, given, needed},
};

/// The variable that holds the app's client secrets, where they are not kept in Secrets Manager.
const CLIENT_SECRETS: &str = "SHOPIFY_CLIENT_SECRETS";

/// The tokens of all stores, as this stack keeps them.
pub type KeptTokens = Tokens<DynamoConnections, KmsVault, AwsSecret>;

/// The way to all stores.
pub type Shopify = ShopifyAdmin<KeptTokens>;

/// The way to the index.
pub type Applied = Apply<DynamoEntities, DynamoStores, OpenSearchIndex, Now>;

/// Where tokens are, and where stores are asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where stores are asked, and their tokens kept")]
pub struct Admin {
    /// The table of tokens, each encrypted.
    #[arg(long, value_name = "NAME", env = "CONNECTIONS_TABLE", hide_env_values = true)]
    pub connections_table: Option<String>,
    /// The key in KMS that encrypts tokens.
    #[arg(long, value_name = "ARN", env = "TOKEN_KEY_ARN", hide_env_values = true)]
    pub token_key: Option<String>,
    /// Where a store's Admin API is, with `{store}` for its name, if not at `https://{store}`.
    #[arg(
        long = "admin-url",
        value_name = "URL",
        env = "SHOPIFY_ADMIN_URL",
        hide_env_values = true
    )]
    pub stores_url: Option<String>,
    /// The app's client id, for tokens that expire.
    #[arg(long, value_name = "ID", env = "SHOPIFY_CLIENT_ID", hide_env_values = true)]
    pub client_id: Option<String>,
    /// Where the app's client secrets are kept in Secrets Manager, for tokens that expire. Without it,
    /// `SHOPIFY_CLIENT_SECRETS` holds them, which only a variable can.
    #[arg(long, value_name = "ARN", env = "SHOPIFY_CLIENT_SECRETS_ARN", hide_env_values = true)]
    pub client_secrets_arn: Option<String>,
}

impl Admin {
    /// The way to stores. Makes no request.
    pub fn http(&self) -> Result<Http> {
        Ok(Http::new(
            given(self.stores_url.as_ref()).map_or(DEFAULT_ADMIN_URL, String::as_str),
        )?)
    }

    /// The tokens of all stores. Makes no request.
    pub fn tokens(&self, places: &Connected) -> Result<KeptTokens> {
        let table = needed(
            self.connections_table.as_ref(),
            "CONNECTIONS_TABLE",
            "--connections-table",
        )?;
        let key = needed(self.token_key.as_ref(), "TOKEN_KEY_ARN", "--token-key")?;
        let secrets = self
            .client_secrets()
            .unwrap_or_else(|| SecretRef::Literal(Secret::new("")));
        let app = App::new(given(self.client_id.as_ref()).cloned(), places.aws.secret(&secrets));
        let (connections, vault) = (places.aws.connections(table), places.aws.vault(key));
        Ok(Tokens::new(connections, vault, app, self.http()?, Time::of(Now)))
    }

    /// The way to all stores, with their tokens. Makes no request.
    pub fn shopify(&self, places: &Connected) -> Result<Shopify> {
        Ok(ShopifyAdmin::new(self.http()?, self.tokens(places)?, Time::of(Now)))
    }

    /// Says what is missing for a token to be granted, if anything is.
    pub fn check_app(&self) -> Result<()> {
        needed(self.client_id.as_ref(), "SHOPIFY_CLIENT_ID", "--client-id")?;
        if self.client_secrets().is_none() {
            bail!(
                "neither SHOPIFY_CLIENT_SECRETS_ARN nor {CLIENT_SECRETS} is set: one of them tells the app's client \
                 secret, the newest first"
            );
        }
        Ok(())
    }

    fn client_secrets(&self) -> Option<SecretRef> {
        if let Some(arn) = given(self.client_secrets_arn.as_ref()) {
            return Some(SecretRef::Kept(arn.clone()));
        }
        #[expect(clippy::disallowed_methods, reason = "as an option, every process could read it")]
        let secrets = std::env::var(CLIENT_SECRETS).ok();
        let secrets = secrets.filter(|secrets| !secrets.trim().is_empty())?;
        Some(SecretRef::Literal(Secret::new(secrets)))
    }
}

/// Why a store could not be asked, and what a person does about it.
pub fn told(why: CatalogueError, store: &StoreKey) -> Error {
    let name = store.label();
    let todo = match &why {
        CatalogueError::NotConnected => format!("give it one: hookline store add {name}"),
        CatalogueError::Refused { .. } => format!("give it another: hookline store add {name}"),
        CatalogueError::Throttled | CatalogueError::Unavailable(_) => {
            "nothing is lost; try again in a minute".to_owned()
        }
        CatalogueError::Disagreed { .. } => {
            "this hookline and the store's Admin API differ; is there a newer one?".to_owned()
        }
    };
    anyhow!(why).context(format!("{name} could not be asked ({todo})"))
}

/// Where the index is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the index is")]
pub struct Search {
    /// The OpenSearch that holds the index.
    #[arg(
        long = "opensearch-url",
        value_name = "URL",
        env = "OPENSEARCH_URL",
        hide_env_values = true
    )]
    pub url: Option<String>,
    /// The index in it.
    #[arg(
        long = "opensearch-index",
        value_name = "NAME",
        env = "OPENSEARCH_INDEX",
        hide_env_values = true
    )]
    pub index: Option<String>,
    /// Which of AWS's services its requests are signed for: `es`, `aoss` or `none`; by default what the address shows.
    #[arg(
        long = "opensearch-signing-service",
        value_name = "SERVICE",
        env = "OPENSEARCH_SIGNING_SERVICE",
        hide_env_values = true
    )]
    pub signing_service: Option<String>,
}

impl Search {
    /// The way to the index, past the fence. Makes no request.
    pub fn apply(&self, places: &Connected) -> Result<Applied> {
        Ok(Apply {
            entities: places.entities()?,
            stores: places.stores()?,
            index: self.open(places)?,
            clock: Now,
        })
    }

    /// The index itself. Makes no request.
    pub fn open(&self, places: &Connected) -> Result<OpenSearchIndex> {
        let url = needed(self.url.as_ref(), "OPENSEARCH_URL", "--opensearch-url")?;
        let index = needed(self.index.as_ref(), "OPENSEARCH_INDEX", "--opensearch-index")?;
        let signing = given(self.signing_service.as_ref());
        let config = OpenSearchConfig::new(url, index, signing.map(String::as_str))?;
        places.aws.index(&config).context("the index")
    }
}

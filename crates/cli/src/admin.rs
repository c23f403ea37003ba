//! Clients of the stores' Admin API and of the index, set by options or by the variables that the functions read.

use std::marker::PhantomData;

use anyhow::{Context, Error, Result, anyhow, bail};
use clap::Args;
use hookline_aws::{
    AwsSecret, DynamoConnections, DynamoEntities, DynamoStores, KmsVault, OpenSearchConfig, OpenSearchIndex,
};
use hookline_domain::{
    catalogue::{
        apply::{Apply, IndexPorts},
        fan_out::NoFanOut,
        index::Index,
    },
    kernel::{
        ids::StoreKey,
        secret::{Secret, SecretRef},
    },
    sync::{refetch::CataloguePorts, vendor::CatalogueError},
};
use hookline_shopify_admin::{App, DEFAULT_ADMIN_URL, Http, ShopifyAdmin, Time, Tokens};

use crate::{
    clock::MachineClock,
    resources::{Resources, non_blank, required},
};

/// Variable that holds the app's client secrets if Secrets Manager does not.
const CLIENT_SECRETS: &str = "SHOPIFY_CLIENT_SECRETS";

/// Tokens of all stores, in the stack's table.
pub type StoreTokens = Tokens<DynamoConnections, KmsVault, AwsSecret>;

/// Client of all stores' Admin API.
pub type ShopifyApi = ShopifyAdmin<StoreTokens>;

/// Ports of commands that write to the index, with the index `I`.
pub struct CommandPorts<I = OpenSearchIndex>(PhantomData<I>);

impl<I: Index> IndexPorts for CommandPorts<I> {
    type Entities = DynamoEntities;
    type Stores = DynamoStores;
    type Index = I;
    type FanOut = NoFanOut;
    type Clock = MachineClock;
}

impl<I: Index> CataloguePorts for CommandPorts<I> {
    type Catalogue = ShopifyApi;
}

/// Options for the stores' Admin API and their tokens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stores' Admin API and tokens")]
pub struct AdminApiOptions {
    /// Table of the stores' tokens, encrypted.
    #[arg(long, value_name = "NAME", env = "CONNECTIONS_TABLE", hide_env_values = true)]
    pub connections_table: Option<String>,
    /// KMS key that encrypts the tokens.
    #[arg(long, value_name = "ARN", env = "TOKEN_KEY_ARN", hide_env_values = true)]
    pub token_key: Option<String>,
    /// Address of a store's Admin API, with `{store}` for its name; by default `https://{store}`.
    #[arg(
        long = "admin-url",
        value_name = "URL",
        env = "SHOPIFY_ADMIN_URL",
        hide_env_values = true
    )]
    pub stores_url: Option<String>,
    /// Client id of the app, for tokens that expire.
    #[arg(long, value_name = "ID", env = "SHOPIFY_CLIENT_ID", hide_env_values = true)]
    pub client_id: Option<String>,
    /// Secret in Secrets Manager that holds the app's client secrets, for tokens that expire. Without it, set the variable
    /// `SHOPIFY_CLIENT_SECRETS`; there is no option for it, because other processes can read arguments.
    #[arg(long, value_name = "ARN", env = "SHOPIFY_CLIENT_SECRETS_ARN", hide_env_values = true)]
    pub client_secrets_arn: Option<String>,
}

impl AdminApiOptions {
    /// Returns the HTTP client for stores. Makes no request.
    pub fn http(&self) -> Result<Http> {
        Ok(Http::new(
            non_blank(self.stores_url.as_ref()).map_or(DEFAULT_ADMIN_URL, String::as_str),
        )?)
    }

    /// Returns the tokens of all stores. Makes no request.
    pub fn tokens(&self, resources: &Resources) -> Result<StoreTokens> {
        let table = required(
            self.connections_table.as_ref(),
            "CONNECTIONS_TABLE",
            "--connections-table",
        )?;
        let key = required(self.token_key.as_ref(), "TOKEN_KEY_ARN", "--token-key")?;
        let secrets = self
            .client_secrets()
            .unwrap_or_else(|| SecretRef::Literal(Secret::new("")));
        let app = App::new(
            non_blank(self.client_id.as_ref()).cloned(),
            resources.aws.secret(&secrets),
        );
        let (connections, vault) = (resources.aws.connections(table), resources.aws.vault(key));
        Ok(Tokens::new(
            connections,
            vault,
            app,
            self.http()?,
            Time::of(MachineClock),
        ))
    }

    /// Returns the client for all stores, with their tokens. Makes no request.
    pub fn shopify(&self, resources: &Resources) -> Result<ShopifyApi> {
        Ok(ShopifyAdmin::new(
            self.http()?,
            self.tokens(resources)?,
            Time::of(MachineClock),
        ))
    }

    /// Fails with the setting that is missing for a token to be granted.
    pub fn check_app(&self) -> Result<()> {
        required(self.client_id.as_ref(), "SHOPIFY_CLIENT_ID", "--client-id")?;
        if self.client_secrets().is_none() {
            bail!(
                "neither SHOPIFY_CLIENT_SECRETS_ARN nor {CLIENT_SECRETS} is set: set one of them to the app's client \
                 secret, the newest first"
            );
        }
        Ok(())
    }

    fn client_secrets(&self) -> Option<SecretRef> {
        if let Some(arn) = non_blank(self.client_secrets_arn.as_ref()) {
            return Some(SecretRef::Stored(arn.clone()));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "every process could read it if it were an option"
        )]
        let secrets = std::env::var(CLIENT_SECRETS).ok();
        let secrets = secrets.filter(|secrets| !secrets.trim().is_empty())?;
        Some(SecretRef::Literal(Secret::new(secrets)))
    }
}

/// Error of a call to a store's Admin API, with what a person does about it.
pub fn store_error(why: CatalogueError, store: &StoreKey) -> Error {
    let name = store.label();
    let todo = match &why {
        CatalogueError::NotConnected => format!("give it a token: hookline store add {name}"),
        CatalogueError::Refused { .. } => format!("give it a new token: hookline store add {name}"),
        CatalogueError::Throttled | CatalogueError::Unavailable(_) => {
            "nothing is lost; try again in a minute".to_owned()
        }
        CatalogueError::Disagreed { .. } => {
            "this version of hookline does not match the store's Admin API; update hookline".to_owned()
        }
    };
    anyhow!(why).context(format!("cannot read from {name} ({todo})"))
}

/// Options for the index.
#[derive(Debug, Args)]
#[command(next_help_heading = "Index")]
pub struct IndexOptions {
    /// Address of the OpenSearch that holds the index.
    #[arg(
        long = "opensearch-url",
        value_name = "URL",
        env = "OPENSEARCH_URL",
        hide_env_values = true
    )]
    pub url: Option<String>,
    /// Name of the index.
    #[arg(
        long = "opensearch-index",
        value_name = "NAME",
        env = "OPENSEARCH_INDEX",
        hide_env_values = true
    )]
    pub index: Option<String>,
    /// AWS service for which requests are signed: `es`, `aoss` or `none`; by default derived from the address.
    #[arg(
        long = "opensearch-signing-service",
        value_name = "SERVICE",
        env = "OPENSEARCH_SIGNING_SERVICE",
        hide_env_values = true
    )]
    pub signing_service: Option<String>,
}

impl IndexOptions {
    /// Returns the fence and the index behind it. Makes no request.
    pub fn apply(&self, resources: &Resources) -> Result<Apply<CommandPorts>> {
        // A run on a laptop cannot be redelivered, so it publishes nothing.
        Ok(Apply {
            fan_out: None,
            entities: resources.entities()?,
            stores: resources.stores()?,
            index: self.open(resources)?,
            clock: MachineClock,
        })
    }

    /// Returns the index without the fence. Makes no request.
    pub fn open(&self, resources: &Resources) -> Result<OpenSearchIndex> {
        let url = required(self.url.as_ref(), "OPENSEARCH_URL", "--opensearch-url")?;
        let index = required(self.index.as_ref(), "OPENSEARCH_INDEX", "--opensearch-index")?;
        let signing = non_blank(self.signing_service.as_ref());
        let config = OpenSearchConfig::new(url, index, signing.map(String::as_str))?;
        resources.aws.index(&config).context("the index")
    }
}

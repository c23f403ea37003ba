//! Fetches from stores what their webhooks do not contain, and indexes it.

use std::{process::ExitCode, sync::Arc};

use hookline_aws::{
    Aws, AwsSecret, DynamoConnections, DynamoEntities, DynamoStores, KmsVault, OpenSearchConfig, OpenSearchIndex,
    SqsEventQueue, SqsFanOut, SqsJobs, Timeouts,
};
use hookline_domain::{
    catalogue::apply::{Apply, IndexPorts},
    kernel::port::Clock,
    sync::{
        asking::NoAskedSources,
        reconcile::Reconcile,
        refetch::{CataloguePorts, Refetch},
        watch::{Wants, Watchdog},
        worker::{SyncPorts, SyncWorker},
    },
};
use hookline_lambda::{Environment, FromEnvironment, SyncConfig, SystemClock, jobs, start};
use hookline_shopify_admin::{App, DEFAULT_ADMIN_URL, Http, ShopifyAdmin, Time, Tokens};
use hookline_sources::shopify;

/// The ports on AWS, OpenSearch and Shopify's Admin API.
enum Ports {}

impl IndexPorts for Ports {
    type Entities = DynamoEntities;
    type Stores = DynamoStores;
    type Index = Arc<OpenSearchIndex>;
    type FanOut = SqsFanOut;
    type Clock = SystemClock;
}

impl CataloguePorts for Ports {
    type Catalogue = Admin;
}

impl SyncPorts for Ports {
    type Asked = NoAskedSources;
    type Jobs = SqsJobs;
    type Subscriptions = Admin;
    type Backlog = SqsEventQueue;
}

type Admin = ShopifyAdmin<Tokens<DynamoConnections, KmsVault, AwsSecret>>;

fn main() -> ExitCode {
    start("sync", async {
        let config = SyncConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let (time, http) = (
            Time::of(SystemClock),
            Http::new(config.admin_url.as_deref().unwrap_or(DEFAULT_ADMIN_URL))?,
        );
        let tokens = Tokens::new(
            aws.connections(&config.connections_table),
            aws.vault(&config.token_key),
            App::new(config.client_id, aws.secret(&config.client_secrets)),
            http.clone(),
            time.clone(),
        );
        let admin = ShopifyAdmin::new(http, tokens, time);
        let index = Arc::new(
            aws.index(
                &OpenSearchConfig::new(
                    config.index.url,
                    config.index.index,
                    config.index.signing_service.as_deref(),
                )?
                .with_replicas(config.index.replicas),
            )?,
        );
        let entities = aws.entities(&config.entities_table);
        let stores = aws
            .stores(&config.stores_table)
            .publishing(config.has_event_bus, || SystemClock.now());
        let fan_out = config.fan_out_queue_url.map(|url| aws.fan_out(url));
        let families = config.events_of;
        let wants: Wants =
            Arc::new(move |receivers, scopes, fields| shopify::wanted(receivers, scopes, &families, fields));
        let redelivery = aws.redelivery(&config.sync_queue_url);
        let (jobs, backlog) = (
            aws.jobs(Some(config.sync_queue_url)),
            aws.event_queue(config.event_queue_url),
        );
        let hire = move |deadline| SyncWorker::<Ports> {
            reconcile: Reconcile {
                refetch: Refetch {
                    catalogue: admin.until(deadline),
                    apply: Apply {
                        entities: entities.clone(),
                        stores: stores.clone(),
                        index: Arc::clone(&index),
                        fan_out: fan_out.clone(),
                        clock: SystemClock,
                    },
                },
                grace: config.grace,
            },
            asked: NoAskedSources,
            jobs: jobs.clone(),
            watch: Watchdog {
                subscriptions: admin.until(deadline),
                backlog: backlog.clone(),
                receivers: config.receiver_url.clone(),
                wants: Arc::clone(&wants),
            },
        };
        jobs::run(hire, SystemClock, redelivery).await
    })
}

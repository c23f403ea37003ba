//! The emulated AWS of a run of outbound webhooks, and the people who manage its endpoints.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, anyhow};
use hookline_aws::{DynamoEndpoints, DynamoStores, SqsWakeUps};
use hookline_domain::{
    outbound::{
        BacklogMode, Credentials, EndpointChange, EndpointKey, EndpointRecords, EndpointState, Manage, ManageError,
        ManagePorts, SealedSecret,
    },
    store::stores::{StoreUpdate, Stores},
};
use hookline_outbound::OpenKeys;
use hookline_testkit::{
    RealClock,
    emulator::{DynamoDb, ENDPOINTS_TABLE, STORES_TABLE, Sqs},
};
use hookline_webhooks::Verifier;
use jiff::Timestamp;

use super::{
    OutboundPlan,
    dispatches::Dispatches,
    endpoints::{Plan, Watched},
    events::{OTHER_STORE, STORE},
    leases::Leases,
};
use crate::{
    boundary::{Boundary, Upstreams},
    chance::Chance,
    faults::Faults,
    kills::Kills,
    lambda::QueueUrls,
    microburst::Microburst,
    queue::Queue,
    stack::create_queue,
    wire::Wire,
};

/// Visibility timeout of a message: longer than the dispatcher's timeout. The poller makes a failed message visible sooner.
const VISIBILITY: Duration = Duration::from_mins(1);

/// Tries of a person.
const TRIES: u32 = 5;

const DEAD_LETTERS: &str = "fan-out-dead-letters";
const WAKE_UP_DEAD_LETTERS: &str = "dispatch-dead-letters";

/// People's access to endpoints, without the boundary.
enum People {}

impl ManagePorts for People {
    type Endpoints = DynamoEndpoints;
    type Listeners = DynamoStores;
    type WakeUps = SqsWakeUps;
    type Clock = RealClock;
}

/// The emulated AWS of one run.
pub struct OutboundStack {
    pub dynamodb: DynamoDb,
    pub fan_out: Queue,
    pub dead_letters: Queue,
    pub dispatch: [Queue; 2],
    pub wake_up_dead_letters: Queue,
    pub urls: QueueUrls,
    pub boundary: Arc<Boundary>,
    pub leases: Arc<Leases>,
    pub dispatches: Arc<Dispatches>,
    manage: Manage<People>,
    _sqs: Sqs,
    _microbursts: Vec<Microburst>,
}

impl OutboundStack {
    pub async fn start(plan: &OutboundPlan, chance: Chance) -> anyhow::Result<Self> {
        let wire = Wire::new();
        let (dynamodb, sqs) = (DynamoDb::start().await, Sqs::start().await);
        let mut urls = QueueUrls::default();
        let make =
            async |name: &str, dead: Option<&str>| create_queue(&wire, sqs.endpoint(), name, VISIBILITY, dead).await;
        let dead_letters = make(DEAD_LETTERS, None).await?;
        let wake_up_dead_letters = make(WAKE_UP_DEAD_LETTERS, None).await?;
        urls.fan_out = make("fan-out", Some(DEAD_LETTERS)).await?;
        urls.dispatch = make("dispatch", Some(WAKE_UP_DEAD_LETTERS)).await?;
        urls.slow_dispatch = make("slow-dispatch", Some(WAKE_UP_DEAD_LETTERS)).await?;
        let mut upstreams = Upstreams {
            dynamodb: dynamodb.endpoint().to_owned(),
            sqs: sqs.endpoint().to_owned(),
            ..Upstreams::default()
        };
        let microbursts = if plan.fault_rate > 0.0 {
            upstreams.add_faults(&plan.microburst, &wire).await?
        } else {
            Vec::new()
        };
        let (tables, queues) = (dynamodb.aws(), sqs.aws());
        let manage = Manage::<People> {
            endpoints: tables.endpoints(ENDPOINTS_TABLE),
            listeners: tables.stores(STORES_TABLE),
            wake_ups: queues.wake_ups(&urls.dispatch, &urls.slow_dispatch),
            clock: RealClock,
        };
        for store in [STORE, OTHER_STORE] {
            let store = format!("shopify#{store}").parse()?;
            manage.listeners.record(&store, &StoreUpdate::default()).await?;
        }
        let leases = Arc::new(Leases {
            wire: wire.clone(),
            dynamodb: dynamodb.endpoint().to_owned(),
        });
        let queue = |url: &str| Queue::new(wire.clone(), sqs.endpoint(), url);
        Ok(Self {
            fan_out: queue(&urls.fan_out),
            dead_letters: queue(&dead_letters),
            dispatch: [queue(&urls.dispatch), queue(&urls.slow_dispatch)],
            wake_up_dead_letters: queue(&wake_up_dead_letters),
            boundary: Arc::new(Boundary {
                kills: Kills::new(chance, plan.kill_rate),
                faults: Faults::new(chance, plan.fault_rate),
                upstreams,
                wire,
                witness: Arc::default(),
                cursed: std::collections::BTreeSet::new(),
                curse_lifted: AtomicBool::new(true),
            }),
            dispatches: Arc::new(Dispatches::new(Arc::clone(&leases))),
            leases,
            dynamodb,
            urls,
            manage,
            _sqs: sqs,
            _microbursts: microbursts,
        })
    }

    /// Makes the keys of an endpoint. What is sealed is what is opened, as the boundary plays KMS.
    pub fn keys(plan: Plan) -> anyhow::Result<(Watched, SealedSecret)> {
        let keys = OpenKeys::generate()?;
        let secret = SealedSecret {
            sealed: keys.to_bytes(),
            public_key: keys.public_key().to_string(),
            created_at: Timestamp::now(),
            until: None,
        };
        let watched = Watched {
            plan,
            key: plan.key()?,
            verifier: Verifier::new([keys.secret.text().reveal()])?,
        };
        Ok((watched, secret))
    }

    /// Creates an endpoint, for a receiver at this address.
    pub async fn create(&self, endpoint: &Watched, secret: SealedSecret, address: &str) -> anyhow::Result<()> {
        let settings = endpoint.plan.settings(address);
        let created = self
            .manage
            .create(&endpoint.key, settings, secret, Credentials::default())
            .await;
        created.map(drop).map_err(|problem| anyhow!("{problem}"))
    }

    /// Changes an endpoint, and tries again if a table does not answer in time, as a person does.
    async fn change(&self, key: &EndpointKey, change: &EndpointChange, becomes: EndpointState) -> anyhow::Result<()> {
        for _ in 0..TRIES {
            match self.manage.change(key, None, change).await {
                Ok(_) => return Ok(()),
                Err(ManageError::Storage(problem)) => eprintln!("· {key}: {problem}; again"),
                // The answer to the last try was lost.
                Err(_) if self.state(key).await? == Some(becomes) => return Ok(()),
                Err(problem) => return Err(anyhow!("{key}: {problem}")),
            }
        }
        Err(anyhow!("{key} could not be changed"))
    }

    pub async fn pause(&self, key: &EndpointKey) -> anyhow::Result<()> {
        self.change(key, &EndpointChange::Pause { reason: None }, EndpointState::Paused)
            .await
    }

    pub async fn delete(&self, key: &EndpointKey) -> anyhow::Result<()> {
        self.change(key, &EndpointChange::Delete, EndpointState::Deleting).await
    }

    pub async fn activate(&self, key: &EndpointKey, backlog: BacklogMode) -> anyhow::Result<()> {
        self.change(key, &EndpointChange::Activate { backlog }, EndpointState::Active)
            .await
    }

    /// State of an endpoint; `None` if it does not exist.
    pub async fn state(&self, key: &EndpointKey) -> anyhow::Result<Option<EndpointState>> {
        let mut tries = 1;
        loop {
            match self.manage.endpoints.read(key).await {
                Ok(endpoint) => return Ok(endpoint.map(|endpoint| endpoint.state)),
                // The machine is busy.
                Err(problem) if tries < TRIES => eprintln!("· {key}: {problem}; again"),
                Err(problem) => return Err(problem).context("reading an endpoint"),
            }
            tries += 1;
        }
    }

    /// Redrives the dead letters of the fan-out queue; returns their number.
    pub async fn redrive(&self) -> anyhow::Result<usize> {
        let dead = self.dead_letters.take_all().await?;
        for message in &dead {
            self.fan_out.send(&message.body).await?;
            self.dead_letters.delete(message).await?;
        }
        Ok(dead.len())
    }
}

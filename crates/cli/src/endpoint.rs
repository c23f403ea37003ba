//! `hookline endpoint`: endpoints to which events are posted.

mod change;
pub mod check;
mod credentials;
mod read;
mod send;

pub use self::send::refused;

use anyhow::{Result, anyhow};
use hookline_aws::{DynamoEndpoints, DynamoEventLog, DynamoMessages, DynamoOutboxes, DynamoStores, SqsWakeUps};
use hookline_domain::outbound::{
    Endpoint, EndpointChange, EndpointKey, EndpointRecords, EndpointView, Manage, ManagePorts, Resend, ResendPorts,
    Scope,
};

use jiff::Timestamp;

use crate::{
    args::{EndpointArgs, EndpointCommand},
    clock::MachineClock,
    output::Output,
    resources::Resources,
};

/// Ports that change endpoints and send their messages again.
pub enum Ports {}

impl ManagePorts for Ports {
    type Endpoints = DynamoEndpoints;
    type Listeners = DynamoStores;
    type WakeUps = SqsWakeUps;
    type Clock = MachineClock;
}

impl ResendPorts for Ports {
    type Endpoints = DynamoEndpoints;
    type Outboxes = DynamoOutboxes;
    type Messages = DynamoMessages;
    type Events = DynamoEventLog;
    type WakeUps = SqsWakeUps;
    type Pause = MachineClock;
    type Clock = MachineClock;
}

pub async fn run(resources: &Resources, out: &Output, command: EndpointCommand) -> Result<bool> {
    match command {
        EndpointCommand::List(owner) => read::list(resources, out, &owner).await,
        EndpointCommand::Show(endpoint) => read::show(resources, out, &endpoint).await,
        EndpointCommand::Status(endpoint) => read::status(resources, out, &endpoint).await,
        EndpointCommand::Stats { endpoint, hours } => read::stats(resources, out, &endpoint, hours).await,
        EndpointCommand::Add(args) => change::add(resources, out, args).await,
        EndpointCommand::Change(args) => change::change(resources, out, args).await,
        EndpointCommand::Pause { endpoint, reason } => {
            change::apply(resources, out, &endpoint, EndpointChange::Pause { reason }).await
        }
        EndpointCommand::Activate { endpoint, backlog } => {
            let backlog = backlog.into();
            change::apply(resources, out, &endpoint, EndpointChange::Activate { backlog }).await
        }
        EndpointCommand::Rotate {
            endpoint,
            overlap_hours,
        } => change::rotate(resources, out, &endpoint, overlap_hours).await,
        EndpointCommand::Verify(endpoint) => change::verify(resources, out, &endpoint).await,
        EndpointCommand::Remove { endpoint, yes } => change::remove(resources, out, &endpoint, yes).await,
        EndpointCommand::Test {
            endpoint,
            r#type,
            sample_of,
        } => send::test(resources, out, &endpoint, &r#type, sample_of).await,
        EndpointCommand::Replay(args) => send::replay(resources, out, args).await,
        EndpointCommand::Check(args) => check::run(out, &args).await,
    }
}

/// Key of the endpoint that is meant.
pub fn key(args: &EndpointArgs) -> EndpointKey {
    EndpointKey {
        scope: args.owner.scope(),
        id: args.id.clone(),
    }
}

/// Reads the endpoint that is meant.
pub async fn find(resources: &Resources, args: &EndpointArgs) -> Result<Endpoint> {
    let found = resources.endpoints()?.read(&key(args)).await?;
    found.ok_or_else(|| no_endpoint(args))
}

pub fn no_endpoint(args: &EndpointArgs) -> anyhow::Error {
    let options = args.owner.options();
    anyhow!(
        "there is no endpoint {} with {options}. To list them: hookline endpoint list {options}",
        args.id
    )
}

/// View of an endpoint, whose owner is written as on the command line.
pub fn view(endpoint: &Endpoint) -> EndpointView {
    EndpointView {
        owner: owner(&endpoint.key.scope),
        ..EndpointView::of(endpoint, Timestamp::now())
    }
}

/// Owner as on the command line: `*`, or the name of a store.
pub fn owner(scope: &Scope) -> String {
    match scope {
        Scope::Store(store) => store.label().into_owned(),
        Scope::All => scope.to_string(),
    }
}

/// The use case that changes endpoints.
fn manage(resources: &Resources) -> Result<Manage<Ports>> {
    Ok(Manage {
        endpoints: resources.endpoints()?,
        listeners: resources.stores()?,
        wake_ups: resources.wake_ups()?,
        clock: MachineClock,
    })
}

/// The use case that sends messages.
pub fn resend(resources: &Resources) -> Result<Resend<Ports>> {
    Ok(Resend {
        endpoints: resources.endpoints()?,
        outboxes: resources.outboxes()?,
        messages: resources.messages()?,
        events: resources.events()?,
        wake_ups: resources.wake_ups()?,
        pause: MachineClock,
        clock: MachineClock,
    })
}

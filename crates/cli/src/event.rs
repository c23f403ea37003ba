//! `hookline event`: lists and shows a store's events, and publishes events of the operator's own.

mod list;
mod publish;
mod show;
mod why;

use anyhow::Result;
use hookline_domain::kernel::ids::StoreKey;
use hookline_events::Cause;

use crate::{args::EventCommand, output::Output, resources::Resources};

pub async fn run(resources: &Resources, out: &Output, command: EventCommand) -> Result<bool> {
    match command {
        EventCommand::List(args) => list::run(resources, out, args).await,
        EventCommand::Show { store, id } => show::run(resources, out, &store.0, &id).await,
        EventCommand::Why { store, id, endpoint } => why::run(resources, out, &store.0, &id, endpoint.as_ref()).await,
        EventCommand::Publish(args) => publish::run(resources, out, args).await,
    }
}

/// Command that traces the delivery of a cause; none for what no delivery caused.
fn trace_command(store: &StoreKey, cause: &Cause) -> Option<String> {
    let id = cause.delivery_id.as_ref()?;
    let (store, topic) = (store.label(), &cause.topic);
    Some(format!("hookline trace {id} --store {store} --topic {topic}"))
}

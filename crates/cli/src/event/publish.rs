//! `hookline event publish`: publishes an event of the operator's own.

use anyhow::{Result, bail};
use hookline_domain::{
    outbound::{self, CustomEvent},
    store::{
        listening::{Audience, Listeners},
        stores::{Look, Stores},
    },
};
use hookline_events::EventId;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::PublishEventArgs,
    output::{Output, say},
    resources::Resources,
};

/// A published event.
#[derive(Debug, Serialize)]
struct PublishReport {
    id: EventId,
    key: String,
    repeated: bool,
    listeners: bool,
}

pub async fn run(resources: &Resources, out: &Output, args: PublishEventArgs) -> Result<bool> {
    let store = args.store.0;
    let key = args.key.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let event = CustomEvent::new(&args.r#type, args.data.0, args.subject, args.session.as_deref(), &key)?;
    let (stores, entities, queue) = (resources.stores()?, resources.entities()?, resources.fan_out_queue()?);
    let look = Look {
        record: stores.find(&store).await?,
        all: stores.listening(Audience::All).await?,
    };
    if look.record.is_none() {
        bail!(
            "{} is not known: no verified event of it has arrived yet. To list stores: hookline store list",
            store.label()
        );
    }
    let published = outbound::publish((&entities, &queue), (&store, &look), &event, Timestamp::now()).await;
    let published = match published {
        Ok(published) => published,
        Err(failure) => bail!("{failure}. It may be published nevertheless: to try again, give --key {key}"),
    };
    let report = PublishReport {
        id: published.id.clone(),
        key,
        repeated: published.is_repeated,
        listeners: published.has_listeners,
    };
    if out.json {
        out.object(&report)?;
    } else {
        out.text(report.id.as_str())?;
    }
    say(&format!("· {}", published.sentence()));
    say(&format!(
        "· its key is {}; to see the outcome: hookline event show {} {}",
        report.key,
        store.label(),
        report.id
    ));
    Ok(true)
}

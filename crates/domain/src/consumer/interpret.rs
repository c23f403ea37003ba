//! Reader of bodies, given from outside: the domain knows no source.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::{ConsumerPorts, Message, Reindex, Verdict};
use crate::{
    catalogue::apply::parked,
    delivery::Delivery,
    event::{Event, InterpretError},
    kernel::{
        ids::{InboundName, Source},
        port::{CALLS_AT_ONCE, PortError},
    },
    store::inbound::{InboundEndpoint, InboundEndpoints},
};

/// Reader of bodies. Whoever knows the vendors passes it to the [`consumer`](crate::consumer).
#[derive(Debug, Clone, Copy)]
pub struct Interpret {
    /// Reads the body of a delivery, with the settings of the endpoint that received it where they are needed.
    pub read: fn(&Delivery, Option<&InboundEndpoint>) -> Result<Event, InterpretError>,
    /// Returns true if bodies of a source can only be read with those settings.
    pub reads_endpoint: fn(&Source) -> bool,
}

/// Endpoints whose settings are needed to read the bodies of a batch.
pub(super) type Endpoints = BTreeMap<(Source, InboundName), Result<Option<InboundEndpoint>, PortError>>;

/// Returns the endpoint whose settings are needed to read a delivery; `None` if none are.
pub(super) fn endpoint_of<'a>(
    delivery: &Delivery,
    endpoints: &'a Endpoints,
) -> Result<Option<&'a InboundEndpoint>, Verdict> {
    let Some(name) = &delivery.endpoint else {
        return Ok(None);
    };
    match endpoints.get(&(delivery.key.store.source.clone(), name.clone())) {
        None => Ok(None),
        Some(Ok(Some(endpoint))) => Ok(Some(endpoint)),
        Some(Ok(None)) => Err(parked(&InterpretError::NoEndpoint(name.clone()))),
        Some(Err(failure)) => Err(Verdict::storage(failure)),
    }
}

impl<P: ConsumerPorts> Reindex<P> {
    /// Reads the endpoints whose settings are needed to read the bodies of a batch, each once.
    pub(super) async fn endpoints_of(&self, messages: &[Message]) -> Endpoints {
        let names = messages.iter().filter_map(|message| {
            let delivery = message.delivery.as_ref().ok()?;
            let source = &delivery.key.store.source;
            let name = delivery.endpoint.as_ref()?;
            (self.interpret.reads_endpoint)(source).then(|| (source.clone(), name.clone()))
        });
        let names: BTreeSet<_> = names.collect();
        let found = stream::iter(names).map(async |(source, name)| {
            let found = self.apply.stores.find_inbound(&source, &name).await;
            ((source, name), found)
        });
        found.buffer_unordered(CALLS_AT_ONCE).collect().await
    }
}

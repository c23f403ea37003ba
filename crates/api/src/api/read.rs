//! Function `status`: all reads of the API except searches, and tickets for the WebSocket.

use hookline_domain::{
    access::ticket::Tickets,
    delivery::{
        failed::FailedDeliveries,
        ledger::{Records, UNKNOWN_DELIVERY},
        queue::Queues,
    },
    kernel::port::Clock,
    live::{Activity, Lag},
    outbound::{EndpointRecords, EventRecords, MessageRecords, OutboxRecords, StatsRecords},
    store::stores::{StoreList, StoreViews, Stores},
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request};

use super::{
    deliveries::{self, DeliveryDetails},
    endpoints::{EndpointReads, EndpointRoute},
    event_types, events,
    list::CachedSummaries,
    me::{About, Me},
    no_such_route, openapi, route,
    status::StoreStatus,
};
use crate::{
    guard::{ApiError, Guard},
    tickets,
};
use hookline_lambda::serve::{Http, json};

/// Ports of the function.
pub trait ReadPorts {
    /// The stores.
    type Stores: Stores + StoreViews + StoreList + FailedDeliveries + Clone;
    /// The ledger, for reading.
    type Records: Records;
    /// Outcomes of the latest deliveries.
    type Activity: Activity;
    /// Kept events.
    type Events: EventRecords;
    /// Endpoints.
    type Endpoints: EndpointRecords;
    /// Outboxes.
    type Outboxes: OutboxRecords;
    /// Records of messages.
    type Messages: MessageRecords;
    /// Statistics of endpoints.
    type Stats: StatsRecords;
    /// Depths of the queues.
    type Queues: Queues;
    /// Tickets that open a WebSocket.
    type Tickets: Tickets;
    /// The clock.
    type Clock: Clock;
}

/// Adapters of the function's ports. All except the stores are optional.
pub struct ReadAdapters<P: ReadPorts> {
    /// The stores.
    pub stores: P::Stores,
    /// The ledger, for the details of one delivery.
    pub records: Option<P::Records>,
    /// Outcomes of the latest deliveries.
    pub activity: Option<P::Activity>,
    /// Kept events.
    pub events: Option<P::Events>,
    /// Endpoints and their messages.
    pub endpoints: Option<EndpointReads<P>>,
    /// Depths of the queues.
    pub queues: Option<P::Queues>,
    /// Tickets that open a WebSocket.
    pub tickets: Option<P::Tickets>,
    /// The clock.
    pub clock: P::Clock,
}

/// All reads of the API except searches.
pub struct ReadApi<P: ReadPorts> {
    pub(super) guard: Guard<P::Stores>,
    pub(super) adapters: ReadAdapters<P>,
    about: About,
    summaries: CachedSummaries,
}

impl<P: ReadPorts> ReadApi<P> {
    /// Creates the API over these adapters.
    pub fn new(adapters: ReadAdapters<P>, about: About) -> Self {
        Self {
            guard: Guard::new(adapters.stores.clone()),
            adapters,
            about,
            summaries: CachedSummaries::default(),
        }
    }

    async fn respond(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        if route(request) == "GET /api/openapi.json" {
            return Ok(openapi::answer());
        }
        let principal = self.guard.principal(request)?;
        if let Some(route) = EndpointRoute::of(route(request)) {
            return self.read_endpoints(&principal, &route, request).await;
        }
        let ReadAdapters { stores, clock, .. } = &self.adapters;
        Ok(match route(request) {
            "GET /api/me" => json(StatusCode::OK, &Me::of(&principal, &self.about)),
            "GET /api/event-types" => json(StatusCode::OK, &event_types::list()),
            "GET /api/event-types/{type}" => json(StatusCode::OK, &event_types::details(request)?),
            "GET /api/stores" => {
                let page = self.summaries.page(stores, clock, &principal, request).await?;
                json(StatusCode::OK, &page)
            }
            "GET /api/stores/{store}/status" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                let view = stores.view(&store).await?.ok_or(ApiError::UnknownStore)?;
                let now = clock.now();
                let lag = match &self.adapters.activity {
                    Some(activity) => Some(Lag::of(&deliveries::latest(activity, &store).await?)),
                    None => None,
                };
                let queues = self.adapters.queues.as_ref();
                let queues = match queues.filter(|_| StoreStatus::with_queues(&principal)) {
                    Some(queues) => Some(queues.depths().await?),
                    None => None,
                };
                let status = StoreStatus::of((&store, view), lag, queues, &self.about, now);
                json(StatusCode::OK, &status)
            }
            "GET /api/stores/{store}/deliveries" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                let activity = self.adapters.activity.as_ref();
                let activity = activity.ok_or(ApiError::NotConfigured("ACTIVITY_TABLE"))?;
                json(StatusCode::OK, &deliveries::page(activity, &store, request).await?)
            }
            "GET /api/stores/{store}/deliveries/{id}" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                let records = self.adapters.records.as_ref();
                let records = records.ok_or(ApiError::NotConfigured("LEDGER_TABLE"))?;
                let key = deliveries::delivery_key(store, request)?;
                let record = records.find(&key).await?;
                let record = record.ok_or_else(|| ApiError::NotFound(UNKNOWN_DELIVERY.to_owned()))?;
                let latest = match &self.adapters.activity {
                    Some(activity) => deliveries::latest(activity, &key.store).await?,
                    None => Vec::new(),
                };
                let failed = stores.failed(&key).await?;
                json(
                    StatusCode::OK,
                    &DeliveryDetails::of(record, failed.as_ref(), latest, clock.now()),
                )
            }
            "GET /api/stores/{store}/events" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                json(StatusCode::OK, &events::page(self.events()?, &store, request).await?)
            }
            "GET /api/stores/{store}/events/{id}" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                json(StatusCode::OK, &events::details(self.events()?, &store, request).await?)
            }
            "GET /api/stores/{store}/events/{id}/why" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                self.why(&principal, &store, request).await?
            }
            tickets::ROUTE => tickets::issue(self.adapters.tickets.as_ref(), principal, clock).await?,
            _ => return Err(no_such_route()),
        })
    }

    pub(super) fn events(&self) -> Result<&P::Events, ApiError> {
        let events = self.adapters.events.as_ref();
        events.ok_or(ApiError::NotConfigured("EVENTS_TABLE"))
    }
}

impl<P: ReadPorts + 'static> Http for ReadApi<P> {
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.respond(&request).await {
            Ok(response) => response,
            Err(error) => error.response("status"),
        }
    }

    async fn afterwards(&self) {}
}

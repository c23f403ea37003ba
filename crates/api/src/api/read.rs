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
    store::stores::{StoreList, StoreViews, Stores},
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request};

use super::{
    deliveries::{self, DeliveryDetails},
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

/// Ports of the function. All except the stores are optional.
#[derive(Debug)]
pub struct ReadPorts<S, R, A, Q, T, C> {
    /// The stores.
    pub stores: S,
    /// The ledger, for the details of one delivery.
    pub records: Option<R>,
    /// Outcomes of the latest deliveries.
    pub activity: Option<A>,
    /// Depths of the queues.
    pub queues: Option<Q>,
    /// Tickets that open a WebSocket.
    pub tickets: Option<T>,
    /// The clock.
    pub clock: C,
}

/// All reads of the API except searches.
#[derive(Debug)]
pub struct ReadApi<S, R, A, Q, T, C> {
    guard: Guard<S>,
    ports: ReadPorts<S, R, A, Q, T, C>,
    about: About,
    summaries: CachedSummaries,
}

impl<S, R, A, Q, T, C> ReadApi<S, R, A, Q, T, C>
where
    S: Stores + StoreViews + StoreList + FailedDeliveries + Clone,
    R: Records,
    A: Activity,
    Q: Queues,
    T: Tickets,
    C: Clock,
{
    /// Creates the API over these ports.
    pub fn new(ports: ReadPorts<S, R, A, Q, T, C>, about: About) -> Self {
        Self {
            guard: Guard::new(ports.stores.clone()),
            ports,
            about,
            summaries: CachedSummaries::default(),
        }
    }

    async fn respond(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        if route(request) == "GET /api/openapi.json" {
            return Ok(openapi::answer());
        }
        let principal = self.guard.principal(request)?;
        let ReadPorts { stores, clock, .. } = &self.ports;
        Ok(match route(request) {
            "GET /api/me" => json(StatusCode::OK, &Me::of(&principal, &self.about)),
            "GET /api/stores" => {
                let page = self.summaries.page(stores, clock, &principal, request).await?;
                json(StatusCode::OK, &page)
            }
            "GET /api/stores/{store}/status" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                let view = stores.view(&store).await?.ok_or(ApiError::UnknownStore)?;
                let now = clock.now();
                let lag = match &self.ports.activity {
                    Some(activity) => Some(Lag::of(&deliveries::latest(activity, &store).await?)),
                    None => None,
                };
                let queues = self.ports.queues.as_ref();
                let queues = match queues.filter(|_| StoreStatus::with_queues(&principal)) {
                    Some(queues) => Some(queues.depths().await?),
                    None => None,
                };
                let status = StoreStatus::of((&store, view), lag, queues, &self.about, now);
                json(StatusCode::OK, &status)
            }
            "GET /api/stores/{store}/deliveries" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                let activity = self.ports.activity.as_ref();
                let activity = activity.ok_or(ApiError::NotConfigured("ACTIVITY_TABLE"))?;
                json(StatusCode::OK, &deliveries::page(activity, &store, request).await?)
            }
            "GET /api/stores/{store}/deliveries/{id}" => {
                let (store, _) = self.guard.store(&principal, request).await?;
                let records = self.ports.records.as_ref();
                let records = records.ok_or(ApiError::NotConfigured("LEDGER_TABLE"))?;
                let key = deliveries::delivery_key(store, request)?;
                let record = records.find(&key).await?;
                let record = record.ok_or_else(|| ApiError::NotFound(UNKNOWN_DELIVERY.to_owned()))?;
                let latest = match &self.ports.activity {
                    Some(activity) => deliveries::latest(activity, &key.store).await?,
                    None => Vec::new(),
                };
                let failed = stores.failed(&key).await?;
                json(
                    StatusCode::OK,
                    &DeliveryDetails::of(record, failed.as_ref(), latest, clock.now()),
                )
            }
            tickets::ROUTE => tickets::issue(self.ports.tickets.as_ref(), principal, clock).await?,
            _ => return Err(no_such_route()),
        })
    }
}

impl<S, R, A, Q, T, C> Http for ReadApi<S, R, A, Q, T, C>
where
    S: Stores + StoreViews + StoreList + FailedDeliveries + Clone + 'static,
    R: Records + 'static,
    A: Activity + 'static,
    Q: Queues + 'static,
    T: Tickets + 'static,
    C: Clock + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.respond(&request).await {
            Ok(response) => response,
            Err(error) => error.response("status"),
        }
    }

    async fn afterwards(&self) {}
}

//! Function `status`: everything that is read, but for searches, and tickets to read it live.

use hookline_domain::{
    access::ticket::Tickets,
    delivery::{failed::FailedDeliveries, ledger::Records, queue::Queues},
    kernel::port::Clock,
    live::{Activity, Lag},
    store::stores::{StoreList, StoreViews, Stores},
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request};

use super::{
    deliveries::{self, Whole},
    list::Lately,
    me::{About, Me},
    no_such_route, openapi, route,
    status::StoreStatus,
};
use crate::{
    guard::{ApiError, Guard},
    tickets,
};
use hookline_lambda::serve::{Http, json};

/// Whom it asks. All but the stores may be missing.
#[derive(Debug)]
pub struct ReadPorts<S, R, A, Q, T, C> {
    /// The stores.
    pub stores: S,
    /// The ledger, for one delivery's whole fate.
    pub records: Option<R>,
    /// What became of the latest deliveries.
    pub activity: Option<A>,
    /// How much waits.
    pub queues: Option<Q>,
    /// Who may open a WebSocket.
    pub tickets: Option<T>,
    /// What time it is.
    pub clock: C,
}

/// Everything that is read, but for searches.
#[derive(Debug)]
pub struct ReadApi<S, R, A, Q, T, C> {
    guard: Guard<S>,
    ports: ReadPorts<S, R, A, Q, T, C>,
    about: About,
    lately: Lately,
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
    /// Ready to answer.
    pub fn new(ports: ReadPorts<S, R, A, Q, T, C>, about: About) -> Self {
        Self {
            guard: Guard::new(ports.stores.clone()),
            ports,
            about,
            lately: Lately::default(),
        }
    }

    async fn told(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        if route(request) == "GET /api/openapi.json" {
            return Ok(openapi::answer());
        }
        let principal = self.guard.principal(request)?;
        let ReadPorts { stores, clock, .. } = &self.ports;
        Ok(match route(request) {
            "GET /api/me" => json(StatusCode::OK, &Me::of(&principal, &self.about)),
            "GET /api/stores" => {
                let page = self.lately.page(stores, clock, &principal, request).await?;
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
                let key = deliveries::named(store, request)?;
                let record = records.find(&key).await?;
                let record = record.ok_or_else(|| ApiError::NotFound(UNKNOWN.to_owned()))?;
                let latest = match &self.ports.activity {
                    Some(activity) => deliveries::latest(activity, &key.store).await?,
                    None => Vec::new(),
                };
                let failed = stores.failed(&key).await?;
                json(StatusCode::OK, &Whole::of(record, failed.as_ref(), latest, clock.now()))
            }
            tickets::ROUTE => tickets::issue(self.ports.tickets.as_ref(), principal, clock).await?,
            _ => return Err(no_such_route()),
        })
    }
}

const UNKNOWN: &str = "nothing is known of this delivery: it has not come, it was refused at the door, or it came more than \
                       7 days ago";

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
        match self.told(&request).await {
            Ok(response) => response,
            Err(error) => error.response("status"),
        }
    }

    async fn afterwards(&self) {}
}

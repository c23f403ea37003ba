//! Routes that read endpoints and messages.

use hookline_domain::{
    access::{Principal, Reach, Role},
    kernel::{ids::StoreKey, port::Clock},
    outbound::{
        Endpoint, EndpointKey, EndpointRecords, EndpointView, EndpointWhy, EntryKey, MAX_OF_ALL, MAX_OF_STORE,
        MAX_STATS_HOURS, MessageFate, MessageFilter, MessageRecords, MessageView, Scope, StateName, TypePattern,
        find_message, open_messages, stats, status, why,
    },
};
use hookline_events::{EventId, EventType};
use hookline_lambda::serve::json;
use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use serde::{Deserialize, Serialize, de::value};

use super::{
    super::{
        events::{self, EventCause, TargetOutcome},
        limit, no_such_route, number, parameter,
        read::{ReadApi, ReadPorts},
    },
    EndpointRoute, check_parameters, endpoint_in_path, in_path, time, with_etag,
};
use crate::guard::ApiError;

/// Default number of messages on a page.
pub(in crate::api) const DEFAULT_MESSAGES_PER_PAGE: usize = 50;

/// Largest `limit` of messages on a page.
pub(in crate::api) const MAX_MESSAGES_PER_PAGE: usize = 200;

/// Default number of hours of statistics.
pub(in crate::api) const DEFAULT_STATS_HOURS: u16 = 24;

/// Adapters that read endpoints and messages.
pub struct EndpointReads<P: ReadPorts> {
    /// Endpoints.
    pub endpoints: P::Endpoints,
    /// Outboxes.
    pub outboxes: P::Outboxes,
    /// Records of messages.
    pub messages: P::Messages,
    /// Statistics.
    pub stats: P::Stats,
}

/// Endpoints of one owner.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct EndpointsResponse {
    /// The endpoints that the parameters select, in the order of their creation.
    endpoints: Vec<EndpointView>,
    /// Most endpoints that this owner may have.
    most: usize,
}

/// A page of messages.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct MessagesResponse {
    /// The messages: newest event first, or with `fate=open` in the order in which they are due.
    messages: Vec<MessageView>,
    /// Value of `cursor` for the next page; null on the last page. A page with few or no messages may have a next one.
    next: Option<String>,
}

/// Explanation of an event's fate.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct WhyResponse {
    /// Id of the event.
    event: EventId,
    /// Type of the event.
    r#type: EventType,
    /// Webhook that brought it; null if it was published by hand, or is a test.
    cause: Option<EventCause>,
    /// Endpoints that there were when it was accepted, each with the fate of the event there.
    endpoints: Vec<EndpointWhy>,
    /// Outcome at the operator's event bus.
    bus: TargetOutcome,
}

impl<P: ReadPorts> ReadApi<P> {
    /// Answers a route of endpoints.
    pub(in crate::api) async fn read_endpoints(
        &self,
        principal: &Principal,
        route: &EndpointRoute<'_>,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let scope = self.guard.owner(principal, request, route.is_of_all).await?;
        let reads = self.endpoint_reads()?;
        let now = self.adapters.clock.now();
        let shown = |endpoint: &Endpoint| {
            let view = EndpointView::of(endpoint, now);
            match principal.role {
                Role::Admin => view,
                Role::Viewer => view.without_query(),
            }
        };
        if (route.method, route.rest) == ("GET", "") {
            let list = reads.endpoints.list(&scope).await?;
            let endpoints = list.iter().map(shown).collect();
            return Ok(json(StatusCode::OK, &page(endpoints, &scope, request)?));
        }
        let endpoint = endpoint_in_path(&reads.endpoints, scope, request).await?;
        Ok(match (route.method, route.rest) {
            ("GET", "/{endpoint}") => {
                check_parameters(request, &[])?;
                let view = shown(&endpoint);
                with_etag(StatusCode::OK, &view, &view)
            }
            ("GET", "/{endpoint}/status") => {
                check_parameters(request, &[])?;
                json(StatusCode::OK, &status(&reads.outboxes, &endpoint, now).await?)
            }
            ("GET", "/{endpoint}/stats") => {
                check_parameters(request, &["hours"])?;
                let hours = number(request, "hours", DEFAULT_STATS_HOURS, MAX_STATS_HOURS)?;
                let ports = (&reads.stats, &reads.outboxes);
                json(StatusCode::OK, &stats(ports, &endpoint.key, hours, now).await?)
            }
            ("GET", "/{endpoint}/messages") => json(StatusCode::OK, &self.messages(&endpoint, request).await?),
            ("GET", "/{endpoint}/messages/{event}") => {
                check_parameters(request, &[])?;
                let id: EventId = in_path(request, "event")?;
                let ports = (&reads.messages, &reads.outboxes, self.events()?);
                let message = find_message(ports, &endpoint, &id, now).await?;
                let message = message.ok_or_else(|| {
                    ApiError::NotFound(
                        "there is no such message: the event was never for this endpoint, or it is no longer known"
                            .to_owned(),
                    )
                })?;
                let message = match principal.role {
                    Role::Admin => message,
                    Role::Viewer => message.without_excerpts(),
                };
                json(StatusCode::OK, &message)
            }
            _ => return Err(no_such_route()),
        })
    }

    async fn messages(&self, endpoint: &Endpoint, request: &Request) -> Result<MessagesResponse, ApiError> {
        check_parameters(request, &["fate", "type", "from", "cursor", "limit"])?;
        let reads = self.endpoint_reads()?;
        let limit = limit(request, DEFAULT_MESSAGES_PER_PAGE, MAX_MESSAGES_PER_PAGE)?;
        let fate = given(request, "fate");
        let wrong_cursor =
            || ApiError::BadRequest("cursor must be the value of `next` on the previous page".to_owned());
        if fate == Some("open") {
            if given(request, "type").or(given(request, "from")).is_some() {
                return Err(ApiError::BadRequest(
                    "fate=open takes neither type nor from: leave them out".to_owned(),
                ));
            }
            let after = given(request, "cursor").map(str::parse::<EntryKey>).transpose();
            let after = after.map_err(|_| wrong_cursor())?;
            let ports = (&reads.messages, &reads.outboxes);
            let now = self.adapters.clock.now();
            let (messages, next) = open_messages(ports, endpoint, after.as_ref(), limit, now).await?;
            return Ok(MessagesResponse {
                messages,
                next: next.map(|next| next.to_string()),
            });
        }
        let fate = fate
            .map(|name| MessageFate::named(name).ok_or_else(unknown_fate))
            .transpose()?;
        let filter = MessageFilter {
            fate,
            kind: pattern(request)?,
            from: given(request, "from").map(|text| time("from", text)).transpose()?,
            before: given(request, "cursor")
                .map(str::parse)
                .transpose()
                .map_err(|_| wrong_cursor())?,
        };
        let page = reads.messages.list(&endpoint.key, &filter, limit).await?;
        let now = self.adapters.clock.now();
        let views = page
            .records
            .iter()
            .map(|(id, record)| MessageView::of(endpoint, id, record, now));
        Ok(MessagesResponse {
            messages: views.collect(),
            next: page.next.map(|next| next.to_string()),
        })
    }

    /// Answers `GET /api/stores/{store}/events/{id}/why`.
    pub(in crate::api) async fn why(
        &self,
        principal: &Principal,
        store: &StoreKey,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let reads = self.endpoint_reads()?;
        check_parameters(request, &["endpoint"])?;
        let kept = events::find(self.events()?, store, request).await?;
        let only = given(request, "endpoint");
        let shows = |key: &EndpointKey| {
            let is_in_reach = key.scope != Scope::All || principal.reach == Reach::All;
            is_in_reach && only.is_none_or(|only| key.id.as_str() == only)
        };
        let ports = (&reads.endpoints, &reads.messages);
        let endpoints = why(ports, &kept, shows, self.adapters.clock.now()).await?;
        if let (Some(_), true) = (only, endpoints.is_empty()) {
            return Err(ApiError::NotFound(
                "this endpoint was not there when the event was accepted, so that the event was not for it".to_owned(),
            ));
        }
        let response = WhyResponse {
            cause: EventCause::of(&kept),
            bus: TargetOutcome::of_bus(&kept),
            endpoints,
            r#type: kept.kind,
            event: kept.id,
        };
        Ok(json(StatusCode::OK, &response))
    }

    fn endpoint_reads(&self) -> Result<&EndpointReads<P>, ApiError> {
        let reads = self.adapters.endpoints.as_ref();
        reads.ok_or(ApiError::NotConfigured("ENDPOINTS_TABLE"))
    }
}

/// Value of a query parameter that is not empty.
fn given<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    parameter(request, name).filter(|text| !text.is_empty())
}

fn pattern(request: &Request) -> Result<Option<TypePattern>, ApiError> {
    let pattern = given(request, "type").map(str::parse).transpose();
    pattern.map_err(|error| ApiError::BadRequest(format!("type: {error}")))
}

fn unknown_fate() -> ApiError {
    let names: Vec<&str> = MessageFate::ALL.iter().map(|fate| fate.as_str()).collect();
    ApiError::BadRequest(format!("fate must be open, {}", names.join(", ")))
}

/// Endpoints that the parameters select.
fn page(mut endpoints: Vec<EndpointView>, scope: &Scope, request: &Request) -> Result<EndpointsResponse, ApiError> {
    check_parameters(request, &["state", "type", "q"])?;
    if let Some(name) = given(request, "state") {
        let state = StateName::deserialize(value::StrDeserializer::<value::Error>::new(name))
            .map_err(|_| ApiError::BadRequest("state must be active, paused, disabled or deleting".to_owned()))?;
        endpoints.retain(|one| one.state == state);
    }
    if let Some(pattern) = pattern(request)? {
        endpoints.retain(|one| gets_some_of(one, scope, &pattern));
    }
    if let Some(q) = given(request, "q") {
        let q = q.to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&q);
        endpoints.retain(|one| holds(&one.settings.url) || holds(&one.settings.description));
    }
    Ok(EndpointsResponse {
        endpoints,
        most: match scope {
            Scope::Store(_) => MAX_OF_STORE,
            Scope::All => MAX_OF_ALL,
        },
    })
}

/// Returns true if the endpoint, of this owner, gets events of a type that the pattern selects.
fn gets_some_of(endpoint: &EndpointView, scope: &Scope, pattern: &TypePattern) -> bool {
    let mut known = EventType::ALL.iter().filter(|kind| pattern.selects(kind.as_str()));
    let text = pattern.to_string();
    known.any(|kind| endpoint.settings.wants(scope, kind.as_str()))
        // Of the operator's own types, any may exist.
        || endpoint.settings.wants(scope, &text)
        || endpoint.settings.types.iter().any(|own| *own == text || pattern.selects(own))
}

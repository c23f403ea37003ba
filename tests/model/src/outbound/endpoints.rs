//! Ports that read and change endpoints: those of the dispatcher, and those of people.

use hookline_domain::{
    kernel::port::PortError,
    outbound::{
        AttemptCode, Backlog, BacklogMode, Endpoint, EndpointKey, EndpointRecords, EndpointSettings, EndpointState,
        Endpoints, ManagePorts, Ordering, Pool, Scope,
    },
    store::listening::{Audience, Listeners, Listening},
};
use jiff::Timestamp;

use super::{
    bug::Bug,
    call::{Registered, Request, Response, State},
    given::endpoint_number,
    ports::{Ports, failed},
    world::start,
};

impl ManagePorts for Ports {
    type Endpoints = Self;
    type Listeners = Self;
    type WakeUps = Self;
    type Clock = Self;
}

impl Ports {
    async fn registered(&self, key: &EndpointKey) -> Result<Registered, PortError> {
        match self.call(endpoint_number(key), Request::FindEndpoint).await {
            Response::Endpoint(registered) => Ok(registered),
            other => Err(failed(&other)),
        }
    }

    fn endpoint(&self, key: &EndpointKey, registered: Registered) -> Endpoint {
        let mut settings = EndpointSettings::new("https://example.com/hook", &["*"]);
        if self.given.is_ordered {
            settings.ordering = Ordering::Entity;
        }
        Endpoint {
            state: match registered.state {
                State::Active => EndpointState::Active,
                State::Paused => EndpointState::Paused,
                State::Disabled => EndpointState::Disabled(AttemptCode::Gone),
                State::Deleting => EndpointState::Deleting,
            },
            revision: registered.revision,
            reset_at: registered.reset_at,
            backlog: registered.backlog(),
            ..Endpoint::new(key.clone(), settings, start())
        }
    }
}

impl Endpoints for Ports {
    async fn find(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        let before = self.remembered().endpoint;
        let registered = match before.filter(|_| self.has(Bug::EndpointReadOnce)) {
            Some(before) => before,
            None => self.registered(key).await?,
        };
        self.remembered().endpoint = Some(registered);
        let mut endpoint = self.endpoint(key, registered);
        if before.is_some() && self.has(Bug::BacklogReadOnce) {
            endpoint.backlog = None;
        }
        if let Some(backlog) = &mut endpoint.backlog {
            if self.has(Bug::DropTakesWhatCameSince) {
                backlog.before = Timestamp::MAX;
            }
            if self.has(Bug::BacklogSettledFirst) && backlog.mode == BacklogMode::Newest {
                self.settle_backlog(key, *backlog).await?;
            }
        }
        Ok(Some(endpoint))
    }

    async fn disable(&self, key: &EndpointKey, revision: u32, _: AttemptCode, _: Timestamp) -> Result<(), PortError> {
        self.done(endpoint_number(key), Request::Disable(revision)).await
    }

    /// No promise depends on the pool.
    async fn note_pool(&self, _: &EndpointKey, _: Pool) -> Result<(), PortError> {
        Ok(())
    }

    async fn settle_backlog(&self, key: &EndpointKey, backlog: Backlog) -> Result<(), PortError> {
        let request = Request::SettleBacklog(backlog.mode, backlog.before);
        self.done(endpoint_number(key), request).await
    }

    /// One that is gone and one that is being deleted are treated alike.
    async fn forget(&self, _: &EndpointKey, _: u32) -> Result<(), PortError> {
        Ok(())
    }
}

impl EndpointRecords for Ports {
    async fn list(&self, _: &Scope) -> Result<Vec<Endpoint>, PortError> {
        unreachable!("nobody creates an endpoint")
    }

    async fn read(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        let registered = self.registered(key).await?;
        self.remembered().is_active_already = registered.state == State::Active;
        Ok(Some(self.endpoint(key, registered)))
    }

    async fn put(&self, endpoint: &Endpoint) -> Result<bool, PortError> {
        let registered = Registered {
            state: match endpoint.state {
                EndpointState::Active => State::Active,
                EndpointState::Paused => State::Paused,
                EndpointState::Disabled(_) => State::Disabled,
                EndpointState::Deleting => State::Deleting,
            },
            revision: endpoint.revision,
            reset_at: endpoint.reset_at,
            backlog: endpoint.backlog.map(|backlog| (backlog.mode, backlog.before)),
        };
        match self
            .call(endpoint_number(&endpoint.key), Request::Change(registered))
            .await
        {
            Response::Changed(is_written) => Ok(is_written),
            other => Err(failed(&other)),
        }
    }
}

/// No promise of the dispatcher depends on who listens.
impl Listeners for Ports {
    async fn listening(&self, _: Audience<'_>) -> Result<Listening, PortError> {
        Ok(Listening::default())
    }

    async fn replace(&self, _: Audience<'_>, _: &Listening, _: &Listening) -> Result<bool, PortError> {
        Ok(true)
    }
}

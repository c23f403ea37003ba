//! [`Post`] that adds personal data to events, for endpoints that asked for it and proved themselves.

use std::time::Duration;

use hookline_domain::{
    delivery::sealed::{DataKeys, SealedBody},
    kernel::{
        ids::{DeliveryKey, Source},
        port::{Clock, PortError},
    },
    outbound::{Endpoint, KeptEvent, NoAnswerError, PersonalLevel, Post, Posted, Proved},
};
use hookline_events::{Cause, Meta, PersonalData, PersonalState};
use hookline_sealing::{Opened, Opener};
use jiff::SignedDuration;

use crate::endpoint_url::is_private;

/// [`Post`] over another one. Only the dispatcher has a key that opens anything.
pub struct Disclosing<P, K, C> {
    /// Posts.
    pub post: P,
    /// Opens sealed bodies, and the time for which they are kept; without it, nothing is disclosed.
    pub opener: Option<(Opener<K>, SignedDuration)>,
    /// Reads personal data, by the rules of its source.
    pub disclosure: Disclosure,
    /// Clock.
    pub clock: C,
}

/// Functions of the sources that read personal data.
#[derive(Debug, Clone, Copy)]
pub struct Disclosure {
    /// Returns true if bodies of this topic have personal data that events disclose.
    pub discloses: fn(&Source, &str) -> bool,
    /// Returns that of a body.
    pub disclosed: fn(&Source, &str, &[u8]) -> Option<PersonalData>,
}

impl<P, K: DataKeys, C: Clock> Disclosing<P, K, C> {
    /// Returns the personal data of an event for an endpoint, and their state; `None` if events like this one have none.
    async fn personal(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        sealed: Option<&SealedBody>,
    ) -> Result<Option<(Option<PersonalData>, PersonalState)>, PortError> {
        let source = &event.store.source;
        let Some(cause) = event.origin().cause else {
            return Ok(None);
        };
        if !event.kind.has_personal_data() || !(self.disclosure.discloses)(source, &cause.topic) {
            return Ok(None);
        }
        if !may_have(endpoint) {
            return Ok(Some((None, PersonalState::Unproven)));
        }
        let state = match self.open(event, &cause, sealed).await? {
            Ok(body) => {
                if let Some(all) = (self.disclosure.disclosed)(source, &cause.topic, &body) {
                    return Ok(Some(match endpoint.settings.personal {
                        PersonalLevel::None => (None, PersonalState::NotKept),
                        PersonalLevel::Contact => (Some(all.contact()), PersonalState::Contact),
                        PersonalLevel::Full => (Some(all), PersonalState::Full),
                    }));
                }
                PersonalState::NotKept
            }
            Err(state) => state,
        };
        Ok(Some((None, state)))
    }

    /// Opens the body of the delivery that caused an event, or returns why there is none.
    async fn open(
        &self,
        event: &KeptEvent,
        cause: &Cause,
        sealed: Option<&SealedBody>,
    ) -> Result<Result<Vec<u8>, PersonalState>, PortError> {
        let now = self.clock.now();
        Ok(match (&self.opener, sealed, delivery(event, cause)) {
            (Some((opener, _)), Some(sealed), Some(delivery)) => match opener.open(sealed, &delivery, now).await? {
                Opened::Body(body) => Ok(body),
                Opened::Expired => Err(PersonalState::Expired),
                Opened::TooLarge => Err(PersonalState::TooLarge),
                Opened::Foreign => {
                    tracing::warn!(
                        store = %event.store,
                        event = %event.id,
                        "a sealed body does not open with PersonalKeyArn: was it sealed with another public key?"
                    );
                    Err(PersonalState::NotKept)
                }
            },
            (Some((_, keep)), None, _) if now.duration_since(cause.received_at) >= *keep => Err(PersonalState::Expired),
            _ => Err(PersonalState::NotKept),
        })
    }
}

/// Returns true for an endpoint that may have what was sealed: one that asked, has proved itself, and is reached in private.
fn may_have(endpoint: &Endpoint) -> bool {
    endpoint.gets_personal_data() && is_private(&endpoint.settings.url)
}

/// Delivery that caused an event.
fn delivery(event: &KeptEvent, cause: &Cause) -> Option<DeliveryKey> {
    Some(DeliveryKey {
        store: event.store.clone(),
        topic: cause.topic.parse().ok()?,
        id: cause.delivery_id.as_ref()?.parse().ok()?,
    })
}

/// Adds the members at the end; the rest stays byte for byte as it is kept.
fn with_members(json: &str, personal: Option<&PersonalData>, state: PersonalState) -> Option<String> {
    let whole = json.trim_end().strip_suffix('}')?;
    let meta = serde_json::to_string(&Meta { personal: state }).ok()?;
    let personal = personal.map(serde_json::to_string).transpose().ok()?;
    let personal = personal.map_or_else(String::new, |personal| format!(",\"personal\":{personal}"));
    Some(format!("{whole}{personal},\"meta\":{meta}}}"))
}

impl<P: Post, K: DataKeys, C: Clock> Disclosing<P, K, C> {
    /// Posts to an endpoint whose payload is what the source sent, exactly that.
    async fn forward(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        sealed: Option<&SealedBody>,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        // The sample of a test has no delivery, and is sent as it is.
        let Some(cause) = event.origin().cause else {
            return self.post.post(endpoint, event, attempt, is_replay).await;
        };
        let sealed = sealed.filter(|_| may_have(endpoint));
        match self.open(event, &cause, sealed).await? {
            Ok(body) => self.post.post_body(endpoint, event, body, attempt, is_replay).await,
            Err(_) => Ok(Posted {
                attempted: Err(NoAnswerError::NotKept),
                took: Duration::ZERO,
            }),
        }
    }
}

impl<P: Post, K: DataKeys, C: Clock> Post for Disclosing<P, K, C> {
    async fn post(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        if endpoint.settings.is_raw() {
            return self.forward(endpoint, event, None, attempt, is_replay).await;
        }
        self.post.post(endpoint, event, attempt, is_replay).await
    }

    async fn post_disclosing(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        sealed: Option<&SealedBody>,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        if endpoint.settings.is_raw() {
            return self.forward(endpoint, event, sealed, attempt, is_replay).await;
        }
        let Some((personal, state)) = self.personal(endpoint, event, sealed).await? else {
            return self.post.post(endpoint, event, attempt, is_replay).await;
        };
        let mut event = event.clone();
        if let Some(json) = with_members(&event.json, personal.as_ref(), state) {
            event.json = json;
        }
        self.post.post(endpoint, &event, attempt, is_replay).await
    }

    async fn prove(&self, endpoint: &Endpoint, challenge: &str) -> Result<Proved, PortError> {
        self.post.prove(endpoint, challenge).await
    }
}

#[cfg(test)]
mod tests;

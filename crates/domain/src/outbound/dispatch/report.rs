//! Reports about endpoints of stores: events that only the operator's endpoints get.
//!
//! Each is sent before the write that keeps it from being sent again, and its id is computed from what was written before: a
//! process that dies in between lets the next one send the same event, which the fan-out keeps once.
//!
//! **There is no report about the operator's own endpoints**, those of all stores. An event belongs to a store, and whoever may
//! see that store may list it, but not see the operator's endpoints; of these, the panel shows the health. So no endpoint gets a
//! report about itself, and no report leads to another.

use hookline_events::{Data, EndpointData, Event, EventId, EventType, MessageData, Related, Subject, VERSION};
use jiff::Timestamp;

use super::{Course, Dispatch, DispatchPorts, Endpoints};
use crate::{
    catalogue::fan_out::FanOut,
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    outbound::{
        AttemptCode, Endpoint, EndpointKey, EndpointState, Entry, MessageFate, MessageRecord, Scope, health::News,
    },
};

/// Kind of the subject.
const ENDPOINT: &str = "endpoint";

/// Decision to disable an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disabling {
    /// Failure for which it is disabled.
    pub(super) code: AttemptCode,
    /// Time at which the limit was reached, or at which the message was due that was answered so: the same for a process that
    /// repeats the run.
    pub(super) at: Timestamp,
    /// Time of the first failure, if it took nothing for too long.
    pub(super) failing_since: Option<Timestamp>,
}

impl<P: DispatchPorts> Dispatch<P> {
    /// Reports the news of the endpoint, and takes note of it in its health, which is yet to be written. That it is failing is
    /// news only of one that was attempted in this run. Reads the endpoint if it is not given and there are news.
    pub(super) async fn report_news(&self, course: &mut Course<'_>, given: Option<&Endpoint>) -> Result<(), PortError> {
        let Scope::Store(store) = &course.key.scope else {
            return Ok(());
        };
        let news = course.health.news(self.clock.now());
        let is_seen = |news: &News| course.attempts > 0 || matches!(news, News::Recovered(..));
        let Some(news) = news.filter(is_seen) else {
            return Ok(());
        };
        let found = match given {
            Some(_) => None,
            None => self.endpoints.find(course.key).await?,
        };
        let Some(endpoint) = given.or(found.as_ref()) else {
            return Ok(());
        };
        let (kind, failing, at, code) = match (news, endpoint.state) {
            (News::Failing(failing), EndpointState::Active) => {
                let code = course.latest_failure;
                (EventType::ENDPOINT_FAILING, failing, failing.due(), code)
            }
            (
                News::Recovered(failing, ended_at),
                EndpointState::Active | EndpointState::Paused | EndpointState::Disabled(_),
            ) => (EventType::ENDPOINT_RECOVERED, failing, ended_at, None),
            // Nothing is posted any more, for another reason.
            (_, _) => return Ok(()),
        };
        let event = about(
            (store, endpoint),
            kind,
            at,
            &[&failing.since.to_string(), &failing.step.to_string()],
            EndpointData {
                failing_since: Some(failing.since),
                code: code.and_then(text),
                step: Some(failing.step.into()),
                ..data(endpoint)
            },
        );
        self.fan_out.send(store, &[event]).await?;
        course.health.note_reported(news);
        Ok(())
    }

    /// Reports that the endpoint is about to be disabled.
    pub(super) async fn report_disabled(&self, endpoint: &Endpoint, disabling: &Disabling) -> Result<(), PortError> {
        let Scope::Store(store) = &endpoint.key.scope else {
            return Ok(());
        };
        let event = about(
            (store, endpoint),
            EventType::ENDPOINT_DISABLED,
            disabling.at,
            &[&endpoint.reset_at.to_string()],
            EndpointData {
                failing_since: disabling.failing_since,
                code: text(disabling.code),
                ..data(endpoint)
            },
        );
        self.fan_out.send(store, &[event]).await
    }

    /// Sends reports of exhausted messages of an endpoint.
    pub(super) async fn report_exhausted(&self, key: &EndpointKey, events: &[Event]) -> Result<(), PortError> {
        match &key.scope {
            Scope::Store(store) => self.fan_out.send(store, events).await,
            Scope::All => Ok(()),
        }
    }
}

/// Report of a message whose attempts have all failed, by its record as it was written. `None` of any other message, of one that
/// is a report itself, and of one for an endpoint of the operator's own.
pub(super) fn exhausted(endpoint: Option<&Endpoint>, entry: &Entry, record: Option<&MessageRecord>) -> Option<Event> {
    let (endpoint, record) = (endpoint?, record?);
    let Scope::Store(store) = &endpoint.key.scope else {
        return None;
    };
    let is_report = record.kind.as_ref().is_some_and(EventType::is_for_operators);
    if !is_exhausted(entry, record) || is_report {
        return None;
    }
    let last = record.attempts.last();
    let id = EventId::new(
        record.written_at,
        &[
            &endpoint.key.to_string(),
            EventType::MESSAGE_EXHAUSTED.as_str(),
            entry.key.event.as_str(),
            &record.run.to_string(),
        ],
    );
    let data = Data::Message(MessageData {
        endpoint_id: endpoint.key.id.to_string(),
        host: host(&endpoint.settings.url).to_owned(),
        event_id: entry.key.event.clone(),
        event_type: record.kind.as_ref().map(ToString::to_string),
        attempts: record.failed.into(),
        code: last.and_then(|attempt| attempt.code).and_then(text),
        status: last.and_then(|attempt| attempt.status).map(u64::from),
    });
    Some(event((store, endpoint), EventType::MESSAGE_EXHAUSTED, id, data))
}

/// Returns true if the message of an entry is exhausted by its record, so that its entry waits for nothing but the report.
pub(super) fn is_exhausted(entry: &Entry, record: &MessageRecord) -> bool {
    record.run == entry.key.run && record.fate == Some(MessageFate::Exhausted)
}

fn about(of: (&StoreKey, &Endpoint), kind: EventType, at: Timestamp, parts: &[&str], data: EndpointData) -> Event {
    let key = of.1.key.to_string();
    let parts: Vec<&str> = [&*key, kind.as_str()]
        .into_iter()
        .chain(parts.iter().copied())
        .collect();
    let id = EventId::new(at, &parts);
    event(of, kind, id, Data::Endpoint(data))
}

fn event((store, endpoint): (&StoreKey, &Endpoint), kind: EventType, id: EventId, data: Data) -> Event {
    Event {
        kind,
        version: VERSION,
        // The same for the same id, whoever sends it.
        timestamp: id.timestamp(),
        store: store.into(),
        subject: Subject {
            kind: ENDPOINT.to_owned(),
            id: endpoint.key.id.to_string(),
            version: None,
        },
        data,
        changed: None,
        previous: None,
        related: Related::default(),
        session_id: None,
        cause: None,
        personal: None,
        meta: None,
        id,
    }
}

fn data(endpoint: &Endpoint) -> EndpointData {
    EndpointData {
        id: endpoint.key.id.to_string(),
        host: host(&endpoint.settings.url).to_owned(),
        failing_since: None,
        code: None,
        step: None,
    }
}

/// Text of a code, as in JSON.
fn text(code: AttemptCode) -> Option<String> {
    let value = serde_json::to_value(code).ok()?;
    value.as_str().map(str::to_owned)
}

/// Host of a URL that was checked when the endpoint was created. Without port, path, query and user: any of these may hold a token.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_all_that_is_reported_of_a_url() {
        for (url, expected) in [
            ("https://example.com/hook?token=a", "example.com"),
            ("https://example.com", "example.com"),
            ("https://example.com:8443?token=a:1", "example.com"),
            ("https://user:secret@example.com:8443/a@b", "example.com"),
            ("http://[2606:4700::1]:8443/a", "[2606:4700::1]"),
            ("http://[2606:4700::1]", "[2606:4700::1]"),
            ("https://example.com#a", "example.com"),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}

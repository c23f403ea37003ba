//! Headers of an attempt, as they follow from what is known of it.

use hookline_events::{EventId, EventType};
use serde::{Deserialize, Serialize};

use crate::outbound::{AttemptRecord, Endpoint, MessageRecord, Signatures};

/// A header of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "MessageHeader"))]
pub struct HeaderView {
    /// Name, in lower case.
    pub name: String,
    /// Value; null if it is secret or is not kept. Only the part before `…` is kept of one that contains it.
    pub value: Option<String>,
}

/// Returns the headers that an attempt certainly sent, `host` and `content-length` left out; `None` if there was no answer. They are
/// not stored but computed from the record, as `hookline_outbound::headers` makes them. Those that the endpoint's configuration
/// decides (versions of signatures, custom headers, an authorization) are there only if the endpoint is still of the attempt's
/// revision: otherwise nobody knows them any more.
pub(super) fn request_headers(
    endpoint: &Endpoint,
    event: &EventId,
    record: &MessageRecord,
    attempt: &AttemptRecord,
) -> Option<Vec<HeaderView>> {
    attempt.status?;
    let is_unchanged = attempt.revision == Some(endpoint.revision);
    let versions = match endpoint.settings.signatures {
        Signatures::V1 => "v1,…",
        Signatures::V1a => "v1a,…",
        Signatures::Both => "v1,… v1a,…",
    };
    let (source, store) = (&record.store.source, &record.store.store);
    let mut headers = vec![
        header("webhook-id", Some(event.to_string())),
        // A record has the time of an attempt, and not the second in which the request was signed.
        header("webhook-timestamp", None),
        header("webhook-signature", is_unchanged.then(|| versions.to_owned())),
    ];
    if let Some(kind) = &record.kind {
        headers.push(header("hookline-type", Some(kind.to_string())));
    }
    headers.push(header("hookline-store", Some(format!("{source}:{store}"))));
    headers.push(header(
        "hookline-attempt",
        attempt.number.map(|number| number.to_string()),
    ));
    if record.kind == Some(EventType::DELIVERY_RECEIVED) {
        headers.push(header("hookline-topic", None));
    }
    if record.run > 0 {
        headers.push(header("hookline-replay", Some("true".to_owned())));
    }
    headers.extend([
        header("ce-specversion", Some("1.0".to_owned())),
        header("ce-id", Some(event.to_string())),
        header("ce-type", record.kind.as_ref().map(ToString::to_string)),
        header("ce-source", Some(format!("/{source}/{store}"))),
        // Only the event has these.
        header("ce-subject", None),
        header("ce-time", None),
        header("content-type", Some("application/json".to_owned())),
        header("accept-encoding", Some("identity".to_owned())),
        header("user-agent", Some("Hookline/…".to_owned())),
    ]);
    if is_unchanged {
        if endpoint.credentials.auth.is_some() {
            headers.push(header("authorization", None));
        }
        let custom = endpoint.credentials.headers.iter().flat_map(|custom| &custom.names);
        headers.extend(custom.map(|name| header(&name.to_ascii_lowercase(), None)));
    }
    Some(headers)
}

fn header(name: &str, value: Option<String>) -> HeaderView {
    HeaderView {
        name: name.to_owned(),
        value,
    }
}

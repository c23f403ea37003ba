//! Explanation of an event's fate at each endpoint.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    endpoint::without_query,
    message::{AttemptView, FateName, sentence},
};
use crate::{
    kernel::port::{CALLS_AT_ONCE, PortError},
    outbound::{EndpointKey, EndpointRecords, KeptEvent, MessageRecords, Verdict},
};

/// Fate of an event at an endpoint, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct EndpointWhy {
    /// Id of the endpoint.
    pub endpoint: String,
    /// Owner of the endpoint: `*` for all stores, or a store, as in `shopify#demo.myshopify.com`.
    pub owner: String,
    /// URL of the endpoint, without its query; null if the endpoint is deleted.
    pub url: Option<String>,
    /// Verdict when the event was accepted: `queued`, `not_subscribed`, `filtered`, `paused_discarded`, `suspended` or
    /// `deleting`.
    pub verdict: String,
    /// Verdict in a sentence.
    pub verdict_sentence: String,
    /// Fate of the message; null if the event is no message of the endpoint.
    pub fate: Option<FateName>,
    /// Latest attempts, oldest first.
    pub attempts: Vec<AttemptView>,
    /// Outcome in a sentence or two.
    pub sentence: String,
}

/// Explains the fate of an event at each endpoint that there was when it was accepted, as far as `selects` returns true.
///
/// # Errors
/// [`PortError`] if a table did not answer. **Retryable.**
pub async fn why(
    (endpoints, messages): (&impl EndpointRecords, &impl MessageRecords),
    event: &KeptEvent,
    selects: impl Fn(&EndpointKey) -> bool,
    now: Timestamp,
) -> Result<Vec<EndpointWhy>, PortError> {
    let selected = event.verdicts.iter().filter(|(key, _)| selects(key));
    // Collected, because the compiler cannot prove that the closure is Send.
    let explained: Vec<_> = selected
        .map(|(key, verdict)| explain((endpoints, messages), event, (key, verdict), now))
        .collect();
    stream::iter(explained).buffered(CALLS_AT_ONCE).try_collect().await
}

async fn explain(
    (endpoints, messages): (&impl EndpointRecords, &impl MessageRecords),
    event: &KeptEvent,
    (key, verdict): (&EndpointKey, &Verdict),
    now: Timestamp,
) -> Result<EndpointWhy, PortError> {
    let endpoint = endpoints.read(key).await?;
    let is_message = *verdict == Verdict::Queued;
    let record = if is_message {
        messages.find_one(key, &event.id).await?
    } else {
        None
    };
    let outcome = match (&endpoint, verdict) {
        (Some(endpoint), Verdict::Queued) => sentence(endpoint, record.as_ref(), now),
        (None, Verdict::Queued) => "The endpoint is deleted; what waited for it was discarded.".to_owned(),
        (_, Verdict::Filtered(condition)) => format!("Not sent: the condition {condition} did not hold."),
        (_, other) => format!("Not sent. {}", other.sentence()),
    };
    Ok(EndpointWhy {
        endpoint: key.id.to_string(),
        owner: key.scope.to_string(),
        url: endpoint.map(|endpoint| without_query(&endpoint.settings.url)),
        verdict: verdict.as_str().to_owned(),
        verdict_sentence: verdict.sentence(),
        fate: is_message.then(|| record.as_ref().and_then(|record| record.fate).into()),
        attempts: record
            .iter()
            .flat_map(|record| &record.attempts)
            .map(AttemptView::from)
            .collect(),
        sentence: outcome,
    })
}

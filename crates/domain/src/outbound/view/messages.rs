//! Messages of an endpoint as people find them: by their events, and the open ones.

use hookline_events::EventId;
use jiff::Timestamp;

use super::MessageView;
use crate::{
    kernel::{ids::StoreKey, port::PortError},
    outbound::{Endpoint, Entry, EntryKey, EventRecords, MessageRecords, OutboxRecords, Scope, Verdict},
};

/// Open entries that are searched for a message of an endpoint of all stores that was never tried.
const MOST_SEARCHED: usize = 1000;

/// Reads one message in [detail](MessageView::in_detail); `None` if the event is no message of the endpoint, or is no longer known.
///
/// # Errors
/// [`PortError`] if a table did not answer. **Retryable.**
pub async fn find_message(
    (messages, outboxes, events): (&impl MessageRecords, &impl OutboxRecords, &impl EventRecords),
    endpoint: &Endpoint,
    id: &EventId,
    now: Timestamp,
) -> Result<Option<MessageView>, PortError> {
    if let Some(record) = messages.find_one(&endpoint.key, id).await? {
        return Ok(Some(MessageView::in_detail(endpoint, id, &record, now)));
    }
    // It was never tried, and only its event says in which store it happened.
    let store = match &endpoint.key.scope {
        Scope::Store(store) => Some(store.clone()),
        Scope::All => {
            let page = outboxes.list(&endpoint.key, None, MOST_SEARCHED).await?;
            let entry = page.entries.into_iter().find(|entry| entry.key.event == *id);
            entry.map(|entry| entry.store)
        }
    };
    let Some(store) = store else { return Ok(None) };
    let event = events.find(&store, id).await?;
    let event = event.filter(|event| event.verdicts.get(&endpoint.key) == Some(&Verdict::Queued));
    Ok(event.map(|event| MessageView::untried(endpoint, id, &store, Some(&event.kind), now)))
}

/// Reads a page of open messages in the order in which they are due, and the key after which the next page begins.
///
/// # Errors
/// [`PortError`] if a table did not answer. **Retryable.**
pub async fn open_messages(
    (messages, outboxes): (&impl MessageRecords, &impl OutboxRecords),
    endpoint: &Endpoint,
    after: Option<&EntryKey>,
    limit: usize,
    now: Timestamp,
) -> Result<(Vec<MessageView>, Option<EntryKey>), PortError> {
    let page = outboxes.list(&endpoint.key, after, limit).await?;
    let ids: Vec<(StoreKey, EventId)> = page.entries.iter().map(names).collect();
    let known = messages.known(&endpoint.key, &ids).await?;
    let views = page.entries.iter().zip(&known).map(|(entry, known)| {
        let of_record = known.record.as_ref().and_then(|record| record.kind.as_ref());
        let kind = known.event.as_ref().map(|event| &event.kind).or(of_record);
        MessageView::open(endpoint, entry, kind, known.record.as_ref(), now)
    });
    Ok((views.collect(), page.next))
}

fn names(entry: &Entry) -> (StoreKey, EventId) {
    (entry.store.clone(), entry.key.event.clone())
}

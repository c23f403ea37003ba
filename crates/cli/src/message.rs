//! `hookline message`: messages, each one event for one endpoint.

use anyhow::{Result, anyhow};
use hookline_domain::outbound::{
    EntryKey, MessageFate, MessageFilter, MessageRecords, MessageView, find_message, open_messages,
};
use hookline_events::EventId;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{EndpointArgs, FateArg, MessageCommand},
    endpoint::{find, key, refused, resend},
    output::{Output, Row, count, say, timestamp},
    resources::Resources,
};

/// Messages read per page.
const PER_PAGE: usize = 200;

/// A message in a table.
#[derive(Debug, Serialize)]
struct MessageRow(MessageView);

impl Row for MessageRow {
    const HEADINGS: &'static [&'static str] = &["EVENT", "TYPE", "STORE", "FATE", "ATTEMPTS", "LAST", "NEXT"];

    fn cells(&self) -> Vec<String> {
        let Self(view) = self;
        let dash = || "-".to_owned();
        let last = view.attempts.last().map(|attempt| match attempt.status {
            Some(status) => format!("{} {status}", timestamp(attempt.at)),
            None => format!("{} no answer", timestamp(attempt.at)),
        });
        vec![
            view.event.to_string(),
            view.r#type.as_ref().map_or_else(dash, ToString::to_string),
            view.store.to_string(),
            view.fate.as_str().to_owned(),
            view.attempts.len().to_string(),
            last.unwrap_or_else(dash),
            view.next_attempt_at.map_or_else(dash, timestamp),
        ]
    }
}

pub async fn run(resources: &Resources, out: &Output, command: MessageCommand) -> Result<bool> {
    match command {
        MessageCommand::List {
            endpoint,
            fate: Some(FateArg::Open),
            limit,
            ..
        } => open(resources, out, &endpoint, limit).await,
        MessageCommand::List {
            endpoint,
            fate,
            r#type,
            from,
            limit,
        } => {
            let filter = MessageFilter {
                fate: fate.and_then(settled),
                kind: r#type,
                from: from.map(|from| from.0),
                before: None,
            };
            list(resources, out, &endpoint, filter, limit).await
        }
        MessageCommand::Show { endpoint, event } => show(resources, out, &endpoint, &event).await,
        MessageCommand::Retry { endpoint, event } => retry(resources, out, &endpoint, &event).await,
    }
}

fn settled(fate: FateArg) -> Option<MessageFate> {
    match fate {
        FateArg::Open => None,
        FateArg::Sent => Some(MessageFate::Sent),
        FateArg::Exhausted => Some(MessageFate::Exhausted),
        FateArg::Aborted => Some(MessageFate::Aborted),
        FateArg::Expired => Some(MessageFate::Expired),
        FateArg::Discarded => Some(MessageFate::Discarded),
        FateArg::Superseded => Some(MessageFate::Superseded),
    }
}

async fn list(
    resources: &Resources,
    out: &Output,
    args: &EndpointArgs,
    mut filter: MessageFilter,
    limit: usize,
) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let (messages, now) = (resources.messages()?, Timestamp::now());
    let mut rows = Vec::new();
    let has_more = loop {
        let left = limit - rows.len();
        if left == 0 {
            break filter.before.is_some();
        }
        let page = messages.list(&endpoint.key, &filter, left.min(PER_PAGE)).await?;
        let views = page
            .records
            .iter()
            .map(|(id, record)| MessageView::of(&endpoint, id, record, now));
        rows.extend(views.map(MessageRow));
        filter.before = page.next;
        if filter.before.is_none() {
            break false;
        }
    };
    ended(out, &rows, has_more)
}

async fn open(resources: &Resources, out: &Output, args: &EndpointArgs, limit: usize) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let (messages, outboxes, now) = (resources.messages()?, resources.outboxes()?, Timestamp::now());
    let mut rows = Vec::new();
    let mut after: Option<EntryKey> = None;
    let has_more = loop {
        let left = limit - rows.len();
        if left == 0 {
            break after.is_some();
        }
        let ports = (&messages, &outboxes);
        let (views, next) = open_messages(ports, &endpoint, after.as_ref(), left.min(PER_PAGE), now).await?;
        rows.extend(views.into_iter().map(MessageRow));
        after = next;
        if after.is_none() {
            break false;
        }
    };
    ended(out, &rows, has_more)
}

fn ended(out: &Output, rows: &[MessageRow], has_more: bool) -> Result<bool> {
    out.rows(rows)?;
    let more = if has_more {
        "; there may be more: give a higher --limit"
    } else {
        ""
    };
    say(&format!("· {}{more}", count(rows.len(), "message")));
    Ok(true)
}

async fn show(resources: &Resources, out: &Output, args: &EndpointArgs, event: &EventId) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let (messages, outboxes, events) = (resources.messages()?, resources.outboxes()?, resources.events()?);
    let found = find_message((&messages, &outboxes, &events), &endpoint, event, Timestamp::now()).await?;
    let found = found.ok_or_else(|| {
        anyhow!(
            "{event} is no message of {}: the event was never for it, or it is no longer known. To see why: hookline event why \
             STORE {event}",
            args.id
        )
    })?;
    print(out, &found)?;
    Ok(true)
}

async fn retry(resources: &Resources, out: &Output, args: &EndpointArgs, event: &EventId) -> Result<bool> {
    let message = resend(resources)?.retry(&key(args), event).await;
    let message = message.map_err(|error| refused(error, args))?;
    if out.json {
        out.object(&message)?;
    }
    say(&format!(
        "· it is sent again. To see the outcome: hookline message show {} {event} {}",
        args.id,
        args.owner.options()
    ));
    Ok(true)
}

/// Prints a message: for a person its fate in a sentence, then a line for each attempt, with the headers that it sent and what the
/// endpoint said to refuse it.
pub fn print(out: &Output, view: &MessageView) -> Result<()> {
    if out.json {
        return out.object(view);
    }
    let kind = view.r#type.as_ref().map_or_else(String::new, |kind| format!(" {kind}"));
    let mut lines = vec![
        format!("{}{kind} {}", view.event, view.store),
        format!("{}: {}", view.fate.as_str(), view.sentence),
    ];
    for attempt in &view.attempts {
        let status = attempt
            .status
            .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let sentence = attempt.code_sentence.as_deref().unwrap_or("Taken.");
        let (at, took_ms) = (timestamp(attempt.at), attempt.took_ms);
        lines.push(format!("  {at}  {status}  {took_ms} ms  {sentence}"));
        if let Some(excerpt) = &attempt.excerpt {
            lines.push(format!("    It said: {}", excerpt.as_str()));
        }
        for header in attempt.request_headers.iter().flatten() {
            let value = header.value.as_deref().unwrap_or("(not shown)");
            lines.push(format!("    > {}: {value}", header.name));
        }
    }
    out.text(&lines.join("\n"))
}

//! `hookline dlq`: lists, shows, redrives and removes dead letters.

mod fan_out;
mod purge;
mod redrive;

use anyhow::{Result, bail};

use crate::{
    args::{DlqCommand, HidingOptions},
    dead_letters::{DeadLetterSummary, DeadLetterWalk, Letter, fetch_delivery},
    output::{Output, count, say, timestamp},
    resources::Resources,
    selection::Selection,
};

pub async fn run(resources: &Resources, out: &Output, command: DlqCommand) -> Result<bool> {
    match command {
        DlqCommand::FanOut(command) => fan_out::run(resources, out, command).await,
        DlqCommand::List {
            selection,
            limit,
            hiding,
        } => list(resources, out, &selection, limit, hiding).await,
        DlqCommand::Show { id, body, hiding } => show(resources, out, &id, body, hiding).await,
        DlqCommand::Redrive {
            selection,
            dry_run,
            rate,
            limit,
            hiding,
        } => {
            let request = redrive::RedriveRequest {
                selection: &selection,
                rate,
                limit,
                hiding,
            };
            if dry_run {
                return preview(
                    resources,
                    out,
                    &selection,
                    limit,
                    hiding,
                    "be moved; messages that are not ours stay",
                )
                .await;
            }
            redrive::run(resources, out, &request).await
        }
        DlqCommand::Purge {
            selection,
            dry_run,
            yes,
            save,
            hiding,
        } => {
            if dry_run {
                return preview(resources, out, &selection, usize::MAX, hiding, "be removed").await;
            }
            purge::run(resources, out, &selection, yes, save.as_deref(), hiding).await
        }
    }
}

async fn list(
    resources: &Resources,
    out: &Output,
    selection: &Selection,
    limit: usize,
    hiding: HidingOptions,
) -> Result<bool> {
    let (letters, more) = DeadLetterWalk::new(resources, selection, hiding)?.all(limit).await?;
    out.rows(&summaries(&letters))?;
    let more = if more { "; there may be more (--limit)" } else { "" };
    say(&format!("· {}{more}", count(letters.len(), "dead letter")));
    Ok(true)
}

async fn preview(
    resources: &Resources,
    out: &Output,
    selection: &Selection,
    limit: usize,
    hiding: HidingOptions,
    action: &str,
) -> Result<bool> {
    let (letters, _) = DeadLetterWalk::new(resources, selection, hiding)?.all(limit).await?;
    out.rows(&summaries(&letters))?;
    say(&format!(
        "· {} would {action}. Nothing was changed",
        count(letters.len(), "dead letter")
    ));
    Ok(true)
}

fn summaries(letters: &[Letter]) -> Vec<DeadLetterSummary> {
    letters.iter().map(DeadLetterSummary::from).collect()
}

async fn show(resources: &Resources, out: &Output, id: &str, body: bool, hiding: HidingOptions) -> Result<bool> {
    let everything = Selection::default();
    let (letters, _) = DeadLetterWalk::new(resources, &everything, hiding)?
        .all(usize::MAX)
        .await?;
    let is_meant = |letter: &&Letter| {
        letter.dead.message_id == id
            || letter
                .delivery
                .as_ref()
                .is_ok_and(|delivery| delivery.key.id.as_str() == id)
    };
    let selected: Vec<&Letter> = letters.iter().filter(is_meant).collect();
    if selected.is_empty() {
        bail!(
            "no dead letter has the id {id}. To list them: hookline dlq list. To see the delivery: hookline trace {id}"
        );
    }
    for letter in selected {
        let summary = DeadLetterSummary::from(letter);
        if out.json {
            let mut object = serde_json::to_value(&summary)?;
            if body {
                object["body"] = body_of(resources, letter).await?.into();
            }
            out.object(&object)?;
            continue;
        }
        out.text(&page(&summary))?;
        if body {
            out.text(&format!(
                "\n{}",
                without_control_characters(&body_of(resources, letter).await?)
            ))?;
        }
    }
    Ok(true)
}

/// A dead letter for a person, one fact per line.
fn page(summary: &DeadLetterSummary) -> String {
    let time = |at: Option<jiff::Timestamp>| at.map(timestamp);
    let facts = [
        ("message", Some(summary.message_id.clone())),
        ("not ours", summary.not_ours.clone()),
        ("store", summary.store.clone()),
        ("topic", summary.topic.clone()),
        ("delivery", summary.delivery_id.clone()),
        ("event", summary.event_id.clone()),
        ("API version", summary.api_version.clone()),
        ("triggered", time(summary.triggered_at)),
        ("received", time(summary.received_at)),
        ("sent", time(summary.sent_at)),
        ("receives", Some(summary.receives.to_string())),
        (
            "body",
            Some(
                summary
                    .bytes
                    .map_or_else(|| "in S3".to_owned(), |bytes| format!("{bytes} bytes")),
            ),
        ),
        ("problem", summary.problem()),
        ("since", time(summary.problem_at)),
        ("in words", summary.message.clone()),
    ];
    let lines = facts
        .into_iter()
        .filter_map(|(name, fact)| Some(format!("{name:<12} {}", fact?)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The body, or the whole message if it is not ours.
async fn body_of(resources: &Resources, letter: &Letter) -> Result<String> {
    if letter.delivery.is_err() {
        return Ok(letter.dead.text.clone());
    }
    let delivery = fetch_delivery(letter, resources).await?;
    Ok(String::from_utf8_lossy(&delivery.body).into_owned())
}

/// Replaces control characters: a stranger wrote the text, and it must not control the terminal.
fn without_control_characters(text: &str) -> String {
    let is_harmful = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    text.chars()
        .map(|c| if is_harmful(&c) { '\u{FFFD}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_cannot_control_the_terminal() {
        assert_eq!(
            without_control_characters("a\tb\n\u{1b}[2J\u{9b}2Jé"),
            "a\tb\n\u{FFFD}[2J\u{FFFD}2Jé"
        );
    }
}

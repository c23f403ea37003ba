//! `hookline dlq`: dead letters are listed, shown, moved back, removed.

mod purge;
mod redrive;

use anyhow::{Result, bail};

use crate::{
    args::{Dlq, Hiding},
    letters::{Letter, Summary, Walk, seconds, whole},
    output::{Output, count, say},
    places::Connected,
    select::Selection,
};

pub async fn run(places: &Connected, out: &Output, command: Dlq) -> Result<bool> {
    match command {
        Dlq::List {
            selection,
            limit,
            hiding,
        } => list(places, out, &selection, limit, hiding).await,
        Dlq::Show { id, body, hiding } => show(places, out, &id, body, hiding).await,
        Dlq::Redrive {
            selection,
            dry_run,
            rate,
            limit,
            hiding,
        } => {
            let wanted = redrive::Wanted {
                selection: &selection,
                rate,
                limit,
                hiding,
            };
            if dry_run {
                return would(
                    places,
                    out,
                    &selection,
                    limit,
                    hiding,
                    "be moved; messages that are not ours stay",
                )
                .await;
            }
            redrive::run(places, out, &wanted).await
        }
        Dlq::Purge {
            selection,
            dry_run,
            yes,
            save,
            hiding,
        } => {
            if dry_run {
                return would(places, out, &selection, usize::MAX, hiding, "be removed").await;
            }
            purge::run(places, out, &selection, yes, save.as_deref(), hiding).await
        }
    }
}

async fn list(places: &Connected, out: &Output, selection: &Selection, limit: usize, hiding: Hiding) -> Result<bool> {
    let (letters, more) = Walk::new(places, selection, hiding)?.all(limit).await?;
    out.rows(&summaries(&letters))?;
    let more = if more { "; there may be more (--limit)" } else { "" };
    say(&format!("· {}{more}", count(letters.len(), "dead letter")));
    Ok(true)
}

async fn would(
    places: &Connected,
    out: &Output,
    selection: &Selection,
    limit: usize,
    hiding: Hiding,
    what: &str,
) -> Result<bool> {
    let (letters, _) = Walk::new(places, selection, hiding)?.all(limit).await?;
    out.rows(&summaries(&letters))?;
    say(&format!(
        "· {} would {what}. Nothing was changed",
        count(letters.len(), "letter")
    ));
    Ok(true)
}

fn summaries(letters: &[Letter]) -> Vec<Summary> {
    letters.iter().map(Summary::from).collect()
}

async fn show(places: &Connected, out: &Output, id: &str, body: bool, hiding: Hiding) -> Result<bool> {
    let everything = Selection::default();
    let (letters, _) = Walk::new(places, &everything, hiding)?.all(usize::MAX).await?;
    let is_meant = |letter: &&Letter| {
        letter.dead.message_id == id
            || letter
                .delivery
                .as_ref()
                .is_ok_and(|delivery| delivery.key.id.as_str() == id)
    };
    let meant: Vec<&Letter> = letters.iter().filter(is_meant).collect();
    if meant.is_empty() {
        bail!("no dead letter has the id {id}; `hookline dlq list` shows those there are, `hookline trace {id}` more");
    }
    for letter in meant {
        let summary = Summary::from(letter);
        if out.json {
            let mut object = serde_json::to_value(&summary)?;
            if body {
                object["body"] = body_of(places, letter).await?.into();
            }
            out.object(&object)?;
            continue;
        }
        out.text(&told(&summary))?;
        if body {
            out.text(&format!("\n{}", harmless(&body_of(places, letter).await?)))?;
        }
    }
    Ok(true)
}

/// A letter, a fact a line.
fn told(summary: &Summary) -> String {
    let time = |at: Option<jiff::Timestamp>| at.map(seconds);
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

/// The body, or what the message holds if it is not ours.
async fn body_of(places: &Connected, letter: &Letter) -> Result<String> {
    if letter.delivery.is_err() {
        return Ok(letter.dead.text.clone());
    }
    let delivery = whole(letter, places).await?;
    Ok(String::from_utf8_lossy(&delivery.body).into_owned())
}

/// A text that can do nothing to a terminal: a stranger wrote it.
fn harmless(text: &str) -> String {
    let harms = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    text.chars().map(|c| if harms(&c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_cannot_speak_to_the_terminal() {
        assert_eq!(harmless("a\tb\n\u{1b}[2J\u{9b}2Jé"), "a\tb\n\u{FFFD}[2J\u{FFFD}2Jé");
    }
}

//! `hookline store show`: shows everything known about one store.

use anyhow::{Result, bail};
use hookline_domain::{
    consumer::audit::{AuditRecord, Audited},
    event,
    kernel::advice::AdvisedError,
    kernel::ids::{StoreKey, Topic},
    store::{
        status::{Reason, Status},
        stores::{Reconciled, StoreRecord, StoreView, StoreViews, Watched},
    },
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    dead_letters::code_with_cause,
    output::{Output, timestamp},
    resources::{Resources, non_blank},
};

/// Status of a store, and the requests required by law.
#[derive(Serialize)]
struct StoreReport {
    #[serde(flatten)]
    status: Option<Status>,
    audit: Vec<LegalRequest>,
}

/// Request required by law, and its outcome.
#[derive(Serialize)]
struct LegalRequest {
    topic: &'static str,
    delivery_id: String,
    received_at: Timestamp,
    done_at: Timestamp,
    outcome: String,
}

impl LegalRequest {
    fn new(record: AuditRecord) -> Self {
        Self {
            topic: match record.request {
                event::Request::CustomerData => "customers/data_request",
                event::Request::CustomerRedaction => "customers/redact",
                event::Request::StoreRedaction => "shop/redact",
            },
            delivery_id: record.delivery.to_string(),
            received_at: record.received_at,
            done_at: record.done_at,
            outcome: record.outcome,
        }
    }
}

pub async fn run(resources: &Resources, out: &Output, store: &StoreKey, audit_table: Option<&String>) -> Result<bool> {
    let view = resources.stores()?.view(store).await?;
    let audit = match non_blank(audit_table) {
        Some(table) => resources.aws.audit(table).of(store).await?,
        None => Vec::new(),
    };
    let audit: Vec<LegalRequest> = audit.into_iter().map(LegalRequest::new).collect();
    if view.is_none() && audit.is_empty() {
        bail!(
            "{} is not known: no verified webhook of it has arrived. To add it: hookline store add {}",
            store.label(),
            store.label()
        );
    }
    let now = Timestamp::now();
    if out.json {
        let status = view.map(|view| Status::of(store, view, now));
        out.object(&StoreReport { status, audit })?;
        return Ok(true);
    }
    if let Some(view) = &view {
        out.text(&page(store, view, now))?;
    }
    for request in audit {
        out.text(&format!(
            "{:<15} {} ({}): {}",
            "legal request",
            request.topic,
            timestamp(request.received_at),
            request.outcome
        ))?;
    }
    Ok(true)
}

/// Everything known about a store, one fact per line.
fn page(store: &StoreKey, view: &StoreView, now: Timestamp) -> String {
    let record = &view.record;
    let status = Status::of(store, view.clone(), now);
    let time = |at: Option<Timestamp>| Some(at.map_or_else(|| "never".to_owned(), timestamp));
    let number = |number: u64| (number > 0).then(|| number.to_string());
    let error = status.last_error.as_ref().map(|AdvisedError { error, .. }| {
        let delivery = error.delivery_id.as_ref().map(|id| format!("; hookline trace {id}"));
        let (code, delivery) = (code_with_cause(error.code, error.cause), delivery.unwrap_or_default());
        format!("{code}: {} ({}{delivery})", error.message, timestamp(error.at))
    });
    let facts = [
        ("store", Some(format!("{} ({})", store.store, store.source))),
        ("install", Some(install(record))),
        ("connected", Some(connected(store, record))),
        ("last event", time(record.last_event_at)),
        ("last sync", time(record.last_sync_at)),
        ("state", Some(status.why.clone())),
        ("last error", error),
        ("advice", status.last_error.as_ref().map(|error| error.advice.clone())),
        ("failed", failed(&status)),
        ("events 24h", Some(by_topic(status.events_24h.by_topic.iter()))),
        ("missed 24h", Some(missed(&status))),
        (
            "silence",
            (status.silence.why != Reason::None).then(|| status.silence.message.clone()),
        ),
        ("partial 24h", number(status.partial_24h)),
        ("duplicates 24h", number(status.duplicates_dropped_24h)),
        ("discarded 24h", number(status.discarded_24h)),
        ("replayed 24h", number(status.replayed_24h)),
        ("read behind 24h", number(status.read_behind_24h)),
        ("forged 24h", number(status.signature_failures_24h)),
        (
            "reconciled",
            Some(
                record
                    .reconciled
                    .as_ref()
                    .map_or_else(|| "never".to_owned(), reconciled),
            ),
        ),
        ("subscriptions", record.watched.as_ref().map(watched)),
    ];
    let lines = facts
        .into_iter()
        .filter_map(|(name, fact)| Some(format!("{name:<15} {}", fact?)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Failed deliveries that need attention, one line each.
fn failed(status: &Status) -> Option<String> {
    let failed = &status.failed;
    if failed.deliveries.is_empty() {
        return None;
    }
    let lines = failed.deliveries.iter().map(|delivery| {
        let name = format!("{} {}", delivery.topic, delivery.id);
        format!("\n{:<15} {name}: {}", "", delivery.meaning)
    });
    let more = if failed.more { " or more" } else { "" };
    let (retrying, dead) = (failed.retrying, failed.dead_letters);
    let counts = format!(
        "{dead}{more} dead letters, {retrying}{more} still retried. To redrive: hookline dlq redrive --store {}",
        status.store
    );
    Some(counts + &lines.collect::<String>())
}

fn install(record: &StoreRecord) -> String {
    match (record.enabled, record.uninstalled_at) {
        (true, _) => format!("installed ({})", which_install(record.epoch)),
        (false, Some(at)) => format!("uninstalled at {}", timestamp(at)),
        (false, None) => "uninstalled".to_owned(),
    }
}

/// Ordinal of a store's install, in the same words as the panel: `web/fixtures/installs.json`.
fn which_install(epoch: u64) -> String {
    let ending = match (epoch % 10, epoch % 100) {
        _ if epoch <= 1 => return "the first install".to_owned(),
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("the {epoch}{ending} install")
}

fn connected(store: &StoreKey, record: &StoreRecord) -> String {
    let currency = record
        .currency
        .as_ref()
        .map(|currency| format!(", prices in {currency}"));
    if record.connected {
        format!("yes{}", currency.unwrap_or_default())
    } else {
        format!("no. To connect it: hookline store add {}", store.label())
    }
}

/// Missed webhooks by topic, each with its share of all changes of the topic.
fn missed(status: &Status) -> String {
    let missed = status.missed_24h.by_topic.iter().map(|(topic, count)| {
        let rate = status
            .missed_rate
            .get(topic)
            .map(|rate| format!(" ({:.2}%)", rate * 100.0));
        format!("{count} {topic}{}", rate.unwrap_or_default())
    });
    let missed: Vec<String> = missed.collect();
    if missed.is_empty() {
        "none".to_owned()
    } else {
        missed.join(", ")
    }
}

fn reconciled(found: &Reconciled) -> String {
    let skipped = match found.skipped {
        0 => String::new(),
        skipped => format!(", {skipped} could not be read"),
    };
    format!(
        "{}: {} products compared; missed {}; {} in other collections, {} mended{skipped}",
        timestamp(found.ended_at),
        found.compared,
        by_topic(found.missed.iter()),
        found.regrouped,
        found.mended
    )
}

fn watched(check: &Watched) -> String {
    if !check.by_api {
        return "none made with hookline webhooks register; those in shopify.app.toml are not visible here".to_owned();
    }
    let topics = |topics: &[Topic], label: &str| {
        let names: Vec<&str> = topics.iter().map(Topic::as_str).collect();
        (!topics.is_empty()).then(|| format!("{label}: {}", names.join(", ")))
    };
    let problems: Vec<String> = [
        topics(&check.missing, "missing"),
        topics(&check.elsewhere, "sent elsewhere"),
        topics(&check.restored, "created again"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let problems = if problems.is_empty() {
        "all present".to_owned()
    } else {
        problems.join("; ")
    };
    format!("{problems} ({})", timestamp(check.at))
}

fn by_topic<'a>(counts: impl Iterator<Item = (&'a (impl ToString + 'a), &'a u64)>) -> String {
    let counts: Vec<String> = counts
        .map(|(topic, count)| format!("{count} {}", topic.to_string()))
        .collect();
    if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        epoch: u64,
        words: String,
    }

    #[test]
    fn installs_are_counted_as_in_the_panel() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../../web/fixtures/installs.json")).unwrap();
        for Case { epoch, words } in cases {
            assert_eq!(which_install(epoch), words);
        }
    }
}

//! `hookline endpoint list`, `show`, `status` and `stats`.

use anyhow::Result;
use hookline_domain::outbound::{
    self, CertificateView, EndpointAuth, EndpointRecords, EndpointView, StatsFigures, StatsHour,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{find, view};
use crate::{
    args::{EndpointArgs, OwnerArgs},
    output::{Output, Row, count, say, timestamp},
    resources::Resources,
};

/// An endpoint in a table.
#[derive(Debug, Serialize)]
struct EndpointRow {
    #[serde(flatten)]
    view: EndpointView,
}

impl Row for EndpointRow {
    const HEADINGS: &'static [&'static str] = &["ID", "STATE", "SINCE", "TYPES", "URL"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.view.id.clone(),
            name(&self.view),
            timestamp(self.view.state_since),
            self.view.settings.types.join(", "),
            self.view.settings.url.clone(),
        ]
    }
}

fn name(view: &EndpointView) -> String {
    let name = serde_json::to_value(view.state).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

pub async fn list(resources: &Resources, out: &Output, owner: &OwnerArgs) -> Result<bool> {
    let endpoints = resources.endpoints()?.list(&owner.scope()).await?;
    let rows: Vec<EndpointRow> = endpoints
        .iter()
        .map(|endpoint| EndpointRow { view: view(endpoint) })
        .collect();
    out.rows(&rows)?;
    say(&format!("· {}", count(rows.len(), "endpoint")));
    Ok(true)
}

pub async fn show(resources: &Resources, out: &Output, args: &EndpointArgs) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    print(out, &view(&endpoint))?;
    Ok(true)
}

/// Prints an endpoint: for a person one fact per line, then its settings.
pub fn print(out: &Output, view: &EndpointView) -> Result<()> {
    if out.json {
        return out.object(view);
    }
    let list = |all: &[String]| if all.is_empty() { "-".to_owned() } else { all.join(", ") };
    let secrets = view.secrets.iter().map(|secret| match secret.until {
        None => format!("since {}", timestamp(secret.created_at)),
        Some(until) => format!("until {}", timestamp(until)),
    });
    let secrets: Vec<String> = secrets.collect();
    let facts = [
        ("endpoint", view.id.clone()),
        ("owner", view.owner.clone()),
        ("state", format!("{}: {}", name(view), view.state_sentence)),
        ("secrets", list(&secrets)),
        ("public keys", list(&view.public_keys)),
        ("headers", list(&view.header_names)),
        ("token of", view.auth.as_ref().map_or_else(|| "-".to_owned(), token_of)),
        (
            "certificate",
            view.client_certificate
                .as_ref()
                .map_or_else(|| "-".to_owned(), certificate),
        ),
        ("created", timestamp(view.created_at)),
        ("revision", view.revision.to_string()),
    ];
    let lines: Vec<String> = facts
        .into_iter()
        .map(|(name, fact)| format!("{name:<12} {fact}"))
        .collect();
    let settings = serde_json::to_string_pretty(&view.settings)?;
    out.text(&format!("{}\n\n{settings}", lines.join("\n")))
}

fn token_of(auth: &EndpointAuth) -> String {
    let scope = auth
        .scope
        .as_deref()
        .map_or_else(String::new, |scope| format!(", scope {scope}"));
    format!("{}, client {}{scope}", auth.token_url, auth.client_id)
}

fn certificate(certificate: &CertificateView) -> String {
    let tense = if certificate.ends_at > Timestamp::now() {
        "ends"
    } else {
        "HAS ENDED"
    };
    format!("{}, {tense} at {}", certificate.subject, timestamp(certificate.ends_at))
}

pub async fn status(resources: &Resources, out: &Output, args: &EndpointArgs) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let status = outbound::status(&resources.outboxes()?, &endpoint, Timestamp::now()).await?;
    if out.json {
        out.object(&status)?;
    } else {
        out.text(&status.sentence)?;
    }
    Ok(true)
}

/// An hour of statistics in a table.
#[derive(Debug, Serialize)]
struct HourRow(StatsHour);

impl Row for HourRow {
    const HEADINGS: &'static [&'static str] = &["HOUR", "ATTEMPTS", "SENT", "SUCCESS", "P50", "P95", "P99", "FAILED"];

    fn cells(&self) -> Vec<String> {
        let StatsHour { hour, figures } = &self.0;
        let ms = |time: Option<u32>| time.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        vec![
            timestamp(*hour),
            figures.attempts.to_string(),
            figures.sent.to_string(),
            figures.success_percent().unwrap_or_default(),
            ms(figures.p50_ms),
            ms(figures.p95_ms),
            ms(figures.p99_ms),
            failures(figures),
        ]
    }
}

/// Failures by code, the most frequent first: `timed_out 12, refused 3`.
fn failures(figures: &StatsFigures) -> String {
    let mut failed: Vec<_> = figures.failed.iter().collect();
    failed.sort_by_key(|(_, attempts)| std::cmp::Reverse(**attempts));
    let name = |code| serde_json::to_value(code).unwrap_or_default();
    let failed = failed.into_iter().map(|(code, attempts)| {
        let name = name(code);
        format!("{} {attempts}", name.as_str().unwrap_or_default())
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        "-".to_owned()
    } else {
        failed.join(", ")
    }
}

pub async fn stats(resources: &Resources, out: &Output, args: &EndpointArgs, hours: u16) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let ports = (&resources.stats()?, &resources.outboxes()?);
    let stats = outbound::stats(ports, &endpoint.key, hours, Timestamp::now()).await?;
    if out.json {
        out.object(&stats)?;
        return Ok(true);
    }
    let failures = match failures(&stats.total) {
        _ if stats.total.failed.is_empty() => String::new(),
        some => format!(" Failures: {some}."),
    };
    let rows: Vec<HourRow> = stats.hours.into_iter().map(HourRow).collect();
    out.rows(&rows)?;
    let span = format!("{} since {}", count(hours.into(), "hour"), timestamp(stats.from));
    out.text(&format!("{span}: {}{failures}", stats.sentence))?;
    Ok(true)
}

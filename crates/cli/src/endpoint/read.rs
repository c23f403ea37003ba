//! `hookline endpoint list`, `show` and `status`.

use anyhow::Result;
use hookline_domain::outbound::{self, EndpointRecords, EndpointView};
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

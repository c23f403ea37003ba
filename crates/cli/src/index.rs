//! `hookline index`: whether the index answers, and what is wrong if it does not.

use anyhow::Result;
use clap::Args;
use hookline_aws::IndexCheck;
use serde::Serialize;

use crate::{
    admin::Search,
    output::{Output, Row},
    places::Connected,
};

/// What is to be asked.
#[derive(Debug, Args)]
pub struct Index {
    #[command(flatten)]
    pub index: Search,
}

#[derive(Serialize)]
struct Checked {
    request: &'static str,
    outcome: &'static str,
    message: String,
}

impl Row for Checked {
    const HEADINGS: &'static [&'static str] = &["REQUEST", "OUTCOME", ""];

    fn cells(&self) -> Vec<String> {
        vec![self.request.to_owned(), self.outcome.to_owned(), self.message.clone()]
    }
}

/// Whether all was answered.
pub async fn run(places: &Connected, out: &Output, wanted: &Index) -> Result<bool> {
    let checks = wanted.index.open(places)?.check().await;
    let rows: Vec<Checked> = checks
        .into_iter()
        .map(|(request, check)| Checked::of(request, check))
        .collect();
    out.rows(&rows)?;
    Ok(rows.iter().all(|row| matches!(row.outcome, "answered" | "missing")))
}

impl Checked {
    fn of(request: &'static str, check: IndexCheck) -> Self {
        let (outcome, message) = match check {
            IndexCheck::Answered => ("answered", String::new()),
            IndexCheck::Missing => (
                "missing",
                "the server answers; reindex makes the index when it first writes".to_owned(),
            ),
            IndexCheck::Refused(said) => ("refused", said),
            IndexCheck::Unanswered(said) => (
                "no answer",
                format!("{said} (is there a way to it from here, and is it awake? docs/opensearch.md)"),
            ),
        };
        Self {
            request,
            outcome,
            message,
        }
    }
}

//! `hookline index`: checks that the index answers, and says what is wrong if it does not.

use anyhow::Result;
use clap::Args;
use hookline_aws::IndexCheck;
use serde::Serialize;

use crate::{
    admin::IndexOptions,
    output::{Output, Row},
    resources::Resources,
};

/// Arguments of `hookline index`.
#[derive(Debug, Args)]
pub struct IndexArgs {
    #[command(flatten)]
    pub index: IndexOptions,
}

#[derive(Serialize)]
struct CheckRow {
    request: &'static str,
    outcome: &'static str,
    message: String,
}

impl Row for CheckRow {
    const HEADINGS: &'static [&'static str] = &["REQUEST", "OUTCOME", ""];

    fn cells(&self) -> Vec<String> {
        vec![self.request.to_owned(), self.outcome.to_owned(), self.message.clone()]
    }
}

/// Checks the index. True if every request was answered.
pub async fn run(resources: &Resources, out: &Output, args: &IndexArgs) -> Result<bool> {
    let checks = args.index.open(resources)?.check().await;
    let rows: Vec<CheckRow> = checks
        .into_iter()
        .map(|(request, check)| CheckRow::of(request, check))
        .collect();
    out.rows(&rows)?;
    Ok(rows.iter().all(|row| matches!(row.outcome, "answered" | "missing")))
}

impl CheckRow {
    fn of(request: &'static str, check: IndexCheck) -> Self {
        let (outcome, message) = match check {
            IndexCheck::Answered => ("answered", String::new()),
            IndexCheck::Missing => (
                "missing",
                "the server answers; reindex creates the index with its first write".to_owned(),
            ),
            IndexCheck::Refused(reason) => ("refused", reason),
            IndexCheck::Unanswered(reason) => (
                "no answer",
                format!("{reason} (check that this machine can reach it and that it is running: docs/opensearch.md)"),
            ),
        };
        Self {
            request,
            outcome,
            message,
        }
    }
}

//! Standard output for people and programs, messages on standard error, and the formats both use.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;

/// Writer of a command's result to standard output.
pub struct Output {
    /// Print one JSON object per line instead of tables.
    pub json: bool,
}

/// One row of a table; serialized as one JSON object.
pub trait Row: Serialize {
    /// Column names.
    const HEADINGS: &'static [&'static str];
    /// Cells, one per column.
    fn cells(&self) -> Vec<String>;
}

impl Output {
    /// Writes rows as a table, or as JSON lines. Without rows it writes nothing.
    pub fn rows<R: Row>(&self, rows: &[R]) -> Result<()> {
        if self.json {
            return rows.iter().try_for_each(|row| self.object(row));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(R::HEADINGS);
        for row in rows {
            table.add_row(row.cells());
        }
        self.text(&table.trim_fmt())
    }

    /// Writes one JSON object.
    pub fn object(&self, object: &impl Serialize) -> Result<()> {
        self.text(&serde_json::to_string(object)?)
    }

    /// Writes a text unchanged.
    #[expect(clippy::unused_self, reason = "standard output is written through this type only")]
    pub fn text(&self, text: &str) -> Result<()> {
        writeln!(io::stdout().lock(), "{text}")?;
        Ok(())
    }
}

/// Prints a message for a person to standard error, apart from the result.
pub fn say(text: &str) {
    // Ignore a closed standard error.
    let _ignored = writeln!(io::stderr().lock(), "{text}");
}

/// Asks for confirmation and returns true if the answer is `yes`.
///
/// # Errors
/// Without a terminal: the error says what `--yes` would do, from `consequence`.
pub fn confirm(question: &str, consequence: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{consequence}. Give --yes to confirm");
    }
    say(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// A number with its noun: `1 store`, `2 stores`.
pub fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

/// A time in UTC to the second.
pub fn timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Progress bar on standard error; hidden without a terminal.
pub fn progress_bar(total: u64, doing: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:32}] {pos} of about {len}, {elapsed}");
    ProgressBar::new(total)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(doing)
}

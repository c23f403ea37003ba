//! What a person, or a program, reads.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use serde::Serialize;

/// Writes to standard output.
pub struct Output {
    /// One JSON object a line.
    pub json: bool,
}

/// One line of a table.
pub trait Row: Serialize {
    /// The columns' names.
    const HEADINGS: &'static [&'static str];
    /// What is in them.
    fn cells(&self) -> Vec<String>;
}

impl Output {
    /// Writes rows: a table, or JSON.
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

    /// Writes a text, as it is.
    #[expect(clippy::unused_self, reason = "what goes to standard output goes through here")]
    pub fn text(&self, text: &str) -> Result<()> {
        writeln!(io::stdout().lock(), "{text}")?;
        Ok(())
    }
}

/// Says something to a person, beside the output.
pub fn say(text: &str) {
    // Who does not listen need not be told.
    let _unheard = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a person says yes. Where there is none, `otherwise` says what `--yes` would have meant.
pub fn agreed(question: &str, otherwise: &str) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{otherwise}: say --yes if that is meant");
    }
    say(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// `1 letter`, `2 letters`.
pub fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

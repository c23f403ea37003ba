//! Figures beside goals, as a table for a person.

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};

/// Goal of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// Line of the report: a figure and its goal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoalLine {
    pub what: String,
    pub unit: String,
    /// None if it could not be measured in this run.
    pub figure: Option<f64>,
    /// Figure of receivers built without the SDK, if it was measured.
    pub direct: Option<f64>,
    pub goal: Goal,
    pub verdict: Verdict,
}

/// A line that another program has measured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalLine {
    pub what: String,
    pub unit: String,
    pub figure: Option<f64>,
    pub goal: Goal,
}

impl From<ExternalLine> for GoalLine {
    fn from(line: ExternalLine) -> Self {
        Self::new(line.what, line.unit, line.figure, line.goal)
    }
}

/// Replaces lines of the same name, and appends the others.
pub fn merge(lines: &mut Vec<GoalLine>, more: impl IntoIterator<Item = GoalLine>) {
    for line in more {
        match lines.iter_mut().find(|known| known.what == line.what) {
            Some(known) => *known = line,
            None => lines.push(line),
        }
    }
}

/// Verdict on a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Reached,
    Missed,
    /// There is no figure.
    NotMeasured,
}

impl Goal {
    fn judge(self, figure: Option<f64>) -> Verdict {
        let reached = match (self, figure) {
            (_, None) => return Verdict::NotMeasured,
            (Self::AtMost(goal), Some(figure)) => figure <= goal,
            (Self::AtLeast(goal), Some(figure)) => figure >= goal,
        };
        if reached { Verdict::Reached } else { Verdict::Missed }
    }

    fn format(self, unit: &str) -> String {
        match self {
            Self::AtMost(goal) => format!("≤ {}", number(goal, unit)),
            Self::AtLeast(goal) => format!("≥ {}", number(goal, unit)),
        }
    }
}

impl GoalLine {
    /// Judges a figure.
    pub fn new(what: impl Into<String>, unit: impl Into<String>, figure: Option<f64>, goal: Goal) -> Self {
        Self {
            what: what.into(),
            unit: unit.into(),
            figure,
            direct: None,
            goal,
            verdict: goal.judge(figure),
        }
    }

    fn cells(&self) -> [String; 5] {
        let format = |figure: Option<f64>| figure.map_or_else(|| "–".into(), |figure| number(figure, &self.unit));
        let verdict = match self.verdict {
            Verdict::Reached => "reached",
            Verdict::Missed => "MISSED",
            Verdict::NotMeasured => "not measured",
        };
        [
            self.what.clone(),
            self.goal.format(&self.unit),
            format(self.figure),
            verdict.into(),
            format(self.direct),
        ]
    }
}

/// Formats a figure with significant digits.
pub fn number(figure: f64, unit: &str) -> String {
    let digits = match figure.abs() {
        under if under < 1.0 => 3,
        under if under < 10.0 => 2,
        under if under < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{figure:.digits$}");
    let text = if digits == 0 {
        text
    } else {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match unit {
        "" => text,
        "×" => format!("{text} ×"),
        unit => format!("{text} {unit}"),
    }
}

/// Ratio of the second to the first.
pub fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let (ours, theirs) = (ours?, theirs?);
    (ours > 0.0).then(|| theirs / ours)
}

/// Table of goals.
pub fn goals(lines: &[GoalLine]) -> Table {
    let mut table = table(&["", "goal", "figure", "verdict", "direct"]);
    for line in lines {
        table.add_row(line.cells());
    }
    table
}

/// Empty table in which all columns but the first are numbers.
pub fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(headers);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goal_is_reached_at_its_limit_and_missed_beyond() {
        let verdict = |goal: Goal, figure| goal.judge(figure);
        assert_eq!(verdict(Goal::AtMost(5.0), Some(5.0)), Verdict::Reached);
        assert_eq!(verdict(Goal::AtMost(5.0), Some(5.1)), Verdict::Missed);
        assert_eq!(verdict(Goal::AtLeast(30.0), Some(30.0)), Verdict::Reached);
        assert_eq!(verdict(Goal::AtLeast(30.0), Some(29.9)), Verdict::Missed);
        assert_eq!(verdict(Goal::AtMost(5.0), None), Verdict::NotMeasured);
        assert_eq!(verdict(Goal::AtMost(5.0), Some(f64::NAN)), Verdict::Missed);
    }

    #[test]
    fn numbers_have_significant_digits_only() {
        let formatted = [
            number(0.25, "ms"),
            number(4.018, "ms"),
            number(20.0, "ms"),
            number(5000.4, ""),
            number(31.26, "×"),
        ];
        assert_eq!(formatted, ["0.25 ms", "4.02 ms", "20 ms", "5000", "31.3 ×"]);
    }

    #[test]
    fn ratio_divides_theirs_by_ours() {
        assert_eq!(ratio(Some(4.0), Some(120.0)), Some(30.0));
        assert_eq!(ratio(Some(0.0), Some(120.0)), None);
        assert_eq!(ratio(None, Some(120.0)), None);
    }

    #[test]
    fn external_line_replaces_the_line_of_its_name() {
        let json = r#"[
            {"what": "b", "unit": "%", "figure": 93.5, "goal": {"at_least": 90.0}},
            {"what": "c", "unit": "ms", "figure": null, "goal": {"at_most": 1.0}}
        ]"#;
        let elsewhere: Vec<ExternalLine> = serde_json::from_str(json).unwrap();
        let mut lines = vec![
            GoalLine::new("a", "ms", Some(1.0), Goal::AtMost(2.0)),
            GoalLine::new("b", "%", None, Goal::AtLeast(90.0)),
        ];
        merge(&mut lines, elsewhere.into_iter().map(GoalLine::from));
        let verdicts: Vec<_> = lines.iter().map(|line| (line.what.as_str(), line.verdict)).collect();
        let expected = [
            ("a", Verdict::Reached),
            ("b", Verdict::Reached),
            ("c", Verdict::NotMeasured),
        ];
        assert_eq!(verdicts, expected);
        assert!(serde_json::from_str::<ExternalLine>(r#"{"what": "b", "unit": "", "figure": 1, "goal": {}}"#).is_err());
    }

    #[test]
    fn line_shows_goal_figure_and_verdict() {
        let line = GoalLine::new("start", "ms", Some(6.0), Goal::AtMost(5.0));
        assert_eq!(line.cells(), ["start", "≤ 5 ms", "6 ms", "MISSED", "–"]);
        let line = GoalLine {
            direct: Some(1.5),
            ..GoalLine::new("start", "ms", None, Goal::AtMost(5.0))
        };
        assert_eq!(line.cells(), ["start", "≤ 5 ms", "–", "not measured", "1.5 ms"]);
    }
}

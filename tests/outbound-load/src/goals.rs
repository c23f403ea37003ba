//! Lines of the benchmark's report.

use serde::Serialize;

/// A figure with its goal, in the format that `hookline-bench --also` reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Text.
    pub what: String,
    /// Unit, as in `ms`.
    pub unit: &'static str,
    /// Figure.
    pub figure: Option<f64>,
    /// Its goal.
    pub goal: Goal,
}

/// Goal of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// At most this.
    AtMost(f64),
}

impl Line {
    /// Figure that is to be at most `goal`.
    pub fn at_most(what: impl Into<String>, unit: &'static str, figure: f64, goal: f64) -> Self {
        Self {
            what: what.into(),
            unit,
            figure: Some(figure),
            goal: Goal::AtMost(goal),
        }
    }

    /// Returns true if the goal is reached.
    pub fn is_reached(&self) -> bool {
        let Goal::AtMost(goal) = self.goal;
        self.figure.is_some_and(|figure| figure <= goal)
    }
}

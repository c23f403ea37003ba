//! Measurements of one function: its start, and its work when warm.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::{
    aws::{Aws, Behaviour, Calls, Kept},
    certificates::Authority,
    function::{Function, Program},
    limit::Limit,
    stats::{Percentiles, median, milliseconds},
};

/// Start of a function.
#[derive(Debug, Clone, Serialize)]
pub struct Start {
    /// Median time from the start to the first poll.
    pub first_poll_ms: f64,
    /// Median time from the start to the response to an event that was waiting.
    pub first_answer_ms: Option<f64>,
    /// Calls until then, of the last start.
    pub calls: Calls,
    /// Peak memory until then, of the last start.
    pub peak_mib: f64,
    /// Number of starts.
    pub starts: usize,
}

/// Work of a warm function.
#[derive(Debug, Clone, Serialize)]
pub struct Warm {
    /// Events per invocation.
    pub batch: usize,
    pub invocations: usize,
    /// Time from an event to its response.
    pub latency_ms: Percentiles,
    /// Time from an event to its response, less the stub's latency.
    pub own_ms: Percentiles,
    /// Invocations per second, one after another, with its work after responses and the harness's in between.
    pub per_second: f64,
    /// Events per second of the time from a batch to its response.
    pub events_per_second: f64,
    pub cpu_ms: f64,
    pub peak_mib: f64,
    /// Calls per invocation; on average if they differ.
    pub calls: Vec<(String, f64)>,
    /// Bytes logged per invocation.
    pub logged: f64,
}

/// Response expected from a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// HTTP response with this status.
    Status(u64),
    /// No message or record of a batch needs a retry.
    AllDone,
    /// Access is allowed.
    Authorized,
    /// Nothing; the work is done.
    Nothing,
}

impl Expected {
    pub fn check(self, answer: &[u8]) -> anyhow::Result<()> {
        let answer: Value = serde_json::from_slice(answer)?;
        let as_expected = match self {
            Self::Status(status) => answer["statusCode"] == status,
            Self::Authorized => answer["isAuthorized"] == true,
            Self::Nothing => answer.is_null(),
            Self::AllDone => answer["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
        };
        ensure!(as_expected, "the response is {answer}, not {self:?}");
        Ok(())
    }
}

/// Case to measure.
#[derive(Debug, Clone)]
pub struct Case {
    pub behaviour: Behaviour,
    pub events: Vec<String>,
    /// Events per invocation.
    pub batch: usize,
    pub expected: Expected,
    /// Number of first events that are not measured.
    pub warm_up: usize,
    /// Endpoints, and what is kept for them.
    pub kept: Option<Arc<Kept>>,
}

/// Unmeasured invocations before the measured ones, if there is time.
pub const WARM_UP: usize = 50;

/// Starts a function this many times. Without an event, only until its first poll.
pub async fn start(
    program: &Program,
    behaviour: Behaviour,
    authority: &Authority,
    limit: Option<&Limit>,
    event: Option<(&str, Expected)>,
    starts: usize,
) -> anyhow::Result<Start> {
    let (mut polls, mut answers) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..starts {
        // Starts it again each time; with an event waiting, its first poll is never repeated.
        let mut function = Function::start(program, behaviour, authority, limit).await?;
        polls.push(function.first_poll().await?);
        if let Some((event, expected)) = event {
            drop(function);
            function = Function::start(program, behaviour, authority, limit).await?;
            let (took, timed) = function.first_answer(event.to_owned()).await?;
            expected.check(&timed.answer)?;
            answers.push(took);
        }
        last = Some((function.aws.take_calls(), function.usage()?.peak_mib));
    }
    let (calls, peak_mib) = last.context("the function was never started")?;
    Ok(Start {
        first_poll_ms: median(&polls),
        first_answer_ms: event.map(|_| median(&answers)),
        calls,
        peak_mib,
        starts,
    })
}

/// Hands a function one event after another.
pub async fn warm(program: &Program, authority: &Authority, case: Case) -> anyhow::Result<Warm> {
    let mut function = Function::start(program, case.behaviour, authority, None).await?;
    function.first_poll().await?;
    if let Some(kept) = &case.kept {
        function.aws.keep(kept);
    }
    let mut events = case.events.into_iter();
    for event in events.by_ref().take(case.warm_up) {
        let timed = function.invoke(event).await?;
        case.expected.check(&timed.answer)?;
    }
    forget(&function.aws);
    let invocations = events.len();
    ensure!(invocations > 0, "nothing is left to measure with");
    let (mut latencies, mut own) = (Vec::with_capacity(invocations), Vec::with_capacity(invocations));
    let mut answers = Vec::with_capacity(invocations);
    let before = function.usage()?;
    let started = Instant::now();
    for event in events {
        let timed = function.invoke(event).await?;
        let latency = timed.answered - timed.handed;
        latencies.push(latency);
        own.push(latency.saturating_sub(function.aws.take_busy()));
        answers.push(timed.answer);
    }
    let elapsed = started.elapsed();
    let after = function.usage()?;
    answers.iter().try_for_each(|answer| case.expected.check(answer))?;

    let count = f64::from(u32::try_from(invocations)?);
    let batch = f64::from(u32::try_from(case.batch)?);
    let per_invocation = |total: u64| u32::try_from(total).map(|total| f64::from(total) / count);
    let calls = function.aws.take_calls();
    let calls = calls
        .into_iter()
        .map(|(operation, total)| Ok((operation, per_invocation(total)?)))
        .collect::<anyhow::Result<_>>()?;
    Ok(Warm {
        batch: case.batch,
        invocations,
        latency_ms: Percentiles::of(&latencies),
        own_ms: Percentiles::of(&own),
        per_second: count / elapsed.as_secs_f64(),
        events_per_second: batch * count / latencies.iter().sum::<Duration>().as_secs_f64(),
        cpu_ms: milliseconds(after.cpu.saturating_sub(before.cpu)) / count,
        peak_mib: after.peak_mib,
        calls,
        logged: per_invocation(after.logged - before.logged)?,
    })
}

/// Returns the messages that a receiver sends to the queue for these events.
pub async fn sent(
    program: &Program,
    behaviour: Behaviour,
    authority: &Authority,
    events: Vec<String>,
) -> anyhow::Result<Vec<String>> {
    let mut function = Function::start(program, behaviour, authority, None).await?;
    function.first_poll().await?;
    function.aws.capture();
    for event in events {
        let timed = function.invoke(event).await?;
        Expected::Status(200).check(&timed.answer)?;
    }
    function.aws.captured()
}

fn forget(aws: &Aws) {
    aws.take_calls();
    aws.take_busy();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_response_is_an_error() {
        let ok = Expected::Status(200);
        assert!(ok.check(br#"{"statusCode":200}"#).is_ok());
        assert!(ok.check(br#"{"statusCode":401}"#).is_err());
        let done = Expected::AllDone;
        assert!(done.check(br#"{"batchItemFailures":[]}"#).is_ok());
        assert!(
            done.check(br#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#)
                .is_err()
        );
        assert!(
            done.check(br#"{"statusCode":200}"#).is_err(),
            "a missing result must be an error"
        );
        assert!(Expected::Authorized.check(br#"{"isAuthorized":true}"#).is_ok());
        assert!(Expected::Authorized.check(br#"{"isAuthorized":false}"#).is_err());
        assert!(Expected::Nothing.check(b"null").is_ok());
        assert!(Expected::Nothing.check(br#"{"errorMessage":"no"}"#).is_err());
    }
}

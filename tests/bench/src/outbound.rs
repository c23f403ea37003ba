//! Outbound webhooks: the fan-out function and the dispatcher, with endpoints on loopback that take everything at once.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    aws::{AT_ONCE, Behaviour, ENTRIES, Kept, Tables, rows::STORE},
    events,
    function::Program,
    measure::{self, Case, Expected, WARM_UP, Warm},
    report::{Goal, GoalLine},
    suite::{AWAY, Bench, FunctionFigures},
};

/// The functions.
pub const FAN_OUT: &str = "fan-out";
pub const DISPATCH: &str = "dispatch";

pub const KEPT_FOR_ONE: &str = "fan-out: ten events, one endpoint";
pub const KEPT_FOR_TEN: &str = "fan-out: ten events, ten endpoints";
pub const TO_ONE: &str = "dispatch: ten messages, one endpoint";
pub const TO_ONE_AWAY: &str = "dispatch: ten messages, one endpoint, 4 ms a call";
pub const TO_HUNDRED: &str = "dispatch: a hundred messages, ten of a hundred endpoints";

/// Endpoints of an invocation: wake-ups of a batch.
const BATCH: usize = 10;

/// Endpoints that take turns.
const ENDPOINTS: usize = 100;

/// Size of an event, and a sample to make one of.
const BYTES: usize = 4 * 1024;
const SAMPLE: &str = include_str!("../../../docs/events/samples/product.updated.json");

/// Work by what was done.
#[derive(Debug, Default, Serialize)]
pub struct Outbound {
    pub work: BTreeMap<&'static str, Warm>,
}

const FILLED: Behaviour = Behaviour {
    tables: Tables::Filled,
    ..AT_ONCE
};

const FILLED_AWAY: Behaviour = Behaviour {
    tables: Tables::Filled,
    ..AWAY
};

impl Bench<'_> {
    /// Measures both functions. The dispatcher finds what the fan-out function has kept.
    pub async fn outbound(&self, fan_out: &Program, dispatch: &Program) -> anyhow::Result<Outbound> {
        let mut work = BTreeMap::new();
        let invocations = self.effort.invocations.div_ceil(4);
        let message = fan_out_message()?;
        let mut kept_for = BTreeMap::new();
        for (name, endpoints) in [(KEPT_FOR_ONE, 1), (KEPT_FOR_TEN, 10), ("", ENDPOINTS)] {
            let kept = Arc::new(Kept::endpoints(endpoints));
            let case = Case {
                behaviour: FILLED,
                events: vec![message.clone(); if name.is_empty() { 2 } else { invocations + WARM_UP }],
                batch: ENTRIES,
                expected: Expected::AllDone,
                warm_up: if name.is_empty() { 1 } else { WARM_UP },
                kept: Some(Arc::clone(&kept)),
            };
            let measured = measure::warm(fan_out, self.authority, case).await.context(name)?;
            if !name.is_empty() {
                work.insert(name, measured);
            }
            kept_for.insert(endpoints, kept);
        }
        let kept = kept_for.remove(&ENDPOINTS).context("nothing was kept")?;
        for (name, behaviour, endpoints, invocations) in [
            (TO_ONE, FILLED, 1, invocations),
            (TO_ONE_AWAY, FILLED_AWAY, 1, invocations.div_ceil(5)),
            (TO_HUNDRED, FILLED, BATCH, invocations),
        ] {
            let case = Case {
                behaviour,
                events: (0..invocations + WARM_UP).map(|nth| wake_ups(nth, endpoints)).collect(),
                batch: endpoints * ENTRIES,
                expected: Expected::AllDone,
                warm_up: WARM_UP,
                kept: Some(Arc::clone(&kept)),
            };
            let measured = measure::warm(dispatch, self.authority, case).await.context(name)?;
            // Otherwise nothing was measured.
            let posted = measured.calls.iter().find(|(call, _)| call == "endpoint");
            let expected = f64::from(u32::try_from(endpoints * ENTRIES)?);
            ensure!(
                posted.is_some_and(|(_, posted)| (posted - expected).abs() < 0.01),
                "{name}: an invocation has posted {posted:?}, not {expected}: {:?}",
                measured.calls
            );
            work.insert(name, measured);
        }
        Ok(Outbound { work })
    }
}

/// Goals of docs/performance.md, with the figures of both functions.
pub fn goals(outbound: &Outbound, dispatch: Option<&FunctionFigures>) -> Vec<GoalLine> {
    use Goal::{AtLeast, AtMost};
    let warm = |name| outbound.work.get(name);
    let per_message = |name| warm(name).map(|warm| warm.cpu_ms / f64::from(u32::try_from(warm.batch).unwrap_or(1)));
    let sum = |events: f64, message: Option<f64>, fan_out: Option<f64>| Some(fan_out? / events + message?);
    let (one, hundred) = (per_message(TO_ONE), per_message(TO_HUNDRED));
    let ms = |what: &str, figure, goal| GoalLine::new(what, "ms", figure, AtMost(goal));
    vec![
        ms("outbound: CPU per message, a run of ten", one, 0.35),
        GoalLine::new(
            "outbound: messages a second and core, 100 outboxes",
            "/s",
            hundred.map(|ms| 1e3 / ms),
            AtLeast(2_500.0),
        ),
        ms(
            "outbound: CPU per message to one endpoint, with its fan-out",
            sum(1.0, one, per_message(KEPT_FOR_ONE)),
            0.8,
        ),
        ms(
            "outbound: CPU per message to ten endpoints, with its fan-out",
            sum(10.0, hundred, per_message(KEPT_FOR_TEN)),
            0.27,
        ),
        GoalLine::new(
            "outbound: peak memory, 100 in flight",
            "MiB",
            warm(TO_HUNDRED).map(|warm| warm.peak_mib),
            AtMost(64.0),
        ),
        GoalLine::new(
            "dispatch: zip",
            "MB",
            dispatch.map(|function| function.zip_mb),
            AtMost(4.5),
        ),
        ms(
            "dispatch: start to first poll",
            dispatch.map(|function| function.start.first_poll_ms),
            8.0,
        ),
        GoalLine::new(
            "outbound: calls to AWS per message, a run of ten",
            "",
            warm(TO_ONE)
                .zip(warm(KEPT_FOR_ONE))
                .map(|(run, fan_out)| calls(run) + calls(fan_out)),
            AtMost(1.6),
        ),
    ]
}

/// Calls to AWS per message.
fn calls(warm: &Warm) -> f64 {
    let to_aws = |name: &str| !name.starts_with(crate::aws::STATEMENT) && name != "endpoint";
    let all: f64 = warm
        .calls
        .iter()
        .filter(|(name, _)| to_aws(name))
        .map(|(_, count)| count)
        .sum();
    all / f64::from(u32::try_from(warm.batch).unwrap_or(1))
}

/// Wake-ups of this many endpoints: of one always the same, of several others in each batch.
fn wake_ups(batch: usize, count: usize) -> String {
    let of = if count == 1 { 1 } else { ENDPOINTS };
    let endpoint = |nth| Kept::endpoint((batch * count + nth) % of);
    let bodies: Vec<String> = (0..count)
        .map(|nth| json!({"endpoint": endpoint(nth)}).to_string())
        .collect();
    events::batch(&bodies, 0).to_string()
}

/// Batch of one message with events of ten products.
fn fan_out_message() -> anyhow::Result<String> {
    let header = json!({"hookline_events": 1, "store": format!("shopify#{STORE}")}).to_string();
    let events: anyhow::Result<Vec<String>> = (0..ENTRIES).map(event).collect();
    Ok(events::batch(&[[vec![header], events?].concat().join("\n")], 0).to_string())
}

/// Event of about [`BYTES`].
fn event(nth: usize) -> anyhow::Result<String> {
    let mut event: Value = serde_json::from_str(SAMPLE)?;
    event["id"] = json!(format!("evt_01M7DB3EFRNXV9QT0R5Q5S9{nth:03}"));
    event["store"]["id"] = json!(STORE);
    event["subject"]["id"] = json!((7_880_321 + nth).to_string());
    event["data"]["id"] = event["subject"]["id"].clone();
    let variant = event["data"]["variants"][0].clone();
    let each = variant.to_string().len() + 1;
    let more = BYTES.saturating_sub(event.to_string().len()) / each;
    let variants = event["data"]["variants"]
        .as_array_mut()
        .context("the sample has no variants")?;
    for more in 0..more {
        let mut variant = variant.clone();
        variant["id"] = json!((642_667_041_472_713_922 + 7_919_104_729 * u64::try_from(more + 97 * nth)?).to_string());
        variant["sku"] = json!(format!("EPS-{}", more * 37 % 100 + 10));
        variants.push(variant);
    }
    Ok(event.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_message_have_their_size_and_differ() {
        let events: Vec<String> = (0..ENTRIES).map(|nth| event(nth).unwrap()).collect();
        assert!(
            events.iter().all(|event| event.len().abs_diff(BYTES) < 150),
            "{}",
            events[0].len()
        );
        assert_ne!(events[0], events[1]);
    }

    #[test]
    fn batches_go_round_the_endpoints() {
        let batch = |nth| -> Value { serde_json::from_str(&wake_ups(nth, BATCH)).unwrap() };
        assert_eq!(batch(0)["Records"], batch(ENDPOINTS / BATCH)["Records"]);
        assert_ne!(batch(0)["Records"], batch(1)["Records"]);
    }
}

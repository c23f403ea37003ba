//! Monthly cost of a stack at any load, as in docs/costs.md.

use rust_decimal::{Decimal, dec};
use serde::Serialize;

/// Item paid for by the month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// Name for people.
    pub name: &'static str,
    /// Dollars at least.
    pub from: Decimal,
    /// Dollars at most.
    pub to: Decimal,
}

/// Metrics that the template's alarms watch, once per alarm: a receiver has one. A test counts them in the template.
const ALARM_METRICS: Decimal = dec!(55);

/// Those among them of receivers that only families of `EventsOf` and further sources have.
const OPTIONAL_METRICS: Decimal = dec!(12);

/// Dollars for a metric of an alarm (<https://aws.amazon.com/cloudwatch/pricing/>, from memory). The account's first
/// ten are free.
const ALARM_METRIC_USD: Decimal = dec!(0.10);
const FREE_METRICS: Decimal = dec!(10);

/// Returns the monthly items of a stack, due with and without events.
pub fn fixed() -> Vec<Fixed> {
    vec![
        Fixed {
            name: "KMS keys for tokens and for endpoints",
            from: dec!(2.00),
            to: dec!(6.00),
        },
        Fixed {
            name: "secret",
            from: dec!(0.40),
            to: dec!(0.40),
        },
        Fixed {
            name: "alarms",
            from: (ALARM_METRICS - OPTIONAL_METRICS - FREE_METRICS) * ALARM_METRIC_USD,
            to: ALARM_METRICS * ALARM_METRIC_USD,
        },
        Fixed {
            name: "idle pollers of five queues",
            from: dec!(0.90),
            to: dec!(1.64),
        },
        Fixed {
            name: "OpenSearch: from idle Serverless to a minimum of 2 OCU; one t3.small.search costs 27",
            from: dec!(0),
            to: dec!(350),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_items_match_the_template() {
        let template = include_str!("../../../template.yaml");
        let count = |what: &str| template.matches(what).count();
        assert_eq!(count("Type: AWS::KMS::Key\n"), 2);
        assert_eq!(
            count("Type: AWS::SecretsManager::Secret\n"),
            0,
            "an existing collection is used, none is created"
        );
        let docs = include_str!("../../../docs/costs.md");
        let alarms = format!(
            "alarms: {}, over {ALARM_METRICS} metrics, {OPTIONAL_METRICS} of them only with",
            count("Type: AWS::CloudWatch::Alarm\n")
        );
        assert!(docs.contains(&alarms), "{alarms}");
        // Five queues are polled; the streams' pollers cost nothing.
        assert_eq!(count("Type: AWS::Lambda::EventSourceMapping\n"), 7);
    }
}

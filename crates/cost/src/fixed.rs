//! What a stack costs a month whatever comes, as docs/costs.md has it.

use rust_decimal::{Decimal, dec};
use serde::Serialize;

/// One thing that is paid for by the month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fixed {
    /// For a person.
    pub name: &'static str,
    /// Dollars at least.
    pub from: Decimal,
    /// Dollars at most.
    pub to: Decimal,
}

/// Metrics that the template's alarms look at, each once for each alarm.
const ALARM_METRICS: Decimal = dec!(34);

/// Dollars for a metric of an alarm (<https://aws.amazon.com/cloudwatch/pricing/>, from memory). The account's first ten are free.
const ALARM_METRIC: Decimal = dec!(0.10);
const FREE_METRICS: Decimal = dec!(10);

/// What is paid for a stack each month, be there events or not.
pub fn fixed() -> Vec<Fixed> {
    vec![
        Fixed {
            name: "key of the tokens",
            from: dec!(1.00),
            to: dec!(3.00),
        },
        Fixed {
            name: "secret",
            from: dec!(0.40),
            to: dec!(0.40),
        },
        Fixed {
            name: "alarms",
            from: (ALARM_METRICS - FREE_METRICS) * ALARM_METRIC,
            to: ALARM_METRICS * ALARM_METRIC,
        },
        Fixed {
            name: "idle pollers of two queues",
            from: dec!(0.13),
            to: dec!(0.66),
        },
        Fixed {
            name: "OpenSearch: from Serverless that sleeps to a minimum of 2 OCU; one t3.small.search is 27",
            from: dec!(0),
            to: dec!(350),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paid_for_is_what_the_template_has() {
        let template = include_str!("../../../template.yaml");
        let count = |what: &str| template.matches(what).count();
        assert_eq!(count("Type: AWS::KMS::Key\n"), 1);
        assert_eq!(
            count("Type: AWS::SecretsManager::Secret\n"),
            0,
            "one is given, none is made"
        );
        let docs = include_str!("../../../docs/costs.md");
        let alarms = format!(
            "alarms: {}, over {ALARM_METRICS} metrics",
            count("Type: AWS::CloudWatch::Alarm\n")
        );
        assert!(docs.contains(&alarms), "{alarms}");
        // Two queues are polled; the streams' pollers cost nothing.
        assert_eq!(count("Type: AWS::Lambda::EventSourceMapping\n"), 4);
    }
}

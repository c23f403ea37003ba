//! Prices of AWS services that a delivery uses: list prices of us-east-1, without free tiers, in dollars.

use rust_decimal::{Decimal, dec};
use serde::Serialize;

/// Date on which the prices were looked up. AWS's pages show no prices to programs, so most are second-hand, as each says.
pub const DATE: &str = "2026-11-21";

/// Price of a service.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Price {
    /// Dollars.
    pub usd: Decimal,
    /// Number of units for this price.
    pub per: Decimal,
    /// Unit, as in `write units`.
    pub unit: &'static str,
    /// Source of the price.
    pub source: &'static str,
}

const MILLION: Decimal = dec!(1_000_000);

impl Price {
    const fn per_million(usd: Decimal, unit: &'static str, source: &'static str) -> Self {
        Self {
            usd,
            per: MILLION,
            unit,
            source,
        }
    }

    /// Returns the dollars for a quantity.
    pub fn of(self, quantity: Decimal) -> Decimal {
        quantity * self.usd / self.per
    }
}

const LAMBDA: &str = "https://cloudchipr.com/blog/aws-lambda-pricing (second-hand)";
const DYNAMODB: &str = "https://airbyte.com/data-engineering-resources/dynamodb-pricing (second-hand)";
const SQS: &str = "https://cloudburn.io/blog/amazon-sqs-pricing (second-hand)";
const EVENTBRIDGE: &str = "https://cloudburn.io/blog/amazon-eventbridge-pricing (second-hand, read 2026-11-30)";
const GATEWAY: &str = "https://aws.amazon.com/api-gateway/pricing/ (its worked examples, read 2026-09-20)";

/// Requests to an HTTP API up to [`HTTP_API_FIRST`] a month, each of up to 512 KB.
pub const HTTP_API: Price = Price::per_million(dec!(1.00), "requests", GATEWAY);
/// Requests to an HTTP API beyond [`HTTP_API_FIRST`].
pub const HTTP_API_MORE: Price = Price::per_million(dec!(0.90), "requests", GATEWAY);
/// Number of requests a month at the first price.
pub const HTTP_API_FIRST: Decimal = dec!(300_000_000);
/// Messages of a WebSocket API, each of up to 32 KB.
pub const WEBSOCKET: Price = Price::per_million(dec!(1.00), "messages", GATEWAY);
/// Invocations.
pub const LAMBDA_REQUESTS: Price = Price::per_million(dec!(0.20), "requests", LAMBDA);
/// Memory over time, on x86-64.
pub const LAMBDA_X86_64: Price = Price {
    usd: dec!(0.0000166667),
    per: dec!(1),
    unit: "GB-seconds",
    source: LAMBDA,
};
/// Memory over time, on arm64.
pub const LAMBDA_ARM64: Price = Price {
    usd: dec!(0.0000133334),
    per: dec!(1),
    unit: "GB-seconds",
    source: LAMBDA,
};
/// Writes on demand, each of up to 1 KB of the whole item.
pub const WRITES: Price = Price::per_million(dec!(0.625), "write units", DYNAMODB);
/// Reads on demand, each of up to 4 KB of the whole item; half a unit where they need not be consistent.
pub const READS: Price = Price::per_million(dec!(0.125), "read units", DYNAMODB);
/// Requests to a standard queue with message groups (a fair queue: 0.40 and 0.10), each of up to 64 KB. AWS does not
/// publish whether the 0.10 applies to all requests or only to sends; here it applies to all.
pub const FAIR_QUEUE: Price = Price::per_million(dec!(0.50), "requests", SQS);
/// Events of one's own that an event bus accepts, each of up to 64 KB. Rules and targets in the same account cost nothing.
pub const EVENT_BUS: Price = Price::per_million(dec!(1.00), "events", EVENTBRIDGE);
/// Traffic from functions to the internet, of the first 10 TB a month.
pub const EGRESS: Price = Price {
    usd: dec!(0.09),
    per: dec!(1_000_000_000),
    unit: "bytes",
    source: "https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer (from memory, unverified)",
};
/// Ingestion of log lines.
pub const LOGS: Price = Price {
    usd: dec!(0.50),
    per: dec!(1_000_000_000),
    unit: "bytes",
    source: "https://aws.amazon.com/cloudwatch/pricing/ (from memory, unverified)",
};
/// Traces recorded.
pub const TRACES: Price = Price::per_million(
    dec!(5.00),
    "traces",
    "https://aws.amazon.com/xray/pricing/ (from memory, unverified)",
);

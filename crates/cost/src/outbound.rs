//! Outbound webhooks: what it costs to send a published event to endpoints, beside publishing it.
//!
//! Billed are events of which each batch is one run of the dispatcher: endpoints that have proven themselves and answer at once,
//! each with a wake-up and an invocation of its own, as when little happens. In a burst, ten endpoints share an invocation.
//!
//! Calls are counted by `ten_messages_are_dispatched_with_eight_calls` of `crates/testkit`, beside the read of the endpoint. Sizes
//! are held by tests of `crates/tables`: of entries, of records, of an endpoint's item in the outboxes, and of verdicts. Reads see
//! every earlier write, so each takes a whole unit.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, dec};

use crate::{
    bill::{Bill, INVOCATIONS_PER_TRACE, Load, PLATFORM_LOG_BYTES, Stage, billed_ms, round_up},
    measured::Work,
    prices, publishing,
};

/// Memory of the dispatcher, in MB, as in template.yaml.
pub(crate) const DISPATCH_MB: Decimal = dec!(512);

/// Processor time of a run of ten messages, and of each message more or less, in milliseconds: measured by `make bench`,
/// rounded up.
const RUN_OF_TEN_CPU_MS: Decimal = dec!(4.2);
const MESSAGE_CPU_MS: Decimal = dec!(0.4);

/// Calls of a run that wait for each other: the lease, the endpoint, the entries, what is kept, the records, the removal, the
/// release, the look after it, and the time of the next.
const ROUNDS: Decimal = dec!(9);

/// Calls of the fan-out function that wait for each other, beside those without endpoints: the endpoints of the store and of all
/// stores, the entries, the wake-ups. Those of several endpoints are made at once.
const FAN_OUT_ROUNDS: Decimal = dec!(3);

/// Write units of a message's entry: it is put, and removed.
const ENTRY_UNITS: Decimal = dec!(2);

/// Write units of an endpoint's item in a run: the lease is acquired and released, and the time of the next look is set.
const LEASE_UNITS: Decimal = dec!(3);

/// Read units of a run's two looks at the entries, of which ten are below 4 KB.
const LOOK_UNITS: Decimal = dec!(2);

/// Write and read units of a message's record, which is read before it exists.
const RECORD_WRITES: Decimal = dec!(1);
const RECORD_READS: Decimal = dec!(1);

/// Size of an endpoint's item in KB, with some conditions and two secrets.
const ENDPOINT_KB: Decimal = dec!(1.2);

/// KB that a read unit covers.
const READ_UNIT_KB: Decimal = dec!(4);

/// Requests of a wake-up: it is sent, received and deleted.
const WAKE_UP_REQUESTS: Decimal = dec!(3);

/// Bytes that leave AWS with a message beside its body: headers of the request, TCP and TLS.
const HEADER_BYTES: Decimal = dec!(900);

/// Bytes that the dispatcher logs about a run.
const LOGGED: Decimal = dec!(350);

/// Adds the lines of outbound webhooks: each published event is a message of each endpoint.
pub(crate) fn add(bill: &mut Bill, load: &Load) {
    let runs_of_one = round_up(load.published / load.batch);
    let runs = runs_of_one * load.endpoints;
    let messages = load.published * load.endpoints;

    bill.add(
        Stage::Outboxes,
        prices::WRITES,
        messages * ENTRY_UNITS + runs * LEASE_UNITS,
    );
    bill.add(Stage::Outboxes, prices::READS, runs * LOOK_UNITS);

    bill.add(Stage::Messages, prices::WRITES, messages * RECORD_WRITES);
    bill.add(Stage::Messages, prices::READS, messages * RECORD_READS);

    let event_units = round_up(publishing::kept_kb(load) / READ_UNIT_KB);
    bill.add(Stage::ReadEvents, prices::READS, messages * event_units);

    // The fan-out function reads the endpoints of the store, which have them all here, and those of all stores.
    let listed = round_up(load.endpoints * ENDPOINT_KB / READ_UNIT_KB) + dec!(1);
    bill.add(Stage::Endpoints, prices::READS, runs + runs_of_one * listed);

    bill.add(Stage::WakeUps, prices::FAIR_QUEUE, runs * WAKE_UP_REQUESTS);

    let run = Work {
        cpu_ms: RUN_OF_TEN_CPU_MS + (load.batch - dec!(10)) * MESSAGE_CPU_MS,
        rounds: ROUNDS,
        calls: BTreeMap::new(),
        logged: LOGGED,
    };
    let ms = billed_ms(&run, DISPATCH_MB, load.call_ms) + load.answer_ms;
    bill.add(Stage::Dispatcher, prices::LAMBDA_REQUESTS, runs);
    bill.time(Stage::Dispatcher, runs, ms, DISPATCH_MB, load);
    bill.time(
        Stage::Dispatcher,
        runs_of_one,
        FAN_OUT_ROUNDS * load.call_ms,
        publishing::FAN_OUT_MB,
        load,
    );

    bill.add(
        Stage::Egress,
        prices::EGRESS,
        messages * (publishing::event_bytes(load) + HEADER_BYTES),
    );

    bill.add(Stage::Telemetry, prices::LOGS, runs * (run.logged + PLATFORM_LOG_BYTES));
    bill.add(Stage::Telemetry, prices::TRACES, runs / INVOCATIONS_PER_TRACE);
}

/// Returns true for a stage of a message's way to its endpoints, without its publishing and without the traffic to the internet.
pub fn is_outbound(stage: Stage) -> bool {
    matches!(
        stage,
        Stage::Outboxes | Stage::Messages | Stage::ReadEvents | Stage::Endpoints | Stage::WakeUps | Stage::Dispatcher
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Measured, is_delivery_path, lines, total};

    /// A million events of 4 KiB, which are those of a product with 25 variants, in runs of ten.
    fn million(endpoints: u32) -> Load {
        Load {
            published: dec!(1_000_000),
            variants: dec!(25),
            endpoints: endpoints.into(),
            ..Load::default()
        }
    }

    fn dollars(load: &Load, of: impl Fn(Stage) -> bool) -> Decimal {
        total(&lines(load, &Measured::latest().unwrap()), of).round_dp(4)
    }

    #[test]
    fn million_messages_cost_the_amount_computed_by_hand() {
        for (stage, expected) in [
            // An entry is put and removed: 2 × 10^6; 3 × 10^5 for the leases; 2 × 10^5 reads are 0.025.
            (Stage::Outboxes, dec!(1.4625)),
            (Stage::Messages, dec!(0.75)),
            (Stage::ReadEvents, dec!(0.125)),
            // 10^5 by the dispatcher, 2 × 10^5 by the fan-out function.
            (Stage::Endpoints, dec!(0.0375)),
            (Stage::WakeUps, dec!(0.15)),
            // 0.02; 151 ms (9 × 4 + 4.2 × 1769 / 512 = 50.5, and 100) × 10^5 × 0.5 GB = 7,550 GB-s; 12 ms × 0.25 GB = 300.
            (Stage::Dispatcher, dec!(0.1508)),
            // 5,075 bytes each at 0.09 a GB.
            (Stage::Egress, dec!(0.4568)),
        ] {
            assert_eq!(dollars(&million(1), |one| one == stage), expected, "{stage:?}");
        }
        assert_eq!(dollars(&million(0), is_outbound), Decimal::ZERO, "nobody listens");
    }

    #[test]
    fn each_further_endpoint_costs_at_most_the_goal() {
        let further = dollars(&million(2), is_outbound) - dollars(&million(1), is_outbound);
        assert!(further > dec!(2.6) && further <= dec!(2.7), "{further}");
        // Of seven. With the eighth verdict, the event takes one more write unit, once.
        let all = |endpoints| dollars(&million(endpoints), |one| is_outbound(one) || one == Stage::Publishing);
        let mean = (all(7) - all(1)) / dec!(6);
        assert!(mean > dec!(2.6) && mean <= dec!(2.7), "{mean}");
    }

    /// The goal is 5.30: 0.625 of the sum are the second write unit of an event above 1 KB, compressed.
    #[test]
    fn first_endpoint_costs_a_little_more_than_the_goal_and_less_with_small_events() {
        let first = |load| dollars(&load, |one| is_outbound(one) || one == Stage::Publishing);
        let cost = first(million(1));
        assert_eq!(
            cost.round_dp(2),
            dec!(5.38),
            "docs/costs.md and docs/performance.md say so"
        );
    }

    #[test]
    fn indexing_costs_the_same_however_many_endpoints_there_are() {
        assert_eq!(
            dollars(&million(0), is_delivery_path),
            dollars(&million(9), is_delivery_path)
        );
    }

    #[test]
    fn runs_of_one_cost_a_lease_and_an_invocation_for_each_message() {
        let alone = Load {
            batch: dec!(1),
            ..million(1)
        };
        // 3.125 write units more of leases; 1.5 for wake-ups; 0.2 and 137 ms × 0.5 GB are 1.14.
        let cost = dollars(&alone, is_outbound);
        assert!(cost > dec!(7.5) && cost < dec!(9), "{cost}");
    }
}

//! Events for listeners: what a published event costs beside the webhook that caused it.
//!
//! Calls and units are counted: by the test `publishing_costs_nothing_without_a_listener_and_three_calls_with_one` of
//! `crates/testkit`, which also bounds an entity's record at 700 bytes; by `kept_event_has_the_size_that_the_bill_assumes` of
//! `crates/tables`; and by `message_takes_four_calls_and_the_bus_is_asked_last` of `crates/domain`.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, dec};

use crate::{
    bill::{
        Bill, CONSUMER_MB, INVOCATIONS_PER_TRACE, Load, PLATFORM_LOG_BYTES, QUEUE_REQUEST_BYTES, Stage, billed_ms,
        round_up,
    },
    measured::Work,
    prices,
};

/// Memory of the fan-out function, in MB, as in template.yaml.
pub(crate) const FAN_OUT_MB: Decimal = dec!(256);

/// Processor time of the fan-out function for a message, in milliseconds: twice that of the consumer for ten webhooks.
/// Assumed.
const FAN_OUT_CPU_MS: Decimal = dec!(2);

/// Calls of the fan-out function that wait for each other: the store's record, and keeping the events. With a bus also
/// posting, and recording the bus's verdict.
const FAN_OUT_ROUNDS: Decimal = dec!(2);
const BUS_ROUNDS: Decimal = dec!(2);

/// Calls of the consumer that wait for each other: the commit and the message. The clearing is beside the ledger's write.
const CONSUMER_ROUNDS: Decimal = dec!(2);

/// Share of the webhooks per second that a consumer that publishes processes, of one that does not. The goal, not a
/// measurement.
const CONSUMER_SPEED: Decimal = dec!(0.7);

/// Write units of an event in its entity's record: the commit and the clearing. Records are below 1 KB.
const RECORD_UNITS: Decimal = dec!(2);

/// Size of a kept event's item in KB, compressed: without variants, and of each variant. That of a product with a short
/// description, which most other events do not reach.
const KEPT_KB: Decimal = dec!(0.93);
const KEPT_VARIANT_KB: Decimal = dec!(0.02);

/// Size of the verdict on an event for one endpoint in KB.
const KEPT_VERDICT_KB: Decimal = dec!(0.078);

/// Size of an event's JSON in bytes, likewise.
const EVENT_BYTES: Decimal = dec!(1_050);
const EVENT_VARIANT_BYTES: Decimal = dec!(125);

/// Read units of a store's record.
const STORE_UNITS: Decimal = dec!(1);

/// Bytes that the fan-out function logs about a message.
const LOGGED: Decimal = dec!(350);

/// Adds the lines of published events. Each message of the fan-out queue has the events of one batch, and an invocation of its
/// own, as when little happens: in a burst, ten share one.
pub(crate) fn add(bill: &mut Bill, load: &Load, consumer: &Work) {
    let events = load.published;
    let messages = round_up(events / load.batch);
    let kept_units = round_up(kept_kb(load));

    let committing = Work {
        cpu_ms: consumer.cpu_ms / CONSUMER_SPEED,
        rounds: consumer.rounds + CONSUMER_ROUNDS,
        ..consumer.clone()
    };
    let of = |work| billed_ms(work, CONSUMER_MB, load.call_ms);
    let more_ms = of(&committing) - of(consumer);
    bill.time(Stage::Publishing, messages, more_ms, CONSUMER_MB, load);
    bill.add(Stage::Publishing, prices::WRITES, events * RECORD_UNITS);

    let bytes = event_bytes(load) * load.batch;
    let sent_and_received = dec!(2) * round_up(bytes / QUEUE_REQUEST_BYTES);
    let deleted = dec!(1);
    bill.add(
        Stage::Publishing,
        prices::FAIR_QUEUE,
        messages * (sent_and_received + deleted),
    );

    let fan_out = Work {
        cpu_ms: FAN_OUT_CPU_MS,
        rounds: FAN_OUT_ROUNDS,
        calls: BTreeMap::new(),
        logged: LOGGED,
    };
    bill.invocations(Stage::Publishing, messages, &fan_out, FAN_OUT_MB, load);
    bill.add(Stage::Publishing, prices::READS, messages * STORE_UNITS);
    bill.add(Stage::Publishing, prices::WRITES, events * kept_units);

    if load.has_bus {
        bill.add(Stage::EventBus, prices::EVENT_BUS, events);
        bill.add(Stage::EventBus, prices::WRITES, events * kept_units);
        bill.time(Stage::EventBus, messages, BUS_ROUNDS * load.call_ms, FAN_OUT_MB, load);
    }
    bill.add(
        Stage::Telemetry,
        prices::LOGS,
        messages * (fan_out.logged + PLATFORM_LOG_BYTES),
    );
    bill.add(Stage::Telemetry, prices::TRACES, messages / INVOCATIONS_PER_TRACE);
}

/// Size of a kept event's item in KB.
pub(crate) fn kept_kb(load: &Load) -> Decimal {
    KEPT_KB + KEPT_VARIANT_KB * load.variants + KEPT_VERDICT_KB * load.endpoints
}

/// Size of an event's JSON in bytes.
pub(crate) fn event_bytes(load: &Load) -> Decimal {
    EVENT_BYTES + EVENT_VARIANT_BYTES * load.variants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Measured, is_delivery_path, lines, total};

    fn dollars(load: &Load, stage: Stage) -> Decimal {
        let lines = lines(load, &Measured::latest().unwrap());
        total(&lines, |one| one == stage).round_dp(4)
    }

    fn million() -> Load {
        Load {
            published: dec!(1_000_000),
            ..Load::default()
        }
    }

    #[test]
    fn million_published_events_cost_at_most_the_goal() {
        // Two write units for the record and one for the event are 1.875; 10^5 sends, receives and deletes 0.15; 10^5 reads
        // 0.0125; 0.02 and 22 ms (2 × 4 + 2 × 1769 / 256 = 21.8) × 10^5 × 0.25 GB = 550 GB-s for fan-out; and 10 ms more of the
        // consumer (2 × 4 + 1.058 × (1 / 0.7 − 1) × 1769 / 512 = 9.6) × 10^5 × 0.5 GB = 500 GB-s.
        let small = dollars(&million(), Stage::Publishing);
        assert!((small - dec!(2.075)).abs() <= dec!(0.002), "{small}");
        // An event of two units.
        let large = Load {
            variants: dec!(40),
            ..million()
        };
        let large = dollars(&large, Stage::Publishing);
        assert_eq!(large - small, dec!(0.625), "a write unit");
        assert!(large <= dec!(2.8), "{large}");
    }

    #[test]
    fn bus_is_a_line_of_its_own_and_no_listener_costs_nothing() {
        let bus = Load {
            has_bus: true,
            ..million()
        };
        // A dollar, a write unit for the verdict, and 8 ms × 10^5 × 0.25 GB = 200 GB-s.
        assert_eq!(dollars(&bus, Stage::EventBus), dec!(1.6283));
        assert_eq!(dollars(&bus, Stage::Publishing), dollars(&million(), Stage::Publishing));
        assert_eq!(dollars(&million(), Stage::EventBus), Decimal::ZERO);
        let nobody = Load {
            has_bus: true,
            ..Load::default()
        };
        for stage in [Stage::Publishing, Stage::EventBus] {
            assert_eq!(dollars(&nobody, stage), Decimal::ZERO);
        }
        let measured = Measured::latest().unwrap();
        let indexing = |load| total(&lines(load, &measured), is_delivery_path);
        assert_eq!(indexing(&bus), indexing(&Load::default()), "indexing costs the same");
    }

    #[test]
    fn event_of_its_own_batch_costs_a_message_and_an_invocation() {
        let alone = Load {
            batch: dec!(1),
            ..million()
        };
        // 1.50 for the queue instead of 0.15, ten times the invocations.
        assert!(dollars(&alone, Stage::Publishing) > dec!(3.5));
    }
}

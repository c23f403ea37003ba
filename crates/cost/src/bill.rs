//! Bill for a load, line by line: quantities from measurements, and their prices.

use rust_decimal::{Decimal, RoundingStrategy, dec};
use serde::Serialize;

use crate::{
    measured::{Measured, Work},
    outbound,
    prices::{self, Price},
    publishing,
};

/// Load that is billed.
#[derive(Debug, Clone)]
pub struct Load {
    /// Webhooks, without duplicates.
    pub events: Decimal,
    /// Bytes per body.
    pub size: Decimal,
    /// Variants per product.
    pub variants: Decimal,
    /// Messages per batch of the consumer, 1 to 10.
    pub batch: Decimal,
    /// Duration of a call to AWS, in milliseconds.
    pub call_ms: Decimal,
    /// Price of memory over time.
    pub memory: Price,
    /// Browsers that have the store's panel open all the time.
    pub watchers: Decimal,
    /// Events published for listeners, in the same batches; zero if nobody listens.
    pub published: Decimal,
    /// True if the stack has an event bus, which gets each published event.
    pub has_bus: bool,
    /// Endpoints that each published event is sent to.
    pub endpoints: Decimal,
    /// Time in which an endpoint answers, in milliseconds.
    pub answer_ms: Decimal,
}

impl Default for Load {
    /// A million events of 4 KiB in batches of ten, without watchers and listeners, with calls of 4 ms, on x86-64: the same as
    /// `hookline cost --size 4k --batch 10`.
    fn default() -> Self {
        Self {
            events: dec!(1_000_000),
            size: dec!(4_096),
            variants: dec!(2),
            batch: dec!(10),
            call_ms: dec!(4),
            memory: prices::LAMBDA_X86_64,
            watchers: Decimal::ZERO,
            published: Decimal::ZERO,
            has_bus: false,
            endpoints: Decimal::ZERO,
            answer_ms: dec!(100),
        }
    }
}

/// Stage in the processing of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Requests to the HTTP API.
    Gateway,
    /// Invocations of a receiver.
    Receiver,
    /// Claims and completions.
    Ledger,
    /// Sending, receiving and deleting.
    Queue,
    /// Invocations of `reindex`.
    Consumer,
    /// Advancing entities.
    Fence,
    /// Reading and updating the status of stores.
    Status,
    /// Refetching products with over 100 variants from the store.
    #[serde(rename = "ask")]
    Refetch,
    /// Committing events for listeners, and keeping them. The function's processor time is assumed, not measured.
    Publishing,
    /// Posting events to the event bus.
    EventBus,
    /// Entries of open messages to endpoints, and leases of the outboxes.
    Outboxes,
    /// Records of messages.
    Messages,
    /// Reading the events of messages.
    ReadEvents,
    /// Reading endpoints.
    Endpoints,
    /// Waking the dispatcher.
    WakeUps,
    /// Invocations of the dispatcher, and the fan-out function's time for its messages.
    Dispatcher,
    /// Traffic to endpoints.
    Egress,
    /// Pushing to watchers. Assumed, not measured.
    Live,
    /// Logs and traces.
    #[serde(rename = "seen")]
    Telemetry,
}

impl Stage {
    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "API Gateway",
            Self::Receiver => "receiver",
            Self::Ledger => "ledger",
            Self::Queue => "queue",
            Self::Consumer => "consumer",
            Self::Fence => "version fence",
            Self::Status => "status",
            Self::Refetch => "refetching from the store",
            Self::Publishing => "events for listeners",
            Self::EventBus => "event bus",
            Self::Outboxes => "outboxes",
            Self::Messages => "records of messages",
            Self::ReadEvents => "reading events",
            Self::Endpoints => "reading endpoints",
            Self::WakeUps => "wake-ups",
            Self::Dispatcher => "dispatcher",
            Self::Egress => "traffic to endpoints",
            Self::Live => "live panel (assumed)",
            Self::Telemetry => "logs and traces",
        }
    }
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillLine {
    /// Stage that it belongs to.
    pub stage: Stage,
    /// Quantity.
    pub quantity: Decimal,
    /// Unit of the quantity, as in `write units`.
    pub unit: &'static str,
    /// Dollars for the quantity.
    pub usd: Decimal,
    /// Source of the price.
    pub source: &'static str,
}

/// Memory (MB) of the functions, as in template.yaml.
const RECEIVER_MB: Decimal = dec!(256);
pub(crate) const CONSUMER_MB: Decimal = dec!(512);
const PUSH_MB: Decimal = dec!(512);

/// MB of memory that come with one processor
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const MB_PER_PROCESSOR: Decimal = dec!(1769);

/// Maximum size of one billed request to each, in bytes.
const GATEWAY_REQUEST_BYTES: Decimal = dec!(524_288);
pub(crate) const QUEUE_REQUEST_BYTES: Decimal = dec!(65_536);

/// Least compression of a message over 64 KiB (docs/adr/0008-large-bodies-go-through-s3.md).
const COMPRESSION_RATIO: Decimal = dec!(4.5);

/// Size of items below 1 KB, in KB: a ledger entry, an entity, an hour of a store's counts.
const SMALL_ITEM_KB: Decimal = dec!(1);

/// Size of a store's own item in KB, compressed: without the outcomes of deliveries, and of each outcome. Not less than
/// `crates/tables` describes: its test `a_batch_costs_a_store_what_it_changes` measures it.
const STORE_ITEM_KB: Decimal = dec!(0.75);
const ITEM_PER_DELIVERY_KB: Decimal = dec!(0.12);

/// Variants that Shopify sends in a webhook at most (<https://shopify.dev/docs/api/webhooks>); the rest is fetched from
/// the store.
const MAX_WEBHOOK_VARIANTS: Decimal = dec!(100);

/// Bytes of an invocation's platform log lines (`platform.start`, `platform.report`). Assumed.
pub(crate) const PLATFORM_LOG_BYTES: Decimal = dec!(650);

/// Invocations per trace, beyond the first in each second
/// (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-sampling>).
pub(crate) const INVOCATIONS_PER_TRACE: Decimal = dec!(20);

/// Returns the lines, in the order in which an event passes the stages.
pub fn lines(load: &Load, measured: &Measured) -> Vec<BillLine> {
    let mut bill = Bill(Vec::new());
    let events = load.events;
    let batches = round_up(events / load.batch);
    let receiver = measured.receiver(load.size);
    let consumer = measured.consumer(load.batch);

    let requests = events * round_up(load.size / GATEWAY_REQUEST_BYTES);
    let first = requests.min(prices::HTTP_API_FIRST);
    bill.add(Stage::Gateway, prices::HTTP_API, first);
    bill.add(Stage::Gateway, prices::HTTP_API_MORE, requests - first);

    bill.invocations(Stage::Receiver, events, &receiver, RECEIVER_MB, load);
    let settled = consumer.updates("ledger") * batches;
    let claimed = receiver.count("DynamoDB PutItem ledger") * events;
    bill.add(Stage::Ledger, prices::WRITES, (claimed + settled) * SMALL_ITEM_KB);

    let message = if load.size > QUEUE_REQUEST_BYTES {
        load.size / COMPRESSION_RATIO
    } else {
        load.size
    };
    let sent = receiver.count("SQS SendMessage") * events * round_up(message / QUEUE_REQUEST_BYTES);
    // Lambda receives and deletes per batch.
    let fetched = batches * round_up(message * load.batch / QUEUE_REQUEST_BYTES);
    bill.add(Stage::Queue, prices::FAIR_QUEUE, sent + fetched + batches);

    bill.invocations(Stage::Consumer, batches, &consumer, CONSUMER_MB, load);
    let fenced = consumer.updates("entities") * batches;
    bill.add(Stage::Fence, prices::WRITES, fenced * SMALL_ITEM_KB);

    // Each batch belongs to one store here: one write of the store's item and one of the hour's.
    let status_writes = batches;
    let own = round_up(STORE_ITEM_KB + ITEM_PER_DELIVERY_KB * load.batch);
    bill.add(Stage::Status, prices::WRITES, status_writes * (own + SMALL_ITEM_KB));
    let reads = consumer.count("DynamoDB GetItem stores") + consumer.count("DynamoDB Query stores");
    bill.add(Stage::Status, prices::READS, reads * batches * round_up(own / dec!(4)));

    if load.variants > MAX_WEBHOOK_VARIANTS {
        // Each job is sent, received and deleted, with one invocation that reads the store, passes the fence and writes
        // the index.
        bill.add(Stage::Refetch, prices::FAIR_QUEUE, events * dec!(3));
        bill.invocations(Stage::Refetch, events, &measured.consumer(dec!(1)), CONSUMER_MB, load);
        bill.add(Stage::Refetch, prices::WRITES, events * SMALL_ITEM_KB);
    }
    if load.published > Decimal::ZERO {
        publishing::add(&mut bill, load, &consumer);
        if load.endpoints > Decimal::ZERO {
            outbound::add(&mut bill, load);
        }
    }
    if load.watchers > Decimal::ZERO {
        // Each write of a store's status is one record of the stream: one write, one query of watchers, one push per
        // watcher.
        let push = Work {
            cpu_ms: dec!(1),
            rounds: dec!(4),
            calls: std::collections::BTreeMap::new(),
            logged: dec!(0),
        };
        bill.invocations(Stage::Live, status_writes, &push, PUSH_MB, load);
        bill.add(Stage::Live, prices::WRITES, status_writes);
        // Reads of the watchers, and of the store with a day of counts: about 12 KB.
        bill.add(Stage::Live, prices::READS, status_writes * dec!(4));
        bill.add(Stage::Live, prices::WEBSOCKET, status_writes * load.watchers);
    }

    let logged = events * (receiver.logged + PLATFORM_LOG_BYTES) + batches * (consumer.logged + PLATFORM_LOG_BYTES);
    bill.add(Stage::Telemetry, prices::LOGS, logged);
    bill.add(
        Stage::Telemetry,
        prices::TRACES,
        (events + batches) / INVOCATIONS_PER_TRACE,
    );
    bill.0
}

/// Dollars of the selected stages.
pub fn total(lines: &[BillLine], of: impl Fn(Stage) -> bool) -> Decimal {
    lines.iter().filter(|line| of(line.stage)).map(|line| line.usd).sum()
}

/// Returns true if a stage is on the path from sender to index: all but events for listeners, webhooks to endpoints, the panel
/// and telemetry.
pub fn is_delivery_path(stage: Stage) -> bool {
    let is_aside = matches!(
        stage,
        Stage::Publishing | Stage::EventBus | Stage::Egress | Stage::Live | Stage::Telemetry
    );
    !is_aside && !outbound::is_outbound(stage)
}

pub(crate) struct Bill(Vec<BillLine>);

impl Bill {
    /// Adds a line, unless the quantity is zero.
    pub(crate) fn add(&mut self, stage: Stage, price: Price, quantity: Decimal) {
        if quantity > Decimal::ZERO {
            self.0.push(BillLine {
                stage,
                quantity,
                unit: price.unit,
                usd: price.of(quantity),
                source: price.source,
            });
        }
    }

    pub(crate) fn invocations(&mut self, stage: Stage, count: Decimal, work: &Work, memory_mb: Decimal, load: &Load) {
        self.add(stage, prices::LAMBDA_REQUESTS, count);
        self.time(stage, count, billed_ms(work, memory_mb, load.call_ms), memory_mb, load);
    }

    /// Adds memory over time of this many invocations.
    pub(crate) fn time(&mut self, stage: Stage, count: Decimal, ms: Decimal, memory_mb: Decimal, load: &Load) {
        let seconds = count * ms / dec!(1000);
        self.add(stage, load.memory, seconds * memory_mb / dec!(1024));
    }
}

/// Duration that Lambda bills for one invocation, in whole milliseconds: its sequential calls, and its processor time
/// on the share of a processor that comes with the memory.
pub fn billed_ms(work: &Work, memory_mb: Decimal, call_ms: Decimal) -> Decimal {
    let slower = (MB_PER_PROCESSOR / memory_mb).max(Decimal::ONE);
    round_up(work.rounds * call_ms + work.cpu_ms * slower)
}

/// Rounds up to a whole number, at least one.
pub(crate) fn round_up(quantity: Decimal) -> Decimal {
    quantity
        .round_dp_with_strategy(0, RoundingStrategy::ToPositiveInfinity)
        .max(Decimal::ONE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Round numbers: 0.5 ms and 2 rounds a delivery; 1 ms and 5 rounds, 21 writes, 2 reads a batch of ten.
    fn measured() -> Measured {
        let text = r#"{
            "date": "2026-11-21",
            "receiver": {"cpu_ms": 0.5, "rounds": 2, "logged": 350,
                "calls": {"DynamoDB PutItem ledger": 1, "SQS SendMessage": 1}},
            "receiver_of_200k": {"cpu_ms": 2.5, "rounds": 0, "logged": 350, "calls": {}},
            "consumer_of_1": {"cpu_ms": 0.5, "rounds": 5, "logged": 350,
                "calls": {"DynamoDB UpdateItem ledger": 1, "DynamoDB UpdateItem entities": 1,
                    "DynamoDB UpdateItem stores": 1, "DynamoDB GetItem stores": 2}},
            "consumer_of_10": {"cpu_ms": 1, "rounds": 5, "logged": 3500,
                "calls": {"DynamoDB UpdateItem ledger": 10, "DynamoDB UpdateItem entities": 10,
                    "DynamoDB UpdateItem stores": 1, "DynamoDB GetItem stores": 2}}
        }"#;
        serde_json::from_str(text).unwrap()
    }

    fn by_stage(load: &Load) -> BTreeMap<String, Decimal> {
        let mut stages = BTreeMap::<String, Decimal>::new();
        for line in lines(load, &measured()) {
            *stages.entry(format!("{:?}", line.stage)).or_default() += line.usd;
        }
        stages
            .into_iter()
            .map(|(stage, usd)| (stage, usd.round_dp(4)))
            .collect()
    }

    fn expected(stages: &[(&str, Decimal)]) -> BTreeMap<String, Decimal> {
        stages.iter().map(|(stage, usd)| ((*stage).to_owned(), *usd)).collect()
    }

    #[test]
    fn million_small_events_cost_the_amount_computed_by_hand() {
        let by_hand = expected(&[
            // 10^6 requests.
            ("Gateway", dec!(1.00)),
            // 0.20, and 12 ms (2 × 4 + 0.5 × 1769 / 256 = 11.46) × 10^6 × 0.25 GB = 3,000 GB-s × 0.0000166667.
            ("Receiver", dec!(0.2500)),
            // 2 × 10^6 writes.
            ("Ledger", dec!(1.25)),
            // 10^6 sends, 10^5 receives, 10^5 deletes.
            ("Queue", dec!(0.6)),
            // 0.02, and 24 ms (5 × 4 + 1 × 1769 / 512 = 23.46) × 10^5 × 0.5 GB = 1,200 GB-s.
            ("Consumer", dec!(0.0400)),
            ("Fence", dec!(0.625)),
            // 10^5 writes of the store's own item, 2 units with ten deliveries, and as many of the hour's, 1 unit, are
            // 0.1875; 2 × 10^5 reads of 1 unit 0.025.
            ("Status", dec!(0.2125)),
            // 10^6 × 1,000 B and 10^5 × 4,150 B are 1.415 GB; 1.1 × 10^6 / 20 traces are 0.275.
            ("Telemetry", dec!(0.9825)),
        ]);
        let found = by_stage(&Load::default());
        assert_eq!(found.keys().collect::<Vec<_>>(), by_hand.keys().collect::<Vec<_>>());
        for (stage, usd) in &by_hand {
            assert!(
                (found[stage] - usd).abs() <= dec!(0.0001),
                "{stage}: {} is not {usd}",
                found[stage]
            );
        }
        let way = total(&lines(&Load::default(), &measured()), is_delivery_path);
        assert_eq!(way.round_dp(2), dec!(3.98));
    }

    #[test]
    fn batches_of_one_cost_a_batch_per_event() {
        let stages = by_stage(&Load {
            batch: dec!(1),
            ..Load::default()
        });
        // A receive and a delete, an invocation, a write of the status for each event.
        assert_eq!(stages["Queue"], dec!(1.5));
        // 2 units to write and 2 to read for each event: 1.25 and 0.25.
        assert_eq!(stages["Status"], dec!(1.5));
        // 0.20, and 22 ms (5 × 4 + 0.5 × 1769 / 512 = 21.73) × 10^6 × 0.5 GB = 11,000 GB-s.
        assert_eq!(stages["Consumer"], dec!(0.3833));
    }

    #[test]
    fn large_body_costs_more_metered_requests() {
        let stages = by_stage(&Load {
            size: dec!(614_400),
            ..Load::default()
        });
        assert_eq!(stages["Gateway"], dec!(2.0));
        // 600 KB are 136.5 KB compressed: 3 requests to send, 21 to receive ten, 1 to delete them.
        assert_eq!(stages["Queue"], (dec!(3) + dec!(2.1) + dec!(0.1)) * dec!(0.5));
    }

    #[test]
    fn gateway_is_cheaper_beyond_300_million() {
        let stages = by_stage(&Load {
            events: dec!(400_000_000),
            ..Load::default()
        });
        assert_eq!(stages["Gateway"], dec!(390));
    }

    #[test]
    fn many_variants_cost_refetches_and_watchers_cost_pushes() {
        let plain = by_stage(&Load::default());
        assert!(!plain.contains_key("Refetch") && !plain.contains_key("Live"));
        let more = by_stage(&Load {
            variants: dec!(101),
            watchers: dec!(2),
            ..Load::default()
        });
        // 1.50 for the queue, 0.3833 for invocations, 0.625 for the fence.
        assert_eq!(more["Refetch"], dec!(2.5083));
        // 10^5 records: 0.02, 20 ms (4 × 4 + 3.46) × 0.5 GB × 10^5 = 1,000 GB-s, 0.0625, 0.05, 0.20 for two messages
        // each.
        assert_eq!(more["Live"], dec!(0.3492));
    }

    #[test]
    fn assumptions_match_the_template() {
        let template = include_str!("../../../template.yaml");
        let of = |resource: &str, property: &str| -> Decimal {
            let (_, from) = template.split_once(&format!("\n  {resource}:\n")).unwrap();
            // The next resource begins at the same depth.
            let end = from.find("\n  ").map_or(from.len(), |_| {
                from.match_indices("\n  ")
                    .find(|(at, _)| !from[at + 3..].starts_with(' '))
                    .map_or(from.len(), |(at, _)| at)
            });
            let value = from[..end].split_once(&format!("{property}:")).unwrap().1;
            let digits: String = value.trim_start().chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        };
        assert_eq!(of("ReceiverMemory", "Default"), RECEIVER_MB);
        assert_eq!(of("ReindexFunction", "MemorySize"), CONSUMER_MB);
        assert_eq!(of("LivePushFunction", "MemorySize"), PUSH_MB);
        assert_eq!(of("FanOutFunction", "MemorySize"), publishing::FAN_OUT_MB);
        assert_eq!(of("DispatchFunction", "MemorySize"), outbound::DISPATCH_MB);
        assert_eq!(of("ReindexEventSource", "BatchSize"), Load::default().batch);
        assert_eq!(
            of("ReindexEventSource", "MaximumBatchingWindowInSeconds"),
            Decimal::ZERO
        );
    }

    #[test]
    fn memory_above_one_processor_does_not_speed_up() {
        let work = measured().receiver(dec!(4_096));
        assert_eq!(billed_ms(&work, dec!(256), dec!(4)), dec!(12));
        assert_eq!(billed_ms(&work, dec!(3008), dec!(4)), dec!(9));
    }
}

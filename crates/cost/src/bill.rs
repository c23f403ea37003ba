//! The bill for some events, line by line: how many of what, from what was measured, and what each costs.

use rust_decimal::{Decimal, RoundingStrategy, dec};
use serde::Serialize;

use crate::{
    measured::{Measured, Work},
    prices::{self, Price},
};

/// What is to be paid for.
#[derive(Debug, Clone)]
pub struct Load {
    /// Webhooks, all new.
    pub events: Decimal,
    /// Bytes of body in each.
    pub size: Decimal,
    /// Variants of each product.
    pub variants: Decimal,
    /// Messages that the consumer is handed at once, 1 to 10.
    pub batch: Decimal,
    /// What a call to AWS takes, in milliseconds.
    pub call_ms: Decimal,
    /// What memory for a time costs.
    pub memory: Price,
    /// Browsers that look at the panel of the store all the while.
    pub watchers: Decimal,
}

impl Default for Load {
    /// A million events of 4 KiB in batches of ten, nobody watching, with calls that take 4 ms, on x86-64: as
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
        }
    }
}

/// A part of the way of an event.
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
    /// Looking at stores and counting.
    Status,
    /// What a product with over 100 variants takes beside.
    Ask,
    /// Telling who watches. Assumed, not measured.
    Live,
    /// Logs and traces.
    Seen,
}

impl Stage {
    /// For a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "API Gateway",
            Self::Receiver => "receiver",
            Self::Ledger => "ledger",
            Self::Queue => "queue",
            Self::Consumer => "consumer",
            Self::Fence => "version fence",
            Self::Status => "status",
            Self::Ask => "asking the store",
            Self::Live => "live panel (assumed)",
            Self::Seen => "logs and traces",
        }
    }
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where.
    pub stage: Stage,
    /// How many.
    pub quantity: Decimal,
    /// Of what, as in `write units`.
    pub unit: &'static str,
    /// Dollars for all of them.
    pub usd: Decimal,
    /// Of the price.
    pub source: &'static str,
}

/// Memory (MB) of the functions, as in template.yaml.
const RECEIVER_MB: Decimal = dec!(256);
const CONSUMER_MB: Decimal = dec!(512);
const PUSH_MB: Decimal = dec!(512);

/// MB that have one processor (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const PROCESSOR_MB: Decimal = dec!(1769);

/// Bytes that one request to each may have.
const GATEWAY_REQUEST: Decimal = dec!(524_288);
const QUEUE_REQUEST: Decimal = dec!(65_536);

/// What a message over 64 KiB shrinks to, at least (docs/adr/0008-large-bodies-go-through-s3.md).
const COMPRESSION: Decimal = dec!(4.5);

/// KB of the items that are below 1: an entry of the ledger, an entity, an hour of a store's counts.
const SMALL_ITEM: Decimal = dec!(1);

/// KB of a store's own item, without what became of deliveries and with each of those, compressed. Not less than what
/// `crates/aws` writes: its test `a_batch_costs_a_store_what_it_changes` measures it.
const STORE_ITEM: Decimal = dec!(0.75);
const TOLD_DELIVERY: Decimal = dec!(0.12);

/// Variants that Shopify tells in a webhook (<https://shopify.dev/docs/api/webhooks>); for more the store is asked.
const TOLD_VARIANTS: Decimal = dec!(100);

/// What an invocation's own lines (`platform.start`, `platform.report`) have in bytes. Assumed.
const PLATFORM_LOG: Decimal = dec!(650);

/// Of so many invocations one is traced, beyond the first each second
/// (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-sampling>).
const TRACED: Decimal = dec!(20);

/// The lines, in the order of an event's way.
pub fn lines(load: &Load, measured: &Measured) -> Vec<Line> {
    let mut bill = Bill(Vec::new());
    let events = load.events;
    let batches = up(events / load.batch);
    let receiver = measured.receiver(load.size);
    let consumer = measured.consumer(load.batch);

    let requests = events * up(load.size / GATEWAY_REQUEST);
    let first = requests.min(prices::HTTP_API_FIRST);
    bill.add(Stage::Gateway, prices::HTTP_API, first);
    bill.add(Stage::Gateway, prices::HTTP_API_MORE, requests - first);

    bill.invocations(Stage::Receiver, events, &receiver, RECEIVER_MB, load);
    let settled = consumer.updates("ledger") * batches;
    let claimed = receiver.count("DynamoDB PutItem ledger") * events;
    bill.add(Stage::Ledger, prices::WRITES, (claimed + settled) * SMALL_ITEM);

    let message = if load.size > QUEUE_REQUEST {
        load.size / COMPRESSION
    } else {
        load.size
    };
    let sent = receiver.count("SQS SendMessage") * events * up(message / QUEUE_REQUEST);
    // Lambda receives and deletes by the batch.
    let fetched = batches * up(message * load.batch / QUEUE_REQUEST);
    bill.add(Stage::Queue, prices::FAIR_QUEUE, sent + fetched + batches);

    bill.invocations(Stage::Consumer, batches, &consumer, CONSUMER_MB, load);
    let fenced = consumer.updates("entities") * batches;
    bill.add(Stage::Fence, prices::WRITES, fenced * SMALL_ITEM);

    // A batch is of one store here: its own item, and the hour's.
    let told = batches;
    let own = up(STORE_ITEM + TOLD_DELIVERY * load.batch);
    bill.add(Stage::Status, prices::WRITES, told * (own + SMALL_ITEM));
    let looked = consumer.count("DynamoDB GetItem stores") + consumer.count("DynamoDB Query stores");
    bill.add(Stage::Status, prices::READS, looked * batches * up(own / dec!(4)));

    if load.variants > TOLD_VARIANTS {
        // A job: sent, received, deleted; one invocation that asks the store, passes the fence and writes the index.
        bill.add(Stage::Ask, prices::FAIR_QUEUE, events * dec!(3));
        bill.invocations(Stage::Ask, events, &measured.consumer(dec!(1)), CONSUMER_MB, load);
        bill.add(Stage::Ask, prices::WRITES, events * SMALL_ITEM);
    }
    if load.watchers > Decimal::ZERO {
        // Each write of a store's status is one record of the stream: kept, looked up who watches, pushed to each.
        let push = Work {
            cpu_ms: dec!(1),
            rounds: dec!(4),
            calls: std::collections::BTreeMap::new(),
            logged: dec!(0),
        };
        bill.invocations(Stage::Live, told, &push, PUSH_MB, load);
        bill.add(Stage::Live, prices::WRITES, told);
        // Who watches, and the store with a day of counts: some 12 KB.
        bill.add(Stage::Live, prices::READS, told * dec!(4));
        bill.add(Stage::Live, prices::WEBSOCKET, told * load.watchers);
    }

    let logged = events * (receiver.logged + PLATFORM_LOG) + batches * (consumer.logged + PLATFORM_LOG);
    bill.add(Stage::Seen, prices::LOGS, logged);
    bill.add(Stage::Seen, prices::TRACES, (events + batches) / TRACED);
    bill.0
}

/// Dollars of some stages.
pub fn total(lines: &[Line], of: impl Fn(Stage) -> bool) -> Decimal {
    lines.iter().filter(|line| of(line.stage)).map(|line| line.usd).sum()
}

/// Whether a stage is on the way from the sender to the index: not what is seen of it.
pub fn is_the_way(stage: Stage) -> bool {
    !matches!(stage, Stage::Live | Stage::Seen)
}

struct Bill(Vec<Line>);

impl Bill {
    /// Nothing costs nothing, and is no line.
    fn add(&mut self, stage: Stage, price: Price, quantity: Decimal) {
        if quantity > Decimal::ZERO {
            self.0.push(Line {
                stage,
                quantity,
                unit: price.unit,
                usd: price.of(quantity),
                source: price.source,
            });
        }
    }

    fn invocations(&mut self, stage: Stage, count: Decimal, work: &Work, memory_mb: Decimal, load: &Load) {
        self.add(stage, prices::LAMBDA_REQUESTS, count);
        let seconds = count * billed_ms(work, memory_mb, load.call_ms) / dec!(1000);
        self.add(stage, load.memory, seconds * memory_mb / dec!(1024));
    }
}

/// What Lambda bills for one invocation: the calls that wait for each other, and the time on as much of a processor as comes
/// with the memory, in whole milliseconds.
pub fn billed_ms(work: &Work, memory_mb: Decimal, call_ms: Decimal) -> Decimal {
    let slower = (PROCESSOR_MB / memory_mb).max(Decimal::ONE);
    up(work.rounds * call_ms + work.cpu_ms * slower)
}

/// To the next whole number; none is at least one.
fn up(quantity: Decimal) -> Decimal {
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
    fn a_million_small_events_cost_what_is_computed_by_hand() {
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
            // 10^5 writes of the store's own item, 2 units with ten deliveries, and as many of the hour's, 1 unit, are 0.1875;
            // 2 × 10^5 reads of 1 unit 0.025.
            ("Status", dec!(0.2125)),
            // 10^6 × 1,000 B and 10^5 × 4,150 B are 1.415 GB; 1.1 × 10^6 / 20 traces are 0.275.
            ("Seen", dec!(0.9825)),
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
        let way = total(&lines(&Load::default(), &measured()), is_the_way);
        assert_eq!(way.round_dp(2), dec!(3.98));
    }

    #[test]
    fn one_event_at_a_time_costs_a_batch_for_each() {
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
    fn a_large_body_costs_more_requests_where_it_is_metered() {
        let stages = by_stage(&Load {
            size: dec!(614_400),
            ..Load::default()
        });
        assert_eq!(stages["Gateway"], dec!(2.0));
        // 600 KB are 136.5 KB compressed: 3 requests to send, 21 to receive ten, 1 to delete them.
        assert_eq!(stages["Queue"], (dec!(3) + dec!(2.1) + dec!(0.1)) * dec!(0.5));
    }

    #[test]
    fn the_gateway_is_cheaper_beyond_300_million() {
        let stages = by_stage(&Load {
            events: dec!(400_000_000),
            ..Load::default()
        });
        assert_eq!(stages["Gateway"], dec!(390));
    }

    #[test]
    fn many_variants_are_asked_for_and_watchers_are_told() {
        let plain = by_stage(&Load::default());
        assert!(!plain.contains_key("Ask") && !plain.contains_key("Live"));
        let more = by_stage(&Load {
            variants: dec!(101),
            watchers: dec!(2),
            ..Load::default()
        });
        // 1.50 for the queue, 0.3833 for invocations, 0.625 for the fence.
        assert_eq!(more["Ask"], dec!(2.5083));
        // 10^5 records: 0.02, 20 ms (4 × 4 + 3.46) × 0.5 GB × 10^5 = 1,000 GB-s, 0.0625, 0.05, 0.20 for two messages each.
        assert_eq!(more["Live"], dec!(0.3492));
    }

    #[test]
    fn what_is_assumed_is_what_the_template_has() {
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
        assert_eq!(of("ReindexEventSource", "BatchSize"), Load::default().batch);
        assert_eq!(
            of("ReindexEventSource", "MaximumBatchingWindowInSeconds"),
            Decimal::ZERO
        );
    }

    #[test]
    fn memory_above_one_processor_makes_nothing_faster() {
        let work = measured().receiver(dec!(4_096));
        assert_eq!(billed_ms(&work, dec!(256), dec!(4)), dec!(12));
        assert_eq!(billed_ms(&work, dec!(3008), dec!(4)), dec!(9));
    }
}

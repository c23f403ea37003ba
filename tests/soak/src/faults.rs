//! Faults of AWS and the index, by call and kind. Microburst plays AWS's own faults (a header selects the fault, so
//! that the seed decides and not microburst's dice); the boundary plays those of S3 and the index, and partial
//! failures.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::chance::{Chance, happens, pick};

/// Header that selects microburst's fault for a request.
pub const HEADER: &str = "x-soak-fault";

/// Service that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    DynamoDb,
    Sqs,
    S3,
    OpenSearch,
    Kms,
    /// A store's Admin API.
    Admin,
    /// The event bus.
    Bus,
}

/// Kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Refused for there being too many: 400 with a code that says so, or 429.
    Throttled,
    /// A server error: 500 or 503.
    Broken,
    /// Another transaction holds the item.
    Conflict,
    /// The response is late.
    Slow,
    /// No response within any caller's timeout. Nothing was done.
    Hang,
    /// The connection is cut. Nothing was done.
    Reset,
    /// The call is done, then the connection is cut.
    CutAfter,
    /// Part of a batch is done; the response says which part.
    Partial,
}

impl Fault {
    /// Name of the fault in [`HEADER`] and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Broken => "broken",
            Self::Conflict => "conflict",
            Self::Slow => "slow",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::CutAfter => "cut-after",
            Self::Partial => "partial",
        }
    }
}

const DYNAMODB: &[(u32, Fault)] = &[
    (30, Fault::Throttled),
    (20, Fault::Broken),
    (10, Fault::Conflict),
    (10, Fault::Slow),
    (10, Fault::Reset),
    (15, Fault::CutAfter),
    (5, Fault::Hang),
];
/// Several statements in one call.
const STATEMENTS: &[(u32, Fault)] = &[
    (20, Fault::Throttled),
    (15, Fault::Broken),
    (35, Fault::Partial),
    (10, Fault::Slow),
    (8, Fault::Reset),
    (15, Fault::CutAfter),
    (2, Fault::Hang),
];
const SQS: &[(u32, Fault)] = &[
    (30, Fault::Throttled),
    (25, Fault::Broken),
    (10, Fault::Slow),
    (10, Fault::Reset),
    (20, Fault::CutAfter),
    (5, Fault::Hang),
];
const BULK: &[(u32, Fault)] = &[
    (20, Fault::Throttled),
    (15, Fault::Broken),
    (30, Fault::Partial),
    (10, Fault::Slow),
    (8, Fault::Reset),
    (15, Fault::CutAfter),
    (2, Fault::Hang),
];
const S3: &[(u32, Fault)] = &[
    (30, Fault::Throttled),
    (25, Fault::Broken),
    (10, Fault::Slow),
    (15, Fault::Reset),
    (18, Fault::CutAfter),
    (2, Fault::Hang),
];
const BUS: &[(u32, Fault)] = &[
    (25, Fault::Throttled),
    (20, Fault::Broken),
    (30, Fault::Partial),
    (10, Fault::Reset),
    (15, Fault::CutAfter),
];
const OTHER_INDEX_CALL: &[(u32, Fault)] = &[(40, Fault::Broken), (30, Fault::Reset), (30, Fault::CutAfter)];

/// Faults of a service with few kinds of responses.
const OTHER_CALL: &[(u32, Fault)] = &[(40, Fault::Broken), (30, Fault::Reset), (30, Fault::CutAfter)];

/// Plan of faults, and those that were played.
#[derive(Debug)]
pub struct Faults {
    chance: Chance,
    rate: f64,
    on: AtomicBool,
    calls: Mutex<BTreeMap<(String, String), u64>>,
    made: Mutex<BTreeMap<(&'static str, Fault), u64>>,
}

impl Faults {
    pub fn new(chance: Chance, rate: f64) -> Self {
        Self {
            chance,
            rate,
            on: AtomicBool::new(true),
            calls: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// Stops all faults.
    pub fn stop(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// Decides whether this call fails, and how.
    pub fn decide(&self, service: Service, function: &str, call: &str) -> Option<Fault> {
        if !self.on.load(Ordering::Relaxed) || self.rate <= 0.0 {
            return None;
        }
        let nth = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let count = calls.entry((function.to_owned(), call.to_owned())).or_default();
            *count += 1;
            *count
        };
        let mut dice = self.chance.dice(("fault", function, call), nth);
        if !happens(&mut dice, self.rate) {
            return None;
        }
        let (name, faults) = match service {
            Service::DynamoDb if call.starts_with("BatchExecuteStatement") => ("DynamoDB", STATEMENTS),
            Service::DynamoDb => ("DynamoDB", DYNAMODB),
            Service::Sqs => ("SQS", SQS),
            Service::S3 => ("S3", S3),
            Service::OpenSearch if call == "_bulk" => ("OpenSearch", BULK),
            Service::OpenSearch => ("OpenSearch", OTHER_INDEX_CALL),
            Service::Kms => ("KMS", OTHER_CALL),
            Service::Admin => ("Admin API", OTHER_CALL),
            Service::Bus => ("EventBridge", BUS),
        };
        let fault = pick(&mut dice, faults)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made.entry((name, fault)).or_default() += 1;
        Some(fault)
    }

    /// Number of faults.
    pub fn total(&self) -> u64 {
        self.made().values().sum()
    }

    /// Number of faults of each kind, as in `DynamoDB throttled 12`.
    pub fn summary(&self) -> String {
        let parts: Vec<String> = self
            .made()
            .iter()
            .map(|((service, fault), count)| format!("{service} {} {count}", fault.name()))
            .collect();
        parts.join(", ")
    }

    fn made(&self) -> BTreeMap<(&'static str, Fault), u64> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

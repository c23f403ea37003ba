//! Promises that hold for any input from a stranger or from AWS. Each function takes any bytes and panics if a promise
//! is broken; each checks more than the absence of panics.
//!
//! They are run three ways: by libFuzzer (`make fuzz`, through `tests/fuzz`), over the committed corpus and over random
//! bytes (`make test`, `tests/hostile/tests`). The corpora are in `tests/fuzz/corpus/<name>`.

#![expect(
    clippy::unwrap_used,
    reason = "all of this runs inside of tests, where a panic is a failure"
)]

mod answer;
mod batch;
mod endpoint;
mod envelope;
mod gateway;
mod headers;
mod ids;
mod payload;
mod query;
mod search;
mod signature;
mod webhook;

/// A function that takes any bytes and panics if a promise is broken.
pub type Target = fn(&[u8]);

/// All targets, by the name of its corpus and of its file in `tests/fuzz/fuzz_targets`.
pub const TARGETS: [(&str, Target); 13] = [
    ("answer", answer::answer),
    ("description", payload::description),
    ("endpoint_answer", endpoint::endpoint_answer),
    ("endpoint_url", endpoint::endpoint_url),
    ("envelope", envelope::envelope),
    ("headers", headers::headers),
    ("ids", ids::ids),
    ("payload", payload::payload),
    ("search", search::search),
    ("search_query", query::search_query),
    ("signature", signature::signature),
    ("sqs_batch", batch::sqs_batch),
    ("webhook", webhook::webhook),
];

/// Runs the target of this name.
///
/// # Panics
/// If a promise is broken, or the target does not exist.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS
        .into_iter()
        .find(|(target, _)| *target == name)
        .expect("TARGETS has no target of this name");
    target(data);
}

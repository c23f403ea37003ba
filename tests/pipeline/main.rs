//! From a webhook to a search result, in one process: API Gateway's event enters the real receiver, the real adapters
//! talk to emulators over HTTP, the real consumer writes, and the real search function finds. `tests/stack` does the
//! same with deployed binaries; this is faster and closer to the code.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod bad_input;
mod fairness;
mod harness;
mod large;
mod samples;
mod story;
mod topics;

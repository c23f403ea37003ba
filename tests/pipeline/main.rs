//! A webhook in, a search result out, in one process: API Gateway's event goes into the real receiver, the real
//! adapters talk to emulators over HTTP, the real consumer writes, the real search function finds. The same as `tests/stack`
//! does with deployed binaries, closer to the code and faster.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod bad_input;
mod fairness;
mod harness;
mod large;
mod samples;
mod story;
mod topics;

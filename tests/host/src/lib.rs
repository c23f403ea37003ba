//! Plays Lambda and API Gateway for built functions, so that the benchmark and the soak run the very binaries that are
//! deployed.
//!
//! - [`runtime`]: the Lambda runtime API that a function asks for its events;
//! - [`protocol`]: what AWS's JSON services refuse, refused by stubs, too;
//! - [`webhook`]: a signed webhook as an HTTP API hands it over;
//! - [`server`]: a loopback server, which both of the above and the callers' stubs are made of.

pub mod protocol;
pub mod runtime;
pub mod server;
pub mod webhook;

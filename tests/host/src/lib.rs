//! Stand-ins for Lambda and API Gateway, so that the benchmark and the soak run the same binaries that are
//! deployed.
//!
//! - [`runtime`]: the Lambda runtime API, from which a function polls its events;
//! - [`protocol`]: the protocol checks of AWS's JSON services, for stubs;
//! - [`gateway`]: requests as the events of an HTTP API;
//! - [`webhook`]: a signed webhook as the event of an HTTP API;
//! - [`server`]: a loopback server, on which the runtime API and the callers' stubs are built.

pub mod gateway;
pub mod protocol;
pub mod runtime;
pub mod server;
pub mod webhook;

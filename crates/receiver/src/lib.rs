//! Receiving a webhook: size, signature, headers, claim, queue, answer. The only code on the path of a delivery that a
//! source waits for.
//!
//! Nothing here names an SDK: adapters come in through the ports of `hookline-domain`.

mod endpoints;
mod keys;
pub mod receiver;
mod secret_usage;
pub mod tally;
#[cfg(test)]
mod testing;
pub mod webhook;

pub use hookline_domain::delivery::receive::ReceivePorts;

pub use self::{
    keys::KeysError,
    receiver::{Receiver, ReceiverAdapters, ReceiverPorts},
    webhook::serve_webhooks,
};

//! A clock that stands, for the unit tests of this crate.

use hookline_domain::kernel::port::Clock;
use jiff::Timestamp;

pub(crate) const STORE: &str = "demo.myshopify.com";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }
}

//! Names that the unit tests of this crate share.

pub(crate) use hookline_domain::memory::noon;

pub(crate) const STORE: &str = "demo.myshopify.com";

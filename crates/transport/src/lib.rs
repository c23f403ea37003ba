//! The way to AWS that both kinds of receivers share, with AWS's SDKs (`hookline-aws`) or without (`hookline-direct`): what Lambda
//! sets in the environment ([`Settings`]), the hosts of AWS's services ([`Endpoints`]), connections that are made before the first
//! request ([`Host`]) and trust Mozilla's roots ([`Tls`]), and the class of an error that AWS answers ([`cause_of`]).
//!
//! Nothing here signs or builds a request.

mod cause;
mod connection;
mod endpoints;
mod settings;
mod tls;

pub use self::{
    cause::cause_of,
    connection::{ConnectionError, Host, InvalidUrlError},
    endpoints::{AwsService, BucketAddress, EndpointError, Endpoints},
    settings::{Credentials, Settings, SettingsError},
    tls::{RootsError, Tls},
};

//! One attempt to hand a message to an endpoint of somebody else's: its signature ([`SigningKeys`]), the guard that keeps requests
//! away from private addresses ([`Guard`]), the request ([`Headers`], [`Sender`]) and the answer.
//!
//! An endpoint's URL, and the one from which it has tokens, are the only addresses that a stranger chooses, so this crate is the only code that may connect to one. What an
//! answer means is [`hookline_domain::outbound::Meaning`]; when a message is tried again is not decided here.

mod address;
mod answer;
mod certificate;
mod connection;
mod der;
mod disclosing;
mod endpoint_url;
mod guard;
mod headers;
mod oauth;
mod post;
mod seal;
mod sealed;
mod sender;
mod signature;
mod tls;
mod tokens;

pub use self::{
    address::{NotPublicError, check_public},
    answer::retry_after,
    certificate::{InvalidCertificateError, OpenCertificate},
    disclosing::{Disclosing, Disclosure},
    endpoint_url::{EndpointUrl, InvalidEndpointUrlError, MAX_URL_BYTES, UrlRules},
    guard::{ADDRESS_TIMEOUT, Connect, Guard, MAX_ADDRESSES, RESOLVE_TIMEOUT, Resolve, SystemNetwork},
    headers::{CustomHeaders, Headers, InvalidHeaderError, MAX_CUSTOM_BYTES, MAX_CUSTOM_HEADERS, Message},
    oauth::{InvalidAuthError, OpenAuth},
    post::Poster,
    seal::{InvalidEndpointError, OpenCredentials, check_settings},
    sealed::{OpenHeaders, OpenKeys, UnsealError},
    sender::{
        AttemptReport, CHALLENGE_HEADER, CONNECT_TIMEOUT, MAX_ATTEMPT, MAX_HEAD_BYTES, MAX_HEADERS, MIN_ATTEMPT,
        Sender, Timing,
    },
    signature::{
        ID_HEADER, ParseKeyError, PublicKey, SIGNATURE_HEADER, SigningKey, SigningKeys, SigningSecret, TIMESTAMP_HEADER,
    },
    tls::{Roots, mozilla_roots},
};

//! Sources of webhooks: how their requests are signed, and what their deliveries mean in our words.
//!
//! A source is data. Its module has a [`Sender`], which receivers take, and a [`Platform`], which is listed in [`ALL`] and
//! serves everybody else. Wire structs stay private; what leaves is a [`Delivery`] or an [`Event`].

pub mod html;
pub mod scheme;
pub mod sender;
pub mod shopify;
pub mod signature;

use hookline_domain::{
    delivery::Delivery,
    event::{Event, Unreadable},
    kernel::ids::{DeliveryKey, Source},
};
use http::HeaderMap;
use jiff::Timestamp;

pub use self::sender::{Inbound, RequestError, Sender, Topic};

/// A source as the consumer and the commands need it. Apart from [`Sender`], so that a receiver does not link what reads
/// bodies.
#[derive(Debug)]
pub struct Platform {
    /// What receivers need.
    pub sender: &'static Sender,
    /// Says what a delivery means. See [`interpret`].
    pub interpret: fn(&Delivery) -> Result<Event, Unreadable>,
    /// Whether headers are those of a webhook of this source.
    pub recognizes: fn(&HeaderMap) -> bool,
    /// Reads a request that a person has saved. Its signature is not checked.
    pub read_saved: fn(&HeaderMap, &[u8], Timestamp) -> Result<Delivery, RequestError>,
}

/// All sources. The first one is that of requests that no source recognizes.
pub static ALL: [&Platform; 1] = [&shopify::PLATFORM];

/// The source of this name, if it is one of ours.
#[must_use]
pub fn platform(source: &Source) -> Option<&'static Platform> {
    ALL.into_iter().find(|platform| platform.sender.name == source.as_str())
}

/// Says what a delivery means, as its source does.
///
/// # Errors
/// [`Unreadable`] says where the body does not fit its topic; it never quotes the body.
pub fn interpret(delivery: &Delivery) -> Result<Event, Unreadable> {
    let platform = platform(&delivery.key.store.source).ok_or(Unreadable::Topic)?;
    (platform.interpret)(delivery)
}

/// Whether a delivery's body is about people, and must not be archived. So are the bodies of topics that nothing reads.
#[must_use]
pub fn is_personal(delivery: &DeliveryKey) -> bool {
    let platform = platform(&delivery.store.source);
    let topics = platform.map_or(&[][..], |platform| platform.sender.topics);
    let known = topics.iter().find(|topic| topic.name == delivery.topic.as_str());
    known.is_none_or(|topic| topic.is_personal)
}

/// Reads a request that a person has saved. Its signature is **not** checked: whoever may write to the queue vouches for it.
///
/// # Errors
/// [`RequestError`] names what is wrong with the headers.
pub fn read_saved(headers: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, RequestError> {
    let [first, ..] = ALL;
    let platform = ALL.into_iter().find(|platform| (platform.recognizes)(headers));
    (platform.unwrap_or(first).read_saved)(headers, body, received_at)
}

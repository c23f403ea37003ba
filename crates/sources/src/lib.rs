//! Sources of webhooks: how their requests are signed, and what their deliveries mean in our words.
//!
//! A source is data. Its module has a [`Sender`] for receivers, and a [`Platform`] for everybody else, listed in
//! [`ALL`]. Wire structs stay private; what leaves is a [`Delivery`] or an [`Event`].

mod families;
pub mod html;
mod json;
mod pointer;
pub mod scheme;
pub mod sender;
pub mod shopify;
pub mod signature;
pub mod square;
pub mod standard;
pub mod stripe;

use hookline_domain::{
    consumer::Interpret,
    delivery::Delivery,
    event::{Event, InterpretError},
    kernel::ids::{BARE_SOURCE, DeliveryKey, Source, StoreKey, StoreName},
    store::inbound::InboundEndpoint,
};
use hookline_events::PersonalData;
use http::HeaderMap;
use jiff::Timestamp;

pub use self::{
    families::{Families, Family, ParseFamilyError, WholeBodies},
    sender::{Ignored, Inbound, Keyed, Read, RequestError, Sender, Topic},
};

/// A source as the consumer and the commands need it. Apart from [`Sender`], so that a receiver does not link what
/// reads bodies.
#[derive(Debug)]
pub struct Platform {
    /// Part that receivers need.
    pub sender: &'static Sender,
    /// Interprets a delivery. See [`interpret`].
    pub interpret: fn(&Delivery, Option<&InboundEndpoint>) -> Result<Event, InterpretError>,
    /// True if a body can only be read with the settings of the endpoint that received it.
    pub reads_endpoint: bool,
    /// Returns true for topics whose bodies have personal data that events disclose. See [`discloses`].
    pub discloses: fn(&str) -> bool,
    /// Reads the personal data of a body. See [`disclosed`].
    pub disclosed: fn(&str, &[u8]) -> Option<PersonalData>,
    /// Reads the name of a store, and gives it the one form in which keys have it: some sources fold case.
    pub store_name: fn(&str) -> Option<StoreName>,
    /// Returns true for the headers of a webhook of this source.
    pub recognizes: fn(&HeaderMap) -> bool,
    /// Body that, signed, changes nothing: a receiver answers 200 to it. Empty if there is none.
    pub probe: &'static str,
    /// Reads a request that a person has saved. Its signature is not checked.
    pub read_saved: fn(&HeaderMap, &[u8], Timestamp) -> Result<Delivery, RequestError>,
}

/// All sources. The first one is that of requests that no source recognizes.
pub static ALL: [&Platform; 4] = [
    &shopify::PLATFORM,
    &standard::PLATFORM,
    &stripe::PLATFORM,
    &square::PLATFORM,
];

/// The source of this name, if it is one of ours.
#[must_use]
pub fn platform(source: &Source) -> Option<&'static Platform> {
    ALL.into_iter().find(|platform| platform.sender.name == source.as_str())
}

/// Reader of bodies for the consumer: [`interpret`] and [`reads_endpoint`].
pub const INTERPRET: Interpret = Interpret {
    read: interpret,
    reads_endpoint,
};

/// Returns true if a body of a source can only be read with the settings of the endpoint that received it.
#[must_use]
pub fn reads_endpoint(source: &Source) -> bool {
    platform(source).is_some_and(|platform| platform.reads_endpoint)
}

/// Interprets a delivery, by the rules of its source. `endpoint` is the one that received it, where the source
/// [reads it](reads_endpoint).
///
/// # Errors
/// [`InterpretError`] says where the body does not fit its topic; it never quotes the body.
pub fn interpret(delivery: &Delivery, endpoint: Option<&InboundEndpoint>) -> Result<Event, InterpretError> {
    let platform = platform(&delivery.key.store.source).ok_or(InterpretError::Topic)?;
    (platform.interpret)(delivery, endpoint)
}

/// Returns true if the body of a delivery is about people and must not be archived. Bodies of unknown topics count as
/// such.
#[must_use]
pub fn is_personal(delivery: &DeliveryKey) -> bool {
    let platform = platform(&delivery.store.source);
    let topics = platform.map_or(&[][..], |platform| platform.sender.topics);
    let known = topics.iter().find(|topic| topic.name == delivery.topic.as_str());
    known.is_none_or(|topic| topic.is_personal)
}

/// Returns true if the bodies of a topic have personal data that events disclose to endpoints that ask for it.
#[must_use]
pub fn discloses(source: &Source, topic: &str) -> bool {
    platform(source).is_some_and(|platform| (platform.discloses)(topic))
}

/// Reads the personal data of a body of a topic, as its sender wrote it; `None` if it has none to disclose.
#[must_use]
pub fn disclosed(source: &Source, topic: &str, body: &[u8]) -> Option<PersonalData> {
    (platform(source)?.disclosed)(topic, body)
}

/// A text that names no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a store: write its name at Shopify, as in demo.myshopify.com, or source:name for another source")]
pub struct StoreTextError;

/// Reads a store as people and the API write it ([`StoreKey::label`]): `demo.myshopify.com` or `square:MJUNIPER1OAK2`.
/// Reads a key, too: `shopify#demo.myshopify.com`. A source that is not one of ours is accepted: stores of a source
/// that has been removed may still have data.
///
/// # Errors
/// [`StoreTextError`] when it is neither.
pub fn store_from_text(text: &str) -> Result<StoreKey, StoreTextError> {
    let (source, name) = text.split_once([':', '#']).unwrap_or((BARE_SOURCE, text));
    let source = Source::new(source).map_err(|_| StoreTextError)?;
    let store = match platform(&source) {
        Some(platform) => (platform.store_name)(name),
        None => StoreName::new(name).ok(),
    };
    Ok(StoreKey {
        store: store.ok_or(StoreTextError)?,
        source,
    })
}

/// Topics of a source with the addresses of their receivers, below `base`, whose last part names the source:
/// `https://example.com/api/webhooks/receive/shopify`. A base without a source is that of the first. Topics of a family that
/// nobody wants have no receiver.
pub fn receivers(base: &str, families: &Families) -> impl Iterator<Item = (&'static str, String)> {
    let base = base.trim_end_matches('/').to_owned();
    let [first, ..] = ALL;
    let named = |platform: &&Platform| base.rsplit('/').next() == Some(platform.sender.name);
    let platform = ALL.into_iter().find(named).unwrap_or(first);
    let topics = platform.sender.topics.iter();
    let families = families.clone();
    let deployed = topics.filter(move |topic| families.listen_to(topic.family));
    deployed.map(move |topic| (topic.name, format!("{base}/{}", topic.function)))
}

/// Reads a request that a person has saved. Its signature is **not** checked: a person who may write to the queue
/// vouches for it.
///
/// # Errors
/// [`RequestError`] names what is wrong with the headers.
pub fn read_saved(headers: &HeaderMap, body: &[u8], received_at: Timestamp) -> Result<Delivery, RequestError> {
    let [first, ..] = ALL;
    let platform = ALL.into_iter().find(|platform| (platform.recognizes)(headers));
    (platform.unwrap_or(first).read_saved)(headers, body, received_at)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn bare_source_is_one_of_ours() {
        assert!(platform(&Source::new(BARE_SOURCE).unwrap()).is_some());
    }

    #[test]
    fn names_and_functions_are_unique_across_sources() {
        let mut names: Vec<_> = ALL.iter().map(|platform| platform.sender.name).collect();
        // All topics of a source may have one function.
        let of_source = |platform: &&'static Platform| -> BTreeSet<_> {
            platform.sender.topics.iter().map(|topic| topic.function).collect()
        };
        let mut functions: Vec<_> = ALL.iter().flat_map(of_source).collect();
        for texts in [&mut names, &mut functions] {
            let length = texts.len();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), length);
        }
        assert!(names.iter().all(|name| Source::new(*name).is_ok()));
    }

    #[test]
    fn receivers_of_a_source_are_below_its_address() {
        for base in [
            "https://a.example/shopify",
            "https://a.example/shopify/",
            "https://a.example",
        ] {
            assert_eq!(receivers(base, &Families::default()).count(), 12);
            let receivers: Vec<_> = receivers(base, &Families::all()).collect();
            assert_eq!(receivers.len(), shopify::Topic::ALL.len());
            let update = format!("{}/products-update", base.trim_end_matches('/'));
            assert!(receivers.contains(&("products/update", update)), "{receivers:?}");
        }
    }

    #[test]
    fn store_reads_back_from_its_label_and_from_its_key() {
        for text in [
            "shopify#demo.myshopify.com",
            "square#MJUNIPER1OAK2",
            "stripe#acct_1AbC",
            "zendesk#10168721",
        ] {
            let store: StoreKey = text.parse().unwrap();
            assert_eq!(store_from_text(&store.label()).as_ref(), Ok(&store));
            assert_eq!(store_from_text(text).as_ref(), Ok(&store));
        }
    }

    #[test]
    fn case_is_folded_only_for_case_insensitive_sources() {
        let store = |text: &str| store_from_text(text).map(|store| store.to_string());
        for text in [
            "Demo.MyShopify.com",
            "shopify:Demo.myshopify.com",
            "shopify#DEMO.myshopify.com",
        ] {
            assert_eq!(store(text).as_deref(), Ok("shopify#demo.myshopify.com"), "{text}");
        }
        assert_eq!(store("stripe:acct_1AbC").as_deref(), Ok("stripe#acct_1AbC"));
        assert_ne!(store("stripe:acct_1AbC"), store("stripe:acct_1abc"));
    }

    #[test]
    fn text_without_a_store_is_refused() {
        for text in [
            "",
            ":",
            "a b",
            "demo",
            "MJUNIPER1OAK2",
            "shop.example.com",
            "shopify:",
            "shopify:MJUNIPER1OAK2",
            "Square:MJUNIPER1OAK2",
            "square:",
            "square:a:b",
            "square:a#b",
            "square:a/b",
            "https://demo.myshopify.com",
            "demo.myshopify.com:443",
            "demo.myshopify.com:",
        ] {
            assert_eq!(store_from_text(text), Err(StoreTextError), "{text}");
        }
        assert!(StoreTextError.to_string().contains("demo.myshopify.com"));
    }

    #[test]
    fn bodies_of_unknown_topics_and_sources_are_personal() {
        let personal = |key: &str| {
            let mut parts = key.splitn(4, '#').map(str::to_owned);
            let mut part = || parts.next().unwrap();
            is_personal(&DeliveryKey {
                store: StoreKey {
                    source: part().parse().unwrap(),
                    store: part().parse().unwrap(),
                },
                topic: part().parse().unwrap(),
                id: part().parse().unwrap(),
            })
        };
        assert!(!personal("shopify#demo.myshopify.com#products/update#1"));
        assert!(personal("shopify#demo.myshopify.com#orders/create#1"));
        assert!(personal("shopify#demo.myshopify.com#carts/update#1"));
        assert!(personal("acme#demo#products/update#1"));
    }
}

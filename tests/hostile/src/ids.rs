//! Every accepted name has a valid length, survives a round trip, and cannot reach into another part of a key.

use std::str::FromStr;

use hookline_domain::kernel::ids::{
    DeliveryId, EntityId, EntityKey, EventId, InvalidIdError, Source, StoreName, Topic,
};
use hookline_sources::shopify;
use serde::{Serialize, de::DeserializeOwned};

pub(crate) fn ids(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    round::<Source>(text, 32);
    round::<StoreName>(text, 255);
    round::<Topic>(text, 128);
    round::<DeliveryId>(text, 255);
    round::<EntityId>(text, 128);
    if let Some(event) = round::<EventId>(text, 255) {
        assert!(!event.contains(char::is_whitespace));
    }
    domain(text);
    entity(text);
}

/// Checks one kind of name, and returns the text if it is valid.
fn round<T>(text: &str, limit: usize) -> Option<String>
where
    T: FromStr<Err = InvalidIdError> + ToString + Serialize + DeserializeOwned + PartialEq,
{
    let json = serde_json::to_string(text).unwrap();
    let read: Result<T, _> = serde_json::from_str(&json);
    match text.parse::<T>() {
        Ok(id) => {
            assert_eq!(id.to_string(), text);
            assert!(!text.is_empty() && text.len() <= limit && text.is_ascii());
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            assert!(read.unwrap() == id, "JSON gives another name");
            // Only the correlation id, which is never part of a key, may hold the keys' separator.
            assert!(!text.contains('#') || limit == 255 && text.parse::<DeliveryId>().is_err());
            Some(text.to_owned())
        }
        Err(problem) => {
            assert!(read.is_err(), "JSON bypasses the constructor");
            assert!(problem.to_string().len() < 80);
            None
        }
    }
}

fn domain(text: &str) {
    if let Ok(store) = shopify::store(text) {
        assert_eq!(store.store.as_str(), text.to_ascii_lowercase());
        let label = store.store.as_str().strip_suffix(".myshopify.com").unwrap();
        assert!(!label.is_empty() && !label.contains(['.', '#', '/']));
        assert_eq!(store.to_string().split('#').count(), 2);
    }
}

fn entity(text: &str) {
    let store = "shopify#demo.myshopify.com".parse().unwrap();
    if let Ok(key) = EntityKey::from_parts(store, text) {
        assert_eq!(key.within_store(), text);
        let whole = key.to_string();
        assert_eq!(whole.split('#').count(), 4);
        assert!(whole.len() <= 512, "an id of OpenSearch has at most 512 bytes");
    }
}

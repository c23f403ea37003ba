//! Bodies about people, reduced to the fields that are read: the rest never leaves the receiver.
//!
//! The signature covers the whole body and is checked before. Of the fields that are read, a text stays if it has the form
//! of its field: a time is a time and a status a word, so that neither is a name or an address. What stays in words of its
//! own is the shop's: the name of an order, titles, SKUs, the carrier. Of an order's attributes, the link to a chat session
//! stays; of the query variables of Events, ids.

mod keep;
mod kept;

use std::borrow::Cow;

use serde::de::DeserializeSeed;

pub(super) use self::keep::asked_for;
use self::{
    keep::{Keep, fields},
    kept::Kept,
};
use super::{Topic, facts::tracking_page};
use crate::json::{is_object, mended};

/// Returns the body without the fields that are not read, if its topic is about people; otherwise the body, unread. A
/// body that is not an object becomes an empty one.
pub(super) fn reduce(topic: Topic, body: &[u8]) -> Cow<'_, [u8]> {
    let Some(fields) = fields(topic) else {
        return Cow::Borrowed(body);
    };
    let reduced = reduced(topic, fields, body).or_else(|problem| {
        // Half a character in a title spoils that character, not the order.
        let mended = mended(body).filter(|_| str::from_utf8(body).is_ok()).ok_or(problem)?;
        reduced(topic, fields, &mended)
    });
    let object = reduced.ok().filter(|reduced| is_object(reduced));
    Cow::Owned(object.unwrap_or_else(|| b"{}".to_vec()))
}

fn reduced(topic: Topic, fields: &'static Keep, body: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut reduced = fields.deserialize(&mut deserializer)?;
    deserializer.end()?;
    if matches!(topic, Topic::FulfillmentsCreate | Topic::FulfillmentsUpdate) {
        without_recipient(&mut reduced);
    }
    serde_json::to_vec(&reduced)
}

/// Removes what may be the recipient's from the addresses of a shipment's pages.
fn without_recipient(fulfillment: &mut Kept<'_>) {
    let mut numbers = Vec::new();
    for name in ["tracking_number", "tracking_numbers"] {
        numbers.extend(fulfillment.texts(name).map(|text| text.clone()));
    }
    for name in ["tracking_url", "tracking_urls"] {
        for url in fulfillment.texts(name) {
            *url = tracking_page(url, &numbers).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;

//! Personal data of a body about people, for endpoints that asked for it. Only the dispatcher reads it, from a body that a
//! receiver has sealed; everything else reads what [`personal`](super::personal) leaves.

use hookline_events::{AddressData, AttributeData, PersonalData};
use serde_json::Value;

use super::Topic;
use crate::json::{is_object, mended};

/// Most characters of a text.
const MAX_TEXT: usize = 255;

/// Most characters of a note, or of the value of an attribute.
const MAX_NOTE: usize = 5_000;

/// Most attributes.
const MAX_ATTRIBUTES: usize = 50;

/// Returns true for topics whose bodies have personal data that events disclose.
pub(super) fn discloses(topic: &str) -> bool {
    Topic::named(topic).is_some_and(|topic| reader(topic).is_some())
}

/// Returns the personal data of a body; `None` if its topic has none to disclose, or it cannot be read.
pub(super) fn disclosed(topic: &str, body: &[u8]) -> Option<PersonalData> {
    let read = reader(Topic::named(topic)?)?;
    if !is_object(body) {
        return None;
    }
    let body = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(_) => serde_json::from_slice(&mended(body)?).ok()?,
    };
    Some(read(&body))
}

fn reader(topic: Topic) -> Option<fn(&Value) -> PersonalData> {
    match topic {
        Topic::OrdersCreate | Topic::OrdersUpdated | Topic::OrdersFulfilled | Topic::OrdersCancelled => Some(order),
        Topic::FulfillmentsCreate | Topic::FulfillmentsUpdate => Some(fulfillment),
        Topic::CustomersCreate | Topic::CustomersUpdate => Some(customer),
        Topic::ProductsCreate
        | Topic::ProductsUpdate
        | Topic::ProductsDelete
        | Topic::CollectionsCreate
        | Topic::CollectionsUpdate
        | Topic::CollectionsDelete
        | Topic::InventoryLevelsUpdate
        | Topic::OrderTransactionsCreate
        | Topic::RefundsCreate
        | Topic::FulfillmentEventsCreate
        | Topic::CustomersDelete
        | Topic::AppUninstalled
        | Topic::CustomersDataRequest
        | Topic::CustomersRedact
        | Topic::ShopRedact => None,
    }
}

/// Of an order (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>).
fn order(body: &Value) -> PersonalData {
    let buyer = &body["customer"];
    let (billing, shipping) = (address(&body["billing_address"]), address(&body["shipping_address"]));
    let of_address = |part: fn(&AddressData) -> &Option<String>| {
        let mut addresses = [&billing, &shipping].into_iter().flatten();
        addresses.find_map(|address| part(address).clone())
    };
    PersonalData {
        name: full_name(buyer).or_else(|| of_address(|address| &address.name)),
        email: first([&body["email"], &body["contact_email"], &buyer["email"]]),
        phone: first([&body["phone"], &buyer["phone"]]).or_else(|| of_address(|address| &address.phone)),
        note: text(&body["note"], MAX_NOTE),
        attributes: attributes(&body["note_attributes"]),
        billing_address: billing,
        shipping_address: shipping,
        address: None,
    }
}

/// Of a customer (<https://shopify.dev/docs/api/admin-rest/latest/resources/customer>).
fn customer(body: &Value) -> PersonalData {
    PersonalData {
        name: full_name(body),
        email: text(&body["email"], MAX_TEXT),
        phone: text(&body["phone"], MAX_TEXT),
        address: address(&body["default_address"]),
        note: text(&body["note"], MAX_NOTE),
        ..PersonalData::default()
    }
}

/// Of a shipment (<https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillment>).
fn fulfillment(body: &Value) -> PersonalData {
    let recipient = address(&body["destination"]);
    PersonalData {
        name: recipient.as_ref().and_then(|address| address.name.clone()),
        email: text(&body["email"], MAX_TEXT),
        phone: recipient.as_ref().and_then(|address| address.phone.clone()),
        shipping_address: recipient,
        ..PersonalData::default()
    }
}

fn address(address: &Value) -> Option<AddressData> {
    let part = |name: &str| text(&address[name], MAX_TEXT);
    let read = AddressData {
        name: part("name").or_else(|| full_name(address)),
        company: part("company"),
        address1: part("address1"),
        address2: part("address2"),
        zip: part("zip"),
        city: part("city"),
        province: part("province_code").or_else(|| part("province")),
        country: part("country_code").or_else(|| part("country")),
        phone: part("phone"),
    };
    (read != AddressData::default()).then_some(read)
}

fn attributes(list: &Value) -> Option<Vec<AttributeData>> {
    let read = list.as_array()?.iter().filter_map(|attribute| {
        Some(AttributeData {
            name: text(&attribute["name"], MAX_TEXT)?,
            value: text(&attribute["value"], MAX_NOTE)?,
        })
    });
    let read: Vec<_> = read.take(MAX_ATTRIBUTES).collect();
    (!read.is_empty()).then_some(read)
}

/// First and last name of a person.
fn full_name(person: &Value) -> Option<String> {
    let names = ["first_name", "last_name"].map(|name| text(&person[name], MAX_TEXT));
    let names: Vec<String> = names.into_iter().flatten().collect();
    (!names.is_empty()).then(|| names.join(" "))
}

fn first<'a>(texts: impl IntoIterator<Item = &'a Value>) -> Option<String> {
    texts.into_iter().find_map(|value| text(value, MAX_TEXT))
}

/// A text that is not blank, cut.
fn text(value: &Value, most: usize) -> Option<String> {
    let text = value.as_str().filter(|text| !text.trim().is_empty())?;
    Some(text.chars().take(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_sample(topic: Topic) -> Option<PersonalData> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/shopify");
        let body = std::fs::read(format!("{folder}/{}.json", topic.function())).unwrap();
        disclosed(topic.name(), &body)
    }

    #[test]
    fn order_has_a_buyer_addresses_a_note_and_attributes() {
        let order = of_sample(Topic::OrdersCreate).unwrap();
        assert_eq!(order.name.as_deref(), Some("Wren Alder"));
        assert_eq!(order.email.as_deref(), Some("wren.alder@example.com"));
        assert!(order.phone.is_some() && order.billing_address.is_some());
        let shipping = order.shipping_address.clone().unwrap();
        assert_eq!(shipping.country.as_deref(), Some("US"));
        assert_eq!(shipping.city.as_deref(), Some("Fernhollow"));
        assert!(order.note.as_ref().unwrap().contains("number 14"));
        assert_eq!(order.attributes.as_ref().unwrap()[0].name, "gift_note");
        let contact = order.clone().contact();
        assert_eq!((&contact.name, &contact.email), (&order.name, &order.email));
        let text = serde_json::to_string(&contact).unwrap();
        assert!(!text.contains("Lane") && !text.contains("number 14"), "{text}");
    }

    #[test]
    fn customer_and_shipment_have_an_address() {
        let customer = of_sample(Topic::CustomersUpdate).unwrap();
        assert_eq!(customer.name.as_deref(), Some("Wren Alder"));
        assert_eq!(customer.address.unwrap().address1.as_deref(), Some("12 Example Lane"));
        let shipment = of_sample(Topic::FulfillmentsCreate).unwrap();
        assert_eq!(shipment.email.as_deref(), Some("wren.alder@example.com"));
        assert_eq!(shipment.phone, shipment.shipping_address.unwrap().phone);
    }

    #[test]
    fn every_other_topic_discloses_nothing() {
        let disclosing = Topic::ALL.into_iter().filter(|topic| discloses(topic.name()));
        assert!(disclosing.clone().all(Topic::is_personal));
        assert_eq!(disclosing.count(), 8);
        for topic in Topic::ALL {
            assert_eq!(of_sample(topic).is_some(), discloses(topic.name()), "{}", topic.name());
        }
    }

    #[test]
    fn odd_bodies_disclose_what_can_be_read() {
        let name = Topic::OrdersCreate.name();
        for body in ["", "[1]", "{", "null", "{\"email\":1}x"] {
            assert_eq!(disclosed(name, body.as_bytes()), None, "{body}");
        }
        let empty = disclosed(
            name,
            br#"{"email":7,"note":"  ","note_attributes":[{"name":"a"}],"customer":[]}"#,
        );
        assert_eq!(empty, Some(PersonalData::default()));
        let long = format!(r#"{{"email":"{}","note":"a\ud83d"}}"#, "e".repeat(300));
        let long = disclosed(name, long.as_bytes()).unwrap();
        assert_eq!(
            (long.email.unwrap().len(), long.note.unwrap()),
            (MAX_TEXT, "a\u{fffd}".to_owned())
        );
        assert_eq!(disclosed("carts/update", br#"{"email":"a@example.com"}"#), None);
    }
}

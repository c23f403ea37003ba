//! Fields that stay in the bodies of each topic about people.

use super::super::{Topic, facts::Form};

/// Part of a body that stays.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// A value; its text, if it has this form.
    Value(Form),
    /// A value; its text, whatever it is, up to the length of a domain. Of an object or a list, an empty one.
    Any,
    /// The presence of fields that are not known, under this name.
    Others,
    /// An object; of its fields, these.
    Object(&'static [(&'static str, Keep)]),
    /// A list of these.
    List(&'static Keep),
    /// A list of attributes; of these, the links to a chat session.
    Session,
    /// An object; of its fields, those that are ids of Shopify.
    Ids,
}

/// Field that stands for all fields that are not known.
pub(super) const OTHERS: &str = "others";

use Form::{Amount, Code, Gid, Name, Number, Text, Time, Word};
use Keep::{Any, Ids, List, Object, Others, Session, Value};

/// Fields of Events.
const EVENTS: [(&str, Keep); 4] = [
    ("topic", Value(Name)),
    ("action", Value(Name)),
    ("query_variables", Ids),
    ("fields_changed", Any),
];

const ID: (&str, Keep) = ("id", Value(Number));
const GID: (&str, Keep) = ("admin_graphql_api_id", Value(Gid));
const ORDER_ID: (&str, Keep) = ("order_id", Value(Number));
const CREATED_AT: (&str, Keep) = ("created_at", Value(Time));
const UPDATED_AT: (&str, Keep) = ("updated_at", Value(Time));
const STATUS: (&str, Keep) = ("status", Value(Word));

const MONEY: Keep = Object(&[("amount", Value(Amount)), ("currency_code", Value(Code))]);
const MONEY_SET: Keep = Object(&[("shop_money", MONEY), ("presentment_money", MONEY)]);

const LINES: Keep = List(&Object(&[
    ID,
    ("product_id", Value(Number)),
    ("variant_id", Value(Number)),
    ("title", Value(Text)),
    ("sku", Value(Text)),
    ("quantity", Value(Number)),
    ("price", Value(Amount)),
    ("price_set", MONEY_SET),
]));

static ORDER: Keep = Object(&[
    ID,
    GID,
    ("name", Value(Text)),
    ("financial_status", Value(Word)),
    ("fulfillment_status", Value(Word)),
    ("cancel_reason", Value(Word)),
    CREATED_AT,
    UPDATED_AT,
    ("cancelled_at", Value(Time)),
    ("test", Value(Number)),
    ("currency", Value(Code)),
    ("total_price", Value(Amount)),
    ("total_price_set", MONEY_SET),
    ("subtotal_price", Value(Amount)),
    ("subtotal_price_set", MONEY_SET),
    ("total_shipping_price_set", MONEY_SET),
    ("total_tax", Value(Amount)),
    ("total_tax_set", MONEY_SET),
    ("total_discounts", Value(Amount)),
    ("total_discounts_set", MONEY_SET),
    ("line_items", LINES),
    ("note_attributes", Session),
    ("customer", Object(&[ID])),
    EVENTS[0],
    EVENTS[1],
    EVENTS[2],
    EVENTS[3],
]);

/// Fields of a transaction, alone and in a refund.
const KIND: (&str, Keep) = ("kind", Value(Word));
const GATEWAY: (&str, Keep) = ("gateway", Value(Text));
const AMOUNT: (&str, Keep) = ("amount", Value(Amount));
const CURRENCY: (&str, Keep) = ("currency", Value(Code));
const TEST: (&str, Keep) = ("test", Value(Number));

static TRANSACTION: Keep = Object(&[
    ID,
    GID,
    ORDER_ID,
    CREATED_AT,
    STATUS,
    KIND,
    GATEWAY,
    AMOUNT,
    CURRENCY,
    TEST,
    ("error_code", Value(Word)),
]);

static REFUND: Keep = Object(&[
    ID,
    GID,
    ORDER_ID,
    CREATED_AT,
    (
        "refund_line_items",
        List(&Object(&[
            ("line_item_id", Value(Number)),
            ("quantity", Value(Number)),
            ("subtotal", Value(Amount)),
            ("subtotal_set", MONEY_SET),
        ])),
    ),
    (
        "transactions",
        List(&Object(&[STATUS, KIND, GATEWAY, AMOUNT, CURRENCY, TEST])),
    ),
]);

static FULFILLMENT: Keep = Object(&[
    ID,
    GID,
    ORDER_ID,
    STATUS,
    ("shipment_status", Value(Word)),
    UPDATED_AT,
    ("tracking_company", Value(Text)),
    ("tracking_number", Value(Text)),
    ("tracking_numbers", List(&Value(Text))),
    ("tracking_url", Value(Text)),
    ("tracking_urls", List(&Value(Text))),
    ("line_items", LINES),
]);

static FULFILLMENT_EVENT: Keep = Object(&[ID, GID, ("fulfillment_id", Value(Number)), ORDER_ID, STATUS]);

static CUSTOMER: Keep = Object(&[
    ID,
    GID,
    ("state", Value(Word)),
    ("orders_count", Value(Number)),
    CREATED_AT,
    UPDATED_AT,
    ("default_address", Object(&[("country_code", Value(Code))])),
    EVENTS[0],
    EVENTS[1],
    EVENTS[2],
    EVENTS[3],
]);

static UNINSTALL: Keep = Object(&[("id", Any), ("myshopify_domain", Any)]);

/// Requests under privacy law, with this of the customer.
const fn request(customer: Keep) -> [(&'static str, Keep); 7] {
    [
        ("shop_id", Any),
        ("shop_domain", Any),
        ("customer", customer),
        ("data_request", Any),
        ("orders_requested", Any),
        ("orders_to_redact", Any),
        (OTHERS, Others),
    ]
}

static REQUEST: Keep = Object(&request(Any));
static REDACTION: Keep = Object(&request(Object(&[ID])));

/// Returns what stays of the bodies of a topic about people; `None` for other topics.
pub(super) fn fields(topic: Topic) -> Option<&'static Keep> {
    match topic {
        Topic::OrdersCreate | Topic::OrdersUpdated | Topic::OrdersFulfilled | Topic::OrdersCancelled => Some(&ORDER),
        Topic::OrderTransactionsCreate => Some(&TRANSACTION),
        Topic::RefundsCreate => Some(&REFUND),
        Topic::FulfillmentsCreate | Topic::FulfillmentsUpdate => Some(&FULFILLMENT),
        Topic::FulfillmentEventsCreate => Some(&FULFILLMENT_EVENT),
        Topic::CustomersCreate | Topic::CustomersUpdate | Topic::CustomersDelete => Some(&CUSTOMER),
        Topic::AppUninstalled => Some(&UNINSTALL),
        Topic::CustomersRedact => Some(&REDACTION),
        Topic::CustomersDataRequest | Topic::ShopRedact => Some(&REQUEST),
        Topic::ProductsCreate
        | Topic::ProductsUpdate
        | Topic::ProductsDelete
        | Topic::CollectionsCreate
        | Topic::CollectionsUpdate
        | Topic::CollectionsDelete
        | Topic::InventoryLevelsUpdate => None,
    }
}

/// Fields that a subscription to a topic about people asks for (`include_fields`): those that stay, and of what is in them,
/// the fields one level below.
pub(in crate::shopify) fn asked_for(topic: Topic) -> Vec<String> {
    // A deletion has no state, and only Events have their own fields.
    let is_asked = |name: &str| {
        let is_state = topic == Topic::CustomersDelete && !matches!(name, "id" | "admin_graphql_api_id");
        !is_state && !EVENTS.iter().any(|(known, _)| *known == name)
    };
    let Some(Object(fields)) = fields(topic) else {
        return Vec::new();
    };
    let below = |name: &str, keep: &Keep| match keep {
        Object(fields) | List(Object(fields)) if !name.ends_with("_set") => {
            fields.iter().map(|(field, _)| format!("{name}.{field}")).collect()
        }
        _ => vec![name.to_owned()],
    };
    let asked = fields.iter().filter(|(name, _)| is_asked(name));
    asked.flat_map(|(name, keep)| below(name, keep)).collect()
}

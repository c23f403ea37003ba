//! Payments and refunds (<https://shopify.dev/docs/api/admin-rest/latest/resources/transaction>,
//! <https://shopify.dev/docs/api/admin-rest/latest/resources/refund>).

use hookline_events::{Data, EventType, Money, PaymentData, RefundLineData};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    Delivery, Event, InterpretError, Timestamp, announcement, at, fact,
    form::{code, text, word},
    kind,
    money::{Amount, MoneySet, money},
    of_order, required,
};
use crate::{
    json::{expected, read, whole_number},
    shopify::proof::{Kind, proves},
};

/// Transaction, alone or in a refund, where its ids are not read.
#[derive(Deserialize)]
struct TransactionBody {
    id: Option<u64>,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    order_id: Option<u64>,
    created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "word")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "word")]
    status: Option<String>,
    #[serde(default, deserialize_with = "word")]
    error_code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    gateway: Option<String>,
    amount: Option<Amount>,
    #[serde(default, deserialize_with = "code")]
    currency: Option<String>,
    test: Option<bool>,
}

#[derive(Deserialize)]
struct RefundBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    order_id: Option<u64>,
    created_at: Option<Timestamp>,
    refund_line_items: Option<Vec<RefundLineBody>>,
    transactions: Option<Vec<TransactionBody>>,
}

#[derive(Deserialize)]
struct RefundLineBody {
    line_item_id: u64,
    #[serde(default, deserialize_with = "whole_number")]
    quantity: Option<i64>,
    subtotal: Option<Amount>,
    subtotal_set: Option<MoneySet>,
}

/// Interprets a transaction. Only a sale or a capture pays: others, as an authorization, announce nothing, and
/// another transaction settles what is pending.
pub(in crate::shopify) fn transaction(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body: TransactionBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::Transaction, false)?;
    let id = body.id.ok_or_else(|| expected("id", "an id"))?;
    let kind = body.kind.unwrap_or_default();
    let event = match (kind.as_str(), body.status.as_deref()) {
        ("sale" | "capture", Some("success")) => EventType::PAYMENT_COMPLETED,
        ("sale" | "capture", Some("failure" | "error")) => EventType::PAYMENT_FAILED,
        _ => return fact(kind::PAYMENT, id, Vec::new()),
    };
    let created_at = required(body.created_at, "created_at")?;
    let data = PaymentData {
        id: id.to_string(),
        amount: money(None, body.amount, body.currency.as_deref()),
        gateway: body.gateway,
        kind,
        error_code: body.error_code.filter(|_| event == EventType::PAYMENT_FAILED),
        lines: Vec::new(),
        test: body.test.unwrap_or_default(),
        truncated: false,
    };
    let told = announcement(
        event,
        Data::Payment(Box::new(data)),
        of_order(body.order_id),
        at(created_at),
    );
    fact(kind::PAYMENT, id, vec![told])
}

/// Interprets a refund, of an order that we need not know. One whose every transaction has failed announces nothing.
pub(in crate::shopify) fn refund(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body: RefundBody = read(&delivery.body)?;
    proves(body.gid.as_deref(), Kind::Refund, false)?;
    let tried = body.transactions.unwrap_or_default();
    let paid_back: Vec<&TransactionBody> = tried.iter().filter(|each| each.pays_back()).collect();
    if !tried.is_empty() && paid_back.is_empty() {
        return fact(kind::REFUND, body.id, Vec::new());
    }
    let lines = body.refund_line_items.unwrap_or_default();
    let data = PaymentData {
        id: body.id.to_string(),
        amount: sum(&paid_back, &lines),
        gateway: paid_back.iter().find_map(|each| each.gateway.clone()),
        kind: "refund".to_owned(),
        error_code: None,
        lines: lines.iter().map(RefundLineBody::data).collect(),
        test: paid_back.iter().any(|each| each.test.unwrap_or_default()),
        truncated: false,
    };
    let identity = at(required(body.created_at, "created_at")?);
    let data = Data::Payment(Box::new(data));
    let told = announcement(EventType::PAYMENT_REFUNDED, data, of_order(body.order_id), identity);
    fact(kind::REFUND, body.id, vec![told])
}

/// Sum that is paid back; `None` without a transaction, or if an amount or the one currency is unknown. A transaction
/// without a currency is in that of the lines, if they have one only.
fn sum(paid_back: &[&TransactionBody], lines: &[RefundLineBody]) -> Option<Money> {
    let of_lines = lines.iter().find_map(RefundLineBody::only_currency);
    let currency = |each: &TransactionBody| each.currency.clone().or_else(|| of_lines.map(str::to_owned));
    let first = currency(paid_back.first()?)?;
    let is_one = paid_back.iter().all(|each| currency(each).as_ref() == Some(&first));
    let amounts = paid_back.iter().map(|each| Some(each.amount?.0));
    let amount = amounts.sum::<Option<Decimal>>()?;
    is_one.then_some(Money {
        amount,
        currency: first,
    })
}

impl TransactionBody {
    /// Returns true for a transaction that pays back, or will.
    fn pays_back(&self) -> bool {
        self.kind.as_deref() == Some("refund") && !matches!(self.status.as_deref(), Some("failure" | "error"))
    }
}

impl RefundLineBody {
    fn only_currency(&self) -> Option<&str> {
        self.subtotal_set.as_ref().and_then(MoneySet::only_currency)
    }

    fn data(&self) -> RefundLineData {
        RefundLineData {
            line_id: self.line_item_id.to_string(),
            quantity: self.quantity.unwrap_or_default(),
            amount: money(self.subtotal_set.as_ref(), self.subtotal, self.only_currency()),
        }
    }
}

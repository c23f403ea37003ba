//! Payments and refunds.

use super::*;

#[test]
fn sale_or_capture_that_is_settled_is_a_payment() {
    let topic = Topic::OrderTransactionsCreate;
    let paid = only(topic, &sample(topic));
    assert_eq!(paid.kind, EventType::PAYMENT_COMPLETED);
    assert_eq!(paid.identity, told("2026-11-14T16:31:07Z"));
    assert_eq!(paid.related.order, Some(reference(820_982_911_946_154_601)));
    assert_eq!(
        json_of(&paid),
        json!({"id": "120560818172775361", "amount": {"amount": "42.00", "currency": "USD"}, "gateway": "bogus",
            "kind": "sale", "test": true, "truncated": false})
    );
    for (kind, status, expected) in [
        ("sale", "failure", Some("payment.failed")),
        ("capture", "error", Some("payment.failed")),
        ("capture", "success", Some("payment.completed")),
        ("sale", "pending", None),
        ("authorization", "success", None),
        ("refund", "success", None),
        ("void", "success", None),
        ("Sale", "success", None),
    ] {
        let body = changed(
            topic,
            &[
                ("/kind", json!(kind)),
                ("/status", json!(status)),
                ("/error_code", json!("card_declined")),
            ],
        );
        let found = types(topic, &body);
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{kind} {status}");
        if expected == Some("payment.failed") {
            assert_eq!(json_of(&only(topic, &body))["error_code"], "card_declined");
        }
    }
}

#[test]
fn refund_has_its_sum_and_lines_whatever_is_known_of_its_order() {
    let topic = Topic::RefundsCreate;
    let refund = only(topic, &sample(topic));
    assert_eq!(refund.identity, told("2026-11-21T14:14:30Z"));
    assert_eq!(refund.related.order, Some(reference(820_982_911_946_154_601)));
    let usd = json!({"amount": "34.00", "currency": "USD"});
    assert_eq!(
        json_of(&refund),
        json!({"id": "890088186047892421", "amount": usd, "gateway": "bogus", "kind": "refund", "test": true, "truncated": false,
            "lines": [{"line_id": "487817672276298571", "quantity": 1, "amount": usd}]})
    );
    let with = |transactions: Value| changed(topic, &[("/transactions", transactions)]);
    let amount = |transactions: Value| json_of(&only(topic, &with(transactions)))["amount"].clone();
    let one = |amount: &str, currency: Value| json!({"kind": "refund", "status": "success", "amount": amount, "currency": currency});
    let failed = json!({"kind": "refund", "status": "failure", "amount": "9.00", "currency": "USD"});
    assert_eq!(
        amount(json!([one("75.00", json!("USD")), failed, one("10.5", json!("USD"))])),
        json!({"amount": "85.50", "currency": "USD"})
    );
    // Shopify's own sample has no currency; the lines have one only.
    assert_eq!(
        amount(json!([one("5", Value::Null)])),
        json!({"amount": "5", "currency": "USD"})
    );
    assert_eq!(
        amount(json!([one("5", json!("USD")), one("5", json!("EUR"))])),
        Value::Null
    );
    assert_eq!(amount(json!([])), Value::Null, "goods came back, and no money is told");
    assert_eq!(types(topic, &with(json!([failed]))), [""; 0]);
    let foreign = changed(
        topic,
        &[
            ("/transactions/0/currency", Value::Null),
            (
                "/refund_line_items/0/subtotal_set/presentment_money/currency_code",
                json!("EUR"),
            ),
        ],
    );
    let refund = json_of(&only(topic, &foreign));
    assert_eq!(refund["amount"], Value::Null);
    assert_eq!(refund["lines"][0]["amount"], usd);
    let mut bare = changed(topic, &[("/refund_line_items", Value::Null), ("/order_id", json!(1))]);
    bare.as_object_mut().unwrap().remove("transactions");
    assert_eq!(only(topic, &bare).related.order, Some(reference(1)));
    bare["order_id"] = Value::Null;
    assert_eq!(only(topic, &bare).related, Related::default());
    bare["order_id"] = json!("an order");
    assert!(read(topic, &bare).is_err());
}

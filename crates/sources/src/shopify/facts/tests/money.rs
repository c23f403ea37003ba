//! Amounts of orders, payments, refunds and shipments.

use super::*;

#[test]
fn amounts_keep_the_decimals_that_they_have() {
    for (amount, currency) in [("500", "JPY"), ("12.345", "KWD"), ("0.00", "USD"), ("-3.5", "EUR")] {
        let set = json!({"shop_money": {"amount": amount, "currency_code": currency},
            "presentment_money": {"amount": "1.00", "currency_code": "GBP"}});
        let expected = json!({"amount": amount, "currency": currency});
        let body = changed(
            Topic::OrdersCreate,
            &[("/total_price_set", set.clone()), ("/line_items/0/price_set", set)],
        );
        let order = json_of(&fact_of(Topic::OrdersCreate, &body).announces[0]);
        assert_eq!(order["totals"]["total"], expected);
        assert_eq!(order["lines"][0]["price"], expected);
        // Without the set: in the shop's currency.
        let mut plain = changed(
            Topic::OrdersCreate,
            &[
                ("/total_price", json!(amount)),
                ("/currency", json!(currency)),
                ("/line_items/0/price", json!(amount)),
                ("/line_items/0/price_set", Value::Null),
            ],
        );
        plain.as_object_mut().unwrap().remove("total_price_set");
        let order = json_of(&fact_of(Topic::OrdersCreate, &plain).announces[0]);
        assert_eq!(order["totals"]["total"], expected);
        assert_eq!(order["lines"][0]["price"], expected);
        let paid = changed(
            Topic::OrderTransactionsCreate,
            &[("/amount", json!(amount)), ("/currency", json!(currency))],
        );
        assert_eq!(
            json_of(&only(Topic::OrderTransactionsCreate, &paid))["amount"],
            expected
        );
    }
    let odd = changed(
        Topic::OrdersCreate,
        &[("/total_price_set/shop_money/amount", json!({"a": 1}))],
    );
    let problem = read(Topic::OrdersCreate, &odd).unwrap_err().to_string();
    assert!(
        problem.contains(" at total_price_set.shop_money.amount: expected a decimal number"),
        "{problem}"
    );
}

/// Yen have no minor unit, dinars have three decimals.
const CURRENCIES: [(&str, &str); 2] = [("4200", "JPY"), ("12.345", "KWD")];

fn in_both(amount: &str, currency: &str) -> Value {
    let money = json!({"amount": amount, "currency_code": currency});
    json!({"shop_money": money, "presentment_money": money})
}

#[test]
fn sums_and_the_checkout_of_an_order_are_in_yen_or_dinars() {
    for (amount, currency) in CURRENCIES {
        let set = in_both(amount, currency);
        let sums = [
            "/total_price_set",
            "/subtotal_price_set",
            "/total_shipping_price_set",
            "/total_tax_set",
            "/total_discounts_set",
        ];
        let body = changed(Topic::OrdersCreate, &sums.map(|sum| (sum, set.clone())));
        let announces = fact_of(Topic::OrdersCreate, &body).announces;
        let expected = json!({"amount": amount, "currency": currency});
        let totals = &json_of(&announces[0])["totals"];
        for sum in ["total", "subtotal", "shipping", "tax", "discounts"] {
            assert_eq!(totals[sum], expected, "{sum}");
        }
        assert_eq!(announces[1].kind, EventType::CHECKOUT_COMPLETED);
        assert_eq!(json_of(&announces[1])["total"], expected);
    }
}

#[test]
fn refund_in_yen_or_dinars_is_added_up_exactly() {
    let topic = Topic::RefundsCreate;
    for ((amount, currency), twice) in CURRENCIES.into_iter().zip(["8400", "24.690"]) {
        let one = json!({"kind": "refund", "status": "success", "amount": amount, "currency": currency});
        let bare = json!({"kind": "refund", "status": "success", "amount": amount});
        let expected = json!({"amount": twice, "currency": currency});
        // With a currency, and in that of the lines.
        for transactions in [json!([one, one]), json!([bare, bare])] {
            let body = changed(
                topic,
                &[
                    ("/transactions", transactions),
                    ("/refund_line_items/0/subtotal_set", in_both(amount, currency)),
                ],
            );
            let refund = json_of(&only(topic, &body));
            assert_eq!(refund["amount"], expected);
            assert_eq!(
                refund["lines"][0]["amount"],
                json!({"amount": amount, "currency": currency})
            );
        }
    }
}

#[test]
fn failed_payment_and_line_of_a_shipment_are_in_yen_or_dinars() {
    for (amount, currency) in CURRENCIES {
        let expected = json!({"amount": amount, "currency": currency});
        let failed = changed(
            Topic::OrderTransactionsCreate,
            &[
                ("/status", json!("failure")),
                ("/amount", json!(amount)),
                ("/currency", json!(currency)),
            ],
        );
        assert_eq!(
            json_of(&only(Topic::OrderTransactionsCreate, &failed))["amount"],
            expected
        );
        let mut sent = sample(Topic::FulfillmentsCreate);
        sent["line_items"][0]["price_set"] = in_both(amount, currency);
        let shipment = json_of(&only(Topic::FulfillmentsCreate, &sent));
        assert_eq!(shipment["lines"][0]["price"], expected);
    }
}

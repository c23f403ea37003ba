//! Money: decimal numbers as told, whatever the number of their decimals.

use std::fmt;

use hookline_events::Money;
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use super::form::code;

/// Amount in the shop's currency and in the buyer's
/// (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>).
#[derive(Deserialize)]
pub(super) struct MoneySet {
    shop_money: Option<MoneyBody>,
    presentment_money: Option<MoneyBody>,
}

#[derive(Deserialize)]
struct MoneyBody {
    amount: Option<Amount>,
    #[serde(default, deserialize_with = "code")]
    currency_code: Option<String>,
}

/// Decimal number, as text or as a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount(pub(super) Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
                Ok(Amount(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
                Ok(Amount(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
                // The shortest text that reads back as this number: the one that was sent.
                self.visit_str(&value.to_string())
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Amount, E> {
                let number = value.parse().map_err(|_| E::custom("not a decimal number"))?;
                Ok(Amount(number))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl MoneySet {
    /// Amount in the shop's currency.
    fn in_shop(&self) -> Option<Money> {
        let money = self.shop_money.as_ref()?;
        Some(Money {
            amount: money.amount?.0,
            currency: money.currency_code.clone()?,
        })
    }

    /// The currency, if shop and buyer have the same.
    pub(super) fn only_currency(&self) -> Option<&str> {
        let code = |money: &Option<MoneyBody>| money.as_ref().and_then(|money| money.currency_code.clone());
        let shop = self.shop_money.as_ref()?.currency_code.as_deref()?;
        (code(&self.presentment_money).as_deref() == Some(shop)).then_some(shop)
    }
}

/// Money in the shop's currency: from the set, else from an amount and the currency.
pub(super) fn money(set: Option<&MoneySet>, plain: Option<Amount>, currency: Option<&str>) -> Option<Money> {
    set.and_then(MoneySet::in_shop).or_else(|| {
        Some(Money {
            amount: plain?.0,
            currency: currency?.to_owned(),
        })
    })
}

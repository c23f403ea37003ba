//! Amounts of money in minor units, as many vendors send them: cents, or yen.

use iso_currency::Currency;
use rust_decimal::Decimal;

/// Returns the ISO 4217 code of a currency in capital letters; `None` if it is not one.
#[must_use]
pub fn currency_code(text: &str) -> Option<String> {
    let code = text.to_ascii_uppercase();
    Currency::from_code(&code).map(|_| code)
}

/// Returns an amount in whole units, given in minor ones by ISO 4217: 2 decimals for EUR, none for JPY, 3 for KWD. `None` if
/// the currency is unknown or has no minor unit.
#[must_use]
pub fn from_minor(amount: i64, currency: &str) -> Option<Decimal> {
    let currency = Currency::from_code(&currency.to_ascii_uppercase())?;
    Decimal::try_new(amount, currency.exponent()?.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_are_those_of_the_currency() {
        for (amount, currency, text) in [
            (4800, "EUR", "48.00"),
            (4800, "eur", "48.00"),
            (500, "JPY", "500"),
            (1234, "KWD", "1.234"),
            (-5, "USD", "-0.05"),
            (0, "CHF", "0.00"),
            (i64::MAX, "EUR", "92233720368547758.07"),
        ] {
            assert_eq!(
                from_minor(amount, currency).map(|amount| amount.to_string()).as_deref(),
                Some(text)
            );
        }
        for currency in ["", "EU", "EURO", "XXX", "€", "ZZZ"] {
            assert_eq!(from_minor(1, currency), None, "{currency}");
        }
        assert_eq!(currency_code("eur").as_deref(), Some("EUR"));
        assert_eq!(currency_code("euro"), None);
    }
}

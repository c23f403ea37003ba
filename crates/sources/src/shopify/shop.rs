//! Canonical form of a shop's name: `demo.myshopify.com`, in lower case.
//!
//! Only the case of ASCII letters is folded. This code and the panel (`web/src/data/shop.ts`) must produce the same
//! name, or one of them would authorize a shop that the other does not mean. Ports, schemes, spaces, trailing dots and
//! look-alikes are refused instead of corrected. `web/fixtures/shop-names.json` has the cases that test both.

use hookline_domain::kernel::ids::StoreName;

/// Domain of all shops (<https://shopify.dev/docs/apps/build/authentication-authorization>).
const HOST: &str = ".myshopify.com";

/// Maximum length of a label of a host name (RFC 1035, 2.3.4).
const LABEL_LIMIT: usize = 63;

/// A text that does not name a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a store at Shopify, as in demo.myshopify.com")]
pub struct ShopNameError;

/// Reads a shop's name, in any letter case.
///
/// # Errors
/// [`ShopNameError`] for anything except a label of letters, digits and hyphens before `.myshopify.com`.
pub fn shop_name(text: &str) -> Result<StoreName, ShopNameError> {
    let name = text.to_ascii_lowercase();
    let label = name.strip_suffix(HOST).ok_or(ShopNameError)?.as_bytes();
    let is_label = label.len() <= LABEL_LIMIT
        && label.first().is_some_and(u8::is_ascii_alphanumeric)
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if !is_label {
        return Err(ShopNameError);
    }
    StoreName::new(name).map_err(|_| ShopNameError)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        given: String,
        name: Option<String>,
    }

    #[test]
    fn shop_names_have_the_form_of_the_panel() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../../web/fixtures/shop-names.json")).unwrap();
        assert!(cases.len() > 40);
        for Case { given: input, name } in cases {
            let read = shop_name(&input).ok();
            assert_eq!(read.as_ref().map(StoreName::as_str), name.as_deref(), "{input:?}");
        }
    }

    #[test]
    fn canonical_name_is_its_own_canonical_form() {
        let name = shop_name("Demo.MyShopify.com").unwrap();
        assert_eq!(shop_name(name.as_str()), Ok(name));
    }
}

//! Global ids of Shopify, as in `gid://shopify/Product/788032119674292922`. The number stays text, because it may exceed
//! 2^53.

use hookline_domain::{kernel::ids::EntityId, sync::vendor::CatalogueError};

const PREFIX: &str = "gid://shopify/";

/// Returns a global id. An id that is not a number cannot be from Shopify.
pub(crate) fn gid(kind: &str, id: &EntityId) -> Result<String, CatalogueError> {
    if !id.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CatalogueError::Disagreed {
            problem: format!("an id of a {kind} is not a number"),
        });
    }
    Ok(format!("{PREFIX}{kind}/{id}"))
}

/// Returns the number in a global id of this kind.
pub(crate) fn read(kind: &str, gid: &str) -> Result<EntityId, CatalogueError> {
    split(gid)
        .filter(|(found, id)| *found == kind && id.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|(_, id)| EntityId::new(id).ok())
        .ok_or_else(|| CatalogueError::Disagreed {
            problem: format!("an id that should be a {kind}'s is not"),
        })
}

/// Returns kind and number of a global id.
pub(crate) fn split(gid: &str) -> Option<(&str, &str)> {
    gid.strip_prefix(PREFIX)?.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_above_2_to_53_stays_exact() {
        let id = EntityId::new("18446744073709551615").unwrap();
        let text = gid("Product", &id).unwrap();
        assert_eq!(text, "gid://shopify/Product/18446744073709551615");
        assert_eq!(read("Product", &text).unwrap(), id);
    }

    #[test]
    fn id_of_another_kind_or_without_a_number_is_refused() {
        for wrong in [
            "gid://shopify/Collection/1",
            "gid://shopify/Product/",
            "gid://shopify/Product/1?x=2",
            "gid://shopify/Product/-1",
            "1",
        ] {
            assert!(read("Product", wrong).is_err(), "{wrong}");
        }
        assert!(gid("Product", &EntityId::new("1\"").unwrap()).is_err());
    }
}

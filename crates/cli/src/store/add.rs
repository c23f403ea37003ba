//! `hookline store add`: a token is tried, then kept, and the store has an install from then on.

use anyhow::{Context, Result, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    store::stores::{StoreUpdate, Stores},
    sync::vendor::{Catalogue, Shop},
};
use hookline_shopify_admin::{Given, SCOPES, ShopifyAdmin, Time};
use hookline_sources::shopify::has_scope;
use jiff::Timestamp;
use serde::Serialize;

use super::{given, install};
use crate::{
    admin::told,
    args::store::Add,
    clock::Now,
    output::{Output, say},
    places::Connected,
};

/// What was added.
#[derive(Debug, Serialize)]
struct Added {
    store: String,
    epoch: u64,
    currency: String,
    scopes: Vec<String>,
    missing_scopes: Vec<&'static str>,
}

pub async fn run(places: &Connected, out: &Output, wanted: &Add) -> Result<bool> {
    let (store, name) = (&wanted.store.0, &wanted.store.0.store);
    if wanted.given.client_credentials {
        wanted.admin.check_app()?;
    }
    let (stores, tokens) = (places.stores()?, wanted.admin.tokens(places)?);
    let credential = given::read(&wanted.given, Timestamp::now())?;
    let prepared = tokens.prepare(store, credential).await;
    let prepared = prepared.map_err(|why| told(why, store))?;

    let tried = ShopifyAdmin::new(wanted.admin.http()?, Given(prepared.token()), Time::of(Now));
    let shop = tried.shop(store).await.map_err(|why| told(why, store));
    let shop = shop.context("the token was not kept")?;
    let missing = check(store, &shop)?;

    // The token last but one: a store that says that it is connected has one.
    let record = install::begin(&stores, store, Timestamp::now()).await?;
    tokens.keep(store, &prepared).await?;
    let connected = StoreUpdate {
        connected: Some(true),
        currency: Some(shop.currency.clone()),
        ..StoreUpdate::default()
    };
    stores.record(store, &connected).await?;

    if out.json {
        out.object(&Added {
            store: name.to_string(),
            epoch: record.epoch,
            currency: shop.currency,
            scopes: shop.scopes,
            missing_scopes: missing,
        })?;
        return Ok(true);
    }
    out.text(&format!("{name} is connected; its prices are in {}", shop.currency))?;
    say(&format!("· next, its webhooks: hookline webhooks register {name}"));
    say(&format!("· then what it has:   hookline resync {name}"));
    Ok(true)
}

/// Whether it is the store that was meant, and what its token may not do.
fn check(store: &StoreKey, shop: &Shop) -> Result<Vec<&'static str>> {
    if !shop.name.eq_ignore_ascii_case(store.store.as_str()) {
        bail!(
            "this token is that of {}, not of {}: nothing was kept. Webhooks and tokens go by the name that ends with \
             .myshopify.com",
            shop.name,
            store.label()
        );
    }
    let missing: Vec<&str> = SCOPES
        .into_iter()
        .filter(|scope| !has_scope(&shop.scopes, scope))
        .collect();
    if missing.contains(&SCOPES[0]) {
        bail!(
            "the token lacks the scope {}, without which no product can be read: nothing was kept. Give the app the \
             scopes {}, and install it again",
            missing.join(" and "),
            SCOPES.join(" and ")
        );
    }
    if !missing.is_empty() {
        say(&format!(
            "· the token lacks the scope {}: changes of stock will not be seen until the product changes",
            missing.join(" and ")
        ));
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use hookline_testkit::builders::store;

    use super::*;

    fn shop(name: &str, scopes: &[&str]) -> Shop {
        Shop {
            name: name.to_owned(),
            currency: "EUR".to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    #[test]
    fn only_the_store_that_was_meant_is_kept_and_only_if_it_can_be_read() {
        let check = |name, scopes: &[&str]| check(&store("demo"), &shop(name, scopes)).map_err(|why| why.to_string());
        assert_eq!(
            check("Demo.myshopify.com", &["read_products", "read_inventory"]),
            Ok(vec![])
        );
        assert_eq!(
            check("demo.myshopify.com", &["write_products"]),
            Ok(vec!["read_inventory"])
        );
        assert!(
            check("other.myshopify.com", &["read_products"])
                .unwrap_err()
                .contains("not of demo")
        );
        assert!(
            check("demo.myshopify.com", &["read_inventory"])
                .unwrap_err()
                .contains("read_products")
        );
    }
}

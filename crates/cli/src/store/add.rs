//! `hookline store add`: tests a token, stores it, and begins an install of the store.

use anyhow::{Context, Result, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    outbound,
    store::stores::{StoreRecord, StoreUpdate, Stores},
    sync::vendor::{Catalogue, Shop},
};
use hookline_shopify_admin::{GrantedToken, SCOPES, ShopifyAdmin, Time};
use hookline_sources::shopify::has_scope;
use jiff::Timestamp;
use serde::Serialize;

use super::{credential, install};
use crate::{
    admin::store_error,
    args::store::AddStoreArgs,
    clock::MachineClock,
    output::{Output, say},
    resources::Resources,
};

/// Result of adding a store.
#[derive(Debug, Serialize)]
struct AddReport {
    store: String,
    epoch: u64,
    currency: String,
    scopes: Vec<String>,
    missing_scopes: Vec<&'static str>,
}

pub async fn run(resources: &Resources, out: &Output, args: &AddStoreArgs) -> Result<bool> {
    let (store, name) = (&args.store.0, &args.store.0.store);
    if args.credential.client_credentials {
        args.admin.check_app()?;
    }
    let (stores, tokens) = (resources.stores()?, args.admin.tokens(resources)?);
    let credential = credential::read(&args.credential, Timestamp::now())?;
    let prepared = tokens.prepare(store, credential).await;
    let prepared = prepared.map_err(|why| store_error(why, store))?;

    let tried = ShopifyAdmin::new(
        args.admin.http()?,
        GrantedToken(prepared.token()),
        Time::of(MachineClock),
    );
    let shop = tried.shop(store).await.map_err(|why| store_error(why, store));
    let shop = shop.context("the token was not stored")?;
    let missing = check(store, &shop)?;

    // The token is stored before the flag, so that a store marked as connected always has one.
    let record = install::begin(&stores, store, Timestamp::now()).await?;
    tokens.keep(store, &prepared).await?;
    if !record.connected {
        announce(resources, store, &record).await?;
    }
    let connected = StoreUpdate {
        connected: Some(true),
        currency: Some(shop.currency.clone()),
        ..StoreUpdate::default()
    };
    stores.record(store, &connected).await?;

    if out.json {
        out.object(&AddReport {
            store: name.to_string(),
            epoch: record.epoch,
            currency: shop.currency,
            scopes: shop.scopes,
            missing_scopes: missing,
        })?;
        return Ok(true);
    }
    out.text(&format!("{name} is connected; its prices are in {}", shop.currency))?;
    say(&format!(
        "· next, register its webhooks: hookline webhooks register {name}"
    ));
    say(&format!("· then, index its catalog:     hookline resync {name}"));
    Ok(true)
}

/// Publishes that the store is connected. Stacks from before events have no queue of them.
async fn announce(resources: &Resources, store: &StoreKey, record: &StoreRecord) -> Result<()> {
    let Ok(queue) = resources.fan_out_queue() else {
        say("· store.connected is not published: the stack has no queue of events");
        return Ok(());
    };
    let entities = resources.entities()?;
    outbound::announce_connected(&entities, &queue, store, record.epoch, Timestamp::now())
        .await
        .context("the token is stored, but store.connected could not be published: run the command again")?;
    Ok(())
}

/// Checks that the token is for this store and may read products. Returns the scopes that it lacks.
fn check(store: &StoreKey, shop: &Shop) -> Result<Vec<&'static str>> {
    if !shop.name.eq_ignore_ascii_case(store.store.as_str()) {
        bail!(
            "this token is of {}, not of {}: nothing was stored. Use the domain that ends with .myshopify.com, which \
             webhooks and tokens use",
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
            "the token lacks the scope {}, without which no product can be read: nothing was stored. Give the app the \
             scopes {}, and install it again",
            missing.join(" and "),
            SCOPES.join(" and ")
        );
    }
    if !missing.is_empty() {
        say(&format!(
            "· the token lacks the scope {}: a change of stock is indexed only when its product changes",
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
    fn token_is_refused_for_another_store_and_without_read_access() {
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

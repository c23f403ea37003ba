//! `hookline store remove`: subscriptions first, while the token works; the token last, so that an interrupted run can
//! be repeated.

use anyhow::{Result, bail};
use hookline_domain::{
    catalogue::apply::Verdict,
    kernel::{ids::StoreKey, port::chain},
    store::stores::{StoreUpdate, Stores, Watched},
    sync::vendor::{CatalogueError, VendorSubscription, VendorSubscriptions},
};
use jiff::Timestamp;

use crate::{
    admin::{AdminApiOptions, IndexOptions},
    args::store::ReceiverOptions,
    output::{confirm, count, say},
    resources::Resources,
    webhooks::{base, ours},
};

/// Store to remove, and the settings for it.
pub struct RemoveRequest<'a> {
    pub store: &'a StoreKey,
    pub yes: bool,
    pub admin: &'a AdminApiOptions,
    pub index: &'a IndexOptions,
    pub receivers: &'a ReceiverOptions,
}

pub async fn run(resources: &Resources, request: &RemoveRequest<'_>) -> Result<bool> {
    let (store, name) = (request.store, request.store.label());
    let stores = resources.stores()?;
    if stores.find(store).await?.is_none() {
        bail!("{name} is not known. To list the stores: hookline store list");
    }
    // All settings are checked before anything is changed.
    let base = base(request.receivers)?;
    let (shopify, tokens) = (request.admin.shopify(resources)?, request.admin.tokens(resources)?);
    let apply = request.index.apply(resources)?;
    let subscriptions = subscriptions(&shopify, store, base).await?;
    let question = format!(
        "Remove {name}: {}, all its documents and its token? Type yes:",
        count(subscriptions.len(), "subscription")
    );
    if !request.yes && !confirm(&question, &format!("this would remove {name}"))? {
        say("· nothing was removed");
        return Ok(false);
    }
    let mut remaining = 0;
    for subscription in &subscriptions {
        if let Err(why) = shopify.remove(store, &subscription.id).await {
            say(&format!(
                "· the subscription to {} was not removed: {}",
                subscription.topic,
                chain(&why)
            ));
            remaining += 1;
        }
    }
    match apply.uninstall(store, Timestamp::now()).await {
        // A removal is no answer of a source, so nothing can be behind.
        Verdict::Settled(_) | Verdict::Behind => {}
        Verdict::Retry { message, .. } | Verdict::Parked { message, .. } | Verdict::NotOurs { message } => {
            bail!("not all documents were removed ({message}): run the same command again to continue");
        }
    }
    if remaining > 0 {
        say(
            "· the documents are removed; the token is kept, because removing the other subscriptions needs it. Run the same command \
             again to continue",
        );
        return Ok(false);
    }
    tokens.forget(store).await?;
    let disconnected = StoreUpdate {
        connected: Some(false),
        // Prevents the watchdog from creating its subscriptions again.
        watched: Some(Watched::unseen(Timestamp::now(), false)),
        ..StoreUpdate::default()
    };
    stores.record(store, &disconnected).await?;
    say(&format!(
        "· {name} is removed, with {}. Uninstall the app in the store, too",
        count(subscriptions.len(), "subscription")
    ));
    Ok(true)
}

/// The store's subscriptions to our receivers; none if the store refuses to list them, as after an uninstall, which
/// removed them.
async fn subscriptions(
    shopify: &impl VendorSubscriptions,
    store: &StoreKey,
    base: &str,
) -> Result<Vec<VendorSubscription>> {
    match shopify.list(store).await {
        Ok(all) => Ok(all.into_iter().filter(|found| ours(found, base)).collect()),
        Err(why @ (CatalogueError::NotConnected | CatalogueError::Refused { .. })) => {
            say(&format!(
                "· cannot list its subscriptions ({why}). If the app is uninstalled there, they no longer exist"
            ));
            Ok(Vec::new())
        }
        Err(why) => Err(crate::admin::store_error(why, store)),
    }
}

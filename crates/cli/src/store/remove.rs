//! `hookline store remove`: subscriptions first, while the token works; the token last, so that whoever dies in between
//! can be followed by another.

use anyhow::{Result, bail};
use hookline_domain::{
    catalogue::apply::Verdict,
    kernel::{ids::StoreKey, port::chain},
    store::stores::{StoreUpdate, Stores, Watched},
    sync::vendor::{CatalogueError, VendorSubscription, VendorSubscriptions},
};
use jiff::Timestamp;

use crate::{
    admin::{Admin, Search},
    args::store::Receivers,
    output::{agreed, count, say},
    places::Connected,
    webhooks::{base, ours},
};

/// What to take out, and how.
pub struct Wanted<'a> {
    pub store: &'a StoreKey,
    pub yes: bool,
    pub admin: &'a Admin,
    pub index: &'a Search,
    pub receivers: &'a Receivers,
}

pub async fn run(places: &Connected, wanted: &Wanted<'_>) -> Result<bool> {
    let (store, name) = (wanted.store, wanted.store.label());
    let stores = places.stores()?;
    if stores.find(store).await?.is_none() {
        bail!("{name} is not known; those that are: hookline store list");
    }
    // All ways are there before anything is done.
    let base = base(wanted.receivers)?;
    let (shopify, tokens) = (wanted.admin.shopify(places)?, wanted.admin.tokens(places)?);
    let apply = wanted.index.apply(places)?;
    let subscriptions = subscriptions(&shopify, store, base).await?;
    let question = format!(
        "Take out {name}: {}, all its documents, its token? Type yes:",
        count(subscriptions.len(), "subscription")
    );
    if !wanted.yes && !agreed(&question, &format!("{name} would be taken out"))? {
        say("· nothing was removed");
        return Ok(false);
    }
    let mut left = 0;
    for subscription in &subscriptions {
        if let Err(why) = shopify.remove(store, &subscription.id).await {
            say(&format!(
                "· the subscription to {} is still there: {}",
                subscription.topic,
                chain(&why)
            ));
            left += 1;
        }
    }
    match apply.uninstall(store, Timestamp::now()).await {
        Verdict::Settled(_) => {}
        Verdict::Retry { message, .. } | Verdict::Parked { message, .. } | Verdict::NotOurs { message } => {
            bail!("not all of its documents are gone ({message}): the same command goes on");
        }
    }
    if left > 0 {
        say("· its documents are gone; its token is kept, for its subscriptions: the same command goes on");
        return Ok(false);
    }
    tokens.forget(store).await?;
    let disconnected = StoreUpdate {
        connected: Some(false),
        // The watchdog makes none of its subscriptions again.
        watched: Some(Watched::unseen(Timestamp::now(), false)),
        ..StoreUpdate::default()
    };
    stores.record(store, &disconnected).await?;
    say(&format!(
        "· {name} is taken out, with {}; uninstall the app in the shop, too",
        count(subscriptions.len(), "subscription")
    ));
    Ok(true)
}

/// Those of ours; none if the store lets us see none any more, as after an uninstall, which has removed them.
async fn subscriptions(
    shopify: &impl VendorSubscriptions,
    store: &StoreKey,
    base: &str,
) -> Result<Vec<VendorSubscription>> {
    match shopify.list(store).await {
        Ok(all) => Ok(all.into_iter().filter(|found| ours(found, base)).collect()),
        Err(why @ (CatalogueError::NotConnected | CatalogueError::Refused { .. })) => {
            say(&format!(
                "· its subscriptions cannot be seen ({why}): if the app is uninstalled there, they are gone"
            ));
            Ok(Vec::new())
        }
        Err(why) => Err(crate::admin::told(why, store)),
    }
}

//! `hookline webhooks`: a store's subscriptions are made, listed, checked.

mod lines;
mod toml;

use anyhow::{Result, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    store::stores::{StoreUpdate, Stores, Watched},
    sync::{
        registration::{self, Finding, Mended},
        vendor::{Catalogue, VendorSubscription, VendorSubscriptions, WantedSubscription},
    },
};
use hookline_sources::shopify::{self, Subscribing, Topic, has_scope, left_out, subscribing};
use jiff::Timestamp;

use self::lines::{Line, Listed, Whose, whose};
use crate::{
    admin::told,
    args::store::{OfStore, Receivers, Register, Webhooks},
    output::{Output, count, say},
    places::{Connected, needed},
};

pub async fn run(places: &Connected, out: &Output, command: Webhooks) -> Result<bool> {
    match command {
        Webhooks::Register(wanted) => match &wanted.store {
            Some(store) => register(places, out, &store.0, &wanted).await,
            None => print(out, &wanted),
        },
        Webhooks::List(of) => list(places, out, &of).await,
        Webhooks::Check(of) => check(places, out, &of).await,
    }
}

/// Whether a subscription sends to a receiver below `base`.
pub fn ours(found: &VendorSubscription, base: &str) -> bool {
    whose(found, base) == Whose::Ours
}

/// Where webhooks are received, without the topic.
pub fn base(receivers: &Receivers) -> Result<&str> {
    let base = needed(receivers.receiver_url.as_ref(), "RECEIVER_URL", "--receiver-url")?.trim_end_matches('/');
    if base.contains(['?', '#']) || !base.contains("://") {
        bail!("RECEIVER_URL is not an address as in https://example.com/api/webhooks/receive/shopify");
    }
    Ok(base)
}

fn print(out: &Output, wanted: &Register) -> Result<bool> {
    let block = toml::block(
        base(&wanted.receivers)?,
        hookline_shopify_admin::API_VERSION,
        &wanted.include_fields,
    );
    out.text(block.trim_end())?;
    warn_of_what_is_left_out(&wanted.include_fields);
    say("· deploy it with: shopify app deploy. Stores with subscriptions of their own get every change twice then");
    Ok(true)
}

fn warn_of_what_is_left_out(fields: &[String]) {
    let lacks = left_out(fields);
    if !lacks.is_empty() {
        say(&format!(
            "· the index will not have what these fields leave out of products: {}",
            lacks.join(", ")
        ));
    }
}

/// What a store should have, as far as its token allows, and the topics for which it does not.
struct Scoped {
    wanted: Vec<WantedSubscription>,
    lines: Vec<Line>,
}

async fn scoped(shopify: &impl Catalogue, store: &StoreKey, base: &str, fields: &[String]) -> Result<Scoped> {
    let shop = shopify.shop(store).await.map_err(|why| told(why, store))?;
    let refused = |topic: Topic| match subscribing(topic) {
        Subscribing::ForAStore {
            scope: Some(scope),
            is_needed,
        } if !has_scope(&shop.scopes, scope) => Some(Line::refused(topic, scope, is_needed)),
        Subscribing::ForAStore { .. } | Subscribing::ForTheApp => None,
    };
    Ok(Scoped {
        wanted: shopify::wanted(base, &shop.scopes, fields),
        lines: Topic::ALL.into_iter().filter_map(refused).collect(),
    })
}

async fn register(places: &Connected, out: &Output, store: &StoreKey, asked: &Register) -> Result<bool> {
    let base = base(&asked.receivers)?;
    let shopify = asked.admin.shopify(places)?;
    let Scoped { wanted, mut lines } = scoped(&shopify, store, base, &asked.include_fields).await?;
    let findings = registration::look(&shopify, store, &wanted).await;
    let findings = findings.map_err(|why| told(why, store))?;
    let (mut made, mut changed, mut removed) = (0, 0, 0);
    for finding in &findings {
        let mended = registration::mend(&shopify, store, finding).await;
        match &mended {
            Ok(Mended::Created) => made += 1,
            Ok(Mended::Changed) => changed += 1,
            Ok(Mended::Nothing) | Err(_) => {}
        }
        lines.push(Line::mended(finding, mended));
        for double in finding.doubles.iter().filter(|_| asked.prune) {
            let gone = shopify.remove(store, &double.id).await;
            removed += usize::from(gone.is_ok());
            lines.push(Line::pruned(double, gone));
        }
    }
    remember(places, store).await?;
    out.rows(&lines)?;
    say(&format!(
        "· {} made, {changed} changed, {removed} removed, {} as they should be",
        count(made, "subscription"),
        findings.len() - made - changed - lines.iter().filter(|line| line.is_failed()).count()
    ));
    warn_of_what_is_left_out(&asked.include_fields);
    if !asked.prune {
        warn_of_doubles(&findings, store);
    }
    say("· compliance topics can only be in shopify.app.toml: hookline webhooks register --toml");
    Ok(lines.iter().all(Line::is_well))
}

/// Has the watchdog look after this store's subscriptions from now on.
async fn remember(places: &Connected, store: &StoreKey) -> Result<()> {
    let stores = places.stores()?;
    let before = stores.find(store).await?.and_then(|record| record.watched);
    let watched = Watched {
        waiting: before.and_then(|before| before.waiting),
        ..Watched::unseen(Timestamp::now(), true)
    };
    let update = StoreUpdate {
        watched: Some(watched),
        ..StoreUpdate::default()
    };
    Ok(stores.record(store, &update).await?)
}

async fn list(places: &Connected, out: &Output, of: &OfStore) -> Result<bool> {
    let store = &of.store.0;
    let base = base(&of.receivers)?;
    let shopify = of.admin.shopify(places)?;
    let all = shopify.list(store).await.map_err(|why| told(why, store))?;
    let listed: Vec<Listed> = all.iter().map(|found| Listed::new(found, base)).collect();
    out.rows(&listed)?;
    let ours = listed.iter().filter(|line| line.whose == Whose::Ours).count();
    say(&format!(
        "· {}, {ours} to us; those in shopify.app.toml are not seen here",
        count(listed.len(), "subscription")
    ));
    Ok(true)
}

async fn check(places: &Connected, out: &Output, of: &OfStore) -> Result<bool> {
    let store = &of.store.0;
    let base = base(&of.receivers)?;
    let shopify = of.admin.shopify(places)?;
    let Scoped { wanted, mut lines } = scoped(&shopify, store, base, &[]).await?;
    let findings = registration::look(&shopify, store, &wanted).await;
    let findings = findings.map_err(|why| told(why, store))?;
    lines.extend(findings.iter().map(Line::found));
    out.rows(&lines)?;
    warn_of_doubles(&findings, store);
    let wrong = lines.iter().filter(|line| !line.is_well()).count();
    if wrong == 0 {
        say(&format!("· all {} subscriptions are as they should be", findings.len()));
    } else {
        say(&format!(
            "· {} not as it should be. If they are in shopify.app.toml they are not seen here, and all is well; or else: \
             hookline webhooks register {}",
            count(wrong, "topic"),
            store.label()
        ));
    }
    Ok(wrong == 0)
}

/// Two of ours to one topic mean that every change comes twice, or goes to where nobody is.
fn warn_of_doubles(findings: &[Finding], store: &StoreKey) {
    for finding in findings.iter().filter(|finding| !finding.doubles.is_empty()) {
        let more: Vec<&str> = finding.doubles.iter().map(|double| double.uri.as_str()).collect();
        say(&format!(
            "· warning: {} is also sent to {}: every change is delivered once more for each. Remove: hookline webhooks \
             register {} --prune",
            finding.wanted.topic,
            more.join(" and "),
            store.label()
        ));
    }
}

//! `hookline webhooks`: registers, lists and checks a store's webhook subscriptions.

mod rows;
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
use hookline_sources::{
    Families,
    shopify::{self, Subscribing, Topic, has_scope, left_out, subscribing},
};
use jiff::Timestamp;

use self::rows::{Ownership, SubscriptionRow, TopicRow, ownership};
use crate::{
    admin::store_error,
    args::store::{ReceiverOptions, RegisterArgs, StoreWebhooksArgs, WebhooksCommand},
    output::{Output, count, say},
    resources::{Resources, required},
};

pub async fn run(resources: &Resources, out: &Output, command: WebhooksCommand) -> Result<bool> {
    match command {
        WebhooksCommand::Register(options) => match &options.store {
            Some(store) => register(resources, out, &store.0, &options).await,
            None => print(out, &options),
        },
        WebhooksCommand::List(of) => list(resources, out, &of).await,
        WebhooksCommand::Check(of) => check(resources, out, &of).await,
    }
}

/// Returns true if a subscription sends to a receiver below `base`.
pub fn ours(found: &VendorSubscription, base: &str) -> bool {
    ownership(found, base) == Ownership::Ours
}

/// Address of the receivers, without the topic.
pub fn base(receivers: &ReceiverOptions) -> Result<&str> {
    let base = required(receivers.receiver_url.as_ref(), "RECEIVER_URL", "--receiver-url")?.trim_end_matches('/');
    if base.contains(['?', '#']) || !base.contains("://") {
        bail!("RECEIVER_URL is not an address like https://example.com/api/webhooks/receive/shopify");
    }
    Ok(base)
}

fn print(out: &Output, options: &RegisterArgs) -> Result<bool> {
    let block = toml::block(
        base(&options.receivers)?,
        hookline_shopify_admin::API_VERSION,
        &options.events.events_of,
        &options.include_fields,
    );
    out.text(block.trim_end())?;
    warn_about_omitted_fields(&options.include_fields);
    say(
        "· to deploy it: shopify app deploy. Stores that also have subscriptions of their own then receive every change twice",
    );
    Ok(true)
}

fn warn_about_omitted_fields(fields: &[String]) {
    let lacks = left_out(fields);
    if !lacks.is_empty() {
        say(&format!(
            "· with these fields, the index will not have of products: {}",
            lacks.join(", ")
        ));
    }
}

/// Subscriptions that a store should have, as far as its token allows, and rows for the topics that it does not allow.
struct ExpectedSubscriptions {
    wanted: Vec<WantedSubscription>,
    rows: Vec<TopicRow>,
}

async fn expected_subscriptions(
    shopify: &impl Catalogue,
    store: &StoreKey,
    (base, families): (&str, &Families),
    fields: &[String],
) -> Result<ExpectedSubscriptions> {
    let shop = shopify.shop(store).await.map_err(|why| store_error(why, store))?;
    let refused = |topic: Topic| match subscribing(topic) {
        Subscribing::ForAStore {
            scope: Some(scope),
            is_needed,
        } if !has_scope(&shop.scopes, scope) => Some(TopicRow::refused(topic, scope, is_needed)),
        Subscribing::ForAStore { .. } | Subscribing::ForTheApp => None,
    };
    let listened = Topic::ALL
        .into_iter()
        .filter(|topic| families.listen_to(topic.family()));
    Ok(ExpectedSubscriptions {
        wanted: shopify::wanted(base, &shop.scopes, families, fields),
        rows: listened.filter_map(refused).collect(),
    })
}

async fn register(resources: &Resources, out: &Output, store: &StoreKey, args: &RegisterArgs) -> Result<bool> {
    let wanted = (base(&args.receivers)?, &args.events.events_of);
    let shopify = args.admin.shopify(resources)?;
    let ExpectedSubscriptions { wanted, mut rows } =
        expected_subscriptions(&shopify, store, wanted, &args.include_fields).await?;
    let findings = registration::look(&shopify, store, &wanted).await;
    let findings = findings.map_err(|why| store_error(why, store))?;
    let (mut made, mut changed, mut removed) = (0, 0, 0);
    for finding in &findings {
        let mended = registration::mend(&shopify, store, finding).await;
        match &mended {
            Ok(Mended::Created) => made += 1,
            Ok(Mended::Changed) => changed += 1,
            Ok(Mended::Nothing) | Err(_) => {}
        }
        rows.push(TopicRow::mended(finding, mended));
        for double in finding.doubles.iter().filter(|_| args.prune) {
            let removal = shopify.remove(store, &double.id).await;
            removed += usize::from(removal.is_ok());
            rows.push(TopicRow::pruned(double, removal));
        }
    }
    watch(resources, store).await?;
    out.rows(&rows)?;
    say(&format!(
        "· {} created, {changed} changed, {removed} removed, {} already correct",
        count(made, "subscription"),
        findings.len() - made - changed - rows.iter().filter(|line| line.is_failed()).count()
    ));
    warn_about_omitted_fields(&args.include_fields);
    if !args.prune {
        warn_of_duplicates(&findings, store);
    }
    say("· subscribe to the compliance topics in shopify.app.toml, the only way: hookline webhooks register --toml");
    Ok(rows.iter().all(TopicRow::is_well))
}

/// Has the watchdog check this store's subscriptions from now on.
async fn watch(resources: &Resources, store: &StoreKey) -> Result<()> {
    let stores = resources.stores()?;
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

async fn list(resources: &Resources, out: &Output, of: &StoreWebhooksArgs) -> Result<bool> {
    let store = &of.store.0;
    let base = base(&of.receivers)?;
    let shopify = of.admin.shopify(resources)?;
    let all = shopify.list(store).await.map_err(|why| store_error(why, store))?;
    let listed: Vec<SubscriptionRow> = all.iter().map(|found| SubscriptionRow::new(found, base)).collect();
    out.rows(&listed)?;
    let ours = listed.iter().filter(|line| line.whose == Ownership::Ours).count();
    say(&format!(
        "· {}, {ours} to us; those in shopify.app.toml are not visible here",
        count(listed.len(), "subscription")
    ));
    Ok(true)
}

async fn check(resources: &Resources, out: &Output, of: &StoreWebhooksArgs) -> Result<bool> {
    let store = &of.store.0;
    let wanted = (base(&of.receivers)?, &of.events.events_of);
    let shopify = of.admin.shopify(resources)?;
    let ExpectedSubscriptions { wanted, mut rows } = expected_subscriptions(&shopify, store, wanted, &[]).await?;
    let findings = registration::look(&shopify, store, &wanted).await;
    let findings = findings.map_err(|why| store_error(why, store))?;
    rows.extend(findings.iter().map(TopicRow::found));
    out.rows(&rows)?;
    warn_of_duplicates(&findings, store);
    let wrong = rows.iter().filter(|line| !line.is_well()).count();
    if wrong == 0 {
        say(&format!("· all {} subscriptions are correct", findings.len()));
    } else {
        say(&format!(
            "· {} incorrect or missing. Subscriptions in shopify.app.toml are not visible here: if it declares these topics, \
             all is well. If not: hookline webhooks register {}",
            count(wrong, "topic"),
            store.label()
        ));
    }
    Ok(wrong == 0)
}

/// Warns of two subscriptions of ours to one topic: every change arrives twice, or also goes to an old address.
fn warn_of_duplicates(findings: &[Finding], store: &StoreKey) {
    for finding in findings.iter().filter(|finding| !finding.doubles.is_empty()) {
        let more: Vec<&str> = finding.doubles.iter().map(|double| double.uri.as_str()).collect();
        say(&format!(
            "· warning: {} is also sent to {}: every change is delivered once more for each. To remove them: hookline \
             webhooks register {} --prune",
            finding.wanted.topic,
            more.join(" and "),
            store.label()
        ));
    }
}

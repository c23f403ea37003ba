//! `hookline source check`: sends an endpoint one signed delivery that changes nothing, or shows what a body would become.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context, Result, bail};
use hookline_domain::{
    catalogue::document::Document,
    delivery::Delivery,
    event::Event,
    kernel::ids::{DeliveryId, DeliveryKey, StoreKey, StoreName, Topic},
    store::{
        inbound::{BoundStores, InboundEndpoint, InboundEndpoints, InboundSettings},
        stores::Counts,
    },
};
use hookline_sources::{Platform, scheme::Part, signature::UnsignedRequest};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{KeysSecret, address, mapping, source_of};
use crate::{
    args::source::CheckSourceArgs,
    output::{Output, say},
    resources::Resources,
};

/// Time after which an endpoint counts as silent.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Store of a body that is read without an endpoint.
const SAMPLE_STORE: &str = "sample";

/// Result of a signed delivery.
#[derive(Serialize)]
struct CheckReport<'a> {
    address: &'a str,
    status: u16,
    passed: bool,
    meaning: &'a str,
}

pub async fn run(resources: &Resources, out: &Output, args: &CheckSourceArgs) -> Result<bool> {
    let platform = args.source.0;
    let (Some(name), None) = (&args.name, &args.sample) else {
        return sample(out, args);
    };
    let sender = platform.sender;
    let endpoint = resources.stores()?.find_inbound(&source_of(sender)?, name).await?;
    let endpoint = endpoint.with_context(|| format!("{} has no endpoint {name}", sender.name))?;
    let keys = KeysSecret::find(&resources.aws, sender, &args.keys)?.of(name).await?;
    let Some(key) = keys.first() else {
        bail!(
            "{name} has no key, so it refuses everything: hookline source rotate {} {name}",
            sender.name
        );
    };
    let to = match &args.address {
        Some(address) => address.clone(),
        None => address(sender, name, &args.receivers)?,
    };
    let signs_address = sender.scheme.signed.contains(&Part::Address);
    let registered = endpoint
        .settings
        .addresses
        .first()
        .cloned()
        .unwrap_or_else(|| to.clone());
    let id = format!("msg_{}", uuid::Uuid::new_v4().simple());
    let request = UnsignedRequest {
        id: &id,
        at: Timestamp::now(),
        address: &registered,
        body: platform.probe.as_bytes(),
    };
    #[expect(clippy::disallowed_methods, reason = "the operator names the address")]
    let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let mut post = client
        .post(&to)
        .header("content-type", "application/json")
        .body(platform.probe);
    for (name, value) in sender.scheme.sign(key, &request)? {
        post = post.header(name, value);
    }
    let status = post
        .send()
        .await
        .with_context(|| format!("{to} did not answer"))?
        .status()
        .as_u16();
    let meaning = match status {
        200 => "the endpoint accepts its key",
        403 => {
            "the endpoint refuses its key: it may have been added less than a minute ago, or its address is another stack's"
        }
        404 => "there is no such address: does the stack have the source?",
        429 => "the address is busy: try again",
        500.. => "the receiver did not start or cannot reach its tables: read its log group",
        _ => "an answer that no receiver of ours gives",
    };
    if out.json {
        out.object(&CheckReport {
            address: &to,
            status,
            passed: status == 200,
            meaning,
        })?;
    } else {
        out.text(&format!(
            "{} {status}: {meaning}",
            if status == 200 { "ok" } else { "FAILED" }
        ))?;
        if signs_address && registered != to {
            say(&format!(
                "· {} has to be registered with exactly this address: {registered}",
                sender.name
            ));
            for mistake in mistakes(&registered, &to) {
                say(&format!("· {mistake}"));
            }
        }
    }
    Ok(status == 200)
}

/// Usual differences between a registered address and the one that answers.
fn mistakes(registered: &str, answers: &str) -> Vec<&'static str> {
    let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
    let mut mistakes = Vec::new();
    if registered != answers && trimmed(registered) == trimmed(answers) {
        mistakes.push("they differ by a slash at the end");
    }
    if registered.starts_with("http://") && answers.starts_with("https://") {
        mistakes.push("the registered address begins with http, not https");
    }
    let host = |text: &str| text.split('/').nth(2).unwrap_or_default().to_owned();
    if host(registered) != host(answers) {
        mistakes.push("they have different hosts: another stack, or a domain of your own");
    }
    mistakes
}

/// Shows what a body would become, without a stack.
pub fn sample(out: &Output, args: &CheckSourceArgs) -> Result<bool> {
    let platform = args.source.0;
    let path = args
        .sample
        .as_ref()
        .context("give --sample <FILE>, or the name of an endpoint")?;
    let body = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mapping = args.mapping.as_deref().map(mapping).transpose()?;
    let (delivery, endpoint) = delivery(platform, &body, mapping.map(Box::new))?;
    let event = (platform.interpret)(&delivery, Some(&endpoint))
        .with_context(|| format!("the body cannot be read as {}", delivery.key.topic))?;
    let shown = shown(&delivery, &event);
    if out.json {
        out.object(&shown)?;
    } else {
        out.text(&serde_json::to_string_pretty(&shown)?)?;
    }
    Ok(true)
}

/// The delivery that a body would be, and the endpoint that would take it.
fn delivery(
    platform: &'static Platform,
    body: &[u8],
    mapping: Option<Box<hookline_domain::store::inbound::mapping::Mapping>>,
) -> Result<(Delivery, InboundEndpoint)> {
    let now = Timestamp::now();
    let source = source_of(platform.sender)?;
    let settings = InboundSettings {
        stores: BoundStores::Listed(BTreeSet::from([StoreName::new(SAMPLE_STORE)?])),
        addresses: Vec::new(),
        mode: None,
        own: None,
        mapping,
        senders: None,
    };
    let endpoint = InboundEndpoint {
        source: source.clone(),
        name: SAMPLE_STORE.parse()?,
        settings,
        revision: 1,
        counts: Counts::new(),
    };
    if !platform.reads_endpoint {
        let read = (platform.read_saved)(&http::HeaderMap::new(), body, now);
        return Ok((read.context("the body names no delivery")?, endpoint));
    }
    let topic = hookline_sources::standard::topic(body, &endpoint).context("the body names no topic")?;
    let topic = topic.context("the mapping takes no such topic: its deliveries are ignored")?;
    let delivery = Delivery {
        key: DeliveryKey {
            store: StoreKey {
                source,
                store: StoreName::new(SAMPLE_STORE)?,
            },
            topic: Topic::new(topic)?,
            id: DeliveryId::new("sample")?,
        },
        endpoint: Some(endpoint.name.clone()),
        event_id: None,
        api_version: String::new(),
        triggered_at: None,
        received_at: now,
        body: body.to_vec(),
    };
    Ok((delivery, endpoint))
}

/// Document and event of a delivery, as JSON.
fn shown(delivery: &Delivery, event: &Event) -> Value {
    let store = delivery.key.store.label();
    match event {
        Event::ProductUpdated(product) => {
            let entity = delivery
                .key
                .store
                .entity(hookline_domain::kernel::ids::Kind::Product, product.id.clone());
            let document = Document::of_product(&entity, (**product).clone(), delivery.received_at);
            json!({"store": store, "topic": delivery.key.topic, "becomes": "a document, and product.created, product.updated or \
                inventory.updated for those who listen", "document": document})
        }
        Event::ProductRemoved(removal) => json!({"store": store, "topic": delivery.key.topic,
            "becomes": "the removal of a document, and product.deleted for those who listen", "product": removal.id}),
        Event::Thin(wanted) => json!({"store": store, "topic": delivery.key.topic,
            "becomes": "a question to the source for what has changed", "asks_for": wanted}),
        Event::Fact(fact) => json!({"store": store, "topic": delivery.key.topic, "becomes": "events, and no document",
            "events": fact.announces.iter().map(|announced| json!({"type": announced.kind, "data": announced.data,
                "session_id": announced.session_id})).collect::<Vec<_>>()}),
        Event::AppUninstalled => json!({"store": store, "topic": delivery.key.topic,
            "becomes": "the end of the install: all documents of the store are removed"}),
        _ => json!({"store": store, "topic": delivery.key.topic, "becomes": "nothing"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_mistakes_of_an_address_are_named() {
        let right = "https://a.example/api/webhooks/receive/square/main";
        assert_eq!(
            mistakes(&format!("{right}/"), right),
            ["they differ by a slash at the end"]
        );
        assert_eq!(mistakes(&right.replace("https", "http"), right).len(), 1);
        assert_eq!(mistakes("https://b.example/x", right).len(), 1);
        assert!(mistakes(right, right).is_empty());
    }
}

//! `hookline source`: adds, lists, shows, rotates, removes and checks inbound endpoints of sources other than Shopify.

mod check;
mod keys;
mod row;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail};
use hookline_domain::{
    kernel::ids::{InboundName, Source},
    store::inbound::{
        BoundStores, InboundEndpoint, InboundEndpoints, InboundEndpointsAdmin, InboundSettings, InboundWritten,
        MAX_ADDRESSES, MAX_RANGES, SenderCheck, Senders, mapping::Mapping,
    },
};
use hookline_sources::{ALL, Keyed, Sender, scheme::Part};
use jiff::Timestamp;
use serde::Serialize;

use self::{keys::KeysSecret, row::EndpointRow};
use crate::{
    args::{
        source::{AddSourceArgs, EndpointArgs, SourceArg, SourceCommand},
        store::ReceiverOptions,
    },
    output::{Output, confirm, say},
    resources::Resources,
};

pub use self::check::sample;

/// A new endpoint, for programs.
#[derive(Serialize)]
struct AddReport<'a> {
    source: &'a str,
    endpoint: &'a str,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

pub async fn run(resources: &Resources, out: &Output, command: SourceCommand) -> Result<bool> {
    match command {
        SourceCommand::Add(args) => add(resources, out, &args).await,
        SourceCommand::List { source } => list(resources, out, source).await,
        SourceCommand::Show { endpoint, receivers } => show(resources, out, &endpoint, &receivers).await,
        SourceCommand::Rotate { endpoint, key, keys } => {
            let (sender, name) = (endpoint.source.0.sender, &endpoint.name);
            find(resources, &endpoint).await?;
            let secret = KeysSecret::find(&resources.aws, sender, &keys)?;
            if key.end {
                secret
                    .change(name, |known| {
                        let Some(known) = known.as_mut().filter(|known| known.keys.len() > 1) else {
                            bail!("{name} has one key only: there is no rotation to end");
                        };
                        known.keys.truncate(1);
                        Ok(())
                    })
                    .await?;
                say(&format!(
                    "· the old key of {name} is removed; receivers refuse it within five minutes"
                ));
                return Ok(true);
            }
            let (new, is_new) = keys::read(key.key_file.as_ref(), key.key_stdin, sender)?;
            let text = new.reveal().to_owned();
            secret
                .change(name, |known| {
                    let known = known.get_or_insert_default();
                    if known.keys.contains(&text) {
                        bail!("this is a key of {name} already: nothing was changed");
                    }
                    known.keys.insert(0, text.clone());
                    known.keys.truncate(2);
                    Ok(())
                })
                .await?;
            if is_new {
                out.text(new.reveal())?;
            }
            say(&format!(
                "· both keys of {name} are valid. Once {} signs with the new one: hookline source rotate {} {name} --end",
                sender.name, sender.name
            ));
            Ok(true)
        }
        SourceCommand::Remove { endpoint, yes, keys } => {
            let (source, name) = (source_of(endpoint.source.0.sender)?, &endpoint.name);
            let question = format!("Remove {name}? Whatever {source} sends to it is refused from then on. Type yes:");
            if !yes && !confirm(&question, &format!("this would remove the endpoint {name}"))? {
                bail!("nothing was removed");
            }
            // The settings first: without them the keys are worth nothing.
            resources.stores()?.remove_inbound(&source, name).await?;
            let secret = KeysSecret::find(&resources.aws, endpoint.source.0.sender, &keys)?;
            secret
                .change(name, |known| {
                    *known = None;
                    Ok(())
                })
                .await?;
            say(&format!("· {name} is removed; receivers refuse it within five minutes"));
            Ok(true)
        }
        SourceCommand::Check(args) => check::run(resources, out, &args).await,
    }
}

async fn add(resources: &Resources, out: &Output, args: &AddSourceArgs) -> Result<bool> {
    let (sender, name) = (args.endpoint.source.0.sender, &args.endpoint.name);
    let source = source_of(sender)?;
    let address = address(sender, name, &args.receivers);
    let settings = settings(args, address.as_ref().ok())?;
    let stores = resources.stores()?;
    let secret = KeysSecret::find(&resources.aws, sender, &args.keys)?;
    let (key, is_new) = keys::read(args.key.key_file.as_ref(), args.key.key_stdin, sender)?;
    if stores.find_inbound(&source, name).await?.is_some() {
        bail!(
            "{name} exists already. To change its key: hookline source rotate; to begin from the start: hookline source remove"
        );
    }
    // The key first: an endpoint without one refuses what the source sends, as one that does not exist.
    secret
        .change(name, |known| {
            known.get_or_insert_default().keys = vec![key.reveal().to_owned()];
            Ok(())
        })
        .await?;
    if stores.put_inbound(&source, name, &settings, 0).await? == InboundWritten::Overtaken {
        bail!("somebody else has just added {name}; look at it with `hookline source show {source} {name}`");
    }
    let address = address.unwrap_or_else(|_| format!("…/{source}/{name}"));
    if out.json {
        out.object(&AddReport {
            source: source.as_str(),
            endpoint: name.as_str(),
            address,
            key: is_new.then(|| key.reveal()),
        })?;
        return Ok(true);
    }
    out.text(&address)?;
    if is_new {
        out.text(key.reveal())?;
        say("· the second line is the key; it is not shown again");
    }
    say(&format!(
        "· register the address at {source}, then: hookline source check {source} {name}"
    ));
    Ok(true)
}

/// Settings that the arguments describe; names everything that is wrong.
fn settings(args: &AddSourceArgs, address: Option<&String>) -> Result<InboundSettings> {
    let platform = args.endpoint.source.0;
    let mut problems = Vec::new();
    let signs_address = platform.sender.scheme.signed.contains(&Part::Address);
    let mut addresses = args.addresses.clone();
    if signs_address && addresses.is_empty() {
        match address {
            Some(address) => addresses.push(address.clone()),
            None => problems.push(format!(
                "--address is missing: {} signs its registered address, and RECEIVER_URL is not set",
                platform.sender.name
            )),
        }
    }
    // An empty one would accept what is signed without an address.
    for address in addresses.iter().filter(|address| !address.starts_with("http")) {
        problems.push(format!(
            "--address {address}: not the registered address, as in https://…"
        ));
    }
    if addresses.len() > MAX_ADDRESSES {
        problems.push(format!("--address: at most {MAX_ADDRESSES}"));
    }
    let mapping = match args.mapping.as_deref().map(mapping).transpose() {
        Ok(mapping) => mapping,
        Err(error) => {
            problems.push(format!("{error:#}"));
            None
        }
    };
    if mapping.is_some() && !platform.reads_endpoint {
        problems.push(format!(
            "--mapping: bodies of {} have a form of their own",
            platform.sender.name
        ));
    }
    if args.senders.len() > MAX_RANGES {
        problems.push(format!("--sender: at most {MAX_RANGES}"));
    }
    for range in &args.senders {
        if range.parse::<ipnet::IpNet>().is_err() {
            problems.push(format!("--sender {range}: not a range as in 3.18.12.63/32"));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("; "));
    }
    let listed: BTreeSet<_> = args.stores.stores.iter().cloned().collect();
    Ok(InboundSettings {
        stores: if args.stores.all_stores {
            BoundStores::Any
        } else {
            BoundStores::Listed(listed)
        },
        addresses,
        mode: args.mode.map(Into::into),
        own: args.own.clone(),
        mapping: mapping.map(Box::new),
        senders: (!args.senders.is_empty()).then(|| Senders {
            ranges: args.senders.clone(),
            check: if args.enforce_senders {
                SenderCheck::Enforce
            } else {
                SenderCheck::Watch
            },
        }),
    })
}

/// Reads and checks a mapping.
fn mapping(path: &Path) -> Result<Mapping> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mapping: Mapping = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    mapping.check().with_context(|| path.display().to_string())?;
    Ok(mapping)
}

async fn list(resources: &Resources, out: &Output, source: Option<SourceArg>) -> Result<bool> {
    let stores = resources.stores()?;
    let keyed = ALL
        .into_iter()
        .filter(|platform| platform.sender.keyed == Keyed::ByEndpoint);
    let wanted =
        keyed.filter(|platform| source.is_none_or(|SourceArg(wanted)| wanted.sender.name == platform.sender.name));
    let mut rows = Vec::new();
    for platform in wanted {
        let endpoints = stores.inbound(&source_of(platform.sender)?).await?;
        rows.extend(
            endpoints
                .iter()
                .map(|endpoint| EndpointRow::new(endpoint, Timestamp::now())),
        );
    }
    if rows.is_empty() && !out.json {
        say("· there are no inbound endpoints; to add one: hookline source add --help");
    }
    out.rows(&rows)?;
    Ok(true)
}

async fn show(resources: &Resources, out: &Output, args: &EndpointArgs, receivers: &ReceiverOptions) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let row = EndpointRow::new(&endpoint, Timestamp::now());
    if out.json {
        out.object(&row::EndpointDetails::new(row, &endpoint))?;
        return Ok(true);
    }
    let sender = args.source.0.sender;
    out.text(&address(sender, &args.name, receivers).unwrap_or_else(|_| format!("…/{}/{}", sender.name, args.name)))?;
    out.text(&serde_json::to_string_pretty(&endpoint.settings)?)?;
    out.rows(&[row])?;
    Ok(true)
}

async fn find(resources: &Resources, args: &EndpointArgs) -> Result<InboundEndpoint> {
    let source = source_of(args.source.0.sender)?;
    let found = resources.stores()?.find_inbound(&source, &args.name).await?;
    found.with_context(|| {
        format!(
            "{source} has no endpoint {}. To list them: hookline source list {source}",
            args.name
        )
    })
}

fn source_of(sender: &Sender) -> Result<Source> {
    Ok(Source::new(sender.name)?)
}

/// Address of an endpoint, from that of Shopify's receivers, which the stack's outputs have.
fn address(sender: &Sender, name: &InboundName, base: &ReceiverOptions) -> Result<String> {
    let base = base
        .receiver_url
        .as_deref()
        .context("RECEIVER_URL is not set")?
        .trim_end_matches('/');
    let (base, _) = base
        .rsplit_once('/')
        .context("RECEIVER_URL is no address of receivers")?;
    Ok(format!("{base}/{}/{name}", sender.name))
}

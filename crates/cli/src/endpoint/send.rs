//! `hookline endpoint test` and `replay`.

use anyhow::{Result, anyhow, bail};
use hookline_domain::{
    kernel::ids::StoreKey,
    outbound::{FateName, ReplayOnly, ReplayRange, ResendError, Scope},
};
use hookline_events::EventType;
use jiff::Timestamp;
use serde::Serialize;

use super::{key, no_endpoint, resend};
use crate::{
    args::{EndpointArgs, OwnerArgs, ReplayMessagesArgs, values::StoreArg},
    message,
    output::{Output, count, say},
    resources::Resources,
};

/// Outcome of a replay.
#[derive(Serialize)]
struct ReplayReport {
    queued: usize,
    events: usize,
    dry_run: bool,
}

pub async fn test(
    resources: &Resources,
    out: &Output,
    args: &EndpointArgs,
    kind: &EventType,
    sample_of: Option<StoreArg>,
) -> Result<bool> {
    let store = store_of(&args.owner, sample_of, "--sample-of")?;
    let tested = resend(resources)?.test(&key(args), kind, &store).await;
    let tested = tested.map_err(|error| refused(error, args))?;
    message::print(out, &tested.message)?;
    if tested.is_waiting {
        say(&format!(
            "· it was not attempted within 12 seconds. To see what it waits for: hookline endpoint status {} {}",
            args.id,
            args.owner.options()
        ));
    }
    Ok(tested.message.fate == FateName::Sent)
}

pub async fn replay(resources: &Resources, out: &Output, args: ReplayMessagesArgs) -> Result<bool> {
    let store = store_of(&args.endpoint.owner, args.of, "--of")?;
    let (from, to) = (args.from.0, args.to.map_or_else(Timestamp::now, |to| to.0));
    if from >= to {
        bail!("--from must be before --to");
    }
    let (key, resend) = (key(&args.endpoint), resend(resources)?);
    let mut range = ReplayRange {
        from,
        to,
        types: args.types,
        only: if args.all { ReplayOnly::All } else { ReplayOnly::Failed },
        after: None,
        is_dry_run: args.dry_run,
    };
    let mut report = ReplayReport {
        queued: 0,
        events: 0,
        dry_run: args.dry_run,
    };
    loop {
        let done = resend.replay(&key, &store, &range).await;
        let done = done.map_err(|error| refused(error, &args.endpoint))?;
        report.queued += done.queued;
        report.events += done.events;
        match done.next {
            Some(next) => range.after = Some(next),
            None => break,
        }
    }
    if out.json {
        out.object(&report)?;
    }
    let verb = match (args.dry_run, report.queued) {
        (true, _) => "would be sent",
        (false, 1) => "is sent",
        (false, _) => "are sent",
    };
    say(&format!(
        "· {} {verb} again, of {} in that time",
        count(report.queued, "message"),
        count(report.events, "event")
    ));
    Ok(true)
}

/// Store of a request: that of the endpoint, or for one of all stores the one that an option names.
fn store_of(owner: &OwnerArgs, named: Option<StoreArg>, option: &str) -> Result<StoreKey> {
    match (owner.scope(), named) {
        (Scope::Store(store), _) | (Scope::All, Some(StoreArg(store))) => Ok(store),
        (Scope::All, None) => Err(anyhow!("the endpoint is of all stores: name one with {option} STORE")),
    }
}

pub fn refused(error: ResendError, args: &EndpointArgs) -> anyhow::Error {
    match error {
        ResendError::NoEndpoint => no_endpoint(args),
        other => other.into(),
    }
}

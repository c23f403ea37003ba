//! `hookline endpoint add`, `change`, `pause`, `activate`, `rotate` and `remove`.

use anyhow::{Result, bail};
use hookline_domain::outbound::{
    Challenge, Credentials, CredentialsChange, Endpoint, EndpointChange, EndpointSettings, EndpointView, OutboxRecords,
    TypePattern, new_key,
};
use hookline_outbound::{OpenKeys, UrlRules, check_settings};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{credentials, find, key, manage, read, resend, view};
use crate::{
    args::{AddEndpointArgs, ChangeEndpointArgs, EndpointArgs, SettingsArgs},
    output::{Output, confirm, count, say},
    resources::Resources,
};

/// Most messages that are counted before a removal.
const MOST_COUNTED: usize = 1000;

/// An endpoint with its new secret.
#[derive(Serialize)]
struct WithSecret {
    endpoint: EndpointView,
    secret: String,
    public_key: String,
}

pub async fn add(resources: &Resources, out: &Output, args: AddEndpointArgs) -> Result<bool> {
    let mut settings = EndpointSettings::new(&args.url, &[]);
    settings.types = texts(&args.types);
    let rules = rules(&args.settings);
    let open = credentials::open(&args.settings, &rules)?;
    overlay(&mut settings, args.settings);
    let scope = args.owner.scope();
    check_settings(&scope, &settings, &rules)?;
    let (vault, now) = (resources.endpoint_vault()?, Timestamp::now());
    let key = new_key(scope, now)?;
    let keys = OpenKeys::generate()?;
    let secret = keys.seal(&vault, &key, now).await?;
    let mut sealed = Credentials::default();
    sealed.apply(&open.seal(&vault, &key).await?);
    let created = manage(resources)?.create(&key, settings, secret, sealed).await?;
    with_secret(out, &created, &keys)?;
    say(&format!(
        "· to send it a sample: hookline endpoint test {} {}",
        key.id,
        args.owner.options()
    ));
    Ok(true)
}

pub async fn change(resources: &Resources, out: &Output, args: ChangeEndpointArgs) -> Result<bool> {
    let before = find(resources, &args.endpoint).await?;
    let mut settings = before.settings.clone();
    if let Some(url) = args.url {
        settings.url = url;
    }
    if !args.types.is_empty() {
        settings.types = texts(&args.types);
    }
    if args.no_conditions {
        settings.conditions.clear();
    }
    if args.no_max_per_second {
        settings.max_per_second = None;
    }
    let rules = rules(&args.settings);
    let open = credentials::open(&args.settings, &rules)?;
    let removes = args.no_headers || args.no_auth || args.no_client_certificate;
    overlay(&mut settings, args.settings);
    if settings == before.settings && open.is_empty() && !removes {
        bail!("nothing is to be changed: give other settings, as in --keep-days 14");
    }
    let key = key(&args.endpoint);
    check_settings(&key.scope, &settings, &rules)?;
    let mut sealed = CredentialsChange::default();
    if !open.is_empty() {
        sealed = open.seal(&resources.endpoint_vault()?, &key).await?;
    }
    if args.no_headers {
        sealed.headers = Some(None);
    }
    if args.no_auth {
        sealed.auth = Some(None);
    }
    if args.no_client_certificate {
        sealed.certificate = Some(None);
    }
    let change = EndpointChange::Settings {
        settings: Box::new(settings),
        credentials: Box::new(sealed),
    };
    let changed = manage(resources)?.change(&key, Some(before.revision), &change).await?;
    read::print(out, &view(&changed))?;
    Ok(true)
}

/// Makes a change that needs nothing else.
pub async fn apply(resources: &Resources, out: &Output, args: &EndpointArgs, change: EndpointChange) -> Result<bool> {
    find(resources, args).await?;
    let changed = manage(resources)?.change(&key(args), None, &change).await?;
    let changed = view(&changed);
    if out.json {
        out.object(&changed)?;
    }
    say(&format!("· {}", changed.state_sentence));
    Ok(true)
}

pub async fn rotate(resources: &Resources, out: &Output, args: &EndpointArgs, overlap_hours: u16) -> Result<bool> {
    find(resources, args).await?;
    let (key, now) = (key(args), Timestamp::now());
    let keys = OpenKeys::generate()?;
    let change = EndpointChange::Rotate {
        secret: keys.seal(&resources.endpoint_vault()?, &key, now).await?,
        overlap: SignedDuration::from_hours(overlap_hours.into()),
    };
    let changed = manage(resources)?.change(&key, None, &change).await?;
    with_secret(out, &changed, &keys)?;
    say(&format!(
        "· the old secret signs beside it for {}",
        count(overlap_hours.into(), "hour")
    ));
    Ok(true)
}

/// Has a challenge sent, and waits for its outcome.
pub async fn verify(resources: &Resources, out: &Output, args: &EndpointArgs) -> Result<bool> {
    find(resources, args).await?;
    let (key, challenge) = (key(args), Challenge::generate(Timestamp::now())?);
    manage(resources)?
        .change(&key, None, &EndpointChange::Verify(challenge.clone()))
        .await?;
    let endpoint = resend(resources)?.await_proof(&key, &challenge).await?;
    let is_waiting = endpoint.proof.challenge.is_some();
    let seen = view(&endpoint);
    if out.json {
        out.object(&seen)?;
    }
    let sentence = match (&seen.proof_failed, is_waiting) {
        (_, true) => "the challenge was not sent within 12 seconds: look again with hookline endpoint show",
        (Some(failed), false) => failed,
        (None, false) => "the endpoint has proved itself",
    };
    say(&format!("· {sentence}"));
    Ok(!is_waiting && seen.proof_failed.is_none())
}

pub async fn remove(resources: &Resources, out: &Output, args: &EndpointArgs, yes: bool) -> Result<bool> {
    let endpoint = find(resources, args).await?;
    let waiting = resources.outboxes()?.count(&endpoint.key, MOST_COUNTED).await?;
    let number = match (waiting.entries, waiting.has_more) {
        (entries, false) => count(entries, "message"),
        (entries, true) => format!("more than {entries} messages"),
    };
    let question = format!("Remove {} and discard {number}? Type yes:", args.id);
    if !yes
        && !confirm(
            &question,
            &format!("this would remove the endpoint and discard {number}"),
        )?
    {
        say("· nothing was removed");
        return Ok(false);
    }
    apply(resources, out, args, EndpointChange::Delete).await
}

/// Prints a new secret, once.
fn with_secret(out: &Output, endpoint: &Endpoint, keys: &OpenKeys) -> Result<()> {
    let report = WithSecret {
        endpoint: view(endpoint),
        secret: keys.secret.text().reveal().to_owned(),
        public_key: keys.public_key().to_string(),
    };
    if out.json {
        out.object(&report)?;
    } else {
        out.text(&format!(
            "endpoint     {}\nsecret       {}\npublic key   {}",
            report.endpoint.id, report.secret, report.public_key
        ))?;
    }
    say("· the secret is shown this once and cannot be read again: save it where the receiver verifies signatures");
    Ok(())
}

fn texts(types: &[TypePattern]) -> Vec<String> {
    types.iter().map(ToString::to_string).collect()
}

/// Rules of URLs, as far as this machine knows them. The dispatcher checks each URL again, by all.
fn rules(args: &SettingsArgs) -> UrlRules {
    UrlRules {
        allow_http: args.allow_http,
        own_hosts: vec![],
    }
}

/// Puts what is given into settings.
fn overlay(settings: &mut EndpointSettings, args: SettingsArgs) {
    fn set<T>(place: &mut T, given: Option<impl Into<T>>) {
        if let Some(given) = given {
            *place = given.into();
        }
    }
    set(&mut settings.description, args.description);
    if !args.conditions.is_empty() {
        settings.conditions = args.conditions;
    }
    set(&mut settings.ordering, args.ordering);
    set(&mut settings.when_paused, args.when_paused);
    set(&mut settings.format, args.format);
    set(&mut settings.personal, args.personal);
    set(&mut settings.signatures, args.signatures);
    set(&mut settings.timeout_seconds, args.timeout_seconds);
    set(&mut settings.max_in_flight, args.max_in_flight);
    settings.max_per_second = args.max_per_second.or(settings.max_per_second);
    set(&mut settings.keep_days, args.keep_days);
    set(&mut settings.disable_after_days, args.disable_after_days);
}

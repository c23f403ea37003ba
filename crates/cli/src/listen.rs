//! `hookline listen`: events of a store, sent to a handler on this machine as signed webhooks.
//!
//! Three things run at the same time, and the first that ends, ends the command: the connection over which events arrive,
//! the renewal of the session that makes them wanted, and the requests to the handler, one after another.

mod api;
mod connection;
mod forward;

use std::time::Duration;

use anyhow::Result;
use hookline_domain::outbound::TypePattern;
use hookline_outbound::SigningSecret;
use tokio::sync::mpsc;
use uuid::Uuid;

pub use self::api::cause;
use self::{
    api::{Api, CallError, Session},
    connection::Connection,
    forward::{Forward, Tally, deliver},
};
use crate::{
    args::ListenArgs,
    output::{Output, count, say, timestamp},
};

/// Interval between renewals of the session, which ends after ten minutes.
const RENEW_EVERY: Duration = Duration::from_mins(3);

/// Time until a failed renewal is tried again.
const RENEW_AGAIN: Duration = Duration::from_secs(20);

/// Time for ending the session.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Runs the command until it is interrupted. False if an event was not answered with success.
pub async fn run(out: &Output, args: &ListenArgs) -> Result<bool> {
    let forward = match &args.forward {
        Some(url) => Some(Forward::new(url.clone(), secret(args)?)?),
        None => None,
    };
    let session = Session {
        api: Api::new(args)?,
        name: Uuid::new_v4().to_string(),
        types: args.types.iter().map(TypePattern::to_string).collect(),
    };
    let connection = Connection {
        live_url: session.api.live_url().await?,
        api: &session.api,
        types: &args.types,
    };
    session.begin().await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let tally = Tally::default();
    let ended = tokio::select! {
        ended = connection.follow(&sender, &tally) => ended,
        ended = renew(&session) => ended,
        ended = deliver(out, forward.as_ref(), receiver, &tally) => ended,
        () = interrupted() => Ok(()),
    };
    if !matches!(tokio::time::timeout(END_WITHIN, session.end()).await, Ok(Ok(()))) {
        say("· the session could not be ended; it ends by itself within 10 minutes");
    }
    say(&format!("· {}", summary(&tally, forward.is_some())));
    if let Some(from) = tally.missing_from.get() {
        say(&format!(
            "· events during {} are not among them; to list all: hookline event list {} --from {}",
            count(tally.breaks.get(), "break"),
            session.api.store,
            timestamp(from)
        ));
    }
    ended?;
    Ok(tally.failed.get() == 0)
}

/// The secret given, or a new one, which is printed.
fn secret(args: &ListenArgs) -> Result<SigningSecret> {
    if let Some(text) = &args.secret {
        return Ok(SigningSecret::parse(text)?);
    }
    let secret = SigningSecret::generate()?;
    say(&format!(
        "· your handler's secret is {}; to keep it, give it with --secret or in HOOKLINE_SECRET",
        secret.text().reveal()
    ));
    Ok(secret)
}

/// Renews the session until the API refuses.
async fn renew(session: &Session) -> Result<()> {
    let mut wait = RENEW_EVERY;
    loop {
        tokio::time::sleep(wait).await;
        wait = match session.begin().await {
            Ok(()) => RENEW_EVERY,
            Err(refused @ CallError::Refused(_)) => return Err(refused.into()),
            Err(failure @ CallError::Unavailable(_)) => {
                say(&format!("· the session could not be renewed, trying again: {failure}"));
                RENEW_AGAIN
            }
        };
    }
}

/// Waits for Ctrl-C, or for SIGTERM where there is one.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without the signal's handler, the signal ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn summary(tally: &Tally, forwards: bool) -> String {
    let mut parts = vec![count(tally.seen.get(), "event")];
    if forwards {
        parts.push(format!("{} answered with success", tally.succeeded.get()));
        let (failed, unsent) = (tally.failed.get(), tally.unsent());
        parts.extend((failed > 0).then(|| format!("{failed} failed")));
        parts.extend((unsent > 0).then(|| format!("{unsent} not sent before the end")));
    }
    parts.join(", ")
}

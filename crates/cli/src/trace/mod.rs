//! `hookline trace`: all that is known of one delivery, and what to do about it.

mod account;
mod meaning;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_domain::{
    dead_letters::DeadLetter,
    ids::{DeliveryKey, Topic},
    ledger::{Cursor, Record, Records},
    replay::original_of,
    stores::Stores,
};
use hookline_sources::shopify;
use jiff::Timestamp;

use self::account::Account;
use crate::{
    args::Trace,
    letters::{Letter, Summary, Walk},
    output::{Output, say},
    places::Connected,
    select::{Selection, Store},
};

/// How many requests are under way at once.
const AT_ONCE: usize = 10;

/// How many pages of the ledger are looked through between two words about it where there is no terminal.
const PAGES: u64 = 1000;

pub async fn run(places: &Connected, out: &Output, wanted: &Trace) -> Result<bool> {
    let ledger = places.ledger()?;
    let records = match &wanted.store {
        Some(Store(store)) => {
            let keys = topics(wanted.topic.as_ref()).into_iter().map(|topic| DeliveryKey {
                store: store.clone(),
                topic,
                id: wanted.id.clone(),
            });
            let found: Vec<_> = stream::iter(keys)
                .map(async |key| ledger.find(&key).await)
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            found.into_iter().flatten().collect()
        }
        None => search(&ledger, wanted).await?,
    };
    let letters = letters(places, wanted).await?;
    if records.is_empty() {
        return nothing(out, wanted, &letters);
    }
    for record in &records {
        let letter = letters.iter().find(|letter| holds(letter, &record.delivery));
        let store = places.stores()?.find(&record.delivery.store).await?;
        let account = Account::of(record, letter, store.as_ref(), Timestamp::now());
        if out.json {
            out.object(&account)?;
        } else {
            out.text(&account.page())?;
        }
    }
    if wanted.store.is_some() {
        say("· replays of it are found without --store, by searching the whole ledger");
    }
    Ok(true)
}

fn topics(wanted: Option<&Topic>) -> Vec<Topic> {
    match wanted {
        Some(topic) => vec![topic.clone()],
        None => shopify::Topic::ALL
            .into_iter()
            .filter_map(|topic| Topic::new(topic.name()).ok())
            .collect(),
    }
}

/// Looks through the whole ledger for the delivery and its replays: it is kept by store and topic.
async fn search(ledger: &impl Records, wanted: &Trace) -> Result<Vec<Record>> {
    say("· searching the whole ledger; with --store it is asked for the delivery only");
    let bar = indicatif::ProgressBar::new_spinner();
    let (mut found, mut looked_at, mut pages) = (Vec::new(), 0, 0);
    let mut after: Option<Cursor> = None;
    loop {
        let page = ledger.search(&wanted.id, after).await?;
        looked_at += page.looked_at;
        pages += 1;
        bar.set_message(format!("{looked_at} deliveries looked at"));
        bar.tick();
        if bar.is_hidden() && pages % PAGES == 0 {
            say(&format!("· {looked_at} deliveries looked at"));
        }
        let is_meant = |record: &Record| {
            record.delivery.id == wanted.id || original_of(&record.delivery.id) == Some(wanted.id.as_str())
        };
        found.extend(page.found.into_iter().filter(is_meant));
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    bar.finish_and_clear();
    found.sort_by_key(|record| record.claimed_at);
    Ok(found)
}

/// The dead letters of this delivery and of its replays.
async fn letters(places: &Connected, wanted: &Trace) -> Result<Vec<Letter>> {
    let everything = Selection::default();
    let (letters, _) = Walk::new(places, &everything, wanted.hiding)?.all(usize::MAX).await?;
    let is_meant = |letter: &Letter| {
        letter.delivery.as_ref().is_ok_and(|delivery| {
            let id = &delivery.key.id;
            *id == wanted.id || original_of(id) == Some(wanted.id.as_str())
        })
    };
    Ok(letters.into_iter().filter(is_meant).collect())
}

fn holds(letter: &Letter, key: &DeliveryKey) -> bool {
    letter.delivery.as_ref().is_ok_and(|delivery| delivery.key == *key)
}

/// What is said of a delivery that the ledger does not know.
fn nothing(out: &Output, wanted: &Trace, letters: &[Letter]) -> Result<bool> {
    for letter in letters {
        if out.json {
            out.object(&Summary::from(letter))?;
        } else {
            let DeadLetter {
                message_id, receives, ..
            } = &letter.dead;
            out.text(&format!("dead letter  message {message_id}, received {receives} times"))?;
        }
    }
    let again = if letters.is_empty() {
        "It has not come, or it was refused at the door: look for it in the receivers' logs, by delivery_id."
    } else {
        "Its dead letter is still there, and is as good as new: hookline dlq redrive --id with its id."
    };
    say(&format!(
        "hookline: the ledger, which remembers deliveries for 7 days, does not know {}. {again}",
        wanted.id
    ));
    Ok(false)
}

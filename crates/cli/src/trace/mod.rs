//! `hookline trace`: all that is known of one delivery, and what to do about it.

mod account;

use anyhow::Result;
use hookline_domain::{
    delivery::{dead_letters::DeadLetter, failed::FailedDeliveries, ledger::LedgerRecord, replay::original_of},
    kernel::ids::DeliveryKey,
    store::stores::StoreViews,
};
use jiff::Timestamp;

use self::account::{Account, InArchive};
use crate::{
    args::Trace,
    letters::{Letter, Summary, Walk},
    output::{Output, say},
    places::Connected,
    records,
    select::Selection,
};

pub async fn run(places: &Connected, out: &Output, wanted: &Trace) -> Result<bool> {
    let ledger = places.ledger()?;
    let records = records::find(&ledger, &wanted.id, wanted.store.as_ref(), wanted.topic.as_ref()).await?;
    let letters = letters(places, wanted).await?;
    if records.is_empty() {
        return nothing(out, wanted, &letters);
    }
    for record in &records {
        let letter = letters.iter().find(|letter| holds(letter, &record.delivery));
        let stores = places.stores()?;
        let store = stores.view(&record.delivery.store).await?;
        let failed = stores.failed(&record.delivery).await?;
        let archived = archived(places, record).await?;
        let account = Account::of(
            record,
            letter,
            failed.as_ref(),
            store.as_ref(),
            archived,
            Timestamp::now(),
        );
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

/// Where it is kept; none if it need not be, for its original has the same body, or if nobody said where to look.
async fn archived(places: &Connected, record: &LedgerRecord) -> Result<Option<InArchive>> {
    let Some(archive) = places.archive() else {
        return Ok(None);
    };
    if original_of(&record.delivery.id).is_some() {
        return Ok(None);
    }
    let found = archive.of_record(record).await?;
    Ok(Some(found.map_or(InArchive::No, |(key, _)| InArchive::Yes(key))))
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

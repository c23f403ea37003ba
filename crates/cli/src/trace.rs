//! `hookline trace`: everything known about one delivery, and what to do about it.

mod report;

use anyhow::Result;
use hookline_domain::{
    delivery::{dead_letters::DeadLetter, failed::FailedDeliveries, ledger::LedgerRecord, replay::original_of},
    kernel::ids::DeliveryKey,
    store::stores::StoreViews,
};
use jiff::Timestamp;

use self::report::{ArchiveStatus, TraceReport};
use crate::{
    args::TraceArgs,
    dead_letters::{DeadLetterSummary, DeadLetterWalk, Letter},
    output::{Output, say},
    records,
    resources::Resources,
    selection::Selection,
};

pub async fn run(resources: &Resources, out: &Output, args: &TraceArgs) -> Result<bool> {
    let ledger = resources.ledger()?;
    let records = records::find(&ledger, &args.id, args.store.as_ref(), args.topic.as_ref()).await?;
    let letters = letters(resources, args).await?;
    if records.is_empty() {
        return report_unknown(out, args, &letters);
    }
    for record in &records {
        let letter = letters.iter().find(|letter| holds(letter, &record.delivery));
        let stores = resources.stores()?;
        let store = stores.view(&record.delivery.store).await?;
        let failed = stores.failed(&record.delivery).await?;
        let archived = archived(resources, record).await?;
        let report = TraceReport::of(
            record,
            letter,
            failed.as_ref(),
            store.as_ref(),
            archived,
            Timestamp::now(),
        );
        if out.json {
            out.object(&report)?;
        } else {
            out.text(&report.page())?;
        }
    }
    if args.store.is_some() {
        say("· to find its replays too, run this without --store: that searches the whole ledger");
    }
    Ok(true)
}

/// Dead letters of this delivery and of its replays.
async fn letters(resources: &Resources, args: &TraceArgs) -> Result<Vec<Letter>> {
    let everything = Selection::default();
    let (letters, _) = DeadLetterWalk::new(resources, &everything, args.hiding)?
        .all(usize::MAX)
        .await?;
    let is_meant = |letter: &Letter| {
        letter.delivery.as_ref().is_ok_and(|delivery| {
            let id = &delivery.key.id;
            *id == args.id || original_of(id) == Some(args.id.as_str())
        })
    };
    Ok(letters.into_iter().filter(is_meant).collect())
}

/// Status in the archive; none for a replay, whose original has the same body, and without an archive bucket.
async fn archived(resources: &Resources, record: &LedgerRecord) -> Result<Option<ArchiveStatus>> {
    let Some(archive) = resources.archive() else {
        return Ok(None);
    };
    if original_of(&record.delivery.id).is_some() {
        return Ok(None);
    }
    let found = archive.of_record(record).await?;
    Ok(Some(
        found.map_or(ArchiveStatus::NotKept, |(key, _)| ArchiveStatus::Kept(key)),
    ))
}

fn holds(letter: &Letter, key: &DeliveryKey) -> bool {
    letter.delivery.as_ref().is_ok_and(|delivery| delivery.key == *key)
}

/// Reports a delivery that the ledger does not know.
fn report_unknown(out: &Output, args: &TraceArgs, letters: &[Letter]) -> Result<bool> {
    for letter in letters {
        if out.json {
            out.object(&DeadLetterSummary::from(letter))?;
        } else {
            let DeadLetter {
                message_id, receives, ..
            } = &letter.dead;
            out.text(&format!("dead letter  message {message_id}, received {receives} times"))?;
        }
    }
    let advice = match letters.iter().find_map(|letter| letter.delivery.as_ref().ok()) {
        Some(delivery) => format!(
            "Its dead letter still exists and can be redriven: hookline dlq redrive --id {}",
            delivery.key.id
        ),
        None => "Either it never arrived or its receiver refused it: search the receivers' logs for its delivery_id"
            .to_owned(),
    };
    say(&format!(
        "hookline: the ledger, which remembers deliveries for 7 days, does not know {}. {advice}",
        args.id
    ));
    Ok(false)
}

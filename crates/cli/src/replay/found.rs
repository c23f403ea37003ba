//! Where the bodies of deliveries are found that are to be applied again: in files, or else in the archive and among the
//! dead letters.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use hookline_domain::{delivery::Delivery, kernel::ids::DeliveryId};
use jiff::{SignedDuration, Timestamp};

use crate::{
    args::{Moment, Replay},
    letters::{Walk, whole},
    output::say,
    places::Connected,
    records, saved,
    select::{Selection, Store},
};

/// How long a delivery may have waited until it was settled, and is still found by when it was received.
const WAITED: SignedDuration = SignedDuration::from_hours(24);

/// A delivery with its body, and where that was.
pub struct Found {
    pub delivery: Delivery,
    pub from: String,
}

/// All that is wanted, each once, in the order in which the states were observed.
pub async fn find(places: &Connected, wanted: &Replay) -> Result<Vec<Found>> {
    let now = Timestamp::now();
    let mut found = Vec::new();
    for path in &wanted.file {
        let from = path.display().to_string();
        let deliveries = saved::read(path, now)?.into_iter();
        found.extend(deliveries.map(|delivery| Found {
            delivery,
            from: from.clone(),
        }));
    }
    if wanted.file.is_empty() {
        let letters = letters(places, wanted).await?;
        found.extend(archived(places, wanted, &letters).await?);
        found.extend(letters);
    }
    found.retain(|found| is_wanted(&found.delivery, wanted));
    let mut known = BTreeSet::new();
    found.retain(|found| known.insert(found.delivery.key.clone()));
    found.sort_by_key(|found| found.delivery.observed_at());
    tell_what_is_missing(&found, places.archive().is_some(), wanted)?;
    if found.len() > wanted.limit {
        say(&format!(
            "· only the oldest {} of {} (--limit)",
            wanted.limit,
            found.len()
        ));
        found.truncate(wanted.limit);
    }
    Ok(found)
}

async fn letters(places: &Connected, wanted: &Replay) -> Result<Vec<Found>> {
    let everything = Selection::default();
    let (letters, _) = Walk::new(places, &everything, wanted.hiding)?.all(usize::MAX).await?;
    let mut found = Vec::new();
    for letter in letters {
        if letter
            .delivery
            .as_ref()
            .is_ok_and(|delivery| is_wanted(delivery, wanted))
        {
            found.push(Found {
                delivery: whole(&letter, places).await?,
                from: "dead letter".to_owned(),
            });
        }
    }
    Ok(found)
}

/// What the archive has of it, the newest copies first: by store and time, or by id when the ledger knows when it was
/// settled. Ids that are among the dead letters are not looked for.
async fn archived(places: &Connected, wanted: &Replay, letters: &[Found]) -> Result<Vec<Found>> {
    let Some(archive) = places.archive() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut forgotten = wanted.id.is_empty();
    for id in &wanted.id {
        if letters.iter().any(|letter| letter.delivery.key.id == *id) {
            continue;
        }
        let records = records::find(&places.ledger()?, id, wanted.store.as_ref(), wanted.topic.as_ref()).await?;
        forgotten |= records.is_empty();
        for record in records.iter().filter(|record| record.delivery.id == *id) {
            found.extend(archive.of_record(record).await?.map(|(_, delivery)| delivery));
        }
    }
    // Of what the ledger has forgotten, a store and a time can be searched.
    if let Some(Store(store)) = &wanted.store
        && forgotten
        && (wanted.id.is_empty() || wanted.from.is_some())
    {
        let from = wanted.from.map_or(Timestamp::MIN, |Moment(from)| from);
        let to = wanted.to.and_then(|Moment(to)| to.checked_add(WAITED).ok());
        let to = to.unwrap_or(Timestamp::MAX);
        let fits = |delivery: &Delivery| is_wanted(delivery, wanted);
        found.extend(archive.of_store(store, from, to, fits).await?);
    }
    let from = "archive".to_owned();
    let found = found.into_iter().map(|delivery| Found {
        delivery,
        from: from.clone(),
    });
    Ok(found.collect())
}

fn is_wanted(delivery: &Delivery, wanted: &Replay) -> bool {
    (wanted.id.is_empty() || wanted.id.contains(&delivery.key.id))
        && wanted
            .store
            .as_ref()
            .is_none_or(|Store(store)| delivery.key.store == *store)
        && wanted.topic.as_ref().is_none_or(|topic| delivery.key.topic == *topic)
        && wanted.from.is_none_or(|Moment(from)| delivery.received_at >= from)
        && wanted.to.is_none_or(|Moment(to)| delivery.received_at < to)
}

fn tell_what_is_missing(found: &[Found], has_archive: bool, wanted: &Replay) -> Result<()> {
    let where_to_look = if !wanted.file.is_empty() {
        "only the files given were looked through"
    } else if has_archive && !wanted.id.is_empty() {
        "neither the archive has it nor the dead-letter queue. By id the archive is searched with the ledger's help, \
         which remembers 7 days; what is older is found with --store and --from. If you have it, give --file; or have \
         the store change the thing once more"
    } else if has_archive {
        "the archive and the dead-letter queue were looked through"
    } else {
        "only the dead-letter queue was looked through, for ARCHIVE_BUCKET does not say where the bodies of what was \
         applied are kept (ArchiveDays). If you have it, give --file; or have the store change the thing once more"
    };
    let missing: Vec<&str> = wanted
        .id
        .iter()
        .filter(|id| !found.iter().any(|found| found.delivery.key.id == **id))
        .map(DeliveryId::as_str)
        .collect();
    if !missing.is_empty() {
        bail!(
            "no body of {}: {where_to_look}. What became of it: hookline trace {}",
            missing.join(", "),
            missing[0]
        );
    }
    if found.is_empty() {
        bail!("no such delivery: {where_to_look}");
    }
    Ok(())
}

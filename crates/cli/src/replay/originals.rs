//! Finds the deliveries to replay: in files, or else in the archive and the dead-letter queue.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use hookline_domain::{delivery::Delivery, kernel::ids::DeliveryId};
use jiff::{SignedDuration, Timestamp};

use crate::{
    args::{
        ReplayArgs,
        values::{Moment, StoreArg},
    },
    dead_letters::{DeadLetterWalk, fetch_delivery},
    delivery_file,
    output::say,
    records,
    resources::Resources,
    selection::Selection,
};

/// Longest time between receipt and completion of a delivery that is still found by its time of receipt.
const MAX_COMPLETION_DELAY: SignedDuration = SignedDuration::from_hours(24);

/// Delivery to replay, and the place its body comes from.
pub struct Original {
    pub delivery: Delivery,
    pub from: String,
}

/// Finds the selected deliveries, each once, in the order in which their states were observed.
pub async fn find(resources: &Resources, args: &ReplayArgs) -> Result<Vec<Original>> {
    let now = Timestamp::now();
    let mut found = Vec::new();
    for path in &args.file {
        let from = path.display().to_string();
        let deliveries = delivery_file::read(path, now)?.into_iter();
        found.extend(deliveries.map(|delivery| Original {
            delivery,
            from: from.clone(),
        }));
    }
    if args.file.is_empty() {
        let letters = letters(resources, args).await?;
        found.extend(archived(resources, args, &letters).await?);
        found.extend(letters);
    }
    found.retain(|found| is_selected(&found.delivery, args));
    let mut known = BTreeSet::new();
    found.retain(|found| known.insert(found.delivery.key.clone()));
    found.sort_by_key(|found| found.delivery.observed_at());
    require_all_found(&found, resources.archive().is_some(), args)?;
    if found.len() > args.limit {
        say(&format!(
            "· limited to the oldest {} of {}; to replay more, raise --limit",
            args.limit,
            found.len()
        ));
        found.truncate(args.limit);
    }
    Ok(found)
}

async fn letters(resources: &Resources, args: &ReplayArgs) -> Result<Vec<Original>> {
    let everything = Selection::default();
    let (letters, _) = DeadLetterWalk::new(resources, &everything, args.hiding)?
        .all(usize::MAX)
        .await?;
    let mut found = Vec::new();
    for letter in letters {
        if letter
            .delivery
            .as_ref()
            .is_ok_and(|delivery| is_selected(delivery, args))
        {
            found.push(Original {
                delivery: fetch_delivery(&letter, resources).await?,
                from: "dead letter".to_owned(),
            });
        }
    }
    Ok(found)
}

/// Finds deliveries in the archive, newest copies first: by id if the ledger knows the time of completion, else by
/// store and time. Skips ids that are among the dead letters.
async fn archived(resources: &Resources, args: &ReplayArgs, letters: &[Original]) -> Result<Vec<Original>> {
    let Some(archive) = resources.archive() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut forgotten = args.id.is_empty();
    for id in &args.id {
        if letters.iter().any(|letter| letter.delivery.key.id == *id) {
            continue;
        }
        let records = records::find(&resources.ledger()?, id, args.store.as_ref(), args.topic.as_ref()).await?;
        forgotten |= records.is_empty();
        for record in records.iter().filter(|record| record.delivery.id == *id) {
            found.extend(archive.of_record(record).await?.map(|(_, delivery)| delivery));
        }
    }
    // A delivery that the ledger has forgotten can be found by store and time.
    if let Some(StoreArg(store)) = &args.store
        && forgotten
        && (args.id.is_empty() || args.from.is_some())
    {
        let from = args.from.map_or(Timestamp::MIN, |Moment(from)| from);
        let to = args.to.and_then(|Moment(to)| to.checked_add(MAX_COMPLETION_DELAY).ok());
        let to = to.unwrap_or(Timestamp::MAX);
        let fits = |delivery: &Delivery| is_selected(delivery, args);
        found.extend(archive.of_store(store, from, to, fits).await?);
    }
    let from = "archive".to_owned();
    let found = found.into_iter().map(|delivery| Original {
        delivery,
        from: from.clone(),
    });
    Ok(found.collect())
}

fn is_selected(delivery: &Delivery, args: &ReplayArgs) -> bool {
    (args.id.is_empty() || args.id.contains(&delivery.key.id))
        && args
            .store
            .as_ref()
            .is_none_or(|StoreArg(store)| delivery.key.store == *store)
        && args.topic.as_ref().is_none_or(|topic| delivery.key.topic == *topic)
        && args.from.is_none_or(|Moment(from)| delivery.received_at >= from)
        && args.to.is_none_or(|Moment(to)| delivery.received_at < to)
}

fn require_all_found(found: &[Original], has_archive: bool, args: &ReplayArgs) -> Result<()> {
    let searched = if !args.file.is_empty() {
        "only the given files were searched"
    } else if has_archive && !args.id.is_empty() {
        "it is neither in the archive nor in the dead-letter queue. By id, the archive is searched through the ledger, \
         which remembers 7 days: for older deliveries give --store and --from. If you have the body, give --file; or \
         change the product in the store once more"
    } else if has_archive {
        "the archive and the dead-letter queue were searched"
    } else {
        "only the dead-letter queue was searched: ARCHIVE_BUCKET is not set, the bucket that keeps the bodies of completed \
         deliveries (ArchiveDays). If you have the body, give --file; or change the product in the store once more"
    };
    let missing: Vec<&str> = args
        .id
        .iter()
        .filter(|id| !found.iter().any(|found| found.delivery.key.id == **id))
        .map(DeliveryId::as_str)
        .collect();
    if !missing.is_empty() {
        bail!(
            "no body found for {}: {searched}. To see its outcome: hookline trace {}",
            missing.join(", "),
            missing[0]
        );
    }
    if found.is_empty() {
        bail!("no such delivery: {searched}");
    }
    Ok(())
}

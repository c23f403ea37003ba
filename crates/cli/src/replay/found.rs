//! Where the bodies of deliveries are found that are to be applied again: in files, and among the dead letters.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use hookline_domain::{delivery::Delivery, ids::DeliveryId};
use jiff::Timestamp;

use crate::{
    args::{Moment, Replay},
    letters::Walk,
    output::say,
    places::Connected,
    saved,
    select::{Selection, Store},
};

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
        let everything = Selection::default();
        let (letters, _) = Walk::new(places, &everything, wanted.hiding)?.all(usize::MAX).await?;
        for letter in letters {
            if letter
                .delivery
                .as_ref()
                .is_ok_and(|delivery| is_wanted(delivery, wanted))
            {
                found.push(Found {
                    delivery: letter.whole(places).await?,
                    from: "dead letter".to_owned(),
                });
            }
        }
    }
    found.retain(|found| is_wanted(&found.delivery, wanted));
    found.sort_by_key(|found| found.delivery.observed_at());
    let mut known = BTreeSet::new();
    found.retain(|found| known.insert(found.delivery.key.clone()));
    tell_what_is_missing(&found, wanted)?;
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

fn tell_what_is_missing(found: &[Found], wanted: &Replay) -> Result<()> {
    let where_to_look = if wanted.file.is_empty() {
        "only the dead-letter queue was looked through, for the body of what was applied is not kept. If you have it, \
         give --file; or have the store change the thing once more"
    } else {
        "only the files given were looked through"
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

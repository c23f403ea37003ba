//! `hookline dlq purge`: removes dead letters for good, after a person has seen how many and confirmed.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;
use hookline_domain::delivery::{
    failed::FailedDeliveries,
    ledger::{DeliveryCompletion, Fate, Ledger},
};
use jiff::Timestamp;

use super::summaries;
use crate::{
    args::HidingOptions,
    dead_letters::DeadLetterWalk,
    delivery_file::DeliveryWriter,
    output::{Output, confirm, count, progress_bar, say},
    resources::Resources,
    selection::Selection,
};

pub async fn run(
    resources: &Resources,
    out: &Output,
    selection: &Selection,
    yes: bool,
    save: Option<&Path>,
    hiding: HidingOptions,
) -> Result<bool> {
    let (letters, _) = DeadLetterWalk::new(resources, selection, hiding)?
        .all(usize::MAX)
        .await?;
    if letters.is_empty() {
        say("· no dead letter matches; nothing was removed");
        return Ok(true);
    }
    out.rows(&summaries(&letters))?;
    let letter_count = count(letters.len(), "dead letter");
    let question = format!("Remove {letter_count} for good? Type yes:");
    if !yes && !confirm(&question, &format!("this would remove {letter_count} for good"))? {
        say("· nothing was removed");
        return Ok(false);
    }
    // Letters that arrived since then are not part of the confirmation.
    let confirmed: BTreeSet<String> = letters.into_iter().map(|letter| letter.dead.message_id).collect();
    let mut writer = save.map(DeliveryWriter::new).transpose()?;
    let mut walk = DeadLetterWalk::new(resources, selection, hiding)?;
    let mut removed = 0;
    let ended = remove(resources, &mut walk, &confirmed, writer.as_mut(), &mut removed).await;
    walk.give_back().await?;
    ended?;
    say(&format!("· {} removed", count(removed, "dead letter")));
    if let Some(path) = save {
        say(&format!(
            "· saved in {}. To apply them again: hookline replay --file {}",
            path.display(),
            path.display()
        ));
    }
    Ok(removed == confirmed.len())
}

/// Removes the confirmed letters, each after it is saved. `removed` counts them even if this fails.
async fn remove(
    resources: &Resources,
    walk: &mut DeadLetterWalk<'_>,
    confirmed: &BTreeSet<String>,
    mut writer: Option<&mut DeliveryWriter>,
    removed: &mut usize,
) -> Result<()> {
    let (ledger, stores) = (resources.ledger()?, resources.stores()?);
    let bar = progress_bar(walk.approximate_count().await?, "removing");
    while let Some(letters) = walk.0.next(10).await? {
        for letter in letters
            .iter()
            .filter(|letter| confirmed.contains(&letter.dead.message_id))
        {
            if let Some(writer) = &mut writer {
                writer.write_letter(resources, letter).await?;
            }
            walk.0.remove(letter).await?;
            // A person dismissed the delivery, so it no longer needs attention.
            if let Ok(delivery) = &letter.delivery {
                let fate = Fate::Dismissed;
                ledger
                    .complete(&DeliveryCompletion::new(&delivery.key, fate), Timestamp::now())
                    .await?;
                stores.forget(&delivery.key).await?;
            }
            *removed += 1;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

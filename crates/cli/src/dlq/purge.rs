//! `hookline dlq purge`: letters are removed for good, once a person has seen how many.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;
use hookline_domain::delivery::{
    failed::FailedDeliveries,
    ledger::{Fate, Ledger},
};
use jiff::Timestamp;

use super::summaries;
use crate::{
    args::Hiding,
    letters::Walk,
    output::{Output, agreed, count, say},
    pace,
    places::Connected,
    saved::Keeper,
    select::Selection,
};

pub async fn run(
    places: &Connected,
    out: &Output,
    selection: &Selection,
    yes: bool,
    save: Option<&Path>,
    hiding: Hiding,
) -> Result<bool> {
    let (letters, _) = Walk::new(places, selection, hiding)?.all(usize::MAX).await?;
    if letters.is_empty() {
        say("· no letter fits; nothing was removed");
        return Ok(true);
    }
    out.rows(&summaries(&letters))?;
    let many = count(letters.len(), "letter");
    let question = format!("Remove {many} for good? Type yes:");
    if !yes && !agreed(&question, &format!("{many} would be removed for good"))? {
        say("· nothing was removed");
        return Ok(false);
    }
    // What came meanwhile has not been agreed to.
    let agreed: BTreeSet<String> = letters.into_iter().map(|letter| letter.dead.message_id).collect();
    let mut keeper = save.map(Keeper::new).transpose()?;
    let mut walk = Walk::new(places, selection, hiding)?;
    let mut removed = 0;
    let ended = remove(places, &mut walk, &agreed, keeper.as_mut(), &mut removed).await;
    walk.give_back().await?;
    ended?;
    say(&format!("· {} removed", count(removed, "letter")));
    if let Some(path) = save {
        say(&format!(
            "· kept in {}; again: hookline replay --file {}",
            path.display(),
            path.display()
        ));
    }
    Ok(removed == agreed.len())
}

/// Removes what was agreed to, each once it is kept. `removed` counts, whatever happens.
async fn remove(
    places: &Connected,
    walk: &mut Walk<'_>,
    agreed: &BTreeSet<String>,
    mut keeper: Option<&mut Keeper>,
    removed: &mut usize,
) -> Result<()> {
    let (ledger, stores) = (places.ledger()?, places.stores()?);
    let bar = pace::bar(walk.about().await?, "removing");
    while let Some(letters) = walk.0.next(10).await? {
        for letter in letters.iter().filter(|letter| agreed.contains(&letter.dead.message_id)) {
            if let Some(keeper) = &mut keeper {
                keeper.keep_letter(places, letter).await?;
            }
            walk.0.remove(letter).await?;
            // Nobody needs to look at it any more: a person has given it up.
            if let Ok(delivery) = &letter.delivery {
                let fate = Fate::Dismissed;
                ledger.complete(&delivery.key, fate, None, Timestamp::now()).await?;
                stores.forget(&delivery.key).await?;
            }
            *removed += 1;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

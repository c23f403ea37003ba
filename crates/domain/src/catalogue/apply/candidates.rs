//! Choice of the states that may be published.

use std::collections::{BTreeMap, BTreeSet};

use hookline_events::Resource;
use jiff::Timestamp;

use super::{
    Fenced,
    group::{Group, Step},
    render::Content,
};
use crate::{
    catalogue::{document::Document, index::IndexChange, published::Publication},
    kernel::{
        ids::{EntityKey, Kind, StoreKey},
        version::Version,
    },
    store::{listening::Heard, stores::Look},
};

/// State of an entity that may be published.
pub(super) struct Candidate<'a> {
    pub(super) entity: &'a EntityKey,
    pub(super) group: &'a Group,
    pub(super) heard: Heard,
    pub(super) content: Content<'a>,
    pub(super) publication: Publication,
    pub(super) standing: Standing,
}

/// Standing of a state, which limits what may be done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The index holds it.
    Held,
    /// The index holds it, and a job is on its way that brings the rest of it.
    AwaitsRest,
    /// A newer one has passed the fence.
    Superseded,
}

/// Returns the states that somebody listens to and that may be published: those that the index holds, of a current install, and
/// superseded ones whose event may not have been sent.
pub(super) fn candidates<'a>(
    groups: &'a BTreeMap<EntityKey, Group>,
    fenced: &'a Fenced,
    written: &[(EntityKey, bool)],
    looks: &BTreeMap<StoreKey, Look>,
    now: Timestamp,
) -> Vec<Candidate<'a>> {
    let held: BTreeSet<&EntityKey> = written
        .iter()
        .filter(|(_, taken)| *taken)
        .map(|(entity, _)| entity)
        .collect();
    let held = fenced.changes.iter().filter(|change| held.contains(change.entity()));
    let held = held.map(|change| match change {
        IndexChange::Put { entity, document, .. } => (entity, Some(&**document), Standing::Held),
        IndexChange::Remove { entity, .. } => (entity, None, Standing::Held),
    });
    let overtaken = fenced
        .overtaken
        .iter()
        .map(|entity| (entity, None, Standing::Superseded));
    let candidate = |(entity, document, standing): (&'a EntityKey, Option<&'a Document>, Standing)| {
        let look = looks.get(&entity.store)?;
        let heard = look.heard(resource(entity.kind), now)?;
        let group = groups.get(entity)?;
        let record = look.record.as_ref();
        let (is_enabled, is_connected) = record.map_or((true, false), |record| (record.enabled, record.connected));
        let floor = record.and_then(|record| record.uninstalled_at).map(Version::floor);
        let remembered = fenced.remembered.get(entity)?;
        let is_of_install = |version| floor.is_none_or(|floor| version > floor);
        let is_current = match group.step() {
            Step::Advance(version) => is_of_install(version) && (is_enabled || !group.is_asked()),
            // A state of an install that we have not been notified of may have been published before the uninstall that
            // came before it was recorded.
            Step::Tombstone => {
                let published = remembered.publication.published.as_ref();
                is_enabled || published.is_some_and(|published| is_of_install(published.version))
            }
            Step::Remove => false,
        };
        if !is_current || group.awaits_rest() {
            return None;
        }
        // Nobody was told of it, and nobody can have found it: several events of one removal tell of it once.
        if group.comes_back() && remembered.digest.is_none() && remembered.publication.published.is_none() {
            return None;
        }
        let awaits_rest = standing == Standing::Held && is_connected && fenced.open.contains(entity);
        Some(Candidate {
            entity,
            group,
            heard,
            content: group.published_content(entity, remembered, document, is_connected),
            publication: remembered.publication.clone(),
            standing: if awaits_rest { Standing::AwaitsRest } else { standing },
        })
    };
    held.chain(overtaken).filter_map(candidate).collect()
}

/// Kind of thing that events of these entities are about.
fn resource(kind: Kind) -> Resource {
    match kind {
        Kind::Product => Resource::Product,
        Kind::Collection => Resource::Collection,
    }
}

//! The fence, executed as its table does, or with a seeded bug.

use hookline_domain::{
    catalogue::{
        entities::{self, Fence, FenceRecord, ObservedFields, RememberedFields},
        published::{Presence, Publication, Published},
    },
    event::thin::Ordered,
    kernel::{ids::EntityKey, version::Version},
};

use crate::{
    bug::Bug,
    events::Content,
    script::{Request, Response},
    told,
    world::{ModelState, Running},
};

impl ModelState {
    /// Executes a call of the fence.
    ///
    /// # Panics
    /// If the call is not a call of the fence.
    pub(crate) fn fence(&mut self, request: &Request, running: &Running, bug: Option<Bug>) -> Response {
        match request {
            Request::Advance(entity, version, observed) => {
                let confirms = bug == Some(Bug::ConfirmedBeforeTheIndex) && running.is_run();
                self.advance(entity, *version, observed, confirms, bug)
            }
            Request::Confirm(held) => {
                self.confirm(held, bug);
                Response::Done
            }
            Request::Known(entities) => {
                let known = entities.iter().map(|entity| self.entities.get(entity).cloned());
                let mut known: Vec<_> = known.collect();
                if bug == Some(Bug::ComparedByTimes) {
                    compare_by_times(&mut known, running);
                }
                Response::Known(known)
            }
            Request::Tombstone(entity) => {
                let known = self.entities.remove(entity);
                let publication: Publication = known.map(|known| known.remembered.publication).unwrap_or_default();
                if bug != Some(Bug::NoTombstone) {
                    let mut tombstone = removed(entities::FenceState::Tombstoned);
                    tombstone.remembered.publication = publication.clone();
                    self.entities.insert(entity.clone(), tombstone);
                }
                let is_gone = |published: &Published| published.presence == Presence::Gone;
                let differs = !publication.published.as_ref().is_some_and(is_gone);
                Response::Publication(told::seen(publication, differs, bug))
            }
            Request::Commit(commit) => {
                let entry = self.entities.get(&commit.entity).map(|known| known.entry);
                let may_commit = entry.is_some_and(|entry| entities::may_commit(entry, commit.version));
                Response::Committed(self.write_commit(commit, may_commit, running, bug))
            }
            Request::Clear(sent) => {
                self.clear(sent);
                Response::Done
            }
            Request::Retire(entity, version) => {
                let entry = self.entities.get(entity).map(|known| known.entry);
                let retired = match bug {
                    Some(Bug::RetireIgnoresVersions) => Some(entities::FenceState::Retired(*version)),
                    _ => entities::retire(entry, *version),
                };
                if let Some(retired) = retired {
                    self.entities.insert(entity.clone(), removed(retired));
                }
                Response::Done
            }
            Request::Page(after, limit) => self.page(after.as_ref(), *limit),
            other => unreachable!("not a call of the fence: {other:?}"),
        }
    }

    fn advance(
        &mut self,
        entity: &EntityKey,
        version: Version,
        observed: &RememberedFields,
        confirms: bool,
        bug: Option<Bug>,
    ) -> Response {
        let held = self.entities.get(entity);
        let entry = held.map(|known| known.entry);
        let advance = || match entities::advance(entry, None, version, Ordered::Told) {
            entities::Advanced::Passed(entry) => Some(entry),
            entities::Advanced::Superseded | entities::Advanced::Behind(_) => None,
        };
        let advanced = match (bug, entry) {
            (Some(Bug::FenceRejectsEqualVersion), Some(entities::FenceState::Passed(newest))) if newest == version => {
                None
            }
            (Some(Bug::NoFence), _) => Some(entities::FenceState::Passed(version)),
            _ => advance(),
        };
        let differs = held.is_some_and(|held| observed.digest.is_some() && held.remembered.digest != observed.digest);
        let seen = |mut remembered: RememberedFields| {
            remembered.publication = told::seen(remembered.publication, differs, bug);
            remembered
        };
        let Some(entry) = advanced else {
            // Nothing depends on the facts stored for a newer state, unless its event may not have been sent.
            let remembered = held.map(|known| known.remembered.clone());
            let unsent = remembered.filter(|remembered| remembered.publication.unsent.is_some());
            return Response::Fenced(Fence::Superseded(seen(unsent.unwrap_or_default())));
        };
        let fields = ObservedFields {
            collections: observed.collections.as_ref(),
            tracking: observed.tracking.as_ref(),
            digest: observed.digest.as_ref(),
            ordered: Ordered::Told,
        };
        let remembered = held
            .map(|known| known.remembered.clone())
            .unwrap_or_default()
            .after(fields);
        let known = FenceRecord {
            entry,
            remembered: remembered.clone(),
            confirmed: confirms || held.is_some_and(|known| known.confirmed && known.entry == entry),
        };
        self.entities.insert(entity.clone(), known);
        Response::Fenced(Fence::Passed(seen(remembered)))
    }

    fn confirm(&mut self, held: &[(EntityKey, Version)], bug: Option<Bug>) {
        for (entity, version) in held {
            let Some(known) = self.entities.get_mut(entity) else {
                continue;
            };
            let is_newest = known.entry == entities::FenceState::Passed(*version);
            known.confirmed |= match bug {
                Some(Bug::NeverConfirmed) => false,
                Some(Bug::ConfirmIgnoresVersions) => true,
                _ => is_newest,
            };
        }
    }

    fn page(&self, after: Option<&EntityKey>, limit: usize) -> Response {
        let rest = self
            .entities
            .iter()
            .filter(|(entity, _)| after.is_none_or(|after| *entity > after));
        assert!(self.entities.len() <= limit, "scenarios have one page");
        let passed = rest.filter_map(|(entity, known)| match known.entry {
            entities::FenceState::Passed(version) => Some((entity.clone(), version)),
            entities::FenceState::Retired(_) | entities::FenceState::Tombstoned => None,
        });
        Response::Page(passed.collect(), None)
    }
}

fn removed(entry: entities::FenceState) -> FenceRecord {
    FenceRecord {
        entry,
        remembered: RememberedFields::default(),
        confirmed: false,
    }
}

/// Pretends that every fence record has the digest that the reconciliation read, so that only times differ.
fn compare_by_times(known: &mut [Option<FenceRecord>], running: &Running) {
    let digest = running.first_read().and_then(Content::digest);
    for known in known.iter_mut().flatten() {
        known.remembered.digest.clone_from(&digest);
        known.confirmed = true;
    }
}

//! Groups: the states of one entity in one batch. The newest goes on, and it supersedes the others.

use std::borrow::Cow;

use hookline_events::Cause;
use jiff::Timestamp;

use super::{
    Origin, Verdict, Verdicts,
    observation::{Content, Facts, Missing, Observation},
    publish::Finding,
    render,
};
use crate::{
    catalogue::{
        document::Document,
        entities::{ObservedFields, RememberedFields},
        index::IndexChange,
        published::Unknown,
    },
    delivery::ledger::Fate,
    event::{product::remember, thin::Ordered},
    kernel::{failure::ErrorCode, ids::EntityKey, version::Version},
};

/// Topic in the cause of an event that a run through the catalogue made.
const RECONCILE: &str = "reconcile";

/// States of one entity in one batch.
#[derive(Debug, Default)]
pub(crate) struct Group {
    newest: Option<State>,
    members: Vec<Member>,
    /// Time at which the entity was created, as any of the states tells it.
    created_at: Option<Timestamp>,
}

#[derive(Debug)]
struct State {
    version: Version,
    observed_at: Timestamp,
    content: Content,
    facts: Facts,
    past: bool,
    origin: Origin,
    updated_at: Option<Timestamp>,
    ordered: Ordered,
    comes_back: bool,
}

#[derive(Debug)]
struct Member {
    /// Position in the batch.
    at: usize,
    version: Version,
    missing: Option<Missing>,
    past: bool,
}

/// Call to the fence for a group.
pub(super) enum Step {
    /// Let a state pass.
    Advance(Version),
    /// None: an uninstall has ended the entity, and its removal may always go on to the index.
    Remove,
    /// Put a tombstone.
    Tombstone,
}

/// Next step of a state that has passed the fence.
pub(super) enum Next {
    /// Write it to the index.
    Change(IndexChange),
    /// The state would remove known facts: do not write it, and return this verdict.
    Incomplete(Verdict),
}

impl Group {
    /// Adds the state of one delivery. Of two states with the same version, the later in the batch counts. A state
    /// without fields that cannot be fetched does not count beside one that has them.
    pub(super) fn add(&mut self, at: usize, observation: Observation) {
        let Observation { version, past, .. } = observation;
        let missing = observation.facts.missing;
        self.members.push(Member {
            at,
            version,
            missing,
            past,
        });
        let leaves_out = |missing: Option<Missing>, past: bool| missing == Some(Missing::Fields) && !past;
        let is_newest = self.newest.as_ref().is_none_or(|newest| {
            match (leaves_out(newest.facts.missing, newest.past), leaves_out(missing, past)) {
                (true, false) => true,
                (false, true) => false,
                (true, true) | (false, false) => newest.version <= version,
            }
        });
        self.created_at = self.created_at.or(observation.created_at);
        if is_newest {
            self.newest = Some(State {
                version,
                observed_at: observation.observed_at,
                content: observation.content,
                facts: observation.facts,
                past,
                origin: observation.origin,
                updated_at: observation.updated_at,
                ordered: observation.ordered,
                comes_back: observation.comes_back,
            });
        }
    }

    /// Returns the newest version; [`Version::FINAL`] if the entity is deleted.
    pub(super) fn version(&self) -> Version {
        self.newest.as_ref().map_or(Version::FINAL, |newest| newest.version)
    }

    /// True for a state of the current install: not a deletion, and not ended by an uninstall.
    pub(super) fn is_state(&self) -> bool {
        matches!(self.step(), Step::Advance(_))
    }

    /// True if the newest state was requested.
    pub(super) fn is_asked(&self) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| newest.ordered != Ordered::Told)
    }

    /// True if the newest state is a removal of an entity that may come back.
    pub(super) fn comes_back(&self) -> bool {
        self.newest.as_ref().is_some_and(|newest| newest.comes_back)
    }

    /// Returns the time at which the newest state was observed.
    pub(super) fn observed_at(&self) -> Option<Timestamp> {
        self.newest.as_ref().map(|newest| newest.observed_at)
    }

    /// Returns the call to the fence.
    pub(super) fn step(&self) -> Step {
        match &self.newest {
            Some(newest) if newest.version < Version::FINAL && newest.past => Step::Remove,
            Some(newest) if newest.version < Version::FINAL => Step::Advance(newest.version),
            Some(_) | None => Step::Tombstone,
        }
    }

    /// Returns the facts of the newest state for later states.
    pub(super) fn facts(&self) -> ObservedFields<'_> {
        let facts = self.newest.as_ref().map(|newest| &newest.facts);
        facts.map_or_else(ObservedFields::default, |facts| ObservedFields {
            collections: facts.collections.as_ref(),
            tracking: facts.tracking.as_ref(),
            digest: facts.digest.as_ref(),
            ordered: self.newest.as_ref().map(|newest| newest.ordered).unwrap_or_default(),
        })
    }

    /// True if only the store can answer an open question: the collections of a product, or whether its stock is
    /// tracked where that decides if it is sold out.
    pub(super) fn leaves_open(&self, remembered: &RememberedFields) -> bool {
        match self.newest.as_ref().map(|newest| &newest.content) {
            // An answer is all that there is to be known.
            _ if self.is_asked() => false,
            Some(Content::Product(product)) => {
                remembered.collections.is_none() || product.lacks_tracking(remembered.tracking.as_ref())
            }
            _ => false,
        }
    }

    /// Returns the change to the index, given the facts that are stored for the entity.
    pub(super) fn next(&self, entity: &EntityKey, remembered: &RememberedFields) -> Next {
        let is_indexed = remembered.digest.as_ref().is_some_and(|digest| !digest.is_hidden());
        if let Some(State {
            content: Content::Product(product),
            facts,
            ..
        }) = &self.newest
            && is_indexed
        {
            match facts.missing {
                Some(Missing::Fetched) => return Next::Incomplete(Verdict::Settled(Fate::Applied)),
                Some(Missing::Fields) => return Next::Incomplete(incomplete(&product.untold)),
                // Newer prices of the first variants are worth more than old ones of all; the document is marked as
                // partial.
                Some(Missing::Variants) | None => {}
            }
        }
        let (entity, version) = (entity.clone(), self.version());
        Next::Change(match self.document(&entity, remembered) {
            Some(document) => IndexChange::Put {
                entity,
                version,
                document: Box::new(document),
            },
            None => IndexChange::Remove { entity, version },
        })
    }

    /// Positions of its deliveries in the batch.
    pub(super) fn places(&self) -> Vec<usize> {
        self.members.iter().map(|member| member.at).collect()
    }

    /// Positions of the deliveries that brought its newest state.
    pub(super) fn newest_places(&self) -> impl Iterator<Item = usize> {
        let newest = self.version();
        let brought = self.members.iter().filter(move |member| member.version == newest);
        brought.map(|member| member.at)
    }

    /// True if any of its deliveries is to be retried.
    pub(super) fn is_retried(&self, verdicts: &Verdicts) -> bool {
        self.members.iter().any(|member| verdicts.is_retried(member.at))
    }

    /// Returns how the newest state was found.
    pub(super) fn finding(&self) -> Finding {
        Finding {
            is_run: self.newest.as_ref().is_some_and(|newest| newest.origin == Origin::Run),
            created_at: self.created_at,
            updated_at: self.newest.as_ref().and_then(|newest| newest.updated_at),
        }
    }

    /// Returns the webhook or the run that brought the newest state.
    pub(super) fn cause(&self) -> Option<Cause> {
        let newest = self.newest.as_ref()?;
        match &newest.origin {
            Origin::Caused(cause) => cause.clone(),
            Origin::Run => Some(Cause {
                topic: RECONCILE.to_owned(),
                delivery_id: None,
                received_at: newest.observed_at,
            }),
        }
    }

    /// True if the rest of the newest state is fetched from the store.
    pub(super) fn awaits_rest(&self) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| newest.facts.missing == Some(Missing::Fetched))
    }

    /// Returns the content of the newest state for an event, with its document if it has been rendered already.
    pub(super) fn published_content<'a>(
        &'a self,
        entity: &EntityKey,
        remembered: &RememberedFields,
        rendered: Option<&'a Document>,
        connected: bool,
    ) -> render::Content<'a> {
        let newest = match &self.newest {
            Some(newest) if newest.version < Version::FINAL => newest,
            Some(_) | None => return render::Content::Gone,
        };
        let document = match rendered {
            Some(document) => Some(Cow::Borrowed(document)),
            None => self.document(entity, remembered).map(Cow::Owned),
        };
        let Some(document) = document else {
            return render::Content::Hidden;
        };
        let (mut variants, mut unknown) = (Cow::Borrowed([].as_slice()), Unknown::default());
        if let Content::Product(product) = &newest.content {
            variants = Cow::Borrowed(&product.variants);
            if let Some(tracking) = &remembered.tracking {
                remember(variants.to_mut(), tracking);
            }
            let stocks = || variants.iter().map(|variant| variant.stock);
            unknown = Unknown {
                collections: remembered.collections.is_none(),
                // Stock that turns out not to be counted has no quantity: no change, then, for somebody who was told one.
                inventory: !product.complete
                    || stocks().any(|stock| stock.availability().is_none())
                    || (connected && stocks().any(|stock| stock.tracked.is_none())),
                fields: !product.untold.is_empty(),
            };
        }
        render::Content::Seen(Box::new(render::Seen {
            document,
            variants,
            unknown,
        }))
    }

    fn document(&self, entity: &EntityKey, remembered: &RememberedFields) -> Option<Document> {
        let newest = self.newest.as_ref()?;
        match &newest.content {
            Content::None => None,
            Content::Product(product) => {
                let mut product = (**product).clone();
                if let Some(tracking) = &remembered.tracking {
                    product.remember(tracking);
                }
                let document = Document::of_product(entity, product, newest.observed_at);
                Some(match &remembered.collections {
                    Some(collections) => document.within(collections),
                    None => document,
                })
            }
            Content::Collection(collection) => {
                let collection = (**collection).clone();
                Some(Document::of_collection(entity, collection, newest.observed_at))
            }
        }
    }

    /// Sets the verdict on all deliveries of the group. The newest get `verdict`; older ones are superseded once it is
    /// settled or parked, and are retried with it otherwise. States of no current install are discarded.
    pub(super) fn decide(&self, verdicts: &mut Verdicts, verdict: &Verdict) {
        let newest = self.version();
        for member in &self.members {
            let is_retry = matches!(verdict, Verdict::Retry { .. } | Verdict::Behind);
            let decided = if is_retry {
                verdict.clone()
            } else if member.past {
                Verdict::Settled(Fate::Discarded)
            } else if member.version == newest {
                verdict.clone()
            } else if member.version > newest && member.missing == Some(Missing::Fields) {
                incomplete(&[])
            } else {
                Verdict::Settled(Fate::Superseded)
            };
            verdicts.decide(member.at, decided);
        }
    }
}

/// Verdict on a state that would remove known facts of a store whose API we cannot call: it waits for a person.
fn incomplete(untold: &[&str]) -> Verdict {
    let fields = match untold {
        [] => "some fields".to_owned(),
        untold => untold.join(", "),
    };
    Verdict::Parked {
        code: ErrorCode::NotConnected,
        message: format!(
            "the delivery lacks {fields}, which the index has for this product, and we hold no token to fetch them: \
             subscribe to all fields or run `hookline store add`, then redrive"
        ),
    }
}

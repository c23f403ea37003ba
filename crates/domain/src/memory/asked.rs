//! A source in memory that must be queried. Tests edit it without an event, and make its reads lag and fail.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::Shared;
use crate::{
    event::{
        Event, Observed, Removal,
        fact::Fact,
        product::Product,
        thin::{Expected, Mark, Ordered, Thing, Wanted},
    },
    kernel::{
        ids::{EntityId, StoreKey},
        port::Clock,
    },
    sync::{
        asking::{AskedPage, AskedSources, AskedThings, Place},
        vendor::{CatalogueError, Shop},
    },
};

/// Number of products on a page.
const PAGE: usize = 2;

/// [`AskedSources`] in memory, of one store: its key is ignored.
///
/// The mark of a product rises with each edit, and its clock is the catalogue's, so that changes can be requested.
#[derive(Clone)]
pub struct MemoryAsked<C> {
    state: Shared<AskedState>,
    clock: C,
}

/// Hook that runs while a response is under way.
type Meanwhile = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct AskedState {
    products: BTreeMap<EntityId, Kept>,
    parts: BTreeMap<EntityId, EntityId>,
    facts: BTreeMap<EntityId, Fact>,
    asked: Vec<Wanted>,
    since: Vec<Timestamp>,
    problems: VecDeque<CatalogueError>,
    lagging: usize,
    lists_lag: bool,
    left_out: usize,
    meanwhile: VecDeque<Meanwhile>,
}

/// A product, as it is and as it was before its last change.
#[derive(Clone)]
struct Kept {
    is: Option<Product>,
    was: Option<Product>,
    mark: Mark,
    changed_at: Timestamp,
}

impl<C: Clock> MemoryAsked<C> {
    /// Creates an empty source.
    pub fn new(clock: C) -> Self {
        Self {
            state: Shared::default(),
            clock,
        }
    }

    /// Adds or replaces a product. Returns the mark of its new state.
    pub fn put(&self, product: Product) -> Mark {
        let id = product.id.clone();
        self.change(id, Some(product))
    }

    /// Removes a product, which may come back.
    pub fn remove(&self, id: &EntityId) {
        self.change(id.clone(), None);
    }

    /// Assigns a part, such as a price, to a product.
    pub fn put_part(&self, part: EntityId, product: EntityId) {
        self.state.lock().parts.insert(part, product);
    }

    /// Adds or replaces an order or a checkout.
    pub fn put_fact(&self, fact: Fact) {
        self.state.lock().facts.insert(fact.id.clone(), fact);
    }

    /// Makes the next `answers` to questions show each product as it was before its last change.
    pub fn lags_for(&self, answers: usize) {
        self.state.lock().lagging = answers;
    }

    /// Makes walks show each product as it was before its last change, or no longer so. Questions show it as it is.
    pub fn lists_lag(&self, lag: bool) {
        self.state.lock().lists_lag = lag;
    }

    /// Makes the next `pages` of changes leave out what changed last, although the clock of the catalogue has passed it.
    pub fn leaves_out_for(&self, pages: usize) {
        self.state.lock().left_out = pages;
    }

    /// Makes the next request fail; repeated calls queue up failures for the requests after it.
    pub fn next_fails_with(&self, problem: CatalogueError) {
        self.state.lock().problems.push_back(problem);
    }

    /// Runs `what` during the next question: after the products are read, before they are returned.
    pub fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        self.state.lock().meanwhile.push_back(Box::new(what));
    }

    /// Returns everything that was requested by name since the last call, in order.
    pub fn asked(&self) -> Vec<Wanted> {
        std::mem::take(&mut self.state.lock().asked)
    }

    /// Returns the times since which changes were requested, one for each page since the last call.
    pub fn asked_since(&self) -> Vec<Timestamp> {
        std::mem::take(&mut self.state.lock().since)
    }

    fn change(&self, id: EntityId, product: Option<Product>) -> Mark {
        let mut state = self.state.lock();
        let held = state.products.remove(&id);
        let mark = Mark(held.as_ref().map_or(0, |held| held.mark.0) + 1);
        let kept = Kept {
            is: product,
            was: held.and_then(|held| held.is),
            mark,
            changed_at: self.clock.now(),
        };
        state.products.insert(id, kept);
        mark
    }

    fn begin(&self) -> Result<Timestamp, CatalogueError> {
        match self.state.lock().problems.pop_front() {
            Some(problem) => Err(problem),
            None => Ok(self.clock.now()),
        }
    }
}

impl AskedState {
    /// A product as an answer shows it, with its mark.
    fn answer(&self, id: &EntityId, lags: bool) -> Option<(Product, Mark)> {
        let kept = self.products.get(id)?;
        if lags {
            kept.was.clone().map(|product| (product, Mark(kept.mark.0 - 1)))
        } else {
            kept.is.clone().map(|product| (product, kept.mark))
        }
    }

    /// Answer to a question for one thing; `None` if it is older than expected.
    fn answer_to(&self, wanted: &Wanted, lags: bool, at: Timestamp) -> Option<Observed> {
        let id = match &wanted.thing {
            Thing::Product(id) => id,
            Thing::ProductOf(part) => self.parts.get(part).unwrap_or(part),
            Thing::Order(id) | Thing::Checkout(id) | Thing::Article(id) => {
                let fact = self.facts.get(id).cloned();
                return fact.map(|fact| Observed {
                    event: Event::Fact(Box::new(fact)),
                    at,
                });
            }
            Thing::Catalogue => return None,
        };
        let answer = self.answer(id, lags);
        let is_visible = answer.as_ref().is_some_and(|(product, _)| product.visible);
        let fits = match wanted.expected {
            Expected::AtLeast(least) => answer.as_ref().is_some_and(|(_, mark)| *mark >= least),
            Expected::Visible => is_visible,
            Expected::Hidden => !is_visible,
            Expected::Later => true,
        };
        fits.then(|| seen(id, answer, at))
    }
}

/// A product as an observation.
fn seen(id: &EntityId, answer: Option<(Product, Mark)>, at: Timestamp) -> Observed {
    let event = match answer {
        Some((product, mark)) if product.visible => Event::ProductUpdated(Box::new(Product {
            ordered: Ordered::Asked { mark: Some(mark) },
            ..product
        })),
        Some(_) | None => Event::ProductRemoved(Removal {
            id: id.clone(),
            at,
            ordered: Ordered::Asked { mark: None },
        }),
    };
    Observed { event, at }
}

/// One page of these, from `place` on.
fn page(all: Vec<Observed>, place: Option<&Place>) -> Result<AskedPage, CatalogueError> {
    let from = match place {
        None => 0,
        Some(place) => place.as_str().parse().map_err(|_| CatalogueError::Disagreed {
            problem: "the place is not one of ours".into(),
        })?,
    };
    let next = (all.len() > from + PAGE).then(|| Place::new((from + PAGE).to_string()));
    Ok(AskedPage {
        seen: all.into_iter().skip(from).take(PAGE).collect(),
        skipped: vec![],
        next: next.and_then(Result::ok),
        clock: None,
    })
}

impl<C: Clock> AskedSources for MemoryAsked<C> {
    async fn account(&self, store: &StoreKey) -> Result<Shop, CatalogueError> {
        self.begin()?;
        Ok(Shop {
            name: store.store.to_string(),
            currency: "EUR".into(),
            scopes: vec![],
        })
    }

    async fn ask(&self, _: &StoreKey, wanted: &[Wanted]) -> Result<AskedThings, CatalogueError> {
        let at = self.begin()?;
        let (answer, meanwhile) = {
            let mut state = self.state.lock();
            state.asked.extend(wanted.iter().cloned());
            let lags = state.lagging > 0;
            state.lagging = state.lagging.saturating_sub(1);
            let mut answer = AskedThings::default();
            for wanted in wanted {
                match state.answer_to(wanted, lags, at) {
                    Some(seen) => answer.seen.push(seen),
                    None if wanted.expected == Expected::Later => {}
                    None => answer.behind.push(wanted.clone()),
                }
            }
            (answer, state.meanwhile.pop_front())
        };
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        Ok(answer)
    }

    async fn walk(&self, _: &StoreKey, place: Option<&Place>) -> Result<AskedPage, CatalogueError> {
        let at = self.begin()?;
        let state = self.state.lock();
        let lags = state.lists_lag;
        let all = state.products.keys();
        let all = all.filter_map(|id| Some(seen(id, Some(state.answer(id, lags)?), at)));
        page(all.collect(), place)
    }

    async fn changes(
        &self,
        _: &StoreKey,
        since: Timestamp,
        place: Option<&Place>,
    ) -> Result<AskedPage, CatalogueError> {
        let at = self.begin()?;
        let mut state = self.state.lock();
        state.since.push(since);
        let clock = state.products.values().map(|kept| kept.changed_at).max();
        let leaves_out = state.left_out > 0;
        state.left_out = state.left_out.saturating_sub(1);
        let is_shown = |kept: &Kept| kept.changed_at > since && !(leaves_out && Some(kept.changed_at) == clock);
        let all = state.products.iter().filter(|(_, kept)| is_shown(kept));
        let all = all.map(|(id, _)| seen(id, state.answer(id, false), at));
        let page = page(all.collect(), place)?;
        Ok(AskedPage { clock, ..page })
    }
}

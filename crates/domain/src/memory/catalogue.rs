//! A store's catalogue in memory, which tests edit without a webhook, and make fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::Shared;
use crate::{
    catalogue::jobs::ExportId,
    event::{
        Event, Observed,
        product::{Collection, Collections, Product},
    },
    kernel::{
        ids::{EntityId, Kind, StoreKey},
        port::{Clock, PortError},
    },
    store::stores::Skipped,
    sync::vendor::{
        Catalogue, CatalogueError, CataloguePage, Export, ExportBatch, FetchedEntities, Lines, Shop,
        VendorSubscription, VendorSubscriptions, WantedSubscription,
    },
};

/// Number of items on a page.
const PART: usize = 3;

/// [`Catalogue`] in memory, of one store: its key is ignored.
#[derive(Clone)]
pub struct MemoryCatalogue<C> {
    state: Shared<CatalogueState>,
    clock: C,
}

/// Hook that runs while a response is under way.
type Meanwhile = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct CatalogueState {
    products: BTreeMap<EntityId, Product>,
    odd: BTreeSet<EntityId>,
    collections: BTreeMap<EntityId, (Collection, BTreeSet<EntityId>)>,
    items: BTreeMap<EntityId, EntityId>,
    exports: Vec<Written>,
    asked: Vec<EntityId>,
    problems: VecDeque<CatalogueError>,
    running: usize,
    failing: usize,
    cut_after: Option<u64>,
    meanwhile: VecDeque<Meanwhile>,
}

/// An export as it was written.
struct Written {
    began_at: Timestamp,
    products: Vec<Product>,
    fails: bool,
}

impl<C: Clock> MemoryCatalogue<C> {
    /// Creates an empty catalogue.
    pub fn new(clock: C) -> Self {
        Self {
            state: Shared::default(),
            clock,
        }
    }

    /// Adds or replaces a product. Its collections follow from the collections.
    pub fn put(&self, product: Product) {
        self.state.lock().products.insert(product.id.clone(), product);
    }

    /// Makes the record of this product unreadable, or readable again.
    pub fn make_odd(&self, id: EntityId, odd: bool) {
        let mut state = self.state.lock();
        if odd {
            state.odd.insert(id);
        } else {
            state.odd.remove(&id);
        }
    }

    /// Removes a product.
    pub fn remove(&self, id: &EntityId) {
        let mut state = self.state.lock();
        state.products.remove(id);
        for (_, members) in state.collections.values_mut() {
            members.remove(id);
        }
    }

    /// Adds or replaces a collection and its members.
    pub fn put_collection(&self, collection: Collection, members: impl IntoIterator<Item = EntityId>) {
        let members = members.into_iter().collect();
        let mut state = self.state.lock();
        state.collections.insert(collection.id.clone(), (collection, members));
    }

    /// Removes a collection.
    pub fn remove_collection(&self, id: &EntityId) {
        self.state.lock().collections.remove(id);
    }

    /// Assigns an inventory item to a product.
    pub fn put_item(&self, item: EntityId, product: EntityId) {
        self.state.lock().items.insert(item, product);
    }

    /// Returns the ids of all products that were read by their ids since the last call, in order.
    pub fn asked(&self) -> Vec<EntityId> {
        std::mem::take(&mut self.state.lock().asked)
    }

    /// Makes the next request fail, whatever it is; repeated calls queue up failures for the requests after it.
    pub fn next_fails_with(&self, problem: CatalogueError) {
        self.state.lock().problems.push_back(problem);
    }

    /// Reports exports as not ready for the next `times` polls.
    pub fn exports_run_for(&self, times: usize) {
        self.state.lock().running = times;
    }

    /// Makes the next `times` exports fail.
    pub fn exports_fail(&self, times: usize) {
        self.state.lock().failing = times;
    }

    /// Cuts the next export off after `products` products, once.
    pub fn cut_after(&self, products: u64) {
        self.state.lock().cut_after = Some(products);
    }

    /// Runs `what` during the next request for products: after they are read, before they are returned.
    pub fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        self.state.lock().meanwhile.push_back(Box::new(what));
    }

    fn next_failure(&self) -> Result<(), CatalogueError> {
        self.state.lock().problems.pop_front().map_or(Ok(()), Err)
    }

    fn seen(&self, event: Event) -> Observed {
        Observed {
            event,
            at: self.clock.now(),
        }
    }
}

impl CatalogueState {
    /// A product as returned: whole, with its collections.
    fn whole(&self, id: &EntityId) -> Option<Product> {
        let collections = self.collections.iter().filter(|(_, (_, members))| members.contains(id));
        let collections: Collections = collections
            .filter(|(_, (collection, _))| collection.visible)
            .map(|(id, (collection, _))| (id.clone(), collection.title.clone()))
            .collect();
        let product = self.products.get(id)?.clone();
        Some(Product {
            collections: Some(collections),
            ..product
        })
    }
}

/// Page of a list; `after` is the place of the last item before it.
fn part<T>(all: impl Iterator<Item = T>, after: Option<&str>) -> CataloguePage<T> {
    let from = after.and_then(|after| after.parse().ok()).unwrap_or(0);
    let mut rest = all.skip(from);
    let items: Vec<T> = rest.by_ref().take(PART).collect();
    let next = rest.next().map(|_| (from + PART).to_string());
    CataloguePage {
        items,
        skipped: vec![],
        next,
    }
}

impl<C: Clock> Catalogue for MemoryCatalogue<C> {
    type Lines = MemoryLines;

    async fn shop(&self, store: &StoreKey) -> Result<Shop, CatalogueError> {
        self.next_failure()?;
        Ok(Shop {
            name: store.store.to_string(),
            currency: "EUR".into(),
            scopes: vec!["read_products".into(), "read_inventory".into()],
        })
    }

    async fn products(&self, _: &StoreKey, ids: &[EntityId]) -> Result<FetchedEntities, CatalogueError> {
        self.next_failure()?;
        let (answer, meanwhile) = {
            let mut state = self.state.lock();
            state.asked.extend(ids.iter().cloned());
            let mut answer = FetchedEntities::default();
            for id in ids {
                match state.whole(id) {
                    Some(_) if state.odd.contains(id) => answer.skipped.push(odd(id)),
                    Some(product) => answer.seen.push(self.seen(Event::ProductUpdated(Box::new(product)))),
                    None => answer.seen.push(self.seen(Event::ProductDeleted(id.clone()))),
                }
            }
            (answer, state.meanwhile.pop_front())
        };
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        Ok(answer)
    }

    async fn product_of(&self, _: &StoreKey, inventory_item: &EntityId) -> Result<Option<EntityId>, CatalogueError> {
        self.next_failure()?;
        Ok(self.state.lock().items.get(inventory_item).cloned())
    }

    async fn collection(&self, _: &StoreKey, id: &EntityId) -> Result<Observed, CatalogueError> {
        self.next_failure()?;
        let collection = self.state.lock().collections.get(id).map(|(found, _)| found.clone());
        Ok(self.seen(match collection {
            Some(collection) => Event::CollectionUpdated(Box::new(collection)),
            None => Event::CollectionDeleted(id.clone()),
        }))
    }

    async fn collections(&self, _: &StoreKey, after: Option<&str>) -> Result<CataloguePage<Observed>, CatalogueError> {
        self.next_failure()?;
        let state = self.state.lock();
        let all = state.collections.values();
        let all = all.map(|(found, _)| self.seen(Event::CollectionUpdated(Box::new(found.clone()))));
        Ok(part(all, after))
    }

    async fn members(
        &self,
        _: &StoreKey,
        collection: &EntityId,
        after: Option<&str>,
    ) -> Result<CataloguePage<EntityId>, CatalogueError> {
        self.next_failure()?;
        let state = self.state.lock();
        let members = state.collections.get(collection).map(|(_, members)| members);
        Ok(part(members.into_iter().flatten().cloned(), after))
    }

    async fn export(&self, _: &StoreKey) -> Result<ExportId, CatalogueError> {
        self.next_failure()?;
        let mut state = self.state.lock();
        let products = state.products.keys().filter_map(|id| state.whole(id)).collect();
        let fails = state.failing > 0;
        state.failing = state.failing.saturating_sub(1);
        state.exports.push(Written {
            began_at: self.clock.now(),
            products,
            fails,
        });
        Ok(ExportId((state.exports.len() - 1).to_string()))
    }

    async fn exported(&self, _: &StoreKey, export: &ExportId) -> Result<Export, CatalogueError> {
        self.next_failure()?;
        let mut state = self.state.lock();
        if state.running > 0 {
            state.running -= 1;
            return Ok(Export::Running { objects: 1 });
        }
        let at = export.0.parse().unwrap_or(usize::MAX);
        Ok(match state.exports.get(at) {
            Some(written) if !written.fails => Export::Ready {
                address: export.0.clone(),
                began_at: written.began_at,
                objects: length(&written.products),
                bytes: length(&written.products),
            },
            Some(_) | None => Export::Failed {
                reason: "INTERNAL_SERVER_ERROR".into(),
            },
        })
    }

    async fn read(
        &self,
        _: &StoreKey,
        address: &str,
        began_at: Timestamp,
        offset: u64,
    ) -> Result<MemoryLines, CatalogueError> {
        self.next_failure()?;
        let mut state = self.state.lock();
        let cut_after = state.cut_after.take();
        let at = address.parse().unwrap_or(usize::MAX);
        let products = state.exports.get(at).map(|written| written.products.clone());
        Ok(MemoryLines {
            products: products.unwrap_or_default(),
            odd: state.odd.clone(),
            began_at,
            offset,
            cut_after,
        })
    }
}

fn length(products: &[Product]) -> u64 {
    u64::try_from(products.len()).unwrap_or(u64::MAX)
}

/// Reader of an export in memory. Each product is one byte long.
#[derive(Debug)]
pub struct MemoryLines {
    products: Vec<Product>,
    odd: BTreeSet<EntityId>,
    began_at: Timestamp,
    offset: u64,
    cut_after: Option<u64>,
}

impl Lines for MemoryLines {
    async fn next(&mut self, limit: usize) -> Result<Option<ExportBatch>, CatalogueError> {
        if self.cut_after.is_some_and(|end| self.offset >= end) {
            return Err(PortError::new("export", "the connection was closed").into());
        }
        let limit = match self.cut_after {
            Some(end) => limit.min(usize::try_from(end - self.offset).unwrap_or(limit)),
            None => limit,
        };
        let from = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let some: Vec<&Product> = self.products.iter().skip(from).take(limit).collect();
        if some.is_empty() {
            return Ok(None);
        }
        self.offset += u64::try_from(some.len()).unwrap_or(u64::MAX);
        let (unread, read): (Vec<&Product>, Vec<&Product>) =
            some.into_iter().partition(|product| self.odd.contains(&product.id));
        let read = read.into_iter().map(|product| Observed {
            event: Event::ProductUpdated(Box::new(product.clone())),
            at: self.began_at,
        });
        Ok(Some(ExportBatch {
            products: read.collect(),
            skipped: unread.into_iter().map(|product| odd(&product.id)).collect(),
            doubtful: vec![],
            offset: self.offset,
        }))
    }
}

fn odd(id: &EntityId) -> Skipped {
    Skipped {
        kind: Some(Kind::Product),
        id: Some(id.clone()),
        path: "tags".into(),
        problem: "expected a sequence".into(),
    }
}

/// [`VendorSubscriptions`] in memory, of one store.
#[derive(Debug, Clone, Default)]
pub struct MemorySubscriptions {
    kept: Shared<Vec<VendorSubscription>>,
}

impl MemorySubscriptions {
    /// Removes all subscriptions, as the vendor does after some failures in a row.
    pub fn vanish(&self) {
        self.kept.lock().clear();
    }
}

impl VendorSubscriptions for MemorySubscriptions {
    async fn list(&self, _: &StoreKey) -> Result<Vec<VendorSubscription>, CatalogueError> {
        Ok(self.kept.lock().clone())
    }

    async fn create(&self, _: &StoreKey, wanted: &WantedSubscription) -> Result<(), CatalogueError> {
        let mut kept = self.kept.lock();
        if !kept
            .iter()
            .any(|held| held.topic == wanted.topic && held.uri == wanted.uri)
        {
            let id = format!("{} {}", wanted.topic, wanted.uri);
            kept.push(subscription(id, wanted));
        }
        Ok(())
    }

    async fn change(&self, _: &StoreKey, id: &str, wanted: &WantedSubscription) -> Result<(), CatalogueError> {
        for held in self.kept.lock().iter_mut().filter(|held| held.id == id) {
            *held = subscription(id.to_owned(), wanted);
        }
        Ok(())
    }

    async fn remove(&self, _: &StoreKey, id: &str) -> Result<(), CatalogueError> {
        self.kept.lock().retain(|held| held.id != id);
        Ok(())
    }
}

fn subscription(id: String, wanted: &WantedSubscription) -> VendorSubscription {
    VendorSubscription {
        id,
        topic: wanted.topic.clone(),
        uri: wanted.uri.clone(),
        include_fields: wanted.include_fields.clone(),
        filter: None,
    }
}

//! A store's catalogue in memory, to be edited behind our backs, and to be out of order.

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

/// How many there are in a part of a list.
const PART: usize = 3;

/// [`Catalogue`] in memory, of one store, whatever store is asked.
#[derive(Clone)]
pub struct MemoryCatalogue<C> {
    shelves: Shared<Shelves>,
    clock: C,
}

/// What happens while an answer is under way.
type Meanwhile = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Shelves {
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

/// An export, as it was written.
struct Written {
    began_at: Timestamp,
    products: Vec<Product>,
    fails: bool,
}

impl<C: Clock> MemoryCatalogue<C> {
    /// An empty one.
    pub fn new(clock: C) -> Self {
        Self {
            shelves: Shared::default(),
            clock,
        }
    }

    /// Puts a product there, in place of what it was. Its collections are told by the collections.
    pub fn put(&self, product: Product) {
        self.shelves.lock().products.insert(product.id.clone(), product);
    }

    /// What is told of this product cannot be read from now on, or can be again.
    pub fn make_odd(&self, id: EntityId, odd: bool) {
        let mut shelves = self.shelves.lock();
        if odd {
            shelves.odd.insert(id);
        } else {
            shelves.odd.remove(&id);
        }
    }

    /// Takes a product away.
    pub fn remove(&self, id: &EntityId) {
        let mut shelves = self.shelves.lock();
        shelves.products.remove(id);
        for (_, members) in shelves.collections.values_mut() {
            members.remove(id);
        }
    }

    /// Puts a collection there, with these products in it.
    pub fn put_collection(&self, collection: Collection, members: impl IntoIterator<Item = EntityId>) {
        let members = members.into_iter().collect();
        let mut shelves = self.shelves.lock();
        shelves.collections.insert(collection.id.clone(), (collection, members));
    }

    /// Takes a collection away.
    pub fn remove_collection(&self, id: &EntityId) {
        self.shelves.lock().collections.remove(id);
    }

    /// Says which product an inventory item belongs to.
    pub fn put_item(&self, item: EntityId, product: EntityId) {
        self.shelves.lock().items.insert(item, product);
    }

    /// The ids of all products asked for by their ids since this was last called, in order.
    pub fn asked(&self) -> Vec<EntityId> {
        std::mem::take(&mut self.shelves.lock().asked)
    }

    /// The next question, whatever it is, is answered with this; so are those after it, if this is called again.
    pub fn next_fails_with(&self, problem: CatalogueError) {
        self.shelves.lock().problems.push_back(problem);
    }

    /// Exports are not ready the next so many times they are asked for.
    pub fn exports_run_for(&self, times: usize) {
        self.shelves.lock().running = times;
    }

    /// The next so many exports fail.
    pub fn exports_fail(&self, times: usize) {
        self.shelves.lock().failing = times;
    }

    /// The next export is cut off after so many products, once.
    pub fn cut_after(&self, products: u64) {
        self.shelves.lock().cut_after = Some(products);
    }

    /// The next products that are asked for are read, then this happens, then they are answered.
    pub fn meanwhile(&self, what: impl FnOnce() + Send + 'static) {
        self.shelves.lock().meanwhile.push_back(Box::new(what));
    }

    fn question(&self) -> Result<(), CatalogueError> {
        self.shelves.lock().problems.pop_front().map_or(Ok(()), Err)
    }

    fn seen(&self, event: Event) -> Observed {
        Observed {
            event,
            at: self.clock.now(),
        }
    }
}

impl Shelves {
    /// A product as it is answered: whole, with its collections.
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

/// Part of a list of which `after` is the place of the last one seen.
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
        self.question()?;
        Ok(Shop {
            name: store.store.to_string(),
            currency: "EUR".into(),
            scopes: vec!["read_products".into(), "read_inventory".into()],
        })
    }

    async fn products(&self, _: &StoreKey, ids: &[EntityId]) -> Result<FetchedEntities, CatalogueError> {
        self.question()?;
        let (answer, meanwhile) = {
            let mut shelves = self.shelves.lock();
            shelves.asked.extend(ids.iter().cloned());
            let mut answer = FetchedEntities::default();
            for id in ids {
                match shelves.whole(id) {
                    Some(_) if shelves.odd.contains(id) => answer.skipped.push(odd(id)),
                    Some(product) => answer.seen.push(self.seen(Event::ProductUpdated(Box::new(product)))),
                    None => answer.seen.push(self.seen(Event::ProductDeleted(id.clone()))),
                }
            }
            (answer, shelves.meanwhile.pop_front())
        };
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        Ok(answer)
    }

    async fn product_of(&self, _: &StoreKey, inventory_item: &EntityId) -> Result<Option<EntityId>, CatalogueError> {
        self.question()?;
        Ok(self.shelves.lock().items.get(inventory_item).cloned())
    }

    async fn collection(&self, _: &StoreKey, id: &EntityId) -> Result<Observed, CatalogueError> {
        self.question()?;
        let collection = self.shelves.lock().collections.get(id).map(|(found, _)| found.clone());
        Ok(self.seen(match collection {
            Some(collection) => Event::CollectionUpdated(Box::new(collection)),
            None => Event::CollectionDeleted(id.clone()),
        }))
    }

    async fn collections(&self, _: &StoreKey, after: Option<&str>) -> Result<CataloguePage<Observed>, CatalogueError> {
        self.question()?;
        let shelves = self.shelves.lock();
        let all = shelves.collections.values();
        let all = all.map(|(found, _)| self.seen(Event::CollectionUpdated(Box::new(found.clone()))));
        Ok(part(all, after))
    }

    async fn members(
        &self,
        _: &StoreKey,
        collection: &EntityId,
        after: Option<&str>,
    ) -> Result<CataloguePage<EntityId>, CatalogueError> {
        self.question()?;
        let shelves = self.shelves.lock();
        let members = shelves.collections.get(collection).map(|(_, members)| members);
        Ok(part(members.into_iter().flatten().cloned(), after))
    }

    async fn export(&self, _: &StoreKey) -> Result<ExportId, CatalogueError> {
        self.question()?;
        let mut shelves = self.shelves.lock();
        let products = shelves.products.keys().filter_map(|id| shelves.whole(id)).collect();
        let fails = shelves.failing > 0;
        shelves.failing = shelves.failing.saturating_sub(1);
        shelves.exports.push(Written {
            began_at: self.clock.now(),
            products,
            fails,
        });
        Ok(ExportId((shelves.exports.len() - 1).to_string()))
    }

    async fn exported(&self, _: &StoreKey, export: &ExportId) -> Result<Export, CatalogueError> {
        self.question()?;
        let mut shelves = self.shelves.lock();
        if shelves.running > 0 {
            shelves.running -= 1;
            return Ok(Export::Running { objects: 1 });
        }
        let at = export.0.parse().unwrap_or(usize::MAX);
        Ok(match shelves.exports.get(at) {
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
        self.question()?;
        let mut shelves = self.shelves.lock();
        let cut_after = shelves.cut_after.take();
        let at = address.parse().unwrap_or(usize::MAX);
        let products = shelves.exports.get(at).map(|written| written.products.clone());
        Ok(MemoryLines {
            products: products.unwrap_or_default(),
            odd: shelves.odd.clone(),
            began_at,
            offset,
            cut_after,
        })
    }
}

fn length(products: &[Product]) -> u64 {
    u64::try_from(products.len()).unwrap_or(u64::MAX)
}

/// An export in memory, as it is read. Each product is one byte long.
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
    /// Takes all of them away, as the vendor does after some failures in a row.
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

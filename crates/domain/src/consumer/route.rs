//! Route of an event: the one place that decides what is done with each. A new event does not compile until it is
//! routed here.

use crate::{
    event::{Event, Request, thin::Wanted},
    kernel::ids::EntityId,
};

/// Handling of one event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Index the state or deletion that it carries.
    Index,
    /// Index the state or deletion, and fetch the rest from the store.
    IndexAndFetch(FollowUp),
    /// Index the part of a state that it carries. The rest cannot be fetched without a token, which the status shows.
    IndexPart,
    /// Fetch the state from the store; the event only names it.
    Fetch(FollowUp),
    /// Park it until we hold a token to fetch the state that it names.
    AwaitToken,
    /// Discard a change of stock: without a token its product cannot be found, which the status shows.
    DiscardStock,
    /// End the install.
    EndInstall,
    /// Comply with a privacy request.
    Comply(Request),
    /// Publish it, if somebody listens; it changes no document.
    Publish,
    /// Record it; it changes no document.
    Note,
}

/// Data to fetch from the store after a delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FollowUp {
    /// A product.
    Product(EntityId),
    /// The product of an inventory item.
    InventoryItem(EntityId),
    /// A collection and its members.
    Collection(EntityId),
    /// Things to ask for. Never empty.
    Asked(Vec<Wanted>),
}

/// Decides what is done with an event of a store whose API we can call if `connected`.
pub(super) fn route(event: &Event, connected: bool) -> Step {
    match (event, connected) {
        (Event::ProductUpdated(product), _) if product.is_whole() => Step::Index,
        (Event::ProductUpdated(product), true) => Step::IndexAndFetch(FollowUp::Product(product.id.clone())),
        (Event::ProductUpdated(_), false) => Step::IndexPart,
        (Event::ProductChanged(id), true) => Step::Fetch(FollowUp::Product(id.clone())),
        (Event::CollectionChanged(id), true) => Step::Fetch(FollowUp::Collection(id.clone())),
        (Event::ProductChanged(_) | Event::CollectionChanged(_) | Event::Thin(_), false) => Step::AwaitToken,
        (Event::CollectionUpdated(collection), true) => {
            Step::IndexAndFetch(FollowUp::Collection(collection.id.clone()))
        }
        // The products that were in it are fetched.
        (Event::CollectionDeleted(id), true) => Step::IndexAndFetch(FollowUp::Collection(id.clone())),
        (Event::Thin(wanted), true) => Step::Fetch(FollowUp::Asked(wanted.clone())),
        (Event::ProductDeleted(_) | Event::ProductRemoved(_), _)
        | (Event::CollectionUpdated(_) | Event::CollectionDeleted(_), false) => Step::Index,
        (Event::StockChanged(id), true) => Step::Fetch(FollowUp::InventoryItem(id.clone())),
        (Event::StockChanged(_), false) => Step::DiscardStock,
        (Event::AppUninstalled, _) => Step::EndInstall,
        (Event::Compliance(request, _), _) => Step::Comply(*request),
        (Event::Fact(_), _) => Step::Publish,
        (Event::Sample, _) => Step::Note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{
        fact::Fact,
        thin::{Expected, Thing},
    };

    fn id() -> EntityId {
        "1".parse().unwrap()
    }

    #[test]
    fn facts_are_published_and_samples_noted_whether_connected_or_not() {
        for connected in [false, true] {
            assert_eq!(
                route(&Event::Fact(Box::new(Fact::bare("order", id()))), connected),
                Step::Publish
            );
            assert_eq!(route(&Event::Sample, connected), Step::Note);
            assert_eq!(route(&Event::AppUninstalled, connected), Step::EndInstall);
        }
    }

    #[test]
    fn thin_events_are_fetched_or_wait_for_a_token() {
        for event in [Event::ProductChanged(id()), Event::CollectionChanged(id())] {
            assert!(matches!(route(&event, true), Step::Fetch(_)));
            assert_eq!(route(&event, false), Step::AwaitToken);
        }
        let wanted = Wanted {
            thing: Thing::Product(id()),
            expected: Expected::Later,
        };
        let thin = Event::Thin(vec![wanted.clone()]);
        assert_eq!(route(&thin, true), Step::Fetch(FollowUp::Asked(vec![wanted])));
        assert_eq!(route(&thin, false), Step::AwaitToken);
        assert!(matches!(route(&Event::StockChanged(id()), true), Step::Fetch(_)));
        assert_eq!(route(&Event::StockChanged(id()), false), Step::DiscardStock);
    }

    #[test]
    fn deletions_are_indexed_and_members_of_a_deleted_collection_fetched() {
        assert_eq!(route(&Event::ProductDeleted(id()), true), Step::Index);
        assert_eq!(route(&Event::CollectionDeleted(id()), false), Step::Index);
        assert_eq!(
            route(&Event::CollectionDeleted(id()), true),
            Step::IndexAndFetch(FollowUp::Collection(id()))
        );
    }
}

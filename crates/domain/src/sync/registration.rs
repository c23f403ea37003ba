//! Registration: the subscriptions that a store should have, the state of those that it has, and their repair.
//!
//! A subscription is ours if it sends to a receiver of this stack, or to the same receiver at another host, where the
//! stack was before. Any other belongs to somebody else, for example another part of the same app, and is never
//! touched. Only subscriptions made through the vendor's API can be listed; an app's own (`shopify.app.toml`) cannot
//! (<https://shopify.dev/docs/apps/build/webhooks/subscribe>).

use crate::{
    kernel::ids::StoreKey,
    sync::vendor::{CatalogueError, VendorSubscription, VendorSubscriptions, WantedSubscription},
};

/// Fields that a payload must have so that two changes never look alike: the vendor drops a delivery that looks like
/// the one before (<https://shopify.dev/docs/apps/build/webhooks/customize/filters>).
const NEEDED_FIELDS: [&str; 2] = ["id", "updated_at"];

/// Number of last path segments that identify a receiver: `receive/shopify/products-update`.
const RECEIVER_PARTS: usize = 3;

/// State of a store's subscriptions to one topic, compared with the desired one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The desired subscription.
    pub wanted: WantedSubscription,
    /// State of our subscription.
    pub standing: Standing,
    /// More subscriptions of ours to the same topic: each delivers every change once more, or sends it to an abandoned
    /// address.
    pub doubles: Vec<VendorSubscription>,
    /// Subscriptions of others to the same topic.
    pub others: Vec<VendorSubscription>,
}

/// State of our subscription to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is as desired.
    Right(VendorSubscription),
    /// It sends to the right address, but not the desired fields.
    Fields(VendorSubscription),
    /// It sends to a former address of the receiver.
    Moved(VendorSubscription),
    /// We have none.
    Missing,
}

/// Result of mending a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    /// Nothing was done: it was right.
    Nothing,
    /// A subscription was created.
    Created,
    /// A subscription was changed.
    Changed,
}

impl Finding {
    /// Returns `true` if changes of the topic reach us.
    #[must_use]
    pub fn reaches_us(&self) -> bool {
        matches!(self.standing, Standing::Right(_) | Standing::Fields(_))
    }

    /// Returns `true` if we have no subscription to the topic, neither at the present address nor at a former one.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.standing == Standing::Missing
    }

    /// Returns `true` if it sends other fields than those of a topic whose fields nobody may choose: more personal data
    /// than we read, or less than we need.
    #[must_use]
    pub fn sends_other_fields(&self) -> bool {
        matches!(self.standing, Standing::Fields(_)) && !self.wanted.include_fields.is_empty()
    }

    /// Returns `true` if the subscription lacks a field without which changes get lost.
    #[must_use]
    pub fn loses_changes(&self) -> bool {
        let (Standing::Right(found) | Standing::Fields(found) | Standing::Moved(found)) = &self.standing else {
            return false;
        };
        let has = &found.include_fields;
        !has.is_empty() && !has.iter().any(|field| field == "updated_at")
    }
}

/// The fields to include for a selection: the selection and those that no payload may lack; empty (which means all) if
/// the selection is empty.
#[must_use]
pub fn fields(selected: &[String]) -> Vec<String> {
    if selected.is_empty() {
        return Vec::new();
    }
    let mut fields: Vec<String> = NEEDED_FIELDS.map(str::to_owned).into();
    for field in selected
        .iter()
        .map(|field| field.trim())
        .filter(|field| !field.is_empty())
    {
        if !fields.iter().any(|known| known == field) {
            fields.push(field.to_owned());
        }
    }
    fields
}

/// Compares the existing subscriptions with the desired ones: one finding for each desired one, in order.
#[must_use]
pub fn compare(wanted: &[WantedSubscription], existing: &[VendorSubscription]) -> Vec<Finding> {
    wanted.iter().map(|wanted| find(wanted, existing)).collect()
}

fn find(wanted: &WantedSubscription, existing: &[VendorSubscription]) -> Finding {
    let of_topic = existing.iter().filter(|found| found.topic == wanted.topic).cloned();
    let (mut ours, others): (Vec<VendorSubscription>, Vec<VendorSubscription>) =
        of_topic.partition(|found| receiver(&found.uri) == receiver(&wanted.uri));
    // The best one is kept: the right address first, then the right fields; ties are decided by the vendor's order.
    ours.sort_by_key(|found| (found.uri != wanted.uri, !same_fields(found, wanted)));
    let mut ours = ours.into_iter();
    let standing = match ours.next() {
        None => Standing::Missing,
        Some(found) if found.uri != wanted.uri => Standing::Moved(found),
        Some(found) if same_fields(&found, wanted) => Standing::Right(found),
        Some(found) => Standing::Fields(found),
    };
    Finding {
        wanted: wanted.clone(),
        standing,
        doubles: ours.collect(),
        others,
    }
}

/// Receiver that an address refers to, whatever the host and stage.
#[must_use]
pub fn receiver(uri: &str) -> Vec<&str> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<&str> = path.trim_end_matches('/').rsplit('/').take(RECEIVER_PARTS).collect();
    parts.reverse();
    parts
}

fn same_fields(found: &VendorSubscription, wanted: &WantedSubscription) -> bool {
    let sorted = |fields: &[String]| {
        let mut fields = fields.to_vec();
        fields.sort();
        fields.dedup();
        fields
    };
    sorted(&found.include_fields) == sorted(&wanted.include_fields)
}

/// Reads and compares a store's subscriptions. Changes nothing.
///
/// # Errors
/// [`CatalogueError`], from the port.
pub async fn look(
    subscriptions: &impl VendorSubscriptions,
    store: &StoreKey,
    wanted: &[WantedSubscription],
) -> Result<Vec<Finding>, CatalogueError> {
    Ok(compare(wanted, &subscriptions.list(store).await?))
}

/// Mends a finding: creates what is missing, changes what sends elsewhere or other fields. Doubles and those of others
/// stay. May be repeated.
///
/// # Errors
/// [`CatalogueError`], from the port.
pub async fn mend(
    subscriptions: &impl VendorSubscriptions,
    store: &StoreKey,
    finding: &Finding,
) -> Result<Mended, CatalogueError> {
    match &finding.standing {
        Standing::Right(_) => Ok(Mended::Nothing),
        Standing::Missing => {
            subscriptions.create(store, &finding.wanted).await?;
            Ok(Mended::Created)
        }
        Standing::Fields(found) | Standing::Moved(found) => {
            subscriptions.change(store, &found.id, &finding.wanted).await?;
            Ok(Mended::Changed)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    const HERE: &str = "https://here.example/api/webhooks/receive/shopify/products-update";
    const BEFORE: &str = "https://before.example/prod/api/webhooks/receive/shopify/products-update";
    const ELSEWHERE: &str = "https://here.example/webhooks";

    fn wanted(fields: &[&str]) -> WantedSubscription {
        WantedSubscription {
            topic: "products/update".parse().unwrap(),
            uri: HERE.to_owned(),
            include_fields: owned(fields),
        }
    }

    fn owned(fields: &[&str]) -> Vec<String> {
        fields.iter().map(|field| (*field).to_owned()).collect()
    }

    fn subscription(id: &str, uri: &str, fields: &[&str]) -> VendorSubscription {
        VendorSubscription {
            id: id.to_owned(),
            topic: "products/update".parse().unwrap(),
            uri: uri.to_owned(),
            include_fields: owned(fields),
            filter: None,
        }
    }

    fn found(existing: &[VendorSubscription]) -> Finding {
        compare(&[wanted(&[])], existing).remove(0)
    }

    #[test]
    fn subscription_at_our_address_is_right_and_one_at_a_former_address_has_moved() {
        let here = subscription("1", HERE, &[]);
        let before = subscription("2", BEFORE, &[]);
        assert_eq!(found(&[]).standing, Standing::Missing);
        assert_eq!(
            found(std::slice::from_ref(&here)).standing,
            Standing::Right(here.clone())
        );
        assert_eq!(
            found(std::slice::from_ref(&before)).standing,
            Standing::Moved(before.clone())
        );
        let both = found(&[before.clone(), here.clone()]);
        assert_eq!((both.standing, both.doubles), (Standing::Right(here), vec![before]));
    }

    #[test]
    fn subscription_of_another_topic_or_owner_is_never_taken_for_ours() {
        let elsewhere = subscription("1", ELSEWHERE, &[]);
        let other = VendorSubscription {
            topic: "products/create".parse().unwrap(),
            ..subscription("2", HERE, &[])
        };
        let finding = found(&[elsewhere.clone(), other]);
        assert!(finding.is_missing() && !finding.reaches_us() && finding.doubles.is_empty());
        assert_eq!(finding.others, vec![elsewhere]);
    }

    #[test]
    fn fields_are_compared_in_any_order_and_the_right_one_of_two_is_kept() {
        let fields = fields(&owned(&["title", " variants ", "id", ""]));
        assert_eq!(fields, owned(&["id", "updated_at", "title", "variants"]));
        let wanted = WantedSubscription {
            include_fields: fields,
            ..wanted(&[])
        };
        let whole = subscription("1", HERE, &[]);
        let reduced = subscription("2", HERE, &["variants", "title", "updated_at", "id"]);
        let finding = compare(std::slice::from_ref(&wanted), &[whole.clone(), reduced.clone()]).remove(0);
        assert_eq!(finding.standing, Standing::Right(reduced));
        assert_eq!(finding.doubles, vec![whole.clone()]);
        assert_eq!(
            compare(&[wanted], std::slice::from_ref(&whole))[0].standing,
            Standing::Fields(whole)
        );
    }

    #[test]
    fn empty_selection_means_whole_payloads_and_reduced_ones_without_updated_at_lose_changes() {
        assert_eq!(fields(&[]), Vec::<String>::new());
        assert!(!found(&[subscription("1", HERE, &[])]).loses_changes());
        assert!(!found(&[subscription("1", HERE, &["id", "updated_at"])]).loses_changes());
        assert!(found(&[subscription("1", HERE, &["id", "title"])]).loses_changes());
    }

    /// The vendor's subscriptions, in memory.
    #[derive(Default)]
    struct MemorySubscriptions(Mutex<Vec<VendorSubscription>>);

    impl MemorySubscriptions {
        fn all(&self) -> std::sync::MutexGuard<'_, Vec<VendorSubscription>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl VendorSubscriptions for MemorySubscriptions {
        async fn list(&self, _: &StoreKey) -> Result<Vec<VendorSubscription>, CatalogueError> {
            Ok(self.all().clone())
        }

        async fn create(&self, _: &StoreKey, wanted: &WantedSubscription) -> Result<(), CatalogueError> {
            let id = self.all().len().to_string();
            let mut made = subscription(&id, &wanted.uri, &[]);
            made.include_fields.clone_from(&wanted.include_fields);
            self.all().push(made);
            Ok(())
        }

        async fn change(&self, _: &StoreKey, id: &str, wanted: &WantedSubscription) -> Result<(), CatalogueError> {
            for kept in self.all().iter_mut().filter(|kept| kept.id == id) {
                kept.uri.clone_from(&wanted.uri);
                kept.include_fields.clone_from(&wanted.include_fields);
            }
            Ok(())
        }

        async fn remove(&self, _: &StoreKey, id: &str) -> Result<(), CatalogueError> {
            self.all().retain(|kept| kept.id != id);
            Ok(())
        }
    }

    #[tokio::test]
    async fn any_state_is_mended_once_and_right_from_then_on() {
        let store = crate::testing::store();
        let elsewhere = subscription("x", ELSEWHERE, &[]);
        for (before, mended) in [
            (vec![], Mended::Created),
            (vec![elsewhere.clone()], Mended::Created),
            (vec![subscription("1", BEFORE, &[]), elsewhere.clone()], Mended::Changed),
            (vec![subscription("1", HERE, &["id"])], Mended::Changed),
            (vec![subscription("1", HERE, &[])], Mended::Nothing),
        ] {
            let others = before.contains(&elsewhere);
            let kept = MemorySubscriptions(Mutex::new(before));
            let wanted = [wanted(&[])];
            let finding = look(&kept, &store, &wanted).await.unwrap().remove(0);
            assert_eq!(mend(&kept, &store, &finding).await.unwrap(), mended);
            let again = look(&kept, &store, &wanted).await.unwrap().remove(0);
            assert!(matches!(again.standing, Standing::Right(_)), "{again:?}");
            assert_eq!(mend(&kept, &store, &again).await.unwrap(), Mended::Nothing);
            assert_eq!(kept.all().contains(&elsewhere), others);
            assert_eq!(kept.all().len(), 1 + usize::from(others));
        }
    }
}

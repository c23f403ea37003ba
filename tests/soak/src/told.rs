//! Events as a listener reads them: their JSON, without the product's own types.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde_json::Value;

use crate::{reference::ExpectedDocument, scenario::ScenarioEntity};

/// Type of the event of an uninstall.
pub const DISCONNECTED: &str = "store.disconnected";

/// Content of an event about its subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// A product or a collection that shoppers can see.
    Active(ExpectedDocument),
    /// One that they cannot see, or that is deleted.
    Absent,
    /// Nothing that the index holds: the event is a fact.
    Fact,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// Domain of its store.
    pub store: String,
    pub id: String,
    /// Type, as in `product.updated`.
    pub kind: String,
    /// Kind and id of its subject.
    pub subject: (String, String),
    /// Version of the subject's state; `None` of a fact.
    pub version: Option<i64>,
    /// Time of the event; of a state, of its commit.
    pub at: Timestamp,
    pub shown: Shown,
    /// Former lowest price and former status, if the event names them.
    pub previous: (Option<String>, Option<String>),
}

impl Told {
    /// Reads an event.
    pub fn read(json: &str) -> anyhow::Result<Self> {
        let event: Value = serde_json::from_str(json)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let needed = |pointer: &str| {
            let found = event.pointer(pointer).and_then(text);
            found.with_context(|| format!("an event has no {pointer}: {json}"))
        };
        let kind = needed("/type")?;
        let version = text(&event["subject"]["version"]).map(|version| version.parse());
        let version = version.transpose().context("a version is not a number")?;
        let data = &event["data"];
        let shown = match (version, data["status"].as_str()) {
            (None, _) => Shown::Fact,
            (Some(_), Some("active")) => Shown::Active(ExpectedDocument {
                title: needed("/data/title")?,
                price: text(&data["price"]["from"]),
            }),
            (Some(_), _) => Shown::Absent,
        };
        let previous = &event["previous"];
        Ok(Self {
            store: needed("/store/id")?,
            id: needed("/id")?,
            subject: (needed("/subject/kind")?, needed("/subject/id")?),
            at: needed("/timestamp")?.parse()?,
            previous: (text(&previous["price"]["from"]), text(&previous["status"])),
            kind,
            version,
            shown,
        })
    }

    /// Reads the events of a message of the fan-out queue: a line that names their store, then a line for each.
    pub fn read_message(message: &str) -> anyhow::Result<Vec<Self>> {
        let (header, events) = message.split_once('\n').context("a message has no events")?;
        let header: Value = serde_json::from_str(header)?;
        let store = header["store"].as_str().context("a message names no store")?;
        let events: Vec<Self> = events.lines().map(Self::read).collect::<anyhow::Result<_>>()?;
        for event in &events {
            ensure!(
                store == format!("shopify#{}", event.store),
                "a message of {store} has an event of {}",
                event.store
            );
        }
        Ok(events)
    }

    /// Kind of thing that a listener listens to, as in `product`.
    pub fn resource(&self) -> &str {
        match self.kind.split_once('.') {
            Some(("inventory", _)) | None => "product",
            Some((resource, _)) => resource,
        }
    }

    /// The product or collection that it is about; `None` of a fact.
    pub fn entity(&self) -> Option<ScenarioEntity> {
        let (kind, id) = &self.subject;
        self.version?;
        Some(ScenarioEntity {
            store: self.store.clone(),
            kind: if kind == "product" { "product" } else { "collection" },
            id: id.parse().ok()?,
        })
    }

    /// Id of its document in the index.
    pub fn document(&self) -> String {
        let (kind, id) = &self.subject;
        format!("shopify#{}#{kind}#{id}", self.store)
    }

    /// Signed second of the state, in the upper bits of its version.
    pub fn second(&self) -> Option<i64> {
        Some(self.version? >> 31)
    }
}

/// Returns the state of each product and collection that somebody holds in the end who gets these events in any order: that
/// of the highest version, unless the app was uninstalled since. `None` if shoppers cannot see it.
pub fn held(events: &[Told]) -> BTreeMap<ScenarioEntity, Option<ExpectedDocument>> {
    let mut ended: BTreeMap<&str, i64> = BTreeMap::new();
    let mut newest: BTreeMap<ScenarioEntity, &Told> = BTreeMap::new();
    for event in events {
        if event.kind == DISCONNECTED {
            let second = ended.entry(&event.store).or_insert(i64::MIN);
            *second = event.at.as_second().max(*second);
        }
        let Some(entity) = event.entity() else { continue };
        let known = newest.entry(entity).or_insert(event);
        if event.version > known.version {
            *known = event;
        }
    }
    let shown = newest.into_iter().map(|(entity, event)| {
        let has_ended = ended
            .get(event.store.as_str())
            .is_some_and(|second| event.second().is_some_and(|changed| changed <= *second));
        let shown = match &event.shown {
            Shown::Active(document) if !has_ended => Some(document.clone()),
            Shown::Active(_) | Shown::Absent | Shown::Fact => None,
        };
        (entity, shown)
    });
    shown.collect()
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;

    /// An event of product 1 of a store.
    pub fn told(store: &str, id: &str, version: i64, title: Option<&str>) -> Told {
        let data = match title {
            Some(title) => json!({"id": "1", "status": "active", "title": title, "price": {"from": "2.00"}}),
            None => json!({"id": "1", "status": "hidden"}),
        };
        let event = json!({
            "id": id, "type": "product.updated", "version": 1, "timestamp": "2026-11-29T10:04:52.001Z",
            "store": {"source": "shopify", "id": store},
            "subject": {"kind": "product", "id": "1", "version": version.to_string()},
            "data": data, "changed": null, "previous": null, "related": {}, "session_id": null, "cause": null,
        });
        Told::read(&event.to_string()).unwrap()
    }

    #[test]
    fn highest_version_counts_in_any_order_until_an_uninstall() {
        let title = |events: &[Told]| {
            let held = held(events);
            held.into_values().next().unwrap().map(|document| document.title)
        };
        let (old, new) = (
            told("a", "evt_1", 1 << 31, Some("old")),
            told("a", "evt_2", 2 << 31, Some("new")),
        );
        assert_eq!(title(&[new.clone(), old.clone()]).as_deref(), Some("new"));
        assert_eq!(title(&[new.clone(), told("a", "evt_3", 3 << 31, None)]), None);
        let ended = |second: i64| Told {
            kind: DISCONNECTED.to_owned(),
            version: None,
            at: Timestamp::from_second(second).unwrap(),
            ..old.clone()
        };
        assert_eq!(title(&[new.clone(), ended(1)]).as_deref(), Some("new"));
        assert_eq!(title(&[ended(2), new]), None);
    }

    #[test]
    fn message_with_the_event_of_another_store_is_refused() {
        let event = json!({
            "id": "evt_1", "type": "order.created", "timestamp": "2026-11-29T10:04:52Z", "data": {"id": "7"},
            "store": {"source": "shopify", "id": "a"}, "subject": {"kind": "order", "id": "7", "version": null},
        });
        let message = |store: &str| format!("{{\"hookline_events\":1,\"store\":\"shopify#{store}\"}}\n{event}");
        let read = Told::read_message(&message("a")).unwrap();
        assert_eq!((read[0].shown.clone(), read[0].resource()), (Shown::Fact, "order"));
        assert!(Told::read_message(&message("b")).is_err());
    }
}

//! Content of the index, and a watcher that reads it all the time: nothing may go back to an older state, and nothing
//! deleted may be shown again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    reference::ExpectedDocument,
    scenario::{CONNECTED_STORE, Scenario, ScenarioEntity},
    source::SourceLog,
    wire::Wire,
};

const POLL_INTERVAL: Duration = Duration::from_millis(400);

/// All documents, found by a search.
pub async fn documents(wire: &Wire, opensearch: &str) -> anyhow::Result<BTreeMap<ScenarioEntity, ExpectedDocument>> {
    let index = format!("{opensearch}/hookline");
    if wire
        .json(Method::POST, &format!("{index}/_refresh"), "", &Value::Null)
        .await
        .is_err()
    {
        // Nothing has been written yet.
        return Ok(BTreeMap::new());
    }
    let everything = json!({
        "size": 10_000, "query": {"match_all": {}}, "_source": ["store", "kind", "id", "title", "price_min"],
    });
    let found = wire
        .json(Method::POST, &format!("{index}/_search"), "", &everything)
        .await?;
    let hits = found["hits"]["hits"].as_array().context("the response has no hits")?;
    hits.iter().map(|hit| document(&hit["_source"])).collect()
}

fn document(source: &Value) -> anyhow::Result<(ScenarioEntity, ExpectedDocument)> {
    let text = |name: &str| {
        source[name]
            .as_str()
            .with_context(|| format!("the document has no {name}: {source}"))
    };
    let entity = ScenarioEntity {
        store: text("store")?.to_owned(),
        kind: if text("kind")? == "product" {
            "product"
        } else {
            "collection"
        },
        id: text("id")?.parse().context("the id is not a number")?,
    };
    let shown = ExpectedDocument {
        title: text("title")?.to_owned(),
        price: source["price_min"].as_str().map(str::to_owned),
    };
    Ok((entity, shown))
}

/// Reads the index every [`POLL_INTERVAL`].
pub struct Watcher {
    pub wire: Wire,
    pub opensearch: String,
    pub scenario: Arc<Scenario>,
    pub handled: Arc<SourceLog>,
    pub stop: Arc<AtomicBool>,
}

impl Watcher {
    /// Violations seen, once for each entity.
    pub async fn run(self) -> anyhow::Result<BTreeSet<String>> {
        let mut newest_states: BTreeMap<ScenarioEntity, (i64, i64)> = BTreeMap::new();
        let mut wrong = BTreeSet::new();
        loop {
            // One more read after the end.
            let last = self.stop.load(Ordering::Relaxed);
            let deleted = self.deleted_by_now();
            for (entity, shown) in documents(&self.wire, &self.opensearch).await? {
                let Some(state) = self.state_of(&entity, &shown) else {
                    wrong.insert(format!("{entity:?} shows {shown:?}, which was never sent"));
                    continue;
                };
                if deleted.contains(&entity) {
                    wrong.insert(format!("{entity:?} is shown although it was deleted"));
                }
                let newest = newest_states.entry(entity.clone()).or_insert(state);
                if state < *newest {
                    wrong.insert(format!("{entity:?} went back to {}", shown.title));
                }
                *newest = state.max(*newest);
            }
            if last {
                return Ok(wrong);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn state_of(&self, entity: &ScenarioEntity, shown: &ExpectedDocument) -> Option<(i64, i64)> {
        let revision = shown.title.rsplit_once(" r")?.1.parse().ok()?;
        if entity.store == CONNECTED_STORE {
            // Its states come one after another; `Connected::difference` compares them with the store in the end.
            return Some((i64::from(revision), 0));
        }
        self.scenario.states.get(entity)?.get(&revision).copied()
    }

    /// Entities whose deletion was completed before now.
    fn deleted_by_now(&self) -> BTreeSet<ScenarioEntity> {
        let now = Instant::now();
        let deleted = self.handled.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted
            .iter()
            .filter(|(_, at)| **at < now)
            .map(|(entity, _)| entity.clone())
            .collect()
    }
}

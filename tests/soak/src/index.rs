//! Content of the index, and a watcher that reads it all the time: nothing may go back to an older state, and nothing
//! that was deleted may be seen again.

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
    scenario::{ASKED, Scenario, ScenarioEntity},
    source::SourceLog,
    wire::Wire,
};

const EVERY: Duration = Duration::from_millis(400);

/// Every document, as it is found by searching.
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
    let hits = found["hits"]["hits"].as_array().context("no hits")?;
    hits.iter().map(|hit| document(&hit["_source"])).collect()
}

fn document(source: &Value) -> anyhow::Result<(ScenarioEntity, ExpectedDocument)> {
    let text = |name: &str| {
        source[name]
            .as_str()
            .with_context(|| format!("a document without {name}: {source}"))
    };
    let thing = ScenarioEntity {
        store: text("store")?.to_owned(),
        kind: if text("kind")? == "product" {
            "product"
        } else {
            "collection"
        },
        id: text("id")?.parse().context("an id that is no number")?,
    };
    let shown = ExpectedDocument {
        title: text("title")?.to_owned(),
        price: source["price_min"].as_str().map(str::to_owned),
    };
    Ok((thing, shown))
}

/// Looks again and again.
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
        let mut seen: BTreeMap<ScenarioEntity, (i64, i64)> = BTreeMap::new();
        let mut wrong = BTreeSet::new();
        loop {
            // One more look after the end.
            let last = self.stop.load(Ordering::Relaxed);
            let deleted = self.deleted_by_now();
            for (thing, shown) in documents(&self.wire, &self.opensearch).await? {
                let Some(state) = self.state_of(&thing, &shown) else {
                    wrong.insert(format!("{thing:?} shows {shown:?}, which nobody sent"));
                    continue;
                };
                if deleted.contains(&thing) {
                    wrong.insert(format!("{thing:?} is seen although it was deleted"));
                }
                let newest = seen.entry(thing.clone()).or_insert(state);
                if state < *newest {
                    wrong.insert(format!("{thing:?} went back to {}", shown.title));
                }
                *newest = state.max(*newest);
            }
            if last {
                return Ok(wrong);
            }
            sleep(EVERY).await;
        }
    }

    fn state_of(&self, thing: &ScenarioEntity, shown: &ExpectedDocument) -> Option<(i64, i64)> {
        let revision = shown.title.rsplit_once(" r")?.1.parse().ok()?;
        if thing.store == ASKED {
            // It makes its states by itself, one after another; whether they are its own is looked at in the end.
            return Some((i64::from(revision), 0));
        }
        self.scenario.states.get(thing)?.get(&revision).copied()
    }

    /// Things whose deletion was answered for before now.
    fn deleted_by_now(&self) -> BTreeSet<ScenarioEntity> {
        let now = Instant::now();
        let deleted = self.handled.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        deleted
            .iter()
            .filter(|(_, at)| **at < now)
            .map(|(thing, _)| thing.clone())
            .collect()
    }
}

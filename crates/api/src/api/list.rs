//! `GET /api/stores?q=&state=&limit=&after=`: status of all stores that the principal may see.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hookline_domain::{
    access::{Principal, Reach},
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    store::{
        status::{StoreState, Summary},
        stores::{self, StoreList, StoreView, StoreViews},
    },
};
use jiff::{SignedDuration, Timestamp};
use lambda_http::Request;
use serde::{Deserialize, Serialize};

use super::{limit, parameter};
use crate::guard::ApiError;

/// Default number of stores on a page.
pub(super) const DEFAULT_STORES_PER_PAGE: usize = 50;

/// Largest `limit` of stores on a page.
pub(super) const MAX_STORES_PER_PAGE: usize = 200;

/// Lifetime of the cached table of stores. A thousand stores are some megabytes, and typing into the search box sends
/// several requests a second. A client that needs changes at once follows the list live.
const CACHE_LIFETIME: SignedDuration = SignedDuration::from_secs(2);

/// Largest number of stores that are read one by one; for more, the whole table is read.
const MAX_SINGLE_READS: usize = 25;

/// Query parameters of the list.
#[derive(Debug)]
struct ListQuery<'a> {
    q: String,
    state: Option<StoreState>,
    limit: usize,
    after: Option<&'a str>,
}

/// A page of stores.
#[derive(Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StoresResponse {
    /// The stores, in the order of their names.
    stores: Vec<Summary>,
    /// Value of `after` for the next page; null on the last page.
    next: Option<String>,
    /// Number of stores in each state, of all stores within reach, whatever the other parameters are.
    counts: StateCounts,
}

/// Number of stores in each state, of those that the principal may see.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StateCounts {
    /// Number of live stores.
    live: usize,
    /// Number of idle stores.
    idle: usize,
    /// Number of stores that a person should look at.
    attention: usize,
}

type Summaries = Arc<BTreeMap<StoreKey, Summary>>;

/// Cached summaries of all stores, at most [`CACHE_LIFETIME`] old.
#[derive(Debug, Default)]
pub(super) struct CachedSummaries(Mutex<Option<(Timestamp, Summaries)>>);

impl CachedSummaries {
    /// Returns the requested page of the stores that the principal may see.
    pub(super) async fn page(
        &self,
        stores: &(impl StoreViews + StoreList),
        clock: &impl Clock,
        principal: &Principal,
        request: &Request,
    ) -> Result<StoresResponse, ApiError> {
        let query = list_query(request)?;
        let page = match &principal.reach {
            Reach::Stores(few) if few.len() <= MAX_SINGLE_READS => {
                let mut summaries = BTreeMap::new();
                for store in few {
                    if let Some(view) = stores.view(store).await? {
                        summaries.insert(store.clone(), Summary::of(store, &view, clock.now()));
                    }
                }
                page(&summaries, principal, &query)
            }
            Reach::Stores(_) | Reach::All => page(&*self.all(stores, clock.now()).await?, principal, &query),
        };
        Ok(page)
    }

    async fn all(&self, stores: &impl StoreList, now: Timestamp) -> Result<Summaries, PortError> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, summaries)) = cached
            && now.duration_since(read_at).abs() < CACHE_LIFETIME
        {
            return Ok(summaries);
        }
        let views = stores::all(stores).await?;
        let summary = |(store, view): (StoreKey, StoreView)| {
            let summary = Summary::of(&store, &view, now);
            (store, summary)
        };
        let summaries: Summaries = Arc::new(views.into_iter().map(summary).collect());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&summaries)));
        Ok(summaries)
    }
}

fn list_query(request: &Request) -> Result<ListQuery<'_>, ApiError> {
    let state = parameter(request, "state").filter(|state| !state.is_empty());
    let state = state.map(|state| {
        StoreState::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(state))
            .map_err(|_| ApiError::BadRequest("state must be live, idle or attention".to_owned()))
    });
    Ok(ListQuery {
        q: parameter(request, "q").unwrap_or_default().trim().to_ascii_lowercase(),
        state: state.transpose()?,
        limit: limit(request, DEFAULT_STORES_PER_PAGE, MAX_STORES_PER_PAGE)?,
        after: parameter(request, "after").filter(|after| !after.is_empty()),
    })
}

/// Builds a page of the stores that the principal may see: those that match, with names after `after`. The counts
/// include stores that do not match.
fn page(all: &BTreeMap<StoreKey, Summary>, principal: &Principal, query: &ListQuery<'_>) -> StoresResponse {
    let mut counts = StateCounts::default();
    let mut matching = Vec::new();
    for (_, summary) in all.iter().filter(|(store, _)| principal.may_see(store)) {
        *match summary.state {
            StoreState::Live => &mut counts.live,
            StoreState::Idle => &mut counts.idle,
            StoreState::Attention => &mut counts.attention,
        } += 1;
        let name = summary.store.as_str();
        if name.to_ascii_lowercase().contains(&query.q)
            && query.state.is_none_or(|state| summary.state == state)
            && query.after.is_none_or(|after| name > after)
        {
            matching.push(summary);
        }
    }
    // By name, which `after` continues: keys begin with the source.
    matching.sort_by_key(|summary| summary.store.as_str());
    let next = (matching.len() > query.limit).then(|| matching[query.limit - 1].store.to_string());
    StoresResponse {
        stores: matching.into_iter().take(query.limit).cloned().collect(),
        next,
        counts,
    }
}

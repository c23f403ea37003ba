//! `GET /api/stores?q=&state=&limit=&after=`: how all stores within reach are doing.

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

/// How many stores there are on a page, unless asked for otherwise.
const STORES: usize = 50;

/// The most stores of one page.
const STORES_LIMIT: usize = 200;

/// How long the whole table, once read, is good for. A thousand stores are some megabytes, and whoever types into the search
/// box asks several times a second; who must know at once follows the list live.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(2);

/// Of so many stores each is asked for by itself, rather than the whole table be read.
const FEW: usize = 25;

/// What is asked for.
#[derive(Debug)]
struct Wanted<'a> {
    q: String,
    state: Option<StoreState>,
    limit: usize,
    after: Option<&'a str>,
}

/// A page of stores.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Page {
    stores: Vec<Summary>,
    next: Option<String>,
    counts: Counts,
}

/// How many stores within reach are in each state.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    live: usize,
    idle: usize,
    attention: usize,
}

type Summaries = Arc<BTreeMap<StoreKey, Summary>>;

/// All stores, as they were a moment ago.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<Option<(Timestamp, Summaries)>>);

impl Lately {
    /// The page that is asked for, of what is within reach.
    pub(super) async fn page(
        &self,
        stores: &(impl StoreViews + StoreList),
        clock: &impl Clock,
        principal: &Principal,
        request: &Request,
    ) -> Result<Page, ApiError> {
        let wanted = wanted(request)?;
        let page = match &principal.reach {
            Reach::Stores(few) if few.len() <= FEW => {
                let mut summaries = BTreeMap::new();
                for store in few {
                    if let Some(view) = stores.view(store).await? {
                        summaries.insert(store.clone(), Summary::of(store, &view, clock.now()));
                    }
                }
                page(&summaries, principal, &wanted)
            }
            Reach::Stores(_) | Reach::All => page(&*self.all(stores, clock.now()).await?, principal, &wanted),
        };
        Ok(page)
    }

    async fn all(&self, stores: &impl StoreList, now: Timestamp) -> Result<Summaries, PortError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, summaries)) = known
            && now.duration_since(read_at).abs() < GOOD_FOR
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

fn wanted(request: &Request) -> Result<Wanted<'_>, ApiError> {
    let state = parameter(request, "state").filter(|state| !state.is_empty());
    let state = state.map(|state| {
        StoreState::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(state))
            .map_err(|_| ApiError::BadRequest("state is live, idle or attention".to_owned()))
    });
    Ok(Wanted {
        q: parameter(request, "q").unwrap_or_default().trim().to_ascii_lowercase(),
        state: state.transpose()?,
        limit: limit(request, STORES, STORES_LIMIT)?,
        after: parameter(request, "after").filter(|after| !after.is_empty()),
    })
}

/// Of the stores within reach: those that fit, from the name after `after` on, and how many are in each state, whether they
/// fit or not.
fn page(all: &BTreeMap<StoreKey, Summary>, principal: &Principal, wanted: &Wanted<'_>) -> Page {
    let mut counts = Counts::default();
    let mut fitting = Vec::new();
    for (_, summary) in all.iter().filter(|(store, _)| principal.may_see(store)) {
        *match summary.state {
            StoreState::Live => &mut counts.live,
            StoreState::Idle => &mut counts.idle,
            StoreState::Attention => &mut counts.attention,
        } += 1;
        let name = summary.store.as_str();
        if name.to_ascii_lowercase().contains(&wanted.q)
            && wanted.state.is_none_or(|state| summary.state == state)
            && wanted.after.is_none_or(|after| name > after)
        {
            fitting.push(summary);
        }
    }
    // By name, as `after` goes on: keys have the source first.
    fitting.sort_by_key(|summary| summary.store.as_str());
    let next = (fitting.len() > wanted.limit).then(|| fitting[wanted.limit - 1].store.to_string());
    Page {
        stores: fitting.into_iter().take(wanted.limit).cloned().collect(),
        next,
        counts,
    }
}

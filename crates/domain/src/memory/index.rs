//! [`Index`], [`Documents`] and [`Search`] in memory.

use std::{collections::BTreeMap, future::Future};

use icu_normalizer::DecomposingNormalizer;

use super::Shared;
use crate::{
    catalogue::{
        document::Document,
        index::{self, Documents, Hit, Index, IndexChange, IndexOutcome, Search, SearchError, SearchPage, SearchQuery},
    },
    kernel::{ids::EntityKey, port::PortError, version::Version},
};

/// [`Index`] and [`Search`] in memory. Ranks by the number of matching words; forgives one or two typing errors.
#[derive(Debug, Clone, Default)]
pub struct MemoryIndex {
    /// `None` marks a removed document: like the real index, this one remembers the version.
    documents: Shared<BTreeMap<EntityKey, (Version, Option<Document>)>>,
}

impl MemoryIndex {
    /// Document of an entity.
    #[must_use]
    pub fn document(&self, entity: &EntityKey) -> Option<Document> {
        self.documents
            .lock()
            .get(entity)
            .and_then(|(_, document)| document.clone())
    }

    /// All documents that can be found.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        self.documents
            .lock()
            .values()
            .filter_map(|(_, document)| document.clone())
            .collect()
    }
}

impl Index for MemoryIndex {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        let mut documents = self.documents.lock();
        Ok(changes
            .iter()
            .map(|change| {
                let (version, document) = match change {
                    IndexChange::Put { version, document, .. } => (*version, Some((**document).clone())),
                    IndexChange::Remove { version, .. } => (*version, None),
                };
                let held = documents.get(change.entity()).map(|(held, _)| *held);
                if index::takes(held, version) {
                    documents.insert(change.entity().clone(), (version, document));
                    IndexOutcome::Applied
                } else {
                    IndexOutcome::Superseded
                }
            })
            .collect())
    }
}

impl Documents for MemoryIndex {
    async fn find(&self, entity: &EntityKey) -> Result<Option<Document>, PortError> {
        Ok(self.document(entity))
    }
}

impl Search for MemoryIndex {
    fn search(&self, query: &SearchQuery) -> impl Future<Output = Result<SearchPage, SearchError>> + Send {
        let wanted = words(&query.words.text());
        let mut hits: Vec<Hit> = self
            .documents
            .lock()
            .iter()
            .filter(|(entity, _)| entity.store == query.store)
            .filter_map(|(_, (_, document))| document.as_ref())
            .filter(|document| query.observed_after.is_none_or(|after| document.observed_at > after))
            .filter_map(|document| hit(document, &wanted))
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        let total = u64::try_from(hits.len()).unwrap_or(u64::MAX);
        hits.truncate(query.limit);
        std::future::ready(Ok(SearchPage { total, hits }))
    }
}

fn hit(document: &Document, wanted: &[String]) -> Option<Hit> {
    let score: u32 = wanted
        .iter()
        .map(|word| weight(word, &document.title) * 4 + weight(word, &document.text))
        .sum();
    (score > 0).then(|| {
        let highlights = [("title", &document.title), ("text", &document.text)]
            .into_iter()
            .filter_map(|(field, text)| {
                let fits = |word: &&str| wanted.iter().any(|w| weight(w, word) > 0);
                let word = text.split_whitespace().find(fits)?;
                Some((field.to_owned(), vec![format!("<em>{word}</em>")]))
            })
            .collect();
        Hit {
            score: f64::from(score),
            document: document.clone(),
            highlights,
        }
    })
}

/// Weight of a word in a text. A word with hyphens is found whole, and by its parts.
fn weight(word: &str, text: &str) -> u32 {
    let words = words(text);
    let parts = words.iter().flat_map(|word| word.split('-'));
    let fits = words
        .iter()
        .map(String::as_str)
        .chain(parts)
        .map(|other| fit(word, other));
    fits.max().unwrap_or(0)
}

/// Tolerance for typing errors, as with the real index's `AUTO`: no error in up to two letters, one in up to five, two
/// beyond.
fn fit(word: &str, other: &str) -> u32 {
    let forgiven = match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    match strsim::osa_distance(word, other) {
        0 => 3,
        errors if errors <= forgiven => 1,
        _ => 0,
    }
}

/// Words as the real index cuts them, without case and accents.
fn words(text: &str) -> Vec<String> {
    let plain: String = (DecomposingNormalizer::new_nfd().normalize(&text.to_lowercase()).chars())
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .collect();
    plain
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

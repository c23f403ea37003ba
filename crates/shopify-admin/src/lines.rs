//! Reads an export as a stream: JSON lines, a product's variants and collections after it
//! (<https://shopify.dev/docs/api/usage/bulk-operations/queries#download-result-data>).
//!
//! A batch ends where a product does, and says at which byte that is. In memory are the batch, the line that is being
//! read, what the network has brought, and the ids of the products so far.
//!
//! A line that cannot be read costs its product, and no other: a product without one of its variants would say less than
//! what is known of it. What comes where it does not belong, or twice, has its product asked for by its id.

use std::collections::HashSet;

use hookline_domain::{
    event::{Event, Observed},
    kernel::{
        ids::{EntityId, Kind},
        port::PortError,
    },
    store::stores::Skipped,
    sync::vendor::{CatalogueError, ExportBatch, Lines},
};
use hookline_sources::shopify::mended;
use jiff::Timestamp;
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};
use serde_json::Value;

use crate::{
    gid,
    http::Http,
    products::{CollectionTitle, ProductBody, VariantBody},
    record::{self, Odd},
};

const PORT: &str = "the export";

/// The longest line that is read; a description has at most 512 KB.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

/// An export that is being read.
#[derive(Debug)]
pub struct ExportLines {
    source: Source,
    currency: String,
    began_at: Timestamp,
    /// Where reading began.
    from: u64,
    /// What the network has brought and is not read: from `read` on, of which no line ends before `looked`.
    buffer: Vec<u8>,
    read: usize,
    looked: usize,
    /// Where the next line begins in the file.
    offset: u64,
    /// How many lines have been read.
    lines: u64,
    /// A product whose end has not been seen.
    open: Option<Open>,
    /// The products that have been told, by their global ids: each comes once. And those that were passed over.
    told: HashSet<String>,
    unread: HashSet<String>,
    failed: bool,
}

/// Where the bytes come from.
#[derive(Debug)]
enum Source {
    Download(Box<Response>),
    #[cfg(test)]
    Canned(std::collections::VecDeque<Vec<u8>>),
    End,
}

#[derive(Debug)]
struct Open {
    gid: String,
    /// Which line it began with.
    place: String,
    product: ProductBody,
    variants: Vec<VariantBody>,
    collections: Vec<CollectionTitle>,
    /// What is wrong with something that belongs to it: without that it would say less than is known.
    odd: Option<(String, Odd)>,
    /// Whether something that cannot be read may have belonged to it.
    doubted: bool,
}

/// A line of the file.
#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// Why an export cannot be read.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("its address answered with the status {0}: it may have expired; ask how the export stands")]
    Status(u16),
    #[error("it breaks off within a line, after {0} bytes")]
    Truncated(u64),
    #[error("reading it has failed before")]
    Before,
}

impl Broken {
    fn unasked(self) -> CatalogueError {
        PortError::new(PORT, self).into()
    }
}

impl ExportLines {
    /// Begins to read at `offset`.
    pub(crate) async fn begin(
        http: &Http,
        address: &str,
        currency: String,
        began_at: Timestamp,
        offset: u64,
    ) -> Result<Self, CatalogueError> {
        let source = if address.is_empty() {
            Source::End
        } else {
            opened(http.download(address, offset).await?, offset)?
        };
        Ok(Self::of(source, currency, began_at, offset))
    }

    fn of(source: Source, currency: String, began_at: Timestamp, offset: u64) -> Self {
        Self {
            source,
            currency,
            began_at,
            from: offset,
            buffer: Vec::new(),
            read: 0,
            looked: 0,
            offset,
            lines: 0,
            open: None,
            told: HashSet::new(),
            unread: HashSet::new(),
            failed: false,
        }
    }

    /// At most `limit` records, each of which ends where the line of another begins, or the file does.
    async fn batch(&mut self, limit: usize) -> Result<Option<ExportBatch>, CatalogueError> {
        let limit = limit.max(1);
        let mut batch = ExportBatch {
            products: Vec::new(),
            skipped: Vec::new(),
            doubtful: Vec::new(),
            offset: self.offset,
        };
        loop {
            let began = self.offset;
            let Some(line) = self.line().await? else {
                self.close(&mut batch);
                batch.offset = self.offset;
                return Ok((count(&batch) > 0).then_some(batch));
            };
            let record = match &line {
                Line::TooLong => Err("expected a shorter line"),
                Line::Text(line) if line.trim_ascii().is_empty() => continue,
                Line::Text(line) => object(line),
            };
            match record {
                Ok(record) if record.get("__parentId").is_some() => {
                    self.child(&mut batch, &record);
                    continue;
                }
                Ok(record) => self.product(&mut batch, &record),
                Err(problem) => {
                    batch.skipped.push(nameless(&place(self.from, self.lines), problem));
                    // It may have belonged to what comes before it.
                    if let Some(open) = &mut self.open {
                        open.doubted = true;
                    }
                    continue;
                }
            }
            if count(&batch) >= limit {
                batch.offset = if self.open.is_some() { began } else { self.offset };
                return Ok(Some(batch));
            }
        }
    }

    /// A product's own line. What was open ends with it.
    fn product(&mut self, batch: &mut ExportBatch, record: &Value) {
        let gid = record::text(record, "id").unwrap_or_default();
        if self.open.as_ref().is_some_and(|open| open.gid == gid) {
            return;
        }
        self.close(batch);
        let place = place(self.from, self.lines);
        let Ok(id) = gid::read("Product", gid) else {
            batch
                .skipped
                .push(nameless(&format!("{place}: id"), "expected the id of a Product"));
            return;
        };
        if !self.told.insert(gid.to_owned()) {
            // Once more, and nobody knows which of the two is whole.
            doubt(batch, id);
            return;
        }
        match record::read(record) {
            Ok(product) => {
                self.open = Some(Open {
                    gid: gid.to_owned(),
                    place,
                    product,
                    variants: Vec::new(),
                    collections: Vec::new(),
                    odd: None,
                    doubted: false,
                });
            }
            Err(odd) => {
                batch.skipped.push(odd.skipped_of(Kind::Product, Some(id), &place));
                self.unread.insert(gid.to_owned());
            }
        }
    }

    /// The line of something that belongs to a product.
    fn child(&mut self, batch: &mut ExportBatch, record: &Value) {
        let place = place(self.from, self.lines);
        let parent = record::text(record, "__parentId").unwrap_or_default();
        let Some(open) = self.open.as_mut().filter(|open| open.gid == parent) else {
            // Of a product that is passed over, all is.
            if !self.unread.contains(parent) {
                match gid::read("Product", parent) {
                    Ok(id) => doubt(batch, id),
                    Err(_) => batch.skipped.push(nameless(
                        &format!("{place}: __parentId"),
                        "expected the id of a Product",
                    )),
                }
            }
            return;
        };
        let read = match record::text(record, "id").and_then(gid::split) {
            Some(("ProductVariant", _)) => record::read(record).map(|variant: VariantBody| {
                if !open.variants.iter().any(|known| known.is_same(&variant)) {
                    open.variants.push(variant);
                }
            }),
            Some(("Collection", _)) => record::read(record).map(|collection| open.collections.push(collection)),
            _ => Err(Odd::new(parent, "id", "expected the id of a variant or a collection")),
        };
        if let Err(odd) = read {
            open.odd.get_or_insert((place, odd));
        }
    }

    /// Takes the open product, whole, or that it was passed over.
    fn close(&mut self, batch: &mut ExportBatch) {
        let Some(open) = self.open.take() else { return };
        let read = match open.odd {
            Some(odd) => Err(odd),
            None => open
                .product
                .into_product(open.variants, open.collections, &self.currency, self.began_at)
                .map_err(|odd| (open.place, odd)),
        };
        match read {
            Ok(product) if open.doubted => doubt(batch, product.id),
            Ok(product) => batch.products.push(Observed {
                event: Event::ProductUpdated(Box::new(product)),
                at: self.began_at,
            }),
            Err((place, odd)) => {
                let id = gid::read("Product", &open.gid).ok();
                batch.skipped.push(odd.skipped_of(Kind::Product, id, &place));
                self.unread.insert(open.gid);
            }
        }
    }

    /// The next line, without what ends it; `None` at the end of the file.
    async fn line(&mut self) -> Result<Option<Line>, CatalogueError> {
        let mut too_long = false;
        loop {
            let unseen = self.buffer.get(self.looked..).unwrap_or_default();
            if let Some(length) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = self.looked + length;
                too_long |= end - self.read > LONGEST_LINE;
                let line = self.buffer[self.read..end].to_vec();
                self.advance(end + 1);
                self.lines += 1;
                return Ok(Some(if too_long { Line::TooLong } else { Line::Text(line) }));
            }
            self.looked = self.buffer.len();
            if self.buffer.len() - self.read > LONGEST_LINE {
                // The rest of it is not kept.
                too_long = true;
                self.advance(self.buffer.len());
            }
            match self.source.chunk().await? {
                Some(chunk) => self.keep(&chunk),
                None if self.read == self.buffer.len() && !too_long => return Ok(None),
                None => {
                    // The last line may lack its end, if it is all there.
                    let line = self.buffer[self.read..].to_vec();
                    if too_long || serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() {
                        let length = self.offset - self.from + u64::try_from(line.len()).unwrap_or_default();
                        return Err(Broken::Truncated(length).unasked());
                    }
                    self.advance(self.buffer.len());
                    self.lines += 1;
                    return Ok(Some(Line::Text(line)));
                }
            }
        }
    }

    fn keep(&mut self, chunk: &[u8]) {
        self.buffer.drain(..self.read);
        self.looked -= self.read;
        self.read = 0;
        self.buffer.extend_from_slice(chunk);
    }

    fn advance(&mut self, end: usize) {
        self.offset += u64::try_from(end - self.read).unwrap_or_default();
        self.read = end;
        self.looked = end;
    }
}

/// The object that a line is.
fn object(line: &[u8]) -> Result<Value, &'static str> {
    let read = |line: &[u8]| serde_json::from_slice::<Value>(line);
    let value = read(line).or_else(|error| mended(line).map_or(Err(error), |line| read(&line)));
    let value = value.map_err(|_| "expected JSON")?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("expected an object")
    }
}

fn place(from: u64, line: u64) -> String {
    match from {
        0 => format!("line {line} of the export"),
        from => format!("line {line} of the export from byte {from} on"),
    }
}

/// What was passed over, of which not even the id can be read.
fn nameless(path: &str, problem: &str) -> Skipped {
    Skipped {
        kind: None,
        id: None,
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Has a product asked for by its id.
fn doubt(batch: &mut ExportBatch, id: EntityId) {
    if !batch.doubtful.contains(&id) {
        batch.doubtful.push(id);
    }
}

/// How many records a batch has.
fn count(batch: &ExportBatch) -> usize {
    batch.products.len() + batch.skipped.len() + batch.doubtful.len()
}

impl Lines for ExportLines {
    async fn next(&mut self, limit: usize) -> Result<Option<ExportBatch>, CatalogueError> {
        if self.failed {
            return Err(Broken::Before.unasked());
        }
        let batch = self.batch(limit).await;
        self.failed = batch.is_err();
        batch
    }
}

impl Source {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, CatalogueError> {
        match self {
            Self::Download(response) => match response.chunk().await {
                Ok(Some(chunk)) => Ok(Some(chunk.to_vec())),
                Ok(None) => {
                    *self = Self::End;
                    Ok(None)
                }
                // Whoever has the address can read the file.
                Err(error) => Err(crate::http::failed(PORT, error).into()),
            },
            #[cfg(test)]
            Self::Canned(chunks) => Ok(chunks.pop_front()),
            Self::End => Ok(None),
        }
    }
}

/// Whether the download begins where it was asked to.
fn opened(response: Response, offset: u64) -> Result<Source, CatalogueError> {
    let status = response.status();
    let range = response.headers().get(CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok()).unwrap_or_default();
    let begins = |place: &str| {
        range
            .strip_prefix("bytes ")
            .is_some_and(|range| range.starts_with(place))
    };
    match status {
        StatusCode::OK if offset == 0 => Ok(Source::Download(Box::new(response))),
        StatusCode::PARTIAL_CONTENT if begins(&format!("{offset}-")) => Ok(Source::Download(Box::new(response))),
        // All of it has been read before.
        StatusCode::RANGE_NOT_SATISFIABLE if range == format!("bytes */{offset}") => Ok(Source::End),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            Err(CatalogueError::Disagreed {
                problem: format!("the export cannot be read from byte {offset} on: {}", status.as_u16()),
            })
        }
        _ => Err(Broken::Status(status.as_u16()).unasked()),
    }
}

#[cfg(test)]
mod tests;

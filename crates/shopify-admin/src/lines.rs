//! Export as a stream: JSON lines, with a product's variants and collections after it
//! (<https://shopify.dev/docs/api/usage/bulk-operations/queries#download-result-data>).
//!
//! A batch ends where a product does, and states the byte. Memory holds the batch, the current line, the received
//! bytes, and the ids of the products that were read.
//!
//! A line that cannot be read costs its product and no other: a product without one of its variants would lack
//! something that is known. If a line is out of place or occurs twice, its product is fetched by its id.

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
    record::{self, RecordError},
};

const PORT: &str = "the export";

/// Maximum length of a line, in bytes; a description has at most 512 KB.
const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;

/// Export that is being read.
#[derive(Debug)]
pub struct ExportLines {
    source: Source,
    currency: String,
    began_at: Timestamp,
    /// Offset where reading began.
    from: u64,
    /// Received bytes: unread from `read` on, without a line end before `searched`.
    buffer: Vec<u8>,
    read: usize,
    searched: usize,
    /// Offset of the next line in the file.
    offset: u64,
    /// Number of lines that were read.
    lines: u64,
    /// Product whose last line has not been read.
    open: Option<Open>,
    /// Global ids of the products that were returned or skipped: each occurs once.
    product_gids: HashSet<String>,
    unread: HashSet<String>,
    failed: bool,
}

/// Source of the bytes.
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
    /// Number of its first line.
    position: String,
    product: ProductBody,
    variants: Vec<VariantBody>,
    collections: Vec<CollectionTitle>,
    /// Fault of a line that belongs to it. Without that line it would lack something that is known.
    odd: Option<(String, RecordError)>,
    /// True if an unreadable line may have belonged to it.
    doubted: bool,
}

/// Line of the file.
#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// An export that cannot be read.
#[derive(Debug, thiserror::Error)]
enum ExportReadError {
    #[error("its address answered with the status {0}: it may have expired; look at the state of the export")]
    Status(u16),
    #[error("it breaks off within a line, after {0} bytes")]
    Truncated(u64),
    #[error("reading it has failed before")]
    Before,
}

impl ExportReadError {
    fn into_error(self) -> CatalogueError {
        PortError::new(PORT, self).into()
    }
}

impl ExportLines {
    /// Begins reading at `offset`.
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
            searched: 0,
            offset,
            lines: 0,
            open: None,
            product_gids: HashSet::new(),
            unread: HashSet::new(),
            failed: false,
        }
    }

    /// Returns at most `limit` records. A record ends where the next one begins, or the file ends.
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
                    batch.skipped.push(nameless(&position(self.from, self.lines), problem));
                    // The record may belong to the preceding product.
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

    /// Reads the line of a product, which ends the product before.
    fn product(&mut self, batch: &mut ExportBatch, record: &Value) {
        let gid = record::text(record, "id").unwrap_or_default();
        if self.open.as_ref().is_some_and(|open| open.gid == gid) {
            return;
        }
        self.close(batch);
        let position = position(self.from, self.lines);
        let Ok(id) = gid::read("Product", gid) else {
            batch
                .skipped
                .push(nameless(&format!("{position}: id"), "expected the id of a Product"));
            return;
        };
        if !self.product_gids.insert(gid.to_owned()) {
            // A repeated product: it is unknown which of the two is complete.
            doubt(batch, id);
            return;
        }
        match record::read(record) {
            Ok(product) => {
                self.open = Some(Open {
                    gid: gid.to_owned(),
                    position,
                    product,
                    variants: Vec::new(),
                    collections: Vec::new(),
                    odd: None,
                    doubted: false,
                });
            }
            Err(odd) => {
                batch.skipped.push(odd.skipped_of(Kind::Product, Some(id), &position));
                self.unread.insert(gid.to_owned());
            }
        }
    }

    /// Reads a line that belongs to a product.
    fn child(&mut self, batch: &mut ExportBatch, record: &Value) {
        let position = position(self.from, self.lines);
        let parent = record::text(record, "__parentId").unwrap_or_default();
        let Some(open) = self.open.as_mut().filter(|open| open.gid == parent) else {
            // All lines of a skipped product are skipped.
            if !self.unread.contains(parent) {
                match gid::read("Product", parent) {
                    Ok(id) => doubt(batch, id),
                    Err(_) => batch.skipped.push(nameless(
                        &format!("{position}: __parentId"),
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
            _ => Err(RecordError::new(
                parent,
                "id",
                "expected the id of a variant or a collection",
            )),
        };
        if let Err(odd) = read {
            open.odd.get_or_insert((position, odd));
        }
    }

    /// Adds the open product to the batch, complete or as skipped.
    fn close(&mut self, batch: &mut ExportBatch) {
        let Some(open) = self.open.take() else { return };
        let read = match open.odd {
            Some(odd) => Err(odd),
            None => open
                .product
                .into_product(open.variants, open.collections, &self.currency, self.began_at)
                .map_err(|odd| (open.position, odd)),
        };
        match read {
            Ok(product) if open.doubted => doubt(batch, product.id),
            Ok(product) => batch.products.push(Observed {
                event: Event::ProductUpdated(Box::new(product)),
                at: self.began_at,
            }),
            Err((position, odd)) => {
                let id = gid::read("Product", &open.gid).ok();
                batch.skipped.push(odd.skipped_of(Kind::Product, id, &position));
                self.unread.insert(open.gid);
            }
        }
    }

    /// Returns the next line without its line feed; `None` at the end of the file.
    async fn line(&mut self) -> Result<Option<Line>, CatalogueError> {
        let mut too_long = false;
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(length) = unsearched.iter().position(|byte| *byte == b'\n') {
                let end = self.searched + length;
                too_long |= end - self.read > MAX_LINE_BYTES;
                let line = self.buffer[self.read..end].to_vec();
                self.advance(end + 1);
                self.lines += 1;
                return Ok(Some(if too_long { Line::TooLong } else { Line::Text(line) }));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() - self.read > MAX_LINE_BYTES {
                // The rest of the line is dropped.
                too_long = true;
                self.advance(self.buffer.len());
            }
            match self.source.chunk().await? {
                Some(chunk) => self.append(&chunk),
                None if self.read == self.buffer.len() && !too_long => return Ok(None),
                None => {
                    // The last line may lack its line feed if the file is complete.
                    let line = self.buffer[self.read..].to_vec();
                    if too_long || serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() {
                        let length = self.offset - self.from + u64::try_from(line.len()).unwrap_or_default();
                        return Err(ExportReadError::Truncated(length).into_error());
                    }
                    self.advance(self.buffer.len());
                    self.lines += 1;
                    return Ok(Some(Line::Text(line)));
                }
            }
        }
    }

    fn append(&mut self, chunk: &[u8]) {
        self.buffer.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        self.buffer.extend_from_slice(chunk);
    }

    fn advance(&mut self, end: usize) {
        self.offset += u64::try_from(end - self.read).unwrap_or_default();
        self.read = end;
        self.searched = end;
    }
}

/// Parses a line as an object.
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

fn position(from: u64, line: u64) -> String {
    match from {
        0 => format!("line {line} of the export"),
        from => format!("line {line} of the export from byte {from} on"),
    }
}

/// Returns a skipped record whose id cannot be read.
fn nameless(path: &str, problem: &str) -> Skipped {
    Skipped {
        kind: None,
        id: None,
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Marks a product to be fetched by its id.
fn doubt(batch: &mut ExportBatch, id: EntityId) {
    if !batch.doubtful.contains(&id) {
        batch.doubtful.push(id);
    }
}

/// Number of records in a batch.
fn count(batch: &ExportBatch) -> usize {
    batch.products.len() + batch.skipped.len() + batch.doubtful.len()
}

impl Lines for ExportLines {
    async fn next(&mut self, limit: usize) -> Result<Option<ExportBatch>, CatalogueError> {
        if self.failed {
            return Err(ExportReadError::Before.into_error());
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
                // Anybody with the address can read the file, so it is not logged.
                Err(error) => Err(crate::http::failed(PORT, error).into()),
            },
            #[cfg(test)]
            Self::Canned(chunks) => Ok(chunks.pop_front()),
            Self::End => Ok(None),
        }
    }
}

/// Checks that the download begins at the requested offset.
fn opened(response: Response, offset: u64) -> Result<Source, CatalogueError> {
    let status = response.status();
    let range = response.headers().get(CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok()).unwrap_or_default();
    let begins = |position: &str| {
        range
            .strip_prefix("bytes ")
            .is_some_and(|range| range.starts_with(position))
    };
    match status {
        StatusCode::OK if offset == 0 => Ok(Source::Download(Box::new(response))),
        StatusCode::PARTIAL_CONTENT if begins(&format!("{offset}-")) => Ok(Source::Download(Box::new(response))),
        // An earlier request has read the whole file.
        StatusCode::RANGE_NOT_SATISFIABLE if range == format!("bytes */{offset}") => Ok(Source::End),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            Err(CatalogueError::Disagreed {
                problem: format!("the export cannot be read from byte {offset} on: {}", status.as_u16()),
            })
        }
        _ => Err(ExportReadError::Status(status.as_u16()).into_error()),
    }
}

#[cfg(test)]
mod tests;

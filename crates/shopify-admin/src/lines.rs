//! Reads an export as a stream: JSON lines, a product's variants and collections after it
//! (<https://shopify.dev/docs/api/usage/bulk-operations/queries#download-result-data>).
//!
//! A batch ends where a product does, and says at which byte that is. In memory are the batch, the line that is being
//! read, and what the network has brought.

use hookline_domain::{
    catalogue::{Batch, Lines, Unasked},
    event::{Event, Observed},
    port::Unavailable,
    product::Product,
};
use jiff::Timestamp;
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    answer::misfit,
    gid,
    http::Http,
    products::{CollectionTitle, ProductBody, VariantBody},
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
    product: ProductBody,
    variants: Vec<VariantBody>,
    collections: Vec<CollectionTitle>,
}

/// What every line has.
#[derive(Deserialize)]
struct Head {
    id: String,
    #[serde(rename = "__parentId")]
    parent: Option<String>,
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
    fn unasked(self) -> Unasked {
        Unavailable::new(PORT, self).into()
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
    ) -> Result<Self, Unasked> {
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
            failed: false,
        }
    }

    /// At most `limit` products, each of which ends where the line of another begins, or the file does.
    async fn batch(&mut self, limit: usize) -> Result<Option<Batch>, Unasked> {
        let limit = limit.max(1);
        let mut products = Vec::new();
        loop {
            let began = self.offset;
            let Some(line) = self.line().await? else {
                products.extend(self.close()?);
                let offset = self.offset;
                return Ok((!products.is_empty()).then_some(Batch { products, offset }));
            };
            let head: Head = self.parse(&line)?;
            if let Some(parent) = head.parent {
                self.child(&head.id, &parent, &line)?;
                continue;
            }
            let product = self.parse(&line)?;
            products.extend(self.close()?);
            self.open = Some(Open {
                gid: head.id,
                product,
                variants: Vec::new(),
                collections: Vec::new(),
            });
            if products.len() == limit {
                let offset = began;
                return Ok(Some(Batch { products, offset }));
            }
        }
    }

    fn child(&mut self, id: &str, parent: &str, line: &[u8]) -> Result<(), Unasked> {
        // Taken out, so that what is wrong can be told of the whole.
        let Some(mut open) = self.open.take().filter(|open| open.gid == parent) else {
            return Err(self.wrong("it belongs to a product that is not right before it"));
        };
        match gid::split(id) {
            Some(("ProductVariant", _)) => open.variants.push(self.parse(line)?),
            Some(("Collection", _)) => open.collections.push(self.parse(line)?),
            _ => return Err(self.wrong("it is neither a product, nor a variant, nor a collection")),
        }
        self.open = Some(open);
        Ok(())
    }

    /// The open product, whole.
    fn close(&mut self) -> Result<Option<Observed>, Unasked> {
        let Some(open) = self.open.take() else {
            return Ok(None);
        };
        let product: Product = open
            .product
            .into_product(open.variants, open.collections, &self.currency)?;
        Ok(Some(Observed {
            event: Event::ProductUpdated(Box::new(product)),
            at: self.began_at,
        }))
    }

    /// The next line, without what ends it; `None` at the end of the file.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, Unasked> {
        loop {
            let unseen = self.buffer.get(self.looked..).unwrap_or_default();
            if let Some(length) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = self.looked + length;
                let line = self.buffer[self.read..end].to_vec();
                self.advance(end + 1);
                return Ok(Some(line));
            }
            self.looked = self.buffer.len();
            if self.buffer.len() - self.read > LONGEST_LINE {
                return Err(self.wrong("it is longer than any"));
            }
            match self.source.chunk().await? {
                Some(chunk) => self.keep(&chunk),
                None if self.read == self.buffer.len() => return Ok(None),
                None => {
                    // The last line may lack its end, if it is all there.
                    let line = self.buffer[self.read..].to_vec();
                    if serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_err() {
                        let length = self.offset - self.from + u64::try_from(line.len()).unwrap_or_default();
                        return Err(Broken::Truncated(length).unasked());
                    }
                    self.advance(self.buffer.len());
                    return Ok(Some(line));
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
        self.lines += 1;
        self.read = end;
        self.looked = end;
    }

    fn parse<T: DeserializeOwned>(&self, line: &[u8]) -> Result<T, Unasked> {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| misfit(&self.place(), &error))
    }

    fn wrong(&self, problem: &str) -> Unasked {
        Unasked::Disagreed {
            problem: format!("{} does not fit: {problem}", self.place()),
        }
    }

    fn place(&self) -> String {
        match self.from {
            0 => format!("line {} of the export", self.lines),
            from => format!("line {} of the export from byte {from} on", self.lines),
        }
    }
}

impl Lines for ExportLines {
    async fn next(&mut self, limit: usize) -> Result<Option<Batch>, Unasked> {
        if self.failed {
            return Err(Broken::Before.unasked());
        }
        let batch = self.batch(limit).await;
        self.failed = batch.is_err();
        batch
    }
}

impl Source {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Unasked> {
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
fn opened(response: Response, offset: u64) -> Result<Source, Unasked> {
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
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Err(Unasked::Disagreed {
            problem: format!("the export cannot be read from byte {offset} on: {}", status.as_u16()),
        }),
        _ => Err(Broken::Status(status.as_u16()).unasked()),
    }
}

#[cfg(test)]
mod tests;

//! Files of the panel, read once at the start. A request's file name is only looked up among theirs, never used as a
//! path.

use std::{collections::BTreeMap, fs, io, path::Path};

use http::{HeaderMap, HeaderValue, header};
use lambda_http::Body;
use sha2::{Digest, Sha256};

/// Suffix of the compressed copy of a file.
const GZIP_SUFFIX: &str = ".gz";

/// Files by name, as in `index-4d5e.js`.
#[derive(Debug)]
pub struct Files(BTreeMap<String, File>);

/// A file, with a compressed copy if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    content_type: &'static str,
    body: Vec<u8>,
    gzip: Option<Vec<u8>>,
    hash: String,
}

/// Content encoding of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Uncompressed.
    Identity,
    /// Compressed with gzip.
    Gzip,
}

/// A file or folder of the panel cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the files of the panel cannot be read from {path}")]
pub struct PanelFilesError {
    path: String,
    source: io::Error,
}

impl Files {
    /// Reads all files of a folder, without links and subfolders.
    ///
    /// # Errors
    /// [`PanelFilesError`] names the path that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, PanelFilesError> {
        let mut bodies = read_files(folder).map_err(|source| PanelFilesError::new(folder, source))?;
        let mut compressed: BTreeMap<String, Vec<u8>> =
            bodies.extract_if(.., |name, _| name.ends_with(GZIP_SUFFIX)).collect();
        let files = bodies.into_iter().map(|(name, body)| {
            let gzip = compressed.remove(&format!("{name}{GZIP_SUFFIX}"));
            let file = File::new(&name, body);
            (name, File { gzip, ..file })
        });
        Ok(Self(files.collect()))
    }

    /// Returns a file by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&File> {
        self.0.get(name)
    }
}

fn read_files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut bodies = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
            bodies.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(bodies)
}

impl PanelFilesError {
    fn new(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.display().to_string(),
            source,
        }
    }
}

impl File {
    /// Reads a file from a folder, if it exists.
    ///
    /// # Errors
    /// [`PanelFilesError`] if it exists and cannot be read.
    pub fn read(folder: &Path, name: &str) -> Result<Option<Self>, PanelFilesError> {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(body) => Ok(Some(Self::new(name, body))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PanelFilesError::new(&path, error)),
        }
    }

    /// Creates a file without a compressed copy; its content type follows from the extension.
    #[must_use]
    pub fn new(name: &str, body: Vec<u8>) -> Self {
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let (first, _) = digest.split_first_chunk().expect("32 bytes begin with 16");
        Self {
            content_type: content_type(name),
            hash: format!("{:032x}", u128::from_be_bytes(*first)),
            body,
            gzip: None,
        }
    }

    /// Content type.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Content, uncompressed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Encoding for a request: gzip, if there is a compressed copy and the client accepts it.
    #[must_use]
    pub fn encoding_for(&self, request: &HeaderMap) -> Encoding {
        if self.gzip.is_some() && accepts_gzip(request) {
            Encoding::Gzip
        } else {
            Encoding::Identity
        }
    }

    /// Entity tag of the content in this encoding.
    #[must_use]
    pub fn etag(&self, encoding: Encoding) -> HeaderValue {
        let suffix = match encoding {
            Encoding::Identity => "",
            Encoding::Gzip => "-gz",
        };
        let tag = format!("\"{}{suffix}\"", self.hash);
        HeaderValue::try_from(tag).expect("hexadecimal digits between quotes can be a header")
    }

    /// Body for API Gateway: text if the content is UTF-8, otherwise binary, which is sent as base64.
    #[must_use]
    pub fn as_sent(&self, encoding: Encoding) -> Body {
        match (encoding, &self.gzip) {
            (Encoding::Gzip, Some(compressed)) => Body::Binary(compressed.clone()),
            _ => match str::from_utf8(&self.body) {
                Ok(text) => Body::Text(text.to_owned()),
                Err(_) => Body::Binary(self.body.clone()),
            },
        }
    }
}

/// Returns true if `Accept-Encoding` lists gzip, and not with `q=0`.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts
            .filter_map(|part| part.strip_prefix("q="))
            .any(|weight| weight.parse().is_ok_and(|weight: f32| weight <= 0.0));
        gzip && !refused
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}

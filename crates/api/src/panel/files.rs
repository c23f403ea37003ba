//! The files of the panel, read once, at the start: what is asked for is compared with their names, and is never a path.

use std::{collections::BTreeMap, fs, io, path::Path};

use http::{HeaderMap, HeaderValue, header};
use lambda_http::Body;
use sha2::{Digest, Sha256};

/// What a compressed file beside another one is called.
const COMPRESSED: &str = ".gz";

/// Files by their names, as in `index-4d5e.js`.
#[derive(Debug)]
pub struct Files(BTreeMap<String, File>);

/// A file, and maybe the same compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    content_type: &'static str,
    body: Vec<u8>,
    gzip: Option<Vec<u8>>,
    hash: String,
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Compressed.
    Gzip,
}

/// The files cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the files of the panel cannot be read from {path}")]
pub struct NoFiles {
    path: String,
    source: io::Error,
}

impl Files {
    /// Reads all there are in a folder. Links are not followed, nor folders in it.
    ///
    /// # Errors
    /// [`NoFiles`] names what cannot be read.
    pub fn read(folder: &Path) -> Result<Self, NoFiles> {
        let mut bodies = gather(folder).map_err(|source| NoFiles::new(folder, source))?;
        let mut compressed: BTreeMap<String, Vec<u8>> =
            bodies.extract_if(.., |name, _| name.ends_with(COMPRESSED)).collect();
        let files = bodies.into_iter().map(|(name, body)| {
            let gzip = compressed.remove(&format!("{name}{COMPRESSED}"));
            let file = File::new(&name, body);
            (name, File { gzip, ..file })
        });
        Ok(Self(files.collect()))
    }

    /// A file by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&File> {
        self.0.get(name)
    }
}

fn gather(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut bodies = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string()) {
            bodies.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(bodies)
}

impl NoFiles {
    fn new(path: &Path, source: io::Error) -> Self {
        Self {
            path: path.display().to_string(),
            source,
        }
    }
}

impl File {
    /// Reads one from a folder, if it is there.
    ///
    /// # Errors
    /// [`NoFiles`] when it cannot be read.
    pub fn read(folder: &Path, name: &str) -> Result<Option<Self>, NoFiles> {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(body) => Ok(Some(Self::new(name, body))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NoFiles::new(&path, error)),
        }
    }

    /// A file that is not compressed; the name's ending tells what it is.
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

    /// What it is.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Its bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Compressed, if it can be had so and who asks understands it.
    #[must_use]
    pub fn encoding_for(&self, asked: &HeaderMap) -> Encoding {
        if self.gzip.is_some() && takes_gzip(asked) {
            Encoding::Gzip
        } else {
            Encoding::Identity
        }
    }

    /// A name for these very bytes.
    #[must_use]
    pub fn etag(&self, encoding: Encoding) -> HeaderValue {
        let suffix = match encoding {
            Encoding::Identity => "",
            Encoding::Gzip => "-gz",
        };
        let tag = format!("\"{}{suffix}\"", self.hash);
        HeaderValue::try_from(tag).expect("hexadecimal digits between quotes can be a header")
    }

    /// As API Gateway takes it: text as it is, anything else in base64.
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

/// Whether `Accept-Encoding` lists it, and not with `q=0`.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(header::ACCEPT_ENCODING).iter();
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

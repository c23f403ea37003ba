//! The panel's page with its assets, as files that were read at the start ([`Files`]), served with headers that allow
//! the page what it needs and nothing else (`policy`).
//!
//! These files are public: they contain no secret. The page gets its data from the API.

pub mod files;
mod policy;

use std::{env, io, path::PathBuf};

use hookline_sources::shopify;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt};

use self::{
    files::{Encoding, File, Files, PanelFilesError},
    policy::{InvalidLiveUrlError, Policy},
};
use crate::config::PanelConfig;
use hookline_lambda::serve::{Http, empty, line};

/// Folder of the files, below the function's folder.
const FOLDER: &str = "public";

/// File name of the page.
const PAGE: &str = "index.html";

/// Folder of scripts and styles, which have a hash in their names.
const ASSETS: &str = "assets";

/// Shopify's script must come first in the head, after the app's id
/// (<https://shopify.dev/docs/api/app-bridge-library>).
const APP_BRIDGE: &str = "https://cdn.shopify.com/shopifycloud/app-bridge.js";

/// `Cache-Control` of assets: the bytes under a hashed name never change.
const CACHE_FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// `Cache-Control` of the page, which changes with a deployment.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Serves the panel.
#[derive(Debug)]
pub struct Panel {
    page: File,
    /// The page for Shopify's admin, if the app's client id is configured.
    embedded: Option<File>,
    assets: Files,
    policy: Policy,
}

/// Failure to load the panel or its policy.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// The path of the executable is unknown.
    #[error("cannot find the folder of the executable")]
    UnknownFolder(#[source] io::Error),
    /// A file cannot be read; see [`PanelFilesError`].
    #[error(transparent)]
    Files(#[from] PanelFilesError),
    /// The files were not built, or not deployed with the binary.
    #[error("{PAGE} is not in {0}: build it with `make web` and deploy it with the binary")]
    NoPage(PathBuf),
    /// The page is not the one that `make web` builds.
    #[error("{PAGE} has no <head>")]
    NoHead,
    /// `LIVE_URL` is invalid.
    #[error(transparent)]
    LiveUrl(#[from] InvalidLiveUrlError),
    /// The client id has characters that could end an HTML attribute; Shopify's ids have none.
    #[error("SHOPIFY_CLIENT_ID may contain only letters, digits, - and _")]
    ClientId,
}

impl Panel {
    /// Reads the files.
    ///
    /// # Errors
    /// [`PanelError`] names the missing file or the invalid setting.
    pub fn new(config: &PanelConfig) -> Result<Self, PanelError> {
        let folder = match &config.task_root {
            Some(root) => PathBuf::from(root),
            None => env::current_exe().map_err(PanelError::UnknownFolder)?,
        };
        let folder = match &config.task_root {
            Some(_) => folder.join(FOLDER),
            None => folder.with_file_name(FOLDER),
        };
        let page = File::read(&folder, PAGE)?.ok_or_else(|| PanelError::NoPage(folder.clone()))?;
        let assets = Files::read(&folder.join(ASSETS))?;
        let embedded = config.client_id.as_deref().map(|id| embedded(&page, id)).transpose()?;
        let policy = Policy::new(config.live_url.as_deref())?;
        Ok(Self {
            page,
            embedded,
            assets,
            policy,
        })
    }

    fn respond(&self, request: &Request) -> Response<Body> {
        let shop = self.embedded.as_ref().and(shop(request));
        let mut response = match self.find(request, shop.is_some()) {
            Some((file, cache_control)) => file_response(file, cache_control, request.headers()),
            None => line(StatusCode::NOT_FOUND, "no such file"),
        };
        self.policy.apply(response.headers_mut(), shop.as_deref());
        if request.method() == Method::HEAD {
            *response.body_mut() = Body::Empty;
        }
        response
    }

    /// Returns the file that the route's parameter names, with its `Cache-Control`. Only files read at the start are
    /// served.
    fn find(&self, request: &Request, embedded: bool) -> Option<(&File, HeaderValue)> {
        let parameters = request.path_parameters_ref();
        if let Some(asset) = parameters.and_then(|parameters| parameters.first("asset")) {
            return Some((self.assets.get(asset)?, CACHE_FOREVER));
        }
        let page = self.embedded.as_ref().filter(|_| embedded);
        Some((page.unwrap_or(&self.page), REVALIDATE))
    }
}

impl Http for Panel {
    async fn answer(&self, request: Request) -> Response<Body> {
        self.respond(&request)
    }

    async fn afterwards(&self) {}
}

/// Returns the shop in whose admin the page is shown, from the parameter that Shopify adds to the app's URL. A client
/// that sets the parameter itself can only make the page frameable by that shop's admin.
fn shop(request: &Request) -> Option<String> {
    let shops = request.query_string_parameters_ref()?.all("shop")?;
    let [shop] = shops[..] else {
        return None;
    };
    Some(shopify::store(shop).ok()?.store.to_string())
}

/// Builds the page with App Bridge, which provides session tokens.
fn embedded(page: &File, client_id: &str) -> Result<File, PanelError> {
    if !client_id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(PanelError::ClientId);
    }
    let html = String::from_utf8_lossy(page.body());
    let (before, after) = html.split_once("<head>").ok_or(PanelError::NoHead)?;
    let bridge =
        format!("<head><meta name=\"shopify-api-key\" content=\"{client_id}\"><script src=\"{APP_BRIDGE}\"></script>");
    Ok(File::new(PAGE, [before, &bridge, after].concat().into_bytes()))
}

/// A response with the file, or 304 if the client's copy is current.
fn file_response(file: &File, cache_control: HeaderValue, request: &HeaderMap) -> Response<Body> {
    let encoding = file.encoding_for(request);
    let etag = file.etag(encoding);
    let mut response = if unchanged(request, etag.as_bytes()) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        response.headers_mut().remove(header::CONTENT_TYPE);
        response
    } else {
        let mut response = Response::new(file.as_sent(encoding));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type()));
        if encoding == Encoding::Gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// Returns true if one of the tags in `If-None-Match` is this one.
fn unchanged(request: &HeaderMap, etag: &[u8]) -> bool {
    let listed = request.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = listed.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag
    })
}

#[cfg(test)]
mod tests;

//! The panel's page and what belongs to it, as files that were found at the start ([`Files`]), under headers that let
//! the page do what it does and nothing else ([`policy`]).
//!
//! Everybody may have these files: there is no secret in them. What the page shows, it asks the API for.

pub mod files;
mod policy;

use std::{env, io, path::PathBuf};

use hookline_sources::shopify;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt};

use self::{
    files::{Encoding, File, Files, NoFiles},
    policy::{InvalidLiveUrl, Policy},
};
use crate::config::PanelConfig;
use hookline_lambda::serve::{Http, empty, line};

/// Where the files are, below the function's own folder.
const FOLDER: &str = "public";

/// The file that is the page.
const PAGE: &str = "index.html";

/// Where its scripts and styles are, whose names have a hash in them.
const ASSETS: &str = "assets";

/// Shopify's script must come first in the head, after the app's id
/// (<https://shopify.dev/docs/api/app-bridge-library>).
const APP_BRIDGE: &str = "https://cdn.shopify.com/shopifycloud/app-bridge.js";

/// A hashed name never means other bytes; the page's may, with the next deployment.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Serves the panel.
#[derive(Debug)]
pub struct Panel {
    page: File,
    /// The page as Shopify's admin gets it, if the app's id is known.
    embedded: Option<File>,
    assets: Files,
    policy: Policy,
}

/// There is nothing to serve, or no policy to serve it under.
#[derive(Debug, thiserror::Error)]
pub enum NoPanel {
    /// Nobody knows where this program is.
    #[error("the folder of this program cannot be told")]
    Nowhere(#[source] io::Error),
    /// See [`NoFiles`].
    #[error(transparent)]
    Files(#[from] NoFiles),
    /// The files were not built, or not put beside the binary.
    #[error("{PAGE} is not in {0}: it comes from `make web`, and is to be deployed with the binary")]
    NoPage(PathBuf),
    /// The page is another than was built here.
    #[error("{PAGE} has no <head>")]
    NoHead,
    /// `LIVE_URL` is not one.
    #[error(transparent)]
    LiveUrl(#[from] InvalidLiveUrl),
    /// An id that could end an attribute is none of Shopify's.
    #[error("SHOPIFY_CLIENT_ID has characters that no client id has")]
    ClientId,
}

impl Panel {
    /// Reads the files.
    ///
    /// # Errors
    /// [`NoPanel`] says what is missing.
    pub fn new(config: &PanelConfig) -> Result<Self, NoPanel> {
        let folder = match &config.task_root {
            Some(root) => PathBuf::from(root),
            None => env::current_exe().map_err(NoPanel::Nowhere)?,
        };
        let folder = match &config.task_root {
            Some(_) => folder.join(FOLDER),
            None => folder.with_file_name(FOLDER),
        };
        let page = File::read(&folder, PAGE)?.ok_or_else(|| NoPanel::NoPage(folder.clone()))?;
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
        let mut response = match self.wanted(request, shop.is_some()) {
            Some((file, keep)) => given(file, keep, request.headers()),
            None => line(StatusCode::NOT_FOUND, "there is no such file"),
        };
        self.policy.apply(response.headers_mut(), shop.as_deref());
        if request.method() == Method::HEAD {
            *response.body_mut() = Body::Empty;
        }
        response
    }

    /// The file, by the parameter of the route that has led here; only what was found at the start can be had.
    fn wanted(&self, request: &Request, embedded: bool) -> Option<(&File, HeaderValue)> {
        let parameters = request.path_parameters_ref();
        if let Some(asset) = parameters.and_then(|parameters| parameters.first("asset")) {
            return Some((self.assets.get(asset)?, FOR_GOOD));
        }
        let page = self.embedded.as_ref().filter(|_| embedded);
        Some((page.unwrap_or(&self.page), ASK_AGAIN))
    }
}

impl Http for Panel {
    async fn answer(&self, request: Request) -> Response<Body> {
        self.respond(&request)
    }

    async fn afterwards(&self) {}
}

/// The shop in whose admin the page is shown: what Shopify adds to the app's address. Whoever writes one there himself
/// can frame the page in that shop's admin only.
fn shop(request: &Request) -> Option<String> {
    let shops = request.query_string_parameters_ref()?.all("shop")?;
    let [shop] = shops[..] else {
        return None;
    };
    Some(shopify::store(shop).ok()?.store.to_string())
}

/// The page with App Bridge, which gives it session tokens.
fn embedded(page: &File, client_id: &str) -> Result<File, NoPanel> {
    if !client_id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(NoPanel::ClientId);
    }
    let html = String::from_utf8_lossy(page.body());
    let (before, after) = html.split_once("<head>").ok_or(NoPanel::NoHead)?;
    let bridge =
        format!("<head><meta name=\"shopify-api-key\" content=\"{client_id}\"><script src=\"{APP_BRIDGE}\"></script>");
    Ok(File::new(PAGE, [before, &bridge, after].concat().into_bytes()))
}

/// The file, or that the one at hand is still right.
fn given(file: &File, keep: HeaderValue, asked: &HeaderMap) -> Response<Body> {
    let encoding = file.encoding_for(asked);
    let etag = file.etag(encoding);
    let mut response = if unchanged(asked, etag.as_bytes()) {
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
    headers.insert(header::CACHE_CONTROL, keep);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// Whether one of the tags that the client has is this one.
fn unchanged(asked: &HeaderMap, etag: &[u8]) -> bool {
    let listed = asked.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = listed.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag
    })
}

#[cfg(test)]
mod tests;

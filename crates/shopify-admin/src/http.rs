//! HTTP requests to a store's Admin API: address, connection pool, meaning of statuses.

use std::time::Duration;

use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{Cause, PortError},
        secret::Secret,
    },
    sync::vendor::CatalogueError,
};
use reqwest::{
    Client, Method, Request, Response, StatusCode, Url,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE, RETRY_AFTER},
    redirect::Policy,
};

use crate::{API_VERSION, response::PORT};

/// Default address of stores.
pub const DEFAULT_ADMIN_URL: &str = "https://{store}";

/// Domain of Shopify's own hosts. It keeps a mistyped address from receiving the client secret.
const SHOPIFY_DOMAIN: &str = ".myshopify.com";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Time for a request. Shopify ends a query after 30 s.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Time that a download may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum length of a response, in bytes: far more than the largest page has.
const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

/// A setting that is not an address of stores.
#[derive(Debug, thiserror::Error)]
pub enum AdminUrlError {
    /// The text is not an address that contains `{store}`.
    #[error("SHOPIFY_ADMIN_URL is not an address that holds {{store}}, as in {DEFAULT_ADMIN_URL}")]
    Template,
    /// The HTTP client cannot be created.
    #[error("the HTTP client cannot be created")]
    Client(#[source] reqwest::Error),
}

/// HTTP client of stores. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Http {
    template: String,
    client: Client,
}

/// Response that could be read.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Body of a response with the status 200.
    Body(Vec<u8>),
    /// The token is not accepted.
    Unauthorized,
    /// Throttled; with the seconds to wait, if stated.
    Later(Option<i64>),
    /// Failure that may not recur.
    Transient(PortError),
    /// Failure that will recur: status and body.
    Permanent(StatusCode, Vec<u8>),
}

/// Response with an unexpected status.
#[derive(Debug, thiserror::Error)]
#[error("it answered with the status {0}")]
struct StatusError(u16);

/// Response that exceeds the limit.
#[derive(Debug, thiserror::Error)]
#[error("its answer is longer than {MAX_RESPONSE_BYTES} bytes")]
struct ResponseTooLongError;

impl Http {
    /// Creates a client of the stores at `template`, in which `{store}` stands for the name of a store. Sends no
    /// request.
    ///
    /// # Errors
    /// [`AdminUrlError`]. Not retryable.
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator sets the address of the Admin API"
    )]
    pub fn new(template: &str) -> Result<Self, AdminUrlError> {
        let example = template.replace("{store}", "demo.myshopify.com");
        if !template.contains("{store}") || Url::parse(&example).is_err() {
            return Err(AdminUrlError::Template);
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(IDLE_TIMEOUT)
            // A redirect must not send the token to another host.
            .redirect(Policy::none())
            .user_agent(concat!("hookline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(AdminUrlError::Client)?;
        Ok(Self {
            template: template.trim_end_matches('/').to_owned(),
            client,
        })
    }

    /// Sends a GraphQL request with a token.
    pub(crate) async fn query(
        &self,
        store: &StoreKey,
        token: &Secret,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Reply, CatalogueError> {
        let mut request = self.post(store, &format!("admin/api/{API_VERSION}/graphql.json"), body, within)?;
        let mut token = HeaderValue::from_str(token.reveal()).map_err(|_| CatalogueError::Refused {
            reason: "it contains characters that are invalid in a token".to_owned(),
        })?;
        token.set_sensitive(true);
        request.headers_mut().insert("x-shopify-access-token", token);
        self.send(request).await
    }

    /// Requests a token.
    pub(crate) async fn grant(
        &self,
        store: &StoreKey,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Reply, CatalogueError> {
        let request = self.post(store, "admin/oauth/access_token", body, within)?;
        self.send(request).await
    }

    /// Begins a download at an offset, without a token.
    pub(crate) async fn download(&self, address: &str, offset: u64) -> Result<Response, CatalogueError> {
        let address = Url::parse(address).map_err(|_| CatalogueError::Disagreed {
            problem: "the address of the export is invalid".to_owned(),
        })?;
        let mut request = Request::new(Method::GET, address);
        let headers = request.headers_mut();
        // Offsets count the bytes of the file itself.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if offset > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
        {
            headers.insert(RANGE, range);
        }
        self.client
            .execute(request)
            .await
            // Anybody with the address can read the file, so it is not logged.
            .map_err(|error| failed("the export", error).into())
    }

    fn post(&self, store: &StoreKey, path: &str, body: Vec<u8>, within: Duration) -> Result<Request, CatalogueError> {
        let name = store.store.as_str();
        if self.template == DEFAULT_ADMIN_URL && !name.ends_with(SHOPIFY_DOMAIN) {
            return Err(CatalogueError::Refused {
                reason: format!("{name} is not the name of a store, because it does not end with {SHOPIFY_DOMAIN}"),
            });
        }
        let address = format!("{}/{path}", self.template.replace("{store}", name));
        let address = Url::parse(&address).map_err(|_| CatalogueError::Refused {
            reason: format!("{name} is not the name of a store"),
        })?;
        let mut request = Request::new(Method::POST, address);
        let json = HeaderValue::from_static("application/json");
        *request.headers_mut() = HeaderMap::from_iter([(CONTENT_TYPE, json.clone()), (ACCEPT, json)]);
        *request.timeout_mut() = Some(within.min(REQUEST_TIMEOUT));
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    async fn send(&self, request: Request) -> Result<Reply, CatalogueError> {
        let passing = |error: reqwest::Error| Ok(Reply::Transient(failed(PORT, error)));
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => return passing(error),
        };
        let status = response.status();
        match status {
            StatusCode::UNAUTHORIZED => return Ok(Reply::Unauthorized),
            StatusCode::TOO_MANY_REQUESTS => {
                let after = response.headers().get(RETRY_AFTER);
                let seconds = after.and_then(|after| after.to_str().ok()?.parse::<f64>().ok());
                #[expect(clippy::cast_possible_truncation, reason = "at most 3,600")]
                let seconds = seconds.map(|seconds| seconds.ceil().clamp(0.0, 3_600.0) as i64);
                return Ok(Reply::Later(seconds));
            }
            _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                return Ok(Reply::Transient(PortError::because(
                    PORT,
                    of_status(status),
                    Some(status.as_str()),
                    StatusError(status.as_u16()),
                )));
            }
            _ => {}
        }
        let body = match whole(response).await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(Reply::Transient(PortError::new(PORT, ResponseTooLongError))),
            Err(error) => return passing(error),
        };
        Ok(if status == StatusCode::OK {
            Reply::Body(body)
        } else {
            Reply::Permanent(status, body)
        })
    }
}

/// Returns the failure of a request without the address, because anybody with the address of an export can read the
/// file.
pub(crate) fn failed(port: &'static str, error: reqwest::Error) -> PortError {
    let cause = if error.is_timeout() {
        Cause::Timeout
    } else if error.is_builder() || error.is_decode() {
        Cause::Other
    } else {
        Cause::Unreachable
    };
    PortError::because(port, cause, None, error.without_url())
}

fn of_status(status: StatusCode) -> Cause {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Cause::Timeout,
        _ => Cause::Other,
    }
}

/// Returns the whole body; `None` if it exceeds the limit.
async fn whole(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_RESPONSE_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(body))
}

/// Returns the error for a permanent status of a query.
pub(crate) fn refused(status: StatusCode) -> CatalogueError {
    let reason = match status {
        StatusCode::PAYMENT_REQUIRED => "the store is frozen: its owner has a bill to pay (402)",
        StatusCode::FORBIDDEN => "it may not be used for this (403)",
        StatusCode::NOT_FOUND => "there is no such store (404)",
        StatusCode::LOCKED => "the store is locked (423)",
        _ => {
            return CatalogueError::Disagreed {
                problem: format!("it answered with the status {}", status.as_u16()),
            };
        }
    };
    CatalogueError::Refused {
        reason: reason.to_owned(),
    }
}

//! HTTP client of the SDKs in a receiver: reused connections that can be made before the first request, and TLS with Mozilla's
//! roots compiled in.
//!
//! The SDKs' own client reads and parses the system's roots at every cold start, takes other roots as PEM only, and connects
//! with the first request. The SDKs still decide what is sent and when it is retried; this only carries it
//! (docs/adr/0021-receivers-on-the-sdks.md).

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use hookline_domain::delivery::BODY_LIMIT;
use hookline_transport::{ConnectionError, Host, Tls};
use http::{HeaderValue, Uri, header};
use http_body_util::{BodyExt, Full};

/// Most bytes that are read of a response: an incompressible body and its envelope.
const MAX_RESPONSE_BYTES: usize = BODY_LIMIT + BODY_LIMIT / 16;

/// Connections to every host that the SDKs call.
#[derive(Debug, Clone)]
pub(crate) struct KeptConnections {
    tls: Tls,
    hosts: Arc<Mutex<Vec<Arc<Host>>>>,
}

impl KeptConnections {
    pub(crate) fn new(tls: Tls) -> Self {
        Self {
            tls,
            hosts: Arc::default(),
        }
    }

    /// Connects to a service before its first request. A failure is left to that request, which tries again.
    pub(crate) async fn warm(&self, url: &str) {
        if let Ok(host) = self.host(url) {
            let _reported_by_the_first_request = host.warm().await;
        }
    }

    /// The host of a URL without a path.
    fn host(&self, url: &str) -> Result<Arc<Host>, ConnectorError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = hosts.iter().find(|host| host.url == url) {
            return Ok(Arc::clone(host));
        }
        let host = Host::new(url, &self.tls).map_err(|problem| ConnectorError::user(problem.into()))?;
        let host = Arc::new(host);
        hosts.push(Arc::clone(&host));
        Ok(host)
    }

    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |problem: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(problem);
        let request = request.try_into_http1x().map_err(|problem| user(problem.into()))?;
        let (mut head, body) = request.into_parts();
        let (Some(scheme), Some(authority)) = (head.uri.scheme_str(), head.uri.authority()) else {
            return Err(user("a request without a host".into()));
        };
        let host = self.host(&format!("{scheme}://{authority}"))?;
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|problem| user(problem.into()))?;
        head.headers.insert(header::HOST, authority);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = Uri::try_from(path).map_err(|problem| user(problem.into()))?;
        let body = BodyExt::collect(body).await.map_err(user)?.to_bytes();
        let request = http::Request::from_parts(head, Full::new(body));
        let response = host
            .send_and_read(request, MAX_RESPONSE_BYTES)
            .await
            .map_err(of_connection)?;
        let response = response.map(SdkBody::from);
        HttpResponse::try_from(response).map_err(|problem| user(problem.into()))
    }
}

/// Everything but an endless response is retryable.
fn of_connection(error: ConnectionError) -> ConnectorError {
    match error {
        ConnectionError::ConnectTimeout => ConnectorError::timeout(error.into()),
        ConnectionError::Connect(_) | ConnectionError::Lost(_) | ConnectionError::Unreadable(_) => {
            ConnectorError::io(error.into())
        }
        ConnectionError::TooLong => ConnectorError::user(error.into()),
    }
}

impl HttpConnector for KeptConnections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for KeptConnections {
    /// Ignores the SDKs' settings: connecting takes a second at most, and the SDKs end attempts themselves.
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

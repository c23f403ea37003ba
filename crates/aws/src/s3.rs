//! A bucket of S3, and the four requests that we send to one.
//!
//! They are built by hand on the parts that AWS's SDKs are made of: signatures, retries, timeouts and connections are
//! theirs. The SDK for S3 would add 0.86 MB to the zip of each receiver, for one `PutObject`, and miss its goal
//! (docs/adr/0008-large-bodies-go-through-s3.md).

mod list;

use aws_config::SdkConfig;
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions, sigv4};
use aws_smithy_runtime::client::{
    identity::IdentityCache,
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        interceptors::context::{Error, Output},
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
        ser_de::DeserializeResponse,
    },
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::{ConfigBag, Layer},
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_types::{SigningName, region::Region, service_config::ServiceConfigKey};
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_domain::kernel::{erase::Erased, port::PortError};
use hookline_transport::{BucketAddress, EndpointError, Endpoints};
use jiff::Timestamp;

use crate::failure::{self, Coded, Ours};

/// Most objects that are deleted at once.
const MAX_DELETIONS_AT_ONCE: usize = 16;

/// One bucket: each operation but `erase` is one request. Keys are of letters, digits, `.`, `-`, `_` and `/`, which
/// need no escaping.
///
/// `get` distinguishes a missing object from a denied one only if the bucket may be listed: S3 answers 403 otherwise
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>).
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// The client of its endpoint; if there is none, each operation fails with the reason.
    endpoint: Result<BucketEndpoint, EndpointError>,
    /// The port whose failures its calls are.
    port: &'static str,
}

#[derive(Debug, Clone)]
struct BucketEndpoint {
    call: Operation<S3Call, Option<Vec<u8>>, S3Error>,
    /// Prefix of a key in a request's path.
    path: String,
}

/// One page of the objects of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// In the order of their keys.
    pub(crate) objects: Vec<ListedObject>,
    /// True if more follow the last of these.
    pub(crate) has_more: bool,
}

/// One object, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedObject {
    pub(crate) key: String,
    /// Time of its put.
    pub(crate) modified_at: Timestamp,
}

/// One request.
#[derive(Debug)]
struct S3Call {
    method: &'static str,
    path: String,
    body: Vec<u8>,
}

/// S3 has refused a request.
#[derive(Debug, thiserror::Error)]
#[error("S3 answered {status} {code}")]
struct S3Error {
    status: u16,
    /// S3's error code, as in `AccessDenied`.
    code: String,
}

impl Coded for S3Error {
    fn code(&self) -> Option<&str> {
        Some(&self.code)
    }
}

impl Ours for UnexpectedNotFoundError {}

impl Bucket {
    /// Makes no request. Reads no response of more than `limit` bytes.
    pub(crate) fn new(config: &SdkConfig, bucket: &str, port: &'static str, limit: usize) -> Self {
        let endpoint = address(config, bucket).map(|BucketAddress { url, path }| BucketEndpoint {
            call: operation(config, &url, limit),
            path,
        });
        Self { endpoint, port }
    }

    /// Stores an object.
    pub(crate) async fn put(&self, key: &str, body: Vec<u8>) -> Result<(), PortError> {
        self.call_existing("PUT", key, body).await.map(drop)
    }

    /// Fetches an object, if there is one.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.call("GET", key, Vec::new()).await
    }

    /// Deletes an object, if there is one.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), PortError> {
        self.call("DELETE", key, Vec::new()).await.map(drop)
    }

    /// Up to 1000 of the keys that begin with `prefix` and come after `after`, in order: `ListObjectsV2`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>).
    pub(crate) async fn list(&self, prefix: &str, after: &str) -> Result<Listing, PortError> {
        let query = format!("?list-type=2&prefix={prefix}&start-after={after}");
        let body = self.call_existing("GET", &query, Vec::new()).await?;
        list::read(&body).map_err(|problem| failure::of_ours(self.port, problem))
    }

    /// Deletes the `selected` ones of up to 1000 objects that begin with `prefix` and come after `after`.
    pub(crate) async fn erase(
        &self,
        prefix: &str,
        after: Option<&str>,
        selected: impl Fn(&ListedObject) -> bool,
    ) -> Result<Erased, PortError> {
        let mut listing = self.list(prefix, after.unwrap_or(prefix)).await?;
        let next = listing.objects.last().filter(|_| listing.has_more);
        let next = next.map(|object| object.key.clone());
        listing.objects.retain(selected);
        let removed = listing.objects.len();
        stream::iter(listing.objects)
            .map(|object| async move { self.delete(&object.key).await })
            .buffer_unordered(MAX_DELETIONS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(Erased { removed, next })
    }

    /// Sends a request to which S3 cannot respond that there is no such key.
    async fn call_existing(&self, method: &'static str, key: &str, body: Vec<u8>) -> Result<Vec<u8>, PortError> {
        let found = self.call(method, key, body).await?;
        found.ok_or_else(|| failure::of_ours(self.port, UnexpectedNotFoundError))
    }

    async fn call(&self, method: &'static str, key: &str, body: Vec<u8>) -> Result<Option<Vec<u8>>, PortError> {
        let endpoint = self.endpoint.as_ref();
        let BucketEndpoint { call, path } = endpoint.map_err(|error| failure::of_ours(self.port, error.clone()))?;
        let path = format!("{path}{key}");
        let response = call.invoke(S3Call { method, path, body }).await;
        response.map_err(|error| failure::of_call(self.port, error))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("S3 answered NoSuchKey to a request that needs no key")]
struct UnexpectedNotFoundError;

/// The configured endpoint of S3, if it is not AWS's: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or the configuration's
/// own.
fn configured_endpoint(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all three members are set");
    let configured = config.service_config().and_then(|service| service.load_config(key));
    configured.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// Address of a bucket, at the configured endpoint or at S3's own hosts.
fn address(config: &SdkConfig, bucket: &str) -> Result<BucketAddress, EndpointError> {
    if let Some(url) = configured_endpoint(config) {
        return BucketAddress::at(&url, bucket);
    }
    let (fips, dual_stack) = (config.use_fips(), config.use_dual_stack());
    Endpoints::new(region(config), fips.unwrap_or(false), dual_stack.unwrap_or(false))?.bucket(bucket)
}

fn region(config: &SdkConfig) -> &str {
    config.region().map_or("us-east-1", AsRef::as_ref)
}

fn operation(config: &SdkConfig, url: &str, limit: usize) -> Operation<S3Call, Option<Vec<u8>>, S3Error> {
    let call = Operation::builder()
        .service_name("s3")
        .operation_name("Object")
        .endpoint_url(url)
        .standard_retry(&config.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
        .retry_classifier(TransientErrorClassifier::<S3Error>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
        .with_connection_poisoning()
        .runtime_plugin(signed(config, region(config)))
        .serializer(request)
        .deserializer_impl(ResponseReader { limit });
    let call = match config.behavior_version() {
        Some(version) => call.behavior_version(version),
        None => call,
    };
    let call = match config.http_client() {
        Some(client) => call.http_client(client),
        None => call,
    };
    call.build()
}

/// Signature version 4 over everything, the body too: S3 compares its SHA-256 with what arrives.
fn signed(config: &SdkConfig, region: &str) -> StaticRuntimePlugin {
    let mut options = SigningOptions::default();
    options.double_uri_encode = false;
    options.normalize_uri_path = false;
    options.content_sha256_header = true;
    let mut layer = Layer::new("s3");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(Region::new(region.to_owned()).into()),
        name: Some(SigningName::from_static("s3")),
        signing_options: options,
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("s3");
    components.set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID])));
    components.push_auth_scheme(sigv4::SigV4AuthScheme::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
    }
    let cache = config.identity_cache();
    components.set_identity_cache(Some(cache.unwrap_or_else(|| IdentityCache::lazy().build())));
    StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components)
}

fn request(call: S3Call) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(call.body));
    request.set_method(call.method)?;
    request.set_uri(call.path)?;
    Ok(request)
}

/// Reads responses: the object, `None` if S3 says that there is no such key, or the error.
#[derive(Debug)]
struct ResponseReader {
    /// Most bytes that are read of a response.
    limit: usize,
}

impl DeserializeResponse for ResponseReader {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        let length = response
            .headers()
            .get("content-length")
            .and_then(|text| text.parse::<usize>().ok());
        if length.is_none_or(|length| length <= self.limit) {
            return None;
        }
        let code = "MoreThanAllowed".to_owned();
        Some(Err(refused(response.status().as_u16(), code)))
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() {
            return Ok(Output::erase(Some(body.to_vec())));
        }
        let code = code(body);
        if response.status().as_u16() == 404 && code == "NoSuchKey" {
            return Ok(Output::erase(None::<Vec<u8>>));
        }
        Err(refused(response.status().as_u16(), code))
    }
}

fn refused(status: u16, code: String) -> OrchestratorError<Error> {
    OrchestratorError::operation(Error::erase(S3Error { status, code }))
}

/// The error code in S3's XML, and nothing else of it: letters and digits.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    let word = |code: &&str| code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric());
    code.map(|(code, _)| code)
        .filter(word)
        .unwrap_or("without a code")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_repeats_nothing_but_its_code() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Key>bodies/secret</Key></Error>";
        assert_eq!(code(body), "NoSuchKey");
        for other in [&b""[..], b"<Code>", b"<Code>a secret</Code>", b"\xff\xfe"] {
            assert_eq!(code(other), "without a code");
        }
    }
}

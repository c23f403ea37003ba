//! Configuration of the SDKs in a receiver: it provides values that they would look up at each start, and leaves out
//! what adds nothing to a request but time. Requests, signatures, retries and responses are the SDKs'.

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_runtime::{
    invocation_id::InvocationIdInterceptor, request_info::RequestInfoInterceptor,
    service_clock_skew::ServiceClockSkewInterceptor, user_agent::UserAgentInterceptor,
};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeSerializationInterceptorContextRef, disable_interceptor},
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use hookline_transport::{AwsService, Settings};

use crate::http::KeptConnections;

/// The configuration of the SDKs' clients: no default chain, no file, no request.
pub(crate) fn config(settings: &Settings, connections: KeptConnections) -> SdkConfig {
    let credentials = &settings.credentials;
    let token = credentials.token.as_ref().map(|token| token.reveal().to_owned());
    let secret = credentials.secret.reveal();
    // They last as long as the function instance: Lambda starts another instance before they expire.
    let credentials = Credentials::new(credentials.id.clone(), secret, token, None, "Lambda");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(settings.region.clone()))
        .use_fips(settings.fips)
        .use_dual_stack(settings.dual_stack)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::no_cache())
        .http_client(connections)
        .service_config(ConfiguredEndpoints(settings.clone()))
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(RetryConfig::standard())
        .timeout_config(TimeoutConfig::disabled())
        // Responses are read whole, within the attempt's time.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
#[derive(Debug)]
struct ConfiguredEndpoints(Settings);

impl LoadServiceConfig for ConfiguredEndpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != "AWS_ENDPOINT_URL" {
            return None;
        }
        let named = |service: &AwsService| service.to_string() == key.service_id();
        let service = AwsService::ALL.into_iter().find(named)?;
        self.0.configured_endpoint(service).map(str::to_owned)
    }
}

/// Disables the interceptors that describe the SDK, the attempt and the invocation in each request, and that measure
/// clock skew. No service needs them, and a function's clock is AWS's own.
#[derive(Debug)]
pub(crate) struct Lean;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Lean {
    fn name(&self) -> &'static str {
        "Lean"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        const CAUSE: &str = "a receiver is billed by the millisecond";
        let state = config.interceptor_state();
        state.store_put(disable_interceptor::<UserAgentInterceptor>(CAUSE));
        state.store_put(disable_interceptor::<InvocationIdInterceptor>(CAUSE));
        state.store_put(disable_interceptor::<RequestInfoInterceptor>(CAUSE));
        state.store_put(disable_interceptor::<ServiceClockSkewInterceptor>(CAUSE));
        Ok(())
    }
}

//! Credentials, region and endpoints, from what Lambda sets in a function's environment and nothing else.

use std::fmt;

use hookline_domain::kernel::secret::Secret;

use crate::{
    connection::{Host, InvalidUrlError},
    endpoints::{AwsService, BucketAddress, EndpointError, Endpoints},
    tls::{RootsError, Tls},
};

/// Variables that name a file of roots to trust instead of Mozilla's: the one of AWS's SDKs, and OpenSSL's.
const ROOTS_VARIABLES: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];

const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL";

/// Credentials that sign requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`
    pub id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: Secret,
    /// `AWS_SESSION_TOKEN`
    pub token: Option<Secret>,
}

/// The environment lacks a setting, or has a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable that Lambda sets is not set.
    #[error("{0} is not set: credentials and region come from the variables that Lambda sets, and from nowhere else")]
    Missing(&'static str),
    /// The service has no host.
    #[error(transparent)]
    NoEndpoint(#[from] EndpointError),
    /// A variable holds no URL.
    #[error("{name}: {problem}")]
    Endpoint {
        /// The variable.
        name: String,
        /// Its value.
        problem: InvalidUrlError,
    },
    /// The file of roots is unusable.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// Settings of a function, from its environment.
#[derive(Clone)]
pub struct Settings {
    /// The function's credentials.
    pub credentials: Credentials,
    /// As in `eu-west-1`.
    pub region: String,
    /// Use hosts with validated cryptography.
    pub fips: bool,
    /// Use hosts that have IPv6, too.
    pub dual_stack: bool,
    /// TLS with the trusted roots.
    pub tls: Tls,
    /// `AWS_ENDPOINT_URL`.
    endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_<SERVICE>`.
    service_endpoints: Vec<(AwsService, String)>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("service_endpoints", &self.service_endpoints)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads region, credentials and endpoints from the variables of AWS's SDKs: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`,
    /// `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`, `AWS_CA_BUNDLE`. Makes no request.
    ///
    /// # Errors
    /// [`SettingsError`] says what is missing or wrong.
    pub fn read<'a>(look_up: impl Fn(&str) -> Option<&'a str>) -> Result<Self, SettingsError> {
        let find = |name: &str| look_up(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| find(name).map(str::to_owned).ok_or(SettingsError::Missing(name));
        let roots = ROOTS_VARIABLES.into_iter().find_map(find);
        let tls = roots.map_or_else(|| Ok(Tls::default()), Tls::trusting)?;
        let endpoint = |name: &str| match find(name) {
            None => Ok(None),
            Some(url) => match Host::new(url, &tls) {
                Ok(_) => Ok(Some(url.to_owned())),
                Err(problem) => Err(SettingsError::Endpoint {
                    name: name.to_owned(),
                    problem,
                }),
            },
        };
        let mut service_endpoints = Vec::new();
        for service in AwsService::ALL {
            if let Some(url) = endpoint(service.variable())? {
                service_endpoints.push((service, url));
            }
        }
        let is_set = |name: &str| find(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let region = find("AWS_REGION").or_else(|| find("AWS_DEFAULT_REGION"));
        Ok(Self {
            credentials: Credentials {
                id: needed("AWS_ACCESS_KEY_ID")?,
                secret: Secret::new(needed("AWS_SECRET_ACCESS_KEY")?),
                token: find("AWS_SESSION_TOKEN").map(Secret::new),
            },
            region: region.ok_or(SettingsError::Missing("AWS_REGION"))?.to_owned(),
            fips: is_set("AWS_USE_FIPS_ENDPOINT"),
            dual_stack: is_set("AWS_USE_DUALSTACK_ENDPOINT"),
            endpoint: endpoint(ENDPOINT_VARIABLE)?,
            service_endpoints,
            tls,
        })
    }

    /// The configured endpoint of a service; `None` to use AWS's own.
    #[must_use]
    pub fn configured_endpoint(&self, service: AwsService) -> Option<&str> {
        let own = self.service_endpoints.iter().find(|(one, _)| *one == service);
        own.map(|(_, url)| url).or(self.endpoint.as_ref()).map(String::as_str)
    }

    /// URL of a service.
    ///
    /// # Errors
    /// Fails if AWS does not have the service in this region.
    pub fn url(&self, service: AwsService) -> Result<String, EndpointError> {
        match self.configured_endpoint(service) {
            Some(url) => Ok(url.to_owned()),
            None => self.aws_endpoints()?.url(service),
        }
    }

    /// Address of a bucket.
    ///
    /// # Errors
    /// Fails if AWS has no S3 in this region, or no bucket can have this name.
    pub fn bucket(&self, bucket: &str) -> Result<BucketAddress, EndpointError> {
        match self.configured_endpoint(AwsService::S3) {
            Some(url) => BucketAddress::at(url, bucket),
            None => self.aws_endpoints()?.bucket(bucket),
        }
    }

    fn aws_endpoints(&self) -> Result<Endpoints, EndpointError> {
        Endpoints::new(&self.region, self.fips, self.dual_stack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &[(&str, &'static str)]) -> Result<Settings, SettingsError> {
        let lambdas = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_SESSION_TOKEN", "hush"),
        ];
        let all = |name: &str| {
            let mut all = more.iter().chain(&lambdas);
            all.find(|(known, _)| *known == name).map(|(_, value)| *value)
        };
        Settings::read(all)
    }

    #[test]
    fn services_are_at_awss_hosts_by_default() {
        let url = |service, more: &[_]| read(more).unwrap().url(service).unwrap();
        assert_eq!(
            url(AwsService::DynamoDb, &[]),
            "https://dynamodb.eu-west-1.amazonaws.com"
        );
        let both = [
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
        ];
        assert_eq!(url(AwsService::Sqs, &both), "https://sqs-fips.eu-west-1.api.aws");
        let bucket = |more: &[_]| read(more).unwrap().bucket("bodies").unwrap().url;
        assert_eq!(bucket(&[]), "https://bodies.s3.eu-west-1.amazonaws.com");
        assert_eq!(
            bucket(&both),
            "https://bodies.s3-fips.dualstack.eu-west-1.amazonaws.com"
        );
    }

    #[test]
    fn configured_endpoints_win() {
        let endpoints = [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL_SQS", "http://[::1]:9324"),
            ("AWS_REGION", "mars-north-1"),
        ];
        let settings = read(&endpoints).unwrap();
        assert_eq!(settings.url(AwsService::DynamoDb).unwrap(), "http://127.0.0.1:4566");
        assert_eq!(settings.url(AwsService::Sqs).unwrap(), "http://[::1]:9324");
        assert_eq!(settings.bucket("b").unwrap().path, "/b/");
        for url in [
            "127.0.0.1:4566",
            "ftp://x",
            "http://x/path",
            "http://x?q",
            "//x",
            "https://",
        ] {
            let url: &'static str = url;
            let refused = read(&[("AWS_ENDPOINT_URL_SQS", url)]).unwrap_err();
            assert!(
                matches!(refused, SettingsError::Endpoint { name, .. } if name == "AWS_ENDPOINT_URL_SQS"),
                "{url}"
            );
        }
    }

    #[test]
    fn missing_region_or_credentials_are_refused() {
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert_eq!(read(&[(name, "")]).unwrap_err(), SettingsError::Missing(name));
        }
        for region in ["eu west", "eu/west", "-", "é", "mars-north-1"] {
            let url = read(&[("AWS_REGION", region)]).unwrap().url(AwsService::Sqs);
            assert_eq!(url, Err(EndpointError::Region(region.into())));
        }
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("hush"));
    }
}

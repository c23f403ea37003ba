//! Hosts of AWS's services by region, as in AWS's own endpoint rules.
//!
//! `tests/conformance` compares every host with botocore's rules, for every region in its models, with FIPS and dual
//! stack. A combination without an endpoint in those rules, or with an unknown region, is refused.
//! `AWS_ENDPOINT_URL_<SERVICE>` wins.

use std::fmt;

/// A region of AWS and the kind of its hosts to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    region: String,
    partition: &'static Partition,
    /// Hosts with validated cryptography.
    fips: bool,
    /// Hosts that have IPv6, too.
    dual_stack: bool,
}

/// A service that receivers call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsService {
    /// DynamoDB.
    DynamoDb,
    /// SQS.
    Sqs,
    /// Secrets Manager.
    SecretsManager,
    /// S3.
    S3,
}

/// Address of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    /// Scheme and authority, as in `https://bucket.s3.eu-west-1.amazonaws.com`.
    pub url: String,
    /// Prefix of a key in a request's path: `/`, or `/bucket/`.
    pub path: String,
}

/// AWS has no such host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No known partition has this region: it is misspelt, or newer than this code.
    #[error("{0:?} is not in any partition of AWS known here: set AWS_ENDPOINT_URL if there is such a region")]
    Region(String),
    /// The partition has no such hosts.
    #[error("{service} has no endpoint with {what} in {region}")]
    None {
        /// As in `S3`.
        service: AwsService,
        /// `FIPS` or `dual stack`.
        what: &'static str,
        /// The region.
        region: String,
    },
    /// No bucket can have this name.
    #[error("{0:?} is not a name that a bucket can have")]
    Bucket(String),
}

/// Facts that the regions of a partition share.
#[derive(Debug, PartialEq, Eq)]
struct Partition {
    /// Beginnings of its regions' names, before `-<direction>-<number>`.
    areas: &'static [&'static str],
    domain: &'static str,
    dual_stack_domain: &'static str,
    /// True if S3 has FIPS hosts there.
    s3_fips: bool,
    /// Domain of Secrets Manager's hosts with dual stack.
    secrets: Secrets,
    /// True if the ordinary hosts of DynamoDB and SQS are those with validated cryptography.
    is_validated: bool,
}

/// Domain of Secrets Manager's hosts with dual stack, without and with FIPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrets {
    /// The ordinary domain for both.
    Ordinary,
    /// The ordinary domain, but with FIPS the one of dual stack.
    OrdinaryButFips,
    /// The domain of dual stack for both.
    DualStack,
}

/// More specific ones first.
static PARTITIONS: [Partition; 8] = [
    Partition {
        areas: &["us-gov"],
        is_validated: true,
        ..COMMERCIAL
    },
    Partition {
        areas: &["us-iso"],
        ..other("c2s.ic.gov", "api.aws.ic.gov")
    },
    Partition {
        areas: &["us-isob"],
        ..other("sc2s.sgov.gov", "api.aws.scloud")
    },
    Partition {
        areas: &["eu-isoe"],
        ..other("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk")
    },
    Partition {
        areas: &["us-isof"],
        ..other("csp.hci.ic.gov", "api.aws.hci.ic.gov")
    },
    Partition {
        areas: &["eusc-de"],
        ..other("amazonaws.eu", "api.amazonwebservices.eu")
    },
    Partition {
        areas: &["cn"],
        s3_fips: false,
        secrets: Secrets::OrdinaryButFips,
        ..other("amazonaws.com.cn", "api.amazonwebservices.com.cn")
    },
    COMMERCIAL,
];

const COMMERCIAL: Partition = Partition {
    areas: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
    secrets: Secrets::Ordinary,
    ..other("amazonaws.com", "api.aws")
};

const fn other(domain: &'static str, dual_stack_domain: &'static str) -> Partition {
    Partition {
        areas: &[],
        domain,
        dual_stack_domain,
        s3_fips: true,
        secrets: Secrets::DualStack,
        is_validated: false,
    }
}

impl fmt::Display for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl AwsService {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::DynamoDb, Self::Sqs, Self::SecretsManager, Self::S3];

    /// Its `serviceId` in AWS's models, which people know, too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "DynamoDB",
            Self::Sqs => "SQS",
            Self::SecretsManager => "Secrets Manager",
            Self::S3 => "S3",
        }
    }

    /// Variable with its endpoint, if that is not AWS's.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::Sqs => "AWS_ENDPOINT_URL_SQS",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
            Self::S3 => "AWS_ENDPOINT_URL_S3",
        }
    }

    /// Beginning of its hosts, and its name in signatures.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Sqs => "sqs",
            Self::SecretsManager => "secretsmanager",
            Self::S3 => "s3",
        }
    }
}

impl Endpoints {
    /// Endpoints of a region, as set by `AWS_REGION`, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    ///
    /// # Errors
    /// Fails if no known partition has the region.
    pub fn new(region: &str, fips: bool, dual_stack: bool) -> Result<Self, EndpointError> {
        let of_region = |partition: &&Partition| partition.areas.iter().any(|area| is_in(region, area));
        let partition = PARTITIONS.iter().find(of_region);
        Ok(Self {
            partition: partition.ok_or_else(|| EndpointError::Region(region.to_owned()))?,
            region: region.to_owned(),
            fips,
            dual_stack,
        })
    }

    /// Host of a service.
    ///
    /// # Errors
    /// Fails if AWS has no such host there.
    pub fn host(&self, service: AwsService) -> Result<String, EndpointError> {
        let Self { region, partition, .. } = self;
        let prefix = service.prefix();
        if service == AwsService::S3 {
            if self.fips && !partition.s3_fips {
                return Err(EndpointError::None {
                    service,
                    what: "FIPS",
                    region: region.clone(),
                });
            }
            let fips = if self.fips { "-fips" } else { "" };
            let dual_stack = if self.dual_stack { ".dualstack" } else { "" };
            return Ok(format!("{prefix}{fips}{dual_stack}.{region}.{}", partition.domain));
        }
        // With dual stack, the hosts of GovCloud contain `fips` again.
        let is_named = service == AwsService::SecretsManager || !partition.is_validated || self.dual_stack;
        let fips = if self.fips && is_named { "-fips" } else { "" };
        let in_dual_stack = match (service, partition.secrets) {
            (AwsService::SecretsManager, Secrets::Ordinary) => false,
            (AwsService::SecretsManager, Secrets::OrdinaryButFips) => self.fips,
            _ => true,
        };
        let domain = if self.dual_stack && in_dual_stack {
            partition.dual_stack_domain
        } else {
            partition.domain
        };
        Ok(format!("{prefix}{fips}.{region}.{domain}"))
    }

    /// URL of a service, without a path.
    ///
    /// # Errors
    /// Fails if AWS has no such host there.
    pub fn url(&self, service: AwsService) -> Result<String, EndpointError> {
        self.host(service).map(|host| format!("https://{host}"))
    }

    /// Address of a bucket: its own host, or, for a name that no certificate for `*.s3.…` covers (it has a dot), a
    /// path (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>).
    ///
    /// # Errors
    /// Fails if AWS has no such host there, or no bucket can have this name.
    pub fn bucket(&self, bucket: &str) -> Result<BucketAddress, EndpointError> {
        let host = self.host(AwsService::S3)?;
        let name = bucket_name(bucket)?;
        if is_label(name) {
            return Ok(BucketAddress {
                url: format!("https://{name}.{host}"),
                path: "/".to_owned(),
            });
        }
        BucketAddress::at(&format!("https://{host}"), bucket)
    }
}

impl BucketAddress {
    /// Address of a bucket as a path at this URL, as at an endpoint that is not AWS's: not every name resolves there.
    ///
    /// # Errors
    /// Fails if no bucket can have this name.
    pub fn at(url: &str, bucket: &str) -> Result<Self, EndpointError> {
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            path: format!("/{}/", bucket_name(bucket)?),
        })
    }
}

/// True if a region belongs to an area, as `eu-west-1` to `eu`.
fn is_in(region: &str, area: &str) -> bool {
    let rest = region.strip_prefix(area).and_then(|rest| rest.strip_prefix('-'));
    let Some((direction, number)) = rest.and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let all = |text: &str, fits: fn(char) -> bool| !text.is_empty() && text.chars().all(fits);
    all(direction, |c| c.is_ascii_lowercase()) && all(number, |c| c.is_ascii_digit())
}

/// Checks for letters, digits and the characters allowed between them, none of which need escaping
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>; older buckets have more).
fn bucket_name(bucket: &str) -> Result<&str, EndpointError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let begins = bucket.starts_with(|first: char| first.is_ascii_alphanumeric());
    if begins && bucket.bytes().all(fits) {
        Ok(bucket)
    } else {
        Err(EndpointError::Bucket(bucket.to_owned()))
    }
}

/// True if a bucket's name may be one label of a host name.
fn is_label(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len()) && name.bytes().all(fits) && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(service: AwsService, region: &str, fips: bool, dual_stack: bool) -> Result<String, EndpointError> {
        Endpoints::new(region, fips, dual_stack)?.host(service)
    }

    /// `endpoints.json` is made by botocore's rules: without flags, with dual stack, with FIPS, with both.
    #[test]
    fn every_region_has_the_hosts_of_awss_own_rules() {
        let rules = include_str!("../../../tests/conformance/endpoints.json");
        let rules: serde_json::Map<String, serde_json::Value> = serde_json::from_str(rules).unwrap();
        let services = [
            ("dynamodb", AwsService::DynamoDb),
            ("secretsmanager", AwsService::SecretsManager),
            ("sqs", AwsService::Sqs),
        ];
        for (region, hosts) in &rules {
            for (at, (fips, dual_stack)) in [(false, false), (false, true), (true, false), (true, true)]
                .into_iter()
                .enumerate()
            {
                let endpoints = Endpoints::new(region, fips, dual_stack).unwrap();
                for (name, service) in services {
                    let url = endpoints.url(service).ok();
                    assert_eq!(
                        url.as_deref(),
                        hosts[name][at].as_str(),
                        "{region} fips={fips} dual_stack={dual_stack}"
                    );
                }
                for bucket in ["bodies", "dotted.bucket"] {
                    let address = endpoints.bucket(bucket).map(|address| address.url + &address.path);
                    let address = address.ok().map(|address| address.trim_end_matches('/').to_owned());
                    let rule = hosts[&format!("s3/{bucket}")][at].as_str();
                    assert_eq!(address.as_deref(), rule, "{region} fips={fips} dual_stack={dual_stack}");
                }
            }
        }
    }

    #[test]
    fn govcloud_has_fips_hosts_under_the_ordinary_names() {
        let host = |service, dual_stack| host(service, "us-gov-west-1", true, dual_stack).unwrap();
        assert_eq!(
            host(AwsService::DynamoDb, false),
            "dynamodb.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(host(AwsService::DynamoDb, true), "dynamodb-fips.us-gov-west-1.api.aws");
        assert_eq!(host(AwsService::S3, false), "s3-fips.us-gov-west-1.amazonaws.com");
    }

    #[test]
    fn sovereign_cloud_has_its_own_domain() {
        let host = host(AwsService::Sqs, "eusc-de-east-1", false, false);
        assert_eq!(host.unwrap(), "sqs.eusc-de-east-1.amazonaws.eu");
    }

    #[test]
    fn missing_hosts_are_refused() {
        host(AwsService::S3, "cn-north-1", true, false).unwrap_err();
        for region in [
            "",
            "eu",
            "eu-west",
            "eu-west-",
            "eu--1",
            "aws-global",
            "mars-north-1",
            "eu-west-1.evil.example",
            "eu/west-1",
        ] {
            assert_eq!(
                host(AwsService::Sqs, region, false, false),
                Err(EndpointError::Region(region.into())),
                "{region}"
            );
        }
    }

    #[test]
    fn buckets_without_a_certificate_are_paths() {
        let endpoints = Endpoints::new("eu-west-1", false, false).unwrap();
        let address = |bucket| endpoints.bucket(bucket).map(|address| address.url + &address.path);
        assert_eq!(address("bodies").unwrap(), "https://bodies.s3.eu-west-1.amazonaws.com/");
        let long = "a".repeat(64);
        for bucket in ["a.b", "Bodies", "ab", "under_score", &long, "abc-"] {
            assert_eq!(
                address(bucket).unwrap(),
                format!("https://s3.eu-west-1.amazonaws.com/{bucket}/")
            );
        }
        for bucket in ["", "-a", "a/b", "a b", "é", "a?b"] {
            assert_eq!(address(bucket), Err(EndpointError::Bucket(bucket.into())));
        }
    }
}

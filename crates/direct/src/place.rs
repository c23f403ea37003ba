//! Where AWS is, who asks, and one client for each service that is used.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use hookline_domain::{
    port::Clock,
    secret::{Secret, SecretRef},
};

use crate::{
    bodies::DirectBodies,
    client::{Client, Protocol},
    connection::{Host, NotAUrl},
    dynamodb::DynamoDb,
    ledger::DirectLedger,
    queue::DirectQueue,
    secret::{DirectSecret, KeptSecret},
    sign::{Credentials, Signer},
    tally::DirectTally,
    tls::{NoRoots, Tls},
};

/// The environment does not say who asks, or where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// A variable that Lambda sets is not there.
    #[error("{0} is not set: Lambda sets it, and nothing else is asked for credentials or region")]
    Missing(&'static str),
    /// What is to be a part of a host's name cannot be one.
    #[error("{0:?} is no part of a host's name, as a region or a bucket is")]
    Name(String),
    /// An endpoint is none.
    #[error("{name}: {problem}")]
    Endpoint {
        /// Which variable.
        name: String,
        /// What is wrong with it.
        problem: NotAUrl,
    },
    /// The roots to trust are not there.
    #[error(transparent)]
    Roots(#[from] NoRoots),
}

/// A service: for people, in variables, in signatures and in hosts, in that order; and how it is spoken to.
#[derive(Debug)]
struct Service {
    name: &'static str,
    variable: &'static str,
    signed: &'static str,
    protocol: Protocol,
}

const DYNAMODB: Service = Service {
    name: "DynamoDB",
    variable: "AWS_ENDPOINT_URL_DYNAMODB",
    signed: "dynamodb",
    protocol: Protocol::Json10,
};
const SQS: Service = Service {
    name: "SQS",
    variable: "AWS_ENDPOINT_URL_SQS",
    signed: "sqs",
    protocol: Protocol::Json10,
};
const SECRETS_MANAGER: Service = Service {
    name: "Secrets Manager",
    variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    signed: "secretsmanager",
    protocol: Protocol::Json11,
};
const S3: Service = Service {
    name: "S3",
    variable: "AWS_ENDPOINT_URL_S3",
    signed: "s3",
    protocol: Protocol::RestXml,
};
const ALL_SERVICES: &str = "AWS_ENDPOINT_URL";

/// Variables that name a file of roots to trust in place of Mozilla's: AWS's SDKs' and OpenSSL's.
const ROOTS: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];

/// The way to AWS.
pub struct Direct {
    credentials: Credentials,
    region: String,
    /// Whether hosts are those with validated cryptography, and those with IPv6.
    fips: bool,
    dual_stack: bool,
    endpoints: Endpoints,
    clock: Arc<dyn Clock>,
    tls: Tls,
    dynamodb: OnceLock<Arc<Client>>,
    sqs: OnceLock<Arc<Client>>,
}

/// Where services are, if not where AWS has them.
#[derive(Debug, Default)]
struct Endpoints {
    all: Option<String>,
    of_one: Vec<(&'static str, String)>,
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("region", &self.region)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

impl Direct {
    /// Takes region, credentials and endpoints from the variables of AWS's SDKs: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`,
    /// `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`, `AWS_CA_BUNDLE`. Makes no request.
    ///
    /// # Errors
    /// [`NotTold`] says what is missing or wrong.
    pub fn read<'a>(look_up: impl Fn(&str) -> Option<&'a str>, clock: impl Clock + 'static) -> Result<Self, NotTold> {
        let find = |name: &str| look_up(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| find(name).map(str::to_owned).ok_or(NotTold::Missing(name));
        let roots = ROOTS.into_iter().find_map(find);
        let tls = roots.map_or_else(|| Ok(Tls::default()), Tls::trusting)?;
        let endpoint = |name: &str| {
            let told = find(name);
            if let Some(url) = told {
                let name = || name.to_owned();
                Host::new(url, &tls).map_err(|problem| NotTold::Endpoint { name: name(), problem })?;
            }
            Ok::<_, NotTold>(told.map(str::to_owned))
        };
        let mut endpoints = Endpoints {
            all: endpoint(ALL_SERVICES)?,
            of_one: Vec::new(),
        };
        for Service { variable, .. } in [DYNAMODB, SQS, SECRETS_MANAGER, S3] {
            if let Some(url) = endpoint(variable)? {
                endpoints.of_one.push((variable, url));
            }
        }
        let is_set = |name: &str| find(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self {
            credentials: Credentials {
                id: needed("AWS_ACCESS_KEY_ID")?,
                secret: Secret::new(needed("AWS_SECRET_ACCESS_KEY")?),
                token: find("AWS_SESSION_TOKEN").map(Secret::new),
            },
            region: find("AWS_REGION")
                .or_else(|| find("AWS_DEFAULT_REGION"))
                .ok_or(NotTold::Missing("AWS_REGION"))
                .and_then(name)?
                .to_owned(),
            fips: is_set("AWS_USE_FIPS_ENDPOINT"),
            dual_stack: is_set("AWS_USE_DUALSTACK_ENDPOINT"),
            endpoints,
            clock: Arc::new(clock),
            tls,
            dynamodb: OnceLock::new(),
            sqs: OnceLock::new(),
        })
    }

    /// The ledger in a table with the key `pk`.
    pub fn ledger(&self, table: impl Into<String>) -> DirectLedger {
        DirectLedger::new(self.dynamodb(), table)
    }

    /// Where counts go, in a table with the key `pk`.
    pub fn tally(&self, table: impl Into<String>) -> DirectTally {
        DirectTally::new(self.dynamodb(), table)
    }

    /// The event queue with this URL.
    pub fn event_queue(&self, url: impl Into<String>) -> DirectQueue {
        DirectQueue::new(self.sqs(), url)
    }

    /// Where bodies are kept: in this bucket.
    ///
    /// # Errors
    /// When no bucket can have this name.
    pub fn bodies(&self, bucket: &str) -> Result<DirectBodies, NotTold> {
        let bucket = name(bucket)?;
        // On AWS a bucket is a host; elsewhere it is the first part of the path, for not every name resolves.
        let (url, path) = match self.endpoints.of(&S3) {
            Some(url) => (url.to_owned(), format!("/{bucket}/")),
            None => (self.at_aws(&format!("{bucket}.s3"), &S3), "/".to_owned()),
        };
        let s3 = Arc::new(self.client(&S3, &url));
        Ok(DirectBodies { s3, path })
    }

    /// A secret, given literally or by its ARN or name in Secrets Manager.
    #[must_use]
    pub fn secret(&self, secret: &SecretRef) -> DirectSecret {
        match secret {
            SecretRef::Literal(secret) => DirectSecret::Literal(secret.clone()),
            SecretRef::Kept(arn) => DirectSecret::Kept(KeptSecret {
                secrets_manager: Arc::new(self.client(&SECRETS_MANAGER, &self.url(&SECRETS_MANAGER))),
                arn: arn.clone(),
            }),
        }
    }

    /// Connects to DynamoDB and SQS at the same time, so that the first delivery finds it done. What fails here is tried again
    /// by the first call, which then says so.
    pub async fn warm(&self) {
        let (dynamodb, sqs) = (self.dynamodb(), self.sqs());
        let _either = tokio::join!(dynamodb.0.host.warm(), sqs.host.warm());
    }

    fn dynamodb(&self) -> DynamoDb {
        let made = self
            .dynamodb
            .get_or_init(|| Arc::new(self.client(&DYNAMODB, &self.url(&DYNAMODB))));
        DynamoDb(Arc::clone(made))
    }

    fn sqs(&self) -> Arc<Client> {
        Arc::clone(self.sqs.get_or_init(|| Arc::new(self.client(&SQS, &self.url(&SQS)))))
    }

    fn client(&self, service: &Service, url: &str) -> Client {
        Client {
            service: service.name,
            protocol: service.protocol,
            host: Host::new(url, &self.tls).expect("an endpoint was read as a URL, and names make one"),
            signer: Signer::new(self.credentials.clone(), &self.region, service.signed),
            clock: Arc::clone(&self.clock),
        }
    }

    fn url(&self, service: &Service) -> String {
        let told = self.endpoints.of(service);
        told.map_or_else(|| self.at_aws(service.signed, service), str::to_owned)
    }

    /// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
    fn at_aws(&self, host: &str, service: &Service) -> String {
        let region = &self.region;
        let fips = if self.fips { "-fips" } else { "" };
        // S3 says so within its own domain, the others have another.
        if self.dual_stack && service.signed == S3.signed {
            let domain = domain(region, false);
            return format!("https://{host}{fips}.dualstack.{region}.{domain}");
        }
        let domain = domain(region, self.dual_stack);
        format!("https://{host}{fips}.{region}.{domain}")
    }
}

/// A region's or a bucket's name: letters, digits and what may stand between them
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
fn name(name: &str) -> Result<&str, NotTold> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if begins && name.bytes().all(fits) {
        Ok(name)
    } else {
        Err(NotTold::Name(name.to_owned()))
    }
}

/// The domain of a region's partition, and that which has IPv6, too.
fn domain(region: &str, dual_stack: bool) -> &'static str {
    match region.split_once('-').map(|(partition, _)| partition) {
        Some("cn") if dual_stack => "api.amazonwebservices.com.cn",
        Some("cn") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if dual_stack => "api.aws",
        _ => "amazonaws.com",
    }
}

impl Endpoints {
    fn of(&self, service: &Service) -> Option<&str> {
        let own = self.of_one.iter().find(|(variable, _)| *variable == service.variable);
        own.map(|(_, url)| url).or(self.all.as_ref()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    fn read(more: &[(&str, &'static str)]) -> Result<Direct, NotTold> {
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
        Direct::read(all, Noon)
    }

    #[test]
    fn services_are_where_aws_has_them() {
        let url = |service: &Service, more: &[_]| read(more).unwrap().url(service);
        assert_eq!(url(&DYNAMODB, &[]), "https://dynamodb.eu-west-1.amazonaws.com");
        let china = [("AWS_REGION", "cn-north-1")];
        assert_eq!(url(&SQS, &china), "https://sqs.cn-north-1.amazonaws.com.cn");
        let government = [("AWS_REGION", "us-gov-west-1"), ("AWS_USE_FIPS_ENDPOINT", "true")];
        assert_eq!(
            url(&DYNAMODB, &government),
            "https://dynamodb-fips.us-gov-west-1.amazonaws.com"
        );
        let both = [("AWS_USE_DUALSTACK_ENDPOINT", "true")];
        assert_eq!(url(&SECRETS_MANAGER, &both), "https://secretsmanager.eu-west-1.api.aws");
        let bucket = |more: &[_]| read(more).unwrap().bodies("b").unwrap().s3.host.authority.clone();
        assert_eq!(bucket(&[]), "b.s3.eu-west-1.amazonaws.com");
        assert_eq!(bucket(&both), "b.s3.dualstack.eu-west-1.amazonaws.com");
    }

    #[test]
    fn a_service_may_be_told_where_it_is() {
        let told = [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL_SQS", "http://[::1]:9324"),
        ];
        let direct = read(&told).unwrap();
        assert_eq!(direct.url(&DYNAMODB), "http://127.0.0.1:4566");
        assert_eq!(direct.url(&SQS), "http://[::1]:9324");
        assert_eq!(direct.bodies("b").unwrap().path, "/b/");
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
                matches!(refused, NotTold::Endpoint { name, .. } if name == "AWS_ENDPOINT_URL_SQS"),
                "{url}"
            );
        }
    }

    #[test]
    fn without_region_or_credentials_there_is_no_way_to_aws() {
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert_eq!(read(&[(name, "")]).unwrap_err(), NotTold::Missing(name));
        }
        for no_name in ["eu west", "eu/west", "-", "é"] {
            assert_eq!(
                read(&[("AWS_REGION", no_name)]).unwrap_err(),
                NotTold::Name(no_name.into())
            );
            assert!(matches!(read(&[]).unwrap().bodies(no_name), Err(NotTold::Name(_))));
        }
        assert!(matches!(read(&[]).unwrap().bodies(""), Err(NotTold::Name(_))));
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("hush"));
    }
}

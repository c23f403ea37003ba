//! Address of the index, signing and timeouts.

use std::{str::FromStr, time::Duration};

use opensearch::http::Url;

use crate::connect::Timeouts;

/// Address of the index, and signing of its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSearchConfig {
    /// Scheme and host, without a path.
    pub url: String,
    /// Name of the index, or of an alias that points to one index.
    pub index: String,
    /// Signing of requests.
    pub signing: Signing,
    /// Replicas of an index that we create; the domain's default if `None`. A domain in three availability zones with standby
    /// takes two, or any number that makes three copies or a multiple of it.
    pub replicas: Option<u32>,
}

impl OpenSearchConfig {
    /// An index at an address. Without `signing` (`none`, `es` or `aoss`) the address decides: plain HTTP is not
    /// signed, an endpoint of AWS with the label `aoss` for Serverless (`x.eu-west-1.aoss.amazonaws.com`,
    /// `x.aoss.eu-west-1.on.aws`), any other for OpenSearch Service.
    ///
    /// # Errors
    /// [`UnknownSigningError`] for any other `signing`.
    pub fn new(
        url: impl Into<String>,
        index: impl Into<String>,
        signing: Option<&str>,
    ) -> Result<Self, UnknownSigningError> {
        let url = url.into();
        let signing = match signing {
            Some(name) => name.parse()?,
            None if url.starts_with("http://") => Signing::None,
            None if is_serverless(&url) => Signing::Aoss,
            None => Signing::Es,
        };
        Ok(Self {
            url,
            index: index.into(),
            signing,
            replicas: None,
        })
    }

    /// Sets the number of replicas.
    #[must_use]
    pub fn with_replicas(self, replicas: Option<u32>) -> Self {
        Self { replicas, ..self }
    }

    /// Timeout of one request. A collection of Serverless that has scaled to zero takes 10 to 30 s to answer again
    /// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scale-to-zero.html>): consumers
    /// wait for it, within their 30 s; a search fails and asks the user to try again.
    pub(super) fn timeout(&self, timeouts: Timeouts) -> Duration {
        Duration::from_secs(match (timeouts, self.signing) {
            (Timeouts::Interactive, _) => 3,
            (Timeouts::Queue, Signing::Aoss) => 25,
            (Timeouts::Queue, Signing::None | Signing::Es) => 8,
            (Timeouts::Operator, _) => 30,
        })
    }
}

/// True if the address is an endpoint of OpenSearch Serverless, in any partition of AWS.
fn is_serverless(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let Some(host) = url.as_ref().and_then(Url::host_str) else {
        return false;
    };
    let is_of_aws =
        host.contains(".amazonaws.") || host.contains(".amazonwebservices.") || host.rsplit('.').next() == Some("aws");
    is_of_aws
        && host
            .split('.')
            .any(|label| label == "aoss" || label.starts_with("aoss-"))
}

/// Service of AWS that requests to the index are signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// None: the server takes unsigned requests.
    None,
    /// OpenSearch Service.
    Es,
    /// OpenSearch Serverless.
    Aoss,
}

/// `OPENSEARCH_SIGNING_SERVICE` has an unknown value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("OPENSEARCH_SIGNING_SERVICE is neither none nor es nor aoss")]
pub struct UnknownSigningError;

impl FromStr for Signing {
    type Err = UnknownSigningError;
    fn from_str(text: &str) -> Result<Self, UnknownSigningError> {
        match text {
            "none" => Ok(Self::None),
            "es" => Ok(Self::Es),
            "aoss" => Ok(Self::Aoss),
            _ => Err(UnknownSigningError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_decides_how_to_sign_unless_configured() {
        let signing =
            |url: &str, configured| OpenSearchConfig::new(url, "hookline", configured).map(|config| config.signing);
        assert_eq!(signing("http://127.0.0.1:9200", None), Ok(Signing::None));
        assert_eq!(
            signing("https://x.eu-west-1.aoss.amazonaws.com", None),
            Ok(Signing::Aoss)
        );
        for serverless in [
            "https://x.aoss.eu-west-1.on.aws",
            "https://x.aoss.eu-west-1.on.aws/",
            "https://x.aoss.us-gov-west-1.amazonaws.com",
            "https://x.cn-north-1.aoss.amazonaws.com.cn",
            "https://x.aoss-fips.us-east-1.api.aws:443",
        ] {
            assert_eq!(signing(serverless, None), Ok(Signing::Aoss), "{serverless}");
        }
        for domain in [
            "https://aoss.example.com",
            "https://search-aoss-x.eu-west-1.es.amazonaws.com",
            "https://vpc-x.aos.eu-west-1.on.aws",
        ] {
            assert_eq!(signing(domain, None), Ok(Signing::Es), "{domain}");
        }
        assert_eq!(
            signing("https://search-x.eu-west-1.es.amazonaws.com/", None),
            Ok(Signing::Es)
        );
        assert_eq!(signing("https://search.example.com", Some("none")), Ok(Signing::None));
        assert_eq!(
            signing("https://search.example.com", Some("yes")),
            Err(UnknownSigningError)
        );
    }

    #[test]
    fn consumers_wait_for_a_sleeping_collection_and_searches_do_not() {
        let seconds = |url, timeouts| {
            OpenSearchConfig::new(url, "a", None)
                .unwrap()
                .timeout(timeouts)
                .as_secs()
        };
        let (serverless, domain) = (
            "https://x.eu-west-1.aoss.amazonaws.com",
            "https://x.eu-west-1.es.amazonaws.com",
        );
        assert_eq!(
            (seconds(serverless, Timeouts::Queue), seconds(domain, Timeouts::Queue)),
            (25, 8)
        );
        assert_eq!(
            (
                seconds(serverless, Timeouts::Interactive),
                seconds(domain, Timeouts::Interactive)
            ),
            (3, 3)
        );
    }
}

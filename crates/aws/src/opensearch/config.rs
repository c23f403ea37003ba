//! Which index, where, and how to ask it.

use std::{str::FromStr, time::Duration};

use opensearch::http::Url;

use crate::connect::Patience;

/// Which index, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSearchConfig {
    /// Scheme and host, without a path.
    pub url: String,
    /// Name of the index, or of an alias that points to one index.
    pub index: String,
    /// How requests are signed.
    pub signing: Signing,
    /// How many replicas an index has that we make; as the domain does by default if that is not told. A domain in three
    /// availability zones with standby takes two, or any number that makes three copies or a multiple of it.
    pub replicas: Option<u32>,
}

impl OpenSearchConfig {
    /// An index at an address. Without `signing` (`none`, `es` or `aoss`) the address decides: plain HTTP is signed for
    /// nobody, an endpoint of AWS with the label `aoss` for Serverless (`x.eu-west-1.aoss.amazonaws.com`,
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

    /// The same with so many replicas.
    #[must_use]
    pub fn with_replicas(self, replicas: Option<u32>) -> Self {
        Self { replicas, ..self }
    }

    /// How long one request may take. A collection of Serverless that has scaled to zero takes 10 to 30 s to answer again
    /// (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scale-to-zero.html>): consumers
    /// wait for it, within their 30 s; a person who searches is rather told to try again.
    pub(super) fn timeout(&self, patience: Patience) -> Duration {
        Duration::from_secs(match (patience, self.signing) {
            (Patience::Receiver, _) => 3,
            (Patience::Consumer, Signing::Aoss) => 25,
            (Patience::Consumer, Signing::None | Signing::Es) => 8,
            (Patience::Person, _) => 30,
        })
    }
}

/// Whether the address is an endpoint of OpenSearch Serverless, in whatever part of AWS.
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

/// For which of AWS's services requests to the index are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// None: the server wants no AWS signature.
    None,
    /// OpenSearch Service.
    Es,
    /// OpenSearch Serverless.
    Aoss,
}

/// Not a way of signing.
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
    fn the_address_shows_how_to_sign_unless_we_are_told() {
        let signing = |url: &str, told| OpenSearchConfig::new(url, "hookline", told).map(|config| config.signing);
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
    fn consumers_wait_for_a_collection_that_sleeps_and_people_do_not() {
        let seconds = |url, patience| {
            OpenSearchConfig::new(url, "a", None)
                .unwrap()
                .timeout(patience)
                .as_secs()
        };
        let (serverless, domain) = (
            "https://x.eu-west-1.aoss.amazonaws.com",
            "https://x.eu-west-1.es.amazonaws.com",
        );
        assert_eq!(
            (
                seconds(serverless, Patience::Consumer),
                seconds(domain, Patience::Consumer)
            ),
            (25, 8)
        );
        assert_eq!(
            (
                seconds(serverless, Patience::Receiver),
                seconds(domain, Patience::Receiver)
            ),
            (3, 3)
        );
    }
}

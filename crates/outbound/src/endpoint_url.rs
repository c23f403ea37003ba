//! URLs of endpoints: the rules that hold whatever DNS says.

use std::fmt;

use hookline_domain::outbound::NoAnswerError;
use url::{Host, Url};

/// Longest URL, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// Ports for `https` and for `http`, the default first.
const HTTPS_PORTS: [u16; 2] = [443, 8443];
const HTTP_PORTS: [u16; 2] = [80, 8080];

/// Last parts of names that are never public.
///
/// Sources: RFC 6761 (`localhost`, `test`, `invalid`), RFC 6762 (`local`), RFC 7686 (`onion`), RFC 8375 (`home.arpa`),
/// <https://www.icann.org/en/board-activities-and-meetings/materials/approved-resolutions-special-meeting-of-the-icann-board-29-07-2024-en>
/// (`internal`).
const NEVER_PUBLIC: [&str; 7] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "onion",
    "test",
    "invalid",
];

/// Rules of a deployment.
#[derive(Debug, Clone, Default)]
pub struct UrlRules {
    /// True if `http` is allowed.
    pub allow_http: bool,
    /// Hosts of this deployment's own, in lower case: a message to them would come back as an event.
    pub own_hosts: Vec<String>,
}

/// URL of an endpoint that keeps the rules. `Debug` shows its host only, because a URL may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl {
    url: Url,
    host: String,
    port: u16,
}

/// A text is not the URL of an endpoint: the rule that it breaks. Does not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpointUrlError {
    /// It is longer than [`MAX_URL_BYTES`].
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// It has a blank, a control character or a backslash.
    #[error("the URL has a blank, a control character or a backslash: encode it as %20, %5C …")]
    Characters,
    /// It is no URL.
    #[error("the URL cannot be read: write it as in https://example.com/webhooks")]
    Unreadable,
    /// Its scheme is not allowed.
    #[error("the URL must begin with https://")]
    Scheme,
    /// It has a user or a password.
    #[error("the URL must not hold a user or a password: set the endpoint's authorization instead")]
    UserInfo,
    /// It has a fragment.
    #[error("the URL must not have a fragment (#…)")]
    Fragment,
    /// Its host is an address.
    #[error("the URL's host must be a name, not an IP address")]
    Address,
    /// Its host is not a name with a dot, of letters, digits and hyphens.
    #[error("the URL's host must be a full name, such as example.com")]
    Name,
    /// Its host is a name that is never public.
    #[error("the URL's host is a name that is not public")]
    NeverPublic,
    /// Its port is not allowed.
    #[error("the URL's port must be 443 or 8443")]
    Port,
    /// It is the URL of this deployment.
    #[error("the URL leads back to Hookline itself")]
    OwnHost,
}

impl From<InvalidEndpointUrlError> for NoAnswerError {
    fn from(_: InvalidEndpointUrlError) -> Self {
        Self::InvalidUrl
    }
}

impl EndpointUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`InvalidEndpointUrlError`] with the rule that it breaks.
    pub fn parse(text: &str, rules: &UrlRules) -> Result<Self, InvalidEndpointUrlError> {
        use InvalidEndpointUrlError as Error;

        if text.len() > MAX_URL_BYTES {
            return Err(Error::TooLong);
        }
        // A parser of URLs removes these or takes a backslash for a slash; what people see should be what is called.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(Error::Characters);
        }
        let url = Url::parse(text).map_err(|_| Error::Unreadable)?;
        if let Some(local) = local(&url) {
            return Ok(local);
        }
        let ports = match url.scheme() {
            "https" => HTTPS_PORTS,
            "http" if rules.allow_http => HTTP_PORTS,
            _ => return Err(Error::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(Error::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(Error::Fragment);
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(Error::Address),
            None => return Err(Error::Unreadable),
        };
        if authority(text).contains('%') || !is_full_name(&host) {
            return Err(Error::Name);
        }
        if NEVER_PUBLIC.iter().any(|last| is_under(&host, last)) {
            return Err(Error::NeverPublic);
        }
        let port = url.port_or_known_default().unwrap_or(ports[0]);
        if !ports.contains(&port) {
            return Err(Error::Port);
        }
        if rules.own_hosts.contains(&host) {
            return Err(Error::OwnHost);
        }
        Ok(Self { url, host, port })
    }

    /// Returns the host's name: lower case, ASCII.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns true for `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Returns the whole URL. It may hold a token: for its owner, never for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the path and the query, for the request's first line.
    pub(crate) fn target(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// Returns the value of the header `host`.
    pub(crate) fn authority(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::BeforePath]
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.url.scheme(), self.authority())
    }
}

/// Returns true for a URL to which personal data may be posted: https, or a server on this machine in a build that allows it.
pub(crate) fn is_private(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" || local(&url).is_some())
}

/// URL of a server on this machine, for development.
#[cfg(feature = "loopback")]
fn local(url: &Url) -> Option<EndpointUrl> {
    let is_local = url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
    is_local.then(|| EndpointUrl {
        url: url.clone(),
        host: "localhost".to_owned(),
        port: url.port_or_known_default().unwrap_or(80),
    })
}

/// No server on this machine is an endpoint.
#[cfg(not(feature = "loopback"))]
fn local(_: &Url) -> Option<EndpointUrl> {
    None
}

/// Part between the scheme and the path, as it was written.
fn authority(text: &str) -> &str {
    let after = text.split_once(':').map_or("", |(_, after)| after);
    let authority = after.trim_start_matches('/');
    authority.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Returns true for a name of several labels, as DNS and certificates have them.
fn is_full_name(host: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(is_label)
}

fn is_under(host: &str, last: &str) -> bool {
    host.strip_suffix(last)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use InvalidEndpointUrlError as Error;

    use super::*;

    fn parse(text: &str) -> Result<EndpointUrl, Error> {
        let rules = UrlRules {
            allow_http: false,
            own_hosts: vec!["api.hookline.example".into()],
        };
        EndpointUrl::parse(text, &rules)
    }

    #[test]
    fn usual_urls_are_read() {
        let url = parse("https://Shop.Example.com:8443/hooks/7?token=a%20b").unwrap();
        assert_eq!(
            (url.host(), url.port(), url.is_https()),
            ("shop.example.com", 8443, true)
        );
        assert_eq!(url.target(), "/hooks/7?token=a%20b");
        assert_eq!(url.authority(), "shop.example.com:8443");
        assert_eq!(format!("{url:?}"), "https://shop.example.com:8443/…");
        let url = parse("https://bücher.example").unwrap();
        assert_eq!((url.host(), url.port()), ("xn--bcher-kva.example", 443));
        assert_eq!((url.target(), url.authority()), ("/", "xn--bcher-kva.example"));
    }

    #[test]
    fn every_broken_rule_is_named() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
        for (text, expected) in [
            (long.as_str(), Error::TooLong),
            (" https://example.com", Error::Characters),
            ("https://example.com/a b", Error::Characters),
            ("https://exam\tple.com", Error::Characters),
            ("https:\\\\example.com", Error::Characters),
            ("https://example.com/\u{2028}", Error::Characters),
            ("", Error::Unreadable),
            ("example.com", Error::Unreadable),
            ("https://", Error::Unreadable),
            ("https://exa mple.com", Error::Characters),
            ("https://example.com:99999", Error::Unreadable),
            ("http://example.com", Error::Scheme),
            ("file:///etc/passwd", Error::Scheme),
            ("gopher://example.com", Error::Scheme),
            ("https://user@example.com", Error::UserInfo),
            ("https://@example.com", Error::UserInfo),
            ("https://a:b@example.com", Error::UserInfo),
            ("https://example.com/#a", Error::Fragment),
            ("https://93.184.216.34", Error::Address),
            ("https://[2606:2800:220:1:248:1893:25c8:1946]", Error::Address),
            ("https://example", Error::Name),
            ("https://example.com.", Error::Name),
            ("https://a..example.com", Error::Name),
            ("https://ex%61mple.com", Error::Name),
            ("https://localhost.localhost", Error::NeverPublic),
            ("https://printer.local", Error::NeverPublic),
            ("https://metadata.google.internal", Error::NeverPublic),
            ("https://example.com:80", Error::Port),
            ("https://example.com:9200", Error::Port),
            ("https://API.hookline.example/webhooks", Error::OwnHost),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn http_has_its_own_ports_where_it_is_allowed() {
        let rules = UrlRules {
            allow_http: true,
            own_hosts: vec![],
        };
        for (text, expected) in [
            ("http://example.com", Ok(80)),
            ("http://example.com:8080", Ok(8080)),
            ("https://example.com", Ok(443)),
            ("http://example.com:443", Err(Error::Port)),
        ] {
            assert_eq!(
                EndpointUrl::parse(text, &rules).map(|url| url.port()),
                expected,
                "{text}"
            );
        }
    }
}

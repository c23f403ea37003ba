//! Security headers of the panel: they allow the browser what the page needs and nothing else.
//!
//! Scripts, styles and data come from the page's own origin, and the live connection goes to its own host. Only the
//! admin of the shop that the page is shown for may frame it
//! (<https://shopify.dev/docs/apps/build/security/set-up-iframe-protection>).

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

/// Origin of App Bridge.
const APP_BRIDGE_ORIGIN: &str = "https://cdn.shopify.com";

/// Headers of every response.
const COMMON_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Security policy of the page.
#[derive(Debug)]
pub struct Policy {
    /// Origin that the page may connect to besides its own.
    live: Option<String>,
}

/// The address of the live connection is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("LIVE_URL is not a wss:// address")]
pub struct InvalidLiveUrlError;

impl Policy {
    /// Creates a policy that allows the live connection's address, as in `wss://host/stage`.
    ///
    /// # Errors
    /// [`InvalidLiveUrlError`] if it has another form.
    pub fn new(live_url: Option<&str>) -> Result<Self, InvalidLiveUrlError> {
        Ok(Self {
            live: live_url.map(origin).transpose()?,
        })
    }

    /// Adds the headers. `shop` is the shop whose admin shows the page.
    pub fn apply(&self, headers: &mut HeaderMap, shop: Option<&str>) {
        for (name, value) in COMMON_HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let policy = self.content_security(shop);
        let policy = HeaderValue::try_from(policy).expect("a host, an origin and constants are a valid header");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }

    fn content_security(&self, shop: Option<&str>) -> String {
        let live = self.live.as_deref().map(|live| format!(" {live}")).unwrap_or_default();
        let (scripts, framed_by) = match shop {
            Some(shop) => (
                format!("'self' {APP_BRIDGE_ORIGIN}"),
                format!("https://{shop} https://admin.shopify.com"),
            ),
            None => ("'self'".to_owned(), "'none'".to_owned()),
        };
        format!(
            "default-src 'none'; script-src {scripts}; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'{live}; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors {framed_by}"
        )
    }
}

/// Returns the origin of a WebSocket URL. `ws` is for the local stack only, whose page is unencrypted as well.
fn origin(url: &str) -> Result<String, InvalidLiveUrlError> {
    let uri: Uri = url.parse().map_err(|_| InvalidLiveUrlError)?;
    match (uri.scheme_str(), uri.host(), uri.port()) {
        (Some(scheme @ ("wss" | "ws")), Some(host), port) => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            Ok(format!("{scheme}://{host}{port}"))
        }
        _ => Err(InvalidLiveUrlError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_connection_may_go_to_its_own_host_only() {
        let policy = |url| Policy::new(url).map(|policy| policy.content_security(None));
        let connects = |url| policy(Some(url)).unwrap();
        assert!(
            connects("wss://a1.execute-api.eu-west-1.amazonaws.com/live")
                .contains("; connect-src 'self' wss://a1.execute-api.eu-west-1.amazonaws.com;")
        );
        assert!(connects("ws://127.0.0.1:4566/_aws/execute-api/a/live").contains(" ws://127.0.0.1:4566;"));
        assert!(policy(None).unwrap().contains("; connect-src 'self';"));
        for url in [
            "https://a.b",
            "wss:",
            "",
            "wss://a b",
            "wss://a;script-src *",
            "/live",
            "*",
        ] {
            assert_eq!(policy(Some(url)), Err(InvalidLiveUrlError), "{url}");
        }
    }

    #[test]
    fn policy_allows_only_named_sources() {
        let policy = Policy::new(None).unwrap().content_security(None);
        assert!(policy.starts_with("default-src 'none'; "));
        assert!(policy.ends_with("; frame-ancestors 'none'"));
        for never in ["unsafe", "*", "http:", "https:", "blob:", "cdn."] {
            assert!(!policy.contains(never), "{never}");
        }
    }
}

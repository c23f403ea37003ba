//! What a browser may do with the panel, said in headers: nothing but what the page needs.
//!
//! Scripts, styles and data come from where the page came from, and the live connection from its own host. Nobody may
//! frame it but the admin of the shop it is shown for
//! (<https://shopify.dev/docs/apps/build/security/set-up-iframe-protection>).

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

/// Where App Bridge comes from.
const APP_BRIDGE_HOST: &str = "https://cdn.shopify.com";

/// On every answer.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// What the page may do.
#[derive(Debug)]
pub struct Policy {
    /// Where it may connect to, beside its own address.
    live: Option<String>,
}

/// The address of the live connection is to be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("LIVE_URL is not a wss:// address")]
pub struct InvalidLiveUrl;

impl Policy {
    /// With the live connection's address, as in `wss://host/stage`.
    ///
    /// # Errors
    /// [`InvalidLiveUrl`] when it is something else.
    pub fn new(live_url: Option<&str>) -> Result<Self, InvalidLiveUrl> {
        Ok(Self {
            live: live_url.map(origin).transpose()?,
        })
    }

    /// Adds the headers. `shop` is the one whose admin shows the page.
    pub fn apply(&self, headers: &mut HeaderMap, shop: Option<&str>) {
        for (name, value) in ALWAYS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let policy = self.content_security(shop);
        let policy = HeaderValue::try_from(policy).expect("a host, an origin and our own words can be a header");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }

    fn content_security(&self, shop: Option<&str>) -> String {
        let live = self.live.as_deref().map(|live| format!(" {live}")).unwrap_or_default();
        let (scripts, framed_by) = match shop {
            Some(shop) => (
                format!("'self' {APP_BRIDGE_HOST}"),
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

/// An address without its path. Unencrypted only for the local stack, whose page is as well.
fn origin(url: &str) -> Result<String, InvalidLiveUrl> {
    let uri: Uri = url.parse().map_err(|_| InvalidLiveUrl)?;
    match (uri.scheme_str(), uri.host(), uri.port()) {
        (Some(scheme @ ("wss" | "ws")), Some(host), port) => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            Ok(format!("{scheme}://{host}{port}"))
        }
        _ => Err(InvalidLiveUrl),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_connection_may_go_to_its_own_host_and_no_other() {
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
            assert_eq!(policy(Some(url)), Err(InvalidLiveUrl), "{url}");
        }
    }

    #[test]
    fn nothing_is_allowed_that_is_not_named() {
        let policy = Policy::new(None).unwrap().content_security(None);
        assert!(policy.starts_with("default-src 'none'; "));
        assert!(policy.ends_with("; frame-ancestors 'none'"));
        for never in ["unsafe", "*", "http:", "https:", "blob:", "cdn."] {
            assert!(!policy.contains(never), "{never}");
        }
    }
}

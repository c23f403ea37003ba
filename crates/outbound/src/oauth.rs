//! Client credentials of OAuth 2 (RFC 6749 § 4.4): the client of an endpoint, its request for a token, and the answer.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hookline_domain::{
    kernel::secret::Secret,
    outbound::{CredentialsIn, EndpointAuth, NoAnswerError},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::{
    endpoint_url::{EndpointUrl, InvalidEndpointUrlError, UrlRules},
    seal::MAX_SEALED_BYTES,
    sealed::UnsealError,
};

/// Most characters of a client's id, of its secret and of a scope.
const MAX_ID: usize = 256;
const MAX_SECRET: usize = 1024;
const MAX_SCOPE: usize = 1024;

/// Most bytes of a token: it has to fit into the head of a request, for which servers have 8 KiB and more.
const MAX_TOKEN_BYTES: usize = 6 * 1024;

/// Time for which a token is used whose server does not say when it ends.
const DEFAULT_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// Longest time for which a token is used.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// Time before its end from which on a token is not used, or a quarter of its life if that is less: an attempt takes up to 30 s.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Codes of errors of a token server (RFC 6749 § 5.2). Any other is not shown: it may hold anything.
const KNOWN_ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// Client of OAuth 2 with its secret, before it is sealed. `Debug` redacts the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAuth {
    auth: EndpointAuth,
    client_secret: Secret,
}

/// An authorization that an endpoint may not have. Not retryable. Contains nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthError {
    /// The token URL breaks a rule of endpoints' URLs.
    #[error("token_url: {0}")]
    Url(InvalidEndpointUrlError),
    /// The client's id.
    #[error("client_id must have 1 to {MAX_ID} printable characters of ASCII")]
    ClientId,
    /// The client's secret.
    #[error("client_secret must have 1 to {MAX_SECRET} printable characters of ASCII")]
    ClientSecret,
    /// The scope.
    #[error(
        "scope must be words with one blank between them, {MAX_SCOPE} characters at most, without quotation marks and backslashes"
    )]
    Scope,
    /// Everything together.
    #[error("token_url, client_id, client_secret and scope have at most {MAX_SEALED_BYTES} bytes together")]
    TooLong,
}

/// A token that a server gave. `Debug` redacts it.
pub(crate) struct Granted {
    /// Value of the header `authorization`.
    pub(crate) authorization: HeaderValue,
    /// Time for which it is used.
    pub(crate) lifetime: SignedDuration,
}

/// Sealed form.
#[derive(Serialize, Deserialize)]
struct Sealed {
    auth: EndpointAuth,
    client_secret: String,
}

impl OpenAuth {
    /// Checks an authorization and the client's secret: the URL by the rules of the deployment, without asking DNS, and the others
    /// by RFC 6749, appendix A.
    ///
    /// # Errors
    /// [`InvalidAuthError`] with the first that is wrong.
    pub fn parse(auth: EndpointAuth, client_secret: Secret, rules: &UrlRules) -> Result<Self, InvalidAuthError> {
        EndpointUrl::parse(&auth.token_url, rules).map_err(InvalidAuthError::Url)?;
        if !is_visible(&auth.client_id, MAX_ID) {
            return Err(InvalidAuthError::ClientId);
        }
        if !is_visible(client_secret.reveal(), MAX_SECRET) {
            return Err(InvalidAuthError::ClientSecret);
        }
        if !auth.scope.as_deref().is_none_or(is_scope) {
            return Err(InvalidAuthError::Scope);
        }
        let open = Self { auth, client_secret };
        if open.to_bytes().len() > MAX_SEALED_BYTES {
            return Err(InvalidAuthError::TooLong);
        }
        Ok(open)
    }

    /// Part that is not secret.
    #[must_use]
    pub fn auth(&self) -> &EndpointAuth {
        &self.auth
    }

    /// Returns the bytes to be sealed: `{"auth":{…},"client_secret":"…"}`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let sealed = Sealed {
            auth: self.auth.clone(),
            client_secret: self.client_secret.reveal().to_owned(),
        };
        serde_json::to_vec(&sealed).unwrap_or_default()
    }

    /// Reads bytes that were opened.
    ///
    /// # Errors
    /// [`UnsealError::Json`].
    pub fn from_bytes(open: &[u8]) -> Result<Self, UnsealError> {
        let Sealed { auth, client_secret } = serde_json::from_slice(open).map_err(|_| UnsealError::Json)?;
        Ok(Self {
            auth,
            client_secret: Secret::new(client_secret),
        })
    }

    /// Headers and body of a request for a token.
    pub(crate) fn request(&self) -> Result<(HeaderMap, Bytes), NoAnswerError> {
        let (id, secret) = (&self.auth.client_id, self.client_secret.reveal());
        let mut headers = HeaderMap::new();
        let mut set = |name, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
        set(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        set(header::ACCEPT, "application/json");
        set(header::ACCEPT_ENCODING, "identity");
        set(header::USER_AGENT, concat!("Hookline/", env!("CARGO_PKG_VERSION")));
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.auth.scope {
            form.append_pair("scope", scope);
        }
        match self.auth.credentials_in {
            CredentialsIn::Header => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
                headers.insert(header::AUTHORIZATION, sensitive(&format!("Basic {pair}"))?);
            }
            CredentialsIn::Body => {
                form.append_pair("client_id", id).append_pair("client_secret", secret);
            }
        }
        Ok((headers, form.finish().into()))
    }
}

/// Reads the answer of a token server: RFC 6749 § 5.1 and 5.2. `is_whole` is false if the body was longer than is read.
pub(crate) fn read(status: StatusCode, body: &[u8], is_whole: bool) -> Result<Granted, NoAnswerError> {
    let failure = match status.as_u16() {
        200..=299 => return granted(body).filter(|_| is_whole).ok_or(NoAnswerError::TokenInvalid),
        408 | 425 | 429 | 500.. => NoAnswerError::TokenUnavailable,
        400..=499 => NoAnswerError::TokenRefused,
        _ => NoAnswerError::TokenInvalid,
    };
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = answer["error"].as_str().unwrap_or_default();
    let error = KNOWN_ERRORS.iter().find(|known| **known == error);
    tracing::info!(
        status = status.as_u16(),
        error = error.copied().unwrap_or("unknown"),
        "token server gave no token"
    );
    Err(failure)
}

fn granted(body: &[u8]) -> Option<Granted> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let token = answer["access_token"].as_str()?;
    let is_bearer = answer["token_type"].as_str()?.eq_ignore_ascii_case("bearer");
    let is_token = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_bearer || !is_token {
        return None;
    }
    Some(Granted {
        authorization: sensitive(&format!("Bearer {token}")).ok()?,
        lifetime: lifetime(&answer["expires_in"]),
    })
}

/// Time for which a token is used that ends after these seconds. Some servers write the number as a text.
fn lifetime(expires_in: &Value) -> SignedDuration {
    let seconds = match expires_in {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    let whole = seconds.map_or(DEFAULT_LIFETIME, |seconds| SignedDuration::from_secs(seconds.max(0)));
    let whole = whole.min(MAX_LIFETIME);
    whole - MARGIN.min(whole / 4)
}

fn sensitive(text: &str) -> Result<HeaderValue, NoAnswerError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| NoAnswerError::TokenInvalid)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns true for 1 to `most` characters from the blank to the tilde.
fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn is_scope(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
    text.len() <= MAX_SCOPE && text.split(' ').all(is_word)
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::outbound::AuthKind;
    use serde_json::json;

    use super::*;

    fn auth() -> EndpointAuth {
        EndpointAuth {
            kind: AuthKind::OAuth2,
            token_url: "https://login.example.com/token".to_owned(),
            client_id: "hook line".to_owned(),
            scope: Some("events:write a".to_owned()),
            credentials_in: CredentialsIn::Header,
        }
    }

    fn open(auth: EndpointAuth) -> OpenAuth {
        OpenAuth::parse(auth, Secret::new("s3cret&+%"), &UrlRules::default()).unwrap()
    }

    fn answer(body: &Value) -> Result<Granted, NoAnswerError> {
        read(StatusCode::OK, body.to_string().as_bytes(), true)
    }

    #[test]
    fn client_reads_back_and_its_secret_is_not_shown() {
        let client = open(auth());
        assert_eq!(OpenAuth::from_bytes(&client.to_bytes()).unwrap(), client);
        assert!(!format!("{client:?}").contains("s3cret"));
        let error = OpenAuth::from_bytes(b"{\"client_secret\":\"s3cret\"}").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }

    #[test]
    fn credentials_are_in_the_header_or_in_the_body() {
        let (headers, body) = open(auth()).request().unwrap();
        assert_eq!(body, "grant_type=client_credentials&scope=events%3Awrite+a");
        let basic = headers["authorization"]
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap();
        let pair = BASE64_STANDARD.decode(basic).unwrap();
        assert_eq!(pair, b"hook+line:s3cret%26%2B%25", "encoded as a form first");
        assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
        assert!(!format!("{headers:?}").contains(basic));
        let (headers, body) = open(EndpointAuth {
            scope: None,
            credentials_in: CredentialsIn::Body,
            ..auth()
        })
        .request()
        .unwrap();
        let expected = "grant_type=client_credentials&client_id=hook+line&client_secret=s3cret%26%2B%25";
        assert_eq!((headers.get("authorization"), &*body), (None, expected.as_bytes()));
    }

    #[test]
    fn token_is_used_until_shortly_before_its_end() {
        for (expires_in, seconds) in [
            (json!(3600), 3540),
            (json!("3600"), 3540),
            (json!(40), 30),
            (json!(0), 0),
            (json!(-5), 0),
            (json!(null), 240),
            (json!("soon"), 240),
            (json!(10_000_000), 86_340),
            (json!(i64::MAX), 86_340),
        ] {
            let given = json!({"access_token": "t0ken", "token_type": "bearer", "expires_in": expires_in});
            let granted = answer(&given).unwrap();
            assert_eq!(granted.lifetime.as_secs(), seconds, "{expires_in}");
            assert_eq!(granted.authorization, "Bearer t0ken");
            assert!(!format!("{granted:?} {:?}", granted.authorization).contains("t0ken"));
        }
    }

    #[test]
    fn whatever_is_no_bearer_token_is_refused() {
        for body in [
            json!({}),
            json!([]),
            json!({"access_token": "t"}),
            json!({"access_token": "t", "token_type": "mac"}),
            json!({"access_token": "", "token_type": "Bearer"}),
            json!({"access_token": 7, "token_type": "Bearer"}),
            json!({"access_token": "a b", "token_type": "Bearer"}),
            json!({"access_token": "a\r\nhost: inside", "token_type": "Bearer"}),
            json!({"access_token": "t".repeat(MAX_TOKEN_BYTES + 1), "token_type": "Bearer"}),
        ] {
            assert_eq!(answer(&body).err(), Some(NoAnswerError::TokenInvalid), "{body}");
        }
        let cut = read(StatusCode::OK, br#"{"access_token":"t","token_type":"Bearer"}"#, false);
        assert_eq!(cut.err(), Some(NoAnswerError::TokenInvalid));
    }

    #[test]
    fn status_of_a_token_server_has_a_meaning() {
        for (status, expected) in [
            (302, NoAnswerError::TokenInvalid),
            (400, NoAnswerError::TokenRefused),
            (401, NoAnswerError::TokenRefused),
            (404, NoAnswerError::TokenRefused),
            (408, NoAnswerError::TokenUnavailable),
            (429, NoAnswerError::TokenUnavailable),
            (500, NoAnswerError::TokenUnavailable),
            (503, NoAnswerError::TokenUnavailable),
        ] {
            let body = br#"{"error":"invalid_client"}"#;
            let read = read(StatusCode::from_u16(status).unwrap(), body, true);
            assert_eq!(read.err(), Some(expected), "{status}");
        }
    }

    #[test]
    fn authorization_that_breaks_a_rule_is_refused_without_being_shown() {
        use InvalidAuthError as Error;
        let parse = |change: &dyn Fn(&mut EndpointAuth), secret: &str| {
            let mut auth = auth();
            change(&mut auth);
            OpenAuth::parse(auth, Secret::new(secret), &UrlRules::default()).err()
        };
        assert_eq!(parse(&|_| {}, "x"), None);
        let url = InvalidEndpointUrlError::Address;
        assert_eq!(
            parse(&|auth| auth.token_url = "https://169.254.169.254/".to_owned(), "x"),
            Some(Error::Url(url))
        );
        assert_eq!(parse(&|auth| auth.client_id.clear(), "x"), Some(Error::ClientId));
        assert_eq!(
            parse(&|auth| auth.client_id = "ä".to_owned(), "x"),
            Some(Error::ClientId)
        );
        assert_eq!(parse(&|_| {}, ""), Some(Error::ClientSecret));
        assert_eq!(parse(&|_| {}, "a\nb"), Some(Error::ClientSecret));
        for scope in ["", " ", "a  b", "a\"", "a\\", "ä"] {
            let error = parse(&|auth| auth.scope = Some(scope.to_owned()), "x");
            assert_eq!(error, Some(Error::Scope), "{scope:?}");
        }
        let long = |auth: &mut EndpointAuth| {
            auth.token_url = format!("https://login.example.com/{}", "t".repeat(1990));
            auth.scope = Some("s".repeat(MAX_SCOPE));
        };
        assert_eq!(parse(&long, &"x".repeat(MAX_SECRET)), Some(Error::TooLong));
    }
}

//! Headers of a request: its signature, the event's metadata for those who route without reading the body, and the endpoint's
//! own.

use hookline_events::{Store, Subject};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::signature::SigningKeys;

/// Most headers that an endpoint may add.
pub const MAX_CUSTOM_HEADERS: usize = 10;

/// Most bytes of an endpoint's own headers, names and values together.
pub const MAX_CUSTOM_BYTES: usize = 4 * 1024;

/// Beginnings of names that an endpoint may not set.
const RESERVED_PREFIXES: [&str; 5] = ["content-", "webhook-", "hookline-", "ce-", "proxy-"];

/// Further names that an endpoint may not set: those of the connection (RFC 9110 § 7.6.1), and those that Hookline sets.
const RESERVED: [&str; 11] = [
    "host",
    "user-agent",
    "accept-encoding",
    "expect",
    "date",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Characters that a header of `CloudEvents` encodes: all but printable ASCII, and of that the blank, the quotation mark and the
/// percent sign. Source: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values>.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A message, as its headers describe it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Id of the event.
    pub id: &'a str,
    /// Type of the event.
    pub kind: &'a str,
    /// Store.
    pub store: &'a Store,
    /// The thing that the event is about.
    pub subject: &'a Subject,
    /// Source's topic, if the body is what the source sent.
    pub topic: Option<&'a str>,
    /// Time of the event.
    pub timestamp: Timestamp,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// True if somebody asked for the message again.
    pub is_replay: bool,
}

/// Headers that an endpoint's owner adds, such as an authorization. `Debug` redacts their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders(HeaderMap);

/// A header that an endpoint may not set. Does not contain its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeaderError {
    /// There are more than [`MAX_CUSTOM_HEADERS`].
    #[error("an endpoint has at most {MAX_CUSTOM_HEADERS} headers of its own")]
    TooMany,
    /// They have more than [`MAX_CUSTOM_BYTES`].
    #[error("the headers of an endpoint have at most {MAX_CUSTOM_BYTES} bytes, names and values together")]
    TooLong,
    /// The name is no name of a header.
    #[error("{0:?} is not the name of a header")]
    Name(String),
    /// The value has characters that no header may have.
    #[error("the value of {0} has characters that no header may have")]
    Value(String),
    /// The name is Hookline's or the connection's.
    #[error("{0} cannot be set: Hookline or the connection needs it")]
    Reserved(String),
    /// The name is there twice.
    #[error("{0} is there twice")]
    Twice(String),
}

impl CustomHeaders {
    /// Reads names and values.
    ///
    /// # Errors
    /// [`InvalidHeaderError`] with the first that is wrong.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidHeaderError> {
        use InvalidHeaderError as Error;

        let (mut headers, mut bytes) = (HeaderMap::new(), 0);
        for (name, value) in pairs {
            let shown = || name.chars().take(64).collect::<String>();
            bytes += name.len() + value.len();
            let read: HeaderName = name.parse().map_err(|_| Error::Name(shown()))?;
            let lower = read.as_str();
            if RESERVED.contains(&lower) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
                return Err(Error::Reserved(shown()));
            }
            let mut value = HeaderValue::from_str(value).map_err(|_| Error::Value(shown()))?;
            value.set_sensitive(true);
            if headers.insert(read, value).is_some() {
                return Err(Error::Twice(shown()));
            }
            if headers.len() > MAX_CUSTOM_HEADERS {
                return Err(Error::TooMany);
            }
        }
        if bytes > MAX_CUSTOM_BYTES {
            return Err(Error::TooLong);
        }
        Ok(Self(headers))
    }
}

/// Headers of a request.
#[derive(Debug, Clone, Copy)]
pub struct Headers;

impl Headers {
    /// Headers of a request that sends `body` at `now`, and no other body: its signature; `hookline-type`, `-store`, `-attempt`,
    /// of what the source sent `-topic` and of a replay `-replay`; those of `CloudEvents`, by which the request is a [CloudEvent in binary mode]; and the
    /// endpoint's own.
    ///
    /// [CloudEvent in binary mode]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode
    #[must_use]
    pub fn of(
        message: &Message<'_>,
        keys: &SigningKeys,
        custom: &CustomHeaders,
        body: &[u8],
        now: Timestamp,
    ) -> HeaderMap {
        let mut headers = custom.0.clone();
        let mut set = |name: &'static str, value: &str| {
            let value = utf8_percent_encode(value, ENCODED).to_string();
            let value = HeaderValue::from_str(&value).expect("an encoded value is printable ASCII");
            headers.insert(name, value);
        };
        let Store { source, id: store } = message.store;
        let Subject { kind, id: subject, .. } = message.subject;
        set("hookline-type", message.kind);
        set("hookline-store", &format!("{source}:{store}"));
        set("hookline-attempt", &message.attempt.to_string());
        if let Some(topic) = message.topic {
            set("hookline-topic", topic);
        }
        if message.is_replay {
            set("hookline-replay", "true");
        }
        set("ce-specversion", "1.0");
        set("ce-id", message.id);
        set("ce-type", message.kind);
        set("ce-source", &format!("/{source}/{store}"));
        set("ce-subject", &format!("{kind}/{subject}"));
        set("ce-time", &message.timestamp.to_string());
        set(header::CONTENT_TYPE.as_str(), "application/json");
        set(header::ACCEPT_ENCODING.as_str(), "identity");
        for (name, value) in keys.headers(message.id, body, now) {
            let value = HeaderValue::from_str(&value).expect("ids, numbers and base64 are printable ASCII");
            headers.insert(name, value);
        }
        let agent = HeaderValue::from_static(concat!("Hookline/", env!("CARGO_PKG_VERSION")));
        headers.insert(header::USER_AGENT, agent);
        headers
    }
}

#[cfg(test)]
mod tests {
    use InvalidHeaderError as Error;

    use super::*;
    use crate::signature::SigningSecret;

    fn message<'a>(store: &'a Store, subject: &'a Subject) -> Message<'a> {
        Message {
            id: "evt_01M8KC7FD03QH5TX988ZJ0TNS4",
            kind: "product.updated",
            store,
            subject,
            topic: Some("products/update"),
            timestamp: "2026-11-29T10:04:52Z".parse().unwrap(),
            attempt: 2,
            is_replay: true,
        }
    }

    #[test]
    fn request_is_signed_and_a_cloud_event() {
        let store = Store {
            source: "shopify".into(),
            id: "demo.myshopify.com".into(),
        };
        let subject = Subject {
            kind: "product".into(),
            id: "grün 100 %".into(),
            version: None,
        };
        let secret = SigningSecret::generate().unwrap();
        let keys = SigningKeys {
            secrets: vec![secret],
            keys: vec![],
        };
        let custom = CustomHeaders::parse([("Authorization", "Bearer t"), ("X-Team", "search")]).unwrap();
        let headers = Headers::of(&message(&store, &subject), &keys, &custom, b"{}", Timestamp::UNIX_EPOCH);
        let value = |name: &str| headers[name].to_str().unwrap();
        for (name, expected) in [
            ("webhook-id", "evt_01M8KC7FD03QH5TX988ZJ0TNS4"),
            ("webhook-timestamp", "0"),
            ("hookline-type", "product.updated"),
            ("hookline-store", "shopify:demo.myshopify.com"),
            ("hookline-topic", "products/update"),
            ("hookline-attempt", "2"),
            ("hookline-replay", "true"),
            ("ce-specversion", "1.0"),
            ("ce-id", "evt_01M8KC7FD03QH5TX988ZJ0TNS4"),
            ("ce-type", "product.updated"),
            ("ce-source", "/shopify/demo.myshopify.com"),
            ("ce-subject", "product/gr%C3%BCn%20100%20%25"),
            ("ce-time", "2026-11-29T10:04:52Z"),
            ("content-type", "application/json"),
            ("accept-encoding", "identity"),
            ("authorization", "Bearer t"),
            ("x-team", "search"),
        ] {
            assert_eq!(value(name), expected, "{name}");
        }
        assert!(value("webhook-signature").starts_with("v1,"));
        assert!(value("user-agent").starts_with("Hookline/"));
        assert!(!format!("{custom:?} {headers:?}").contains("Bearer"));
    }

    #[test]
    fn official_sdk_of_cloud_events_reads_the_request() {
        use cloudevents::{AttributesReader, Data, binding::http::to_event};

        let store = Store {
            source: "shopify".into(),
            id: "demo.myshopify.com".into(),
        };
        let subject = Subject {
            kind: "product".into(),
            id: "788".into(),
            version: None,
        };
        let keys = SigningKeys::default();
        let message = message(&store, &subject);
        let body = br#"{"id":"788"}"#;
        let headers = Headers::of(&message, &keys, &CustomHeaders::default(), body, Timestamp::UNIX_EPOCH);
        let event = to_event(&headers, body.to_vec()).unwrap();
        assert_eq!((event.id(), event.ty()), (message.id, message.kind));
        assert_eq!(event.source().as_str(), "/shopify/demo.myshopify.com");
        assert_eq!(event.subject(), Some("product/788"));
        assert_eq!(event.datacontenttype(), Some("application/json"));
        let time = event.time().unwrap().timestamp();
        assert_eq!(time, message.timestamp.as_second());
        assert!(
            matches!(event.data(), Some(Data::Binary(read)) if read == body),
            "{:?}",
            event.data()
        );
    }

    #[test]
    fn headers_that_a_message_shows_are_those_that_were_sent() {
        use hookline_domain::{
            memory::noon,
            outbound::{
                AttemptRecord, Endpoint, EndpointSettings, MessageRecord, MessageView, SealedHeaders, Signatures,
            },
        };

        use crate::signature::SigningKey;

        let (id, kind) = ("evt_01M8KC7FD03QH5TX988ZJ0TNS4", "product.updated");
        let mut endpoint = Endpoint::new(
            "* ep_1".parse().unwrap(),
            EndpointSettings::new("https://example.com/hook", &["*"]),
            noon(),
        );
        endpoint.credentials.headers = Some(SealedHeaders {
            names: vec!["Authorization".to_owned(), "X-Team".to_owned()],
            sealed: vec![],
        });
        let custom = CustomHeaders::parse([("Authorization", "Bearer t"), ("X-Team", "search")]).unwrap();
        let mut record = MessageRecord::new(
            "shopify#demo.myshopify.com".parse().unwrap(),
            Some(kind.parse().unwrap()),
            noon(),
        );
        record.attempts.push(AttemptRecord {
            at: noon(),
            took_ms: 40,
            status: Some(200),
            code: None,
            number: Some(2),
            revision: Some(endpoint.revision),
            excerpt: None,
        });
        let store = Store::from(&record.store);
        let subject = Subject {
            kind: "product".into(),
            id: "788".into(),
            version: None,
        };
        for (signatures, secrets, signing_keys) in [
            (Signatures::V1, 1, 0),
            (Signatures::V1a, 0, 1),
            (Signatures::Both, 1, 1),
        ] {
            for run in [0, 1] {
                endpoint.settings.signatures = signatures;
                record.run = run;
                let message = Message {
                    topic: None,
                    is_replay: run > 0,
                    ..message(&store, &subject)
                };
                let keys = SigningKeys {
                    secrets: (0..secrets).map(|_| SigningSecret::generate().unwrap()).collect(),
                    keys: (0..signing_keys).map(|_| SigningKey::generate().unwrap()).collect(),
                };
                let sent = Headers::of(&message, &keys, &custom, b"{}", noon());
                let shown = MessageView::in_detail(&endpoint, &id.parse().unwrap(), &record, noon());
                let shown = shown.attempts[0].request_headers.clone().unwrap();
                let mut names: Vec<&str> = shown.iter().map(|header| header.name.as_str()).collect();
                let mut expected: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
                names.sort_unstable();
                expected.sort_unstable();
                assert_eq!(names, expected, "{signatures:?} {run}");
                for header in &shown {
                    let Some(value) = &header.value else { continue };
                    let sent = sent[header.name.as_str()].to_str().unwrap();
                    let parts = value.split('…').map(str::trim);
                    assert!(parts.clone().all(|part| sent.contains(part)), "{header:?} {sent}");
                    assert!(value.contains('…') || value == sent, "{header:?} {sent}");
                }
            }
        }
    }

    #[test]
    fn headers_that_an_endpoint_may_not_set_are_refused() {
        let parse = |name: &str, value: &str| CustomHeaders::parse([(name, value)]).err();
        for name in [
            "Host",
            "content-length",
            "Content-Type",
            "Webhook-Id",
            "hookline-store",
            "ce-id",
            "Proxy-Authorization",
            "Connection",
            "Transfer-Encoding",
            "TE",
            "Upgrade",
            "Expect",
            "User-Agent",
        ] {
            assert_eq!(parse(name, "x"), Some(Error::Reserved(name.into())), "{name}");
        }
        assert_eq!(parse("a b", "x"), Some(Error::Name("a b".into())));
        assert_eq!(parse("", "x"), Some(Error::Name(String::new())));
        assert_eq!(parse("a", "x\r\nhost: inside"), Some(Error::Value("a".into())));
        assert_eq!(parse("a", &"x".repeat(MAX_CUSTOM_BYTES)), Some(Error::TooLong));
        assert_eq!(parse("a", &"x".repeat(MAX_CUSTOM_BYTES - 1)), None);
        assert_eq!(
            CustomHeaders::parse([("a", "1"), ("A", "2")]),
            Err(Error::Twice("A".into()))
        );
        let names: Vec<_> = (0..=MAX_CUSTOM_HEADERS).map(|n| format!("x-{n}")).collect();
        let pairs = |count| names.iter().take(count).map(|name| (name.as_str(), "1"));
        assert!(CustomHeaders::parse(pairs(MAX_CUSTOM_HEADERS)).is_ok());
        assert_eq!(CustomHeaders::parse(pairs(MAX_CUSTOM_HEADERS + 1)), Err(Error::TooMany));
    }
}

//! One attempt to hand a message to an endpoint: its result, and what that means for the message and for the endpoint.
//!
//! A failure is either the message's **own**, so that others may still be taken, or **general**: the endpoint takes nothing at
//! present. A general failure spends none of a message's attempts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Excerpt;

/// Header of an answer by which an endpoint asks not to be sent this message again, or nothing at all.
pub const DELIVERY_HEADER: &str = "webhook-delivery";

/// Most bytes of an [`Excerpt`] of a refusal.
pub const MAX_EXCERPT_BYTES: usize = 512;

/// Result of an attempt.
pub type Attempted = Result<Answer, NoAnswerError>;

/// Answer of an endpoint. It counts once its head is complete, and its body decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status, from 200 to 599.
    pub status: u16,
    /// Wait that it asks for.
    pub retry_after: Option<Duration>,
    /// Its wish about this message or about all.
    pub wish: Option<Wish>,
    /// Address to which it redirects, cut to 2,048 bytes. It is shown and never followed.
    pub location: Option<String>,
    /// Beginning of its body if it is a refusal that has one.
    pub excerpt: Option<Excerpt>,
}

/// Wish of an endpoint, in [`DELIVERY_HEADER`]. One on a success has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `abort-message`: never this message again.
    AbortMessage,
    /// `disable`: no message again.
    Disable,
}

/// Reason for which there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoAnswerError {
    /// The URL breaks a rule that it kept when the endpoint was created.
    #[error("its URL is not allowed any more")]
    InvalidUrl,
    /// No server has this name.
    #[error("no server has its name")]
    NotFound,
    /// DNS did not answer in time.
    #[error("DNS did not answer in time")]
    DnsTimeout,
    /// An address of the host is not public.
    #[error("its name leads to an address that is not public")]
    NotPublic,
    /// The host refused the connection, or cannot be reached.
    #[error("it refuses connections or cannot be reached")]
    ConnectionRefused,
    /// Connecting, TLS included, took too long.
    #[error("it did not accept a connection in time")]
    ConnectTimeout,
    /// The certificate is not valid for the host at this time, or nobody vouches for it.
    #[error("its certificate is not valid")]
    Certificate,
    /// The server offers no version or cipher of TLS that is still safe.
    #[error("it offers no TLS that is still safe")]
    TlsUnsupported,
    /// TLS failed for another reason.
    #[error("TLS failed")]
    TlsFailed,
    /// The attempt took too long.
    #[error("it did not answer in time")]
    TimedOut,
    /// The connection ended before the head of an answer was complete.
    #[error("it closed the connection without a complete answer")]
    Closed,
    /// The answer is not HTTP/1.1.
    #[error("its answer is not HTTP")]
    NotHttp,
    /// The head of the answer is longer than is read.
    #[error("the head of its answer is too long")]
    HeadTooLarge,
    /// The server does not accept the client certificate, or demands one.
    #[error("it does not accept the client certificate, or demands one")]
    ClientCertificate,
    /// The server of the endpoint's tokens refused its client.
    #[error("its token server refused the client")]
    TokenRefused,
    /// The server of the endpoint's tokens cannot be reached, or did not answer in time.
    #[error("its token server is not available")]
    TokenUnavailable,
    /// The endpoint gets what the source sent, and that is not kept.
    #[error("what the source sent is not kept")]
    NotKept,
    /// The server of the endpoint's tokens answered with something else.
    #[error("its token server answered with something else than a token")]
    TokenInvalid,
}

/// Code of a failed attempt, in records, figures and the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptCode {
    /// A status of 3xx.
    Redirect,
    /// Status 410.
    Gone,
    /// The header `webhook-delivery: disable`.
    DisabledByEndpoint,
    /// The header `webhook-delivery: abort-message`.
    Aborted,
    /// Another status of 4xx.
    Refused,
    /// Another status of 5xx.
    Failed,
    /// Status 429.
    Throttled,
    /// Status 408, 425, 502, 503 or 504.
    Unavailable,
    /// The URL breaks a rule that it kept when the endpoint was created.
    InvalidUrl,
    /// No server has this name.
    NotFound,
    /// DNS did not answer in time.
    DnsTimeout,
    /// An address of the host is not public.
    NotPublic,
    /// The host refused the connection, or cannot be reached.
    ConnectionRefused,
    /// Connecting, TLS included, took too long.
    ConnectTimeout,
    /// The certificate is not valid for the host at this time, or nobody vouches for it.
    Certificate,
    /// The server offers no version or cipher of TLS that is still safe.
    TlsUnsupported,
    /// TLS failed for another reason.
    TlsFailed,
    /// The attempt took too long.
    TimedOut,
    /// The connection ended before the head of an answer was complete.
    Closed,
    /// The answer is not HTTP/1.1.
    NotHttp,
    /// The head of the answer is longer than is read.
    HeadTooLarge,
    /// The server does not accept the client certificate, or demands one.
    ClientCertificate,
    /// The server of the endpoint's tokens refused its client.
    TokenRefused,
    /// The server of the endpoint's tokens cannot be reached, or did not answer in time.
    TokenUnavailable,
    /// The server of the endpoint's tokens answered with something else than a bearer token.
    TokenInvalid,
    /// The endpoint gets what the source sent, and that is not kept: nothing was posted.
    NotKept,
}

/// Meaning of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The endpoint has taken the message.
    Sent,
    /// The message's own failure: it is retried on its own schedule.
    Own(AttemptCode),
    /// The endpoint takes nothing at present.
    General {
        /// Kind of the failure.
        code: AttemptCode,
        /// Wait that the endpoint asks for: nothing is sent before.
        wait: Option<Duration>,
    },
    /// The endpoint wants no message again.
    Disable(AttemptCode),
    /// The endpoint never wants this message again, or can never get it.
    Abort(AttemptCode),
}

impl Meaning {
    /// Returns the meaning of an attempt's result.
    #[must_use]
    pub fn of(attempted: &Attempted) -> Self {
        match attempted {
            Ok(answer) => answer.meaning(),
            Err(NoAnswerError::NotKept) => Self::Abort(AttemptCode::NotKept),
            Err(problem) => Self::General {
                code: problem.code(),
                wait: None,
            },
        }
    }

    /// Returns the code of a failure.
    #[must_use]
    pub fn code(self) -> Option<AttemptCode> {
        match self {
            Self::Sent => None,
            Self::Own(code) | Self::General { code, .. } | Self::Disable(code) | Self::Abort(code) => Some(code),
        }
    }
}

impl Answer {
    fn meaning(&self) -> Meaning {
        match (self.status, self.wish) {
            (200..=299, _) => Meaning::Sent,
            (_, Some(Wish::Disable)) => Meaning::Disable(AttemptCode::DisabledByEndpoint),
            (410, _) => Meaning::Disable(AttemptCode::Gone),
            (_, Some(Wish::AbortMessage)) => Meaning::Abort(AttemptCode::Aborted),
            (300..=399, None) => Meaning::Own(AttemptCode::Redirect),
            (429, None) => Meaning::General {
                code: AttemptCode::Throttled,
                wait: self.retry_after,
            },
            (503, None) => Meaning::General {
                code: AttemptCode::Unavailable,
                wait: self.retry_after,
            },
            (408 | 425 | 502 | 504, None) => Meaning::General {
                code: AttemptCode::Unavailable,
                wait: None,
            },
            (400..=499, None) => Meaning::Own(AttemptCode::Refused),
            (_, None) => Meaning::Own(AttemptCode::Failed),
        }
    }
}

impl Wish {
    /// Reads the header's value; any other has no effect.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        match value.trim_ascii().to_ascii_lowercase().as_slice() {
            b"abort-message" => Some(Self::AbortMessage),
            b"disable" => Some(Self::Disable),
            _ => None,
        }
    }
}

impl NoAnswerError {
    /// Returns its code.
    #[must_use]
    pub fn code(self) -> AttemptCode {
        match self {
            Self::InvalidUrl => AttemptCode::InvalidUrl,
            Self::NotFound => AttemptCode::NotFound,
            Self::DnsTimeout => AttemptCode::DnsTimeout,
            Self::NotPublic => AttemptCode::NotPublic,
            Self::ConnectionRefused => AttemptCode::ConnectionRefused,
            Self::ConnectTimeout => AttemptCode::ConnectTimeout,
            Self::Certificate => AttemptCode::Certificate,
            Self::TlsUnsupported => AttemptCode::TlsUnsupported,
            Self::TlsFailed => AttemptCode::TlsFailed,
            Self::TimedOut => AttemptCode::TimedOut,
            Self::Closed => AttemptCode::Closed,
            Self::NotHttp => AttemptCode::NotHttp,
            Self::HeadTooLarge => AttemptCode::HeadTooLarge,
            Self::ClientCertificate => AttemptCode::ClientCertificate,
            Self::TokenRefused => AttemptCode::TokenRefused,
            Self::TokenUnavailable => AttemptCode::TokenUnavailable,
            Self::TokenInvalid => AttemptCode::TokenInvalid,
            Self::NotKept => AttemptCode::NotKept,
        }
    }
}

impl AttemptCode {
    /// All codes.
    pub const ALL: [Self; 26] = [
        Self::Redirect,
        Self::Gone,
        Self::DisabledByEndpoint,
        Self::Aborted,
        Self::Refused,
        Self::Failed,
        Self::Throttled,
        Self::Unavailable,
        Self::InvalidUrl,
        Self::NotFound,
        Self::DnsTimeout,
        Self::NotPublic,
        Self::ConnectionRefused,
        Self::ConnectTimeout,
        Self::Certificate,
        Self::TlsUnsupported,
        Self::TlsFailed,
        Self::TimedOut,
        Self::Closed,
        Self::NotHttp,
        Self::HeadTooLarge,
        Self::ClientCertificate,
        Self::TokenRefused,
        Self::TokenUnavailable,
        Self::TokenInvalid,
        Self::NotKept,
    ];

    /// Explanation for the endpoint's owner: what happened, and what to do.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Redirect => {
                "It redirects, and redirects are not followed: change the endpoint's URL to the address that answers."
            }
            Self::Gone => "It answered 410, which means that it is gone for good. The endpoint is disabled.",
            Self::DisabledByEndpoint => "It asked to be disabled (webhook-delivery: disable).",
            Self::Aborted => "It asked never to be sent this message again (webhook-delivery: abort-message).",
            Self::Refused => "It refused this message. The status and its answer say why.",
            Self::Failed => "It failed on this message. Its own log says why.",
            Self::Throttled => {
                "It asks for fewer messages (429). Hookline slows down; a lower rate of the endpoint avoids this."
            }
            Self::Unavailable => "It is not available at present.",
            Self::InvalidUrl => "Its URL breaks a rule that endpoints must keep: create it again.",
            Self::NotFound => "No server has its name. Check the URL and the name's DNS records.",
            Self::DnsTimeout => "The DNS servers of its name did not answer within 3 seconds.",
            Self::NotPublic => {
                "Its name leads to an address that is not public (private, loopback, link-local or reserved), to which nothing is \
                 ever sent. If it has several addresses, all must be public."
            }
            Self::ConnectionRefused => {
                "It refuses connections or cannot be reached. Is it running, and open to the internet?"
            }
            Self::ConnectTimeout => "It did not accept a connection, TLS included, within 3 seconds.",
            Self::Certificate => {
                "Its certificate is not valid: expired, of another name, self-signed, or without its intermediate certificates."
            }
            Self::TlsUnsupported => {
                "It offers no TLS that is still safe. Enable TLS 1.3, or 1.2 with an ECDHE cipher and AES-GCM or ChaCha20."
            }
            Self::TlsFailed => "TLS failed.",
            Self::TimedOut => "It did not answer in time. Answer first and work afterwards; 2xx is enough.",
            Self::Closed => "It closed the connection without a complete answer.",
            Self::NotHttp => "Its answer is not HTTP/1.1.",
            Self::HeadTooLarge => "The head of its answer is longer than 16 KiB or 64 headers.",
            Self::ClientCertificate => {
                "It does not accept the endpoint's client certificate, or demands one and the endpoint has none. Check that the \
                 certificate has not ended, and that the server trusts its issuer."
            }
            Self::TokenRefused => {
                "Its token server refused the client. Check the client's id, secret and scope, and set them again."
            }
            Self::TokenUnavailable => {
                "Its token server gave no answer within 3 seconds, or is not available. Check the token URL, and that all \
                 addresses of its name are public."
            }
            Self::TokenInvalid => {
                "Its token server answered with something else than a token of type Bearer. Check the token URL: redirects are \
                 not followed."
            }
            Self::NotKept => {
                "Nothing was posted: what the source sent had more than 64 KiB, was kept no longer, or was not kept at all. Read the \
                 thing from the source."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer {
            status,
            retry_after: Some(Duration::from_mins(1)),
            wish: None,
            location: None,
            excerpt: None,
        }
    }

    #[test]
    fn every_status_has_a_meaning() {
        let general = |code, wait: Option<u64>| Meaning::General {
            code,
            wait: wait.map(Duration::from_secs),
        };
        for status in 200..=599 {
            let expected = match status {
                200..=299 => Meaning::Sent,
                300..=399 => Meaning::Own(AttemptCode::Redirect),
                410 => Meaning::Disable(AttemptCode::Gone),
                429 => general(AttemptCode::Throttled, Some(60)),
                503 => general(AttemptCode::Unavailable, Some(60)),
                408 | 425 | 502 | 504 => general(AttemptCode::Unavailable, None),
                400..=499 => Meaning::Own(AttemptCode::Refused),
                _ => Meaning::Own(AttemptCode::Failed),
            };
            assert_eq!(Meaning::of(&Ok(answer(status))), expected, "{status}");
        }
    }

    #[test]
    fn wishes_count_unless_the_message_was_taken() {
        let with = |status, wish| {
            Meaning::of(&Ok(Answer {
                wish: Wish::read(wish),
                ..answer(status)
            }))
        };
        assert_eq!(with(500, b" Abort-Message "), Meaning::Abort(AttemptCode::Aborted));
        assert_eq!(with(503, b"disable"), Meaning::Disable(AttemptCode::DisabledByEndpoint));
        assert_eq!(with(410, b"abort-message"), Meaning::Disable(AttemptCode::Gone));
        assert_eq!(with(200, b"disable"), Meaning::Sent);
        assert_eq!(with(400, b"disable-all"), Meaning::Own(AttemptCode::Refused));
    }

    #[test]
    fn no_answer_is_a_general_failure() {
        let meaning = Meaning::of(&Err(NoAnswerError::TimedOut));
        assert_eq!(meaning.code(), Some(AttemptCode::TimedOut));
        assert!(matches!(meaning, Meaning::General { wait: None, .. }));
    }

    #[test]
    fn every_code_has_a_sentence_of_its_own() {
        let mut sentences: Vec<_> = AttemptCode::ALL.iter().map(|code| code.sentence()).collect();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), AttemptCode::ALL.len());
        assert!(
            sentences
                .iter()
                .all(|sentence| sentence.ends_with('.') || sentence.ends_with('?'))
        );
    }
}

//! What a service answered, and what that is taken for.
//!
//! Nothing here makes a call, so any bytes can be tried (`tests/hostile`). What is not understood is never a success, and of what
//! was said only a code is told.

use std::{borrow::Cow, fmt, marker::PhantomData};

use bytes::Bytes;
use hookline_domain::kernel::port::PortError;
use http::StatusCode;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::cause::cause_of;

/// Codes of errors that pass: throttling, as AWS's SDKs take it
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
const PASSING: [&str; 19] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "InternalServerError",
    "InternalServiceError",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// An answer that has come whole.
#[derive(Clone)]
pub struct Answer {
    service: &'static str,
    status: StatusCode,
    said: Bytes,
}

/// Prints nothing of what was said.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, status, said } = self;
        write!(f, "Answer({service}, {}, {} bytes)", status.as_u16(), said.len())
    }
}

/// A service did not do what was asked, or cannot be understood to have done it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    /// The service has answered with something else than a success.
    #[error("{service} answered {status} {code}")]
    Refused {
        service: &'static str,
        status: u16,
        /// The service's word for it, as in `ConditionalCheckFailedException`.
        code: String,
    },
    /// It is not what the service documents. What serde says of it might quote it.
    #[error("the answer of {service} cannot be read at line {line}, column {column}")]
    Unreadable {
        service: &'static str,
        line: usize,
        column: usize,
    },
}

impl NotDone {
    /// As the failure of a port.
    pub(crate) fn of(self, port: &'static str) -> PortError {
        match &self {
            Self::Refused { status, code, .. } => {
                let code = code.clone();
                PortError::because(port, cause_of(Some(&code), Some(*status)), Some(&code), self)
            }
            Self::Unreadable { .. } => PortError::new(port, self),
        }
    }
}

impl Answer {
    /// What a service, as in `DynamoDB`, answered.
    pub fn new(service: &'static str, status: StatusCode, said: impl Into<Bytes>) -> Self {
        Self {
            service,
            status,
            said: said.into(),
        }
    }

    /// Whether it is a success: of what is asked here, each is 200 as documented, and another is somebody else's.
    pub(crate) fn is_success(&self) -> bool {
        self.status == StatusCode::OK
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Whether a second attempt may do better.
    pub(crate) fn passes(&self) -> bool {
        let of_status = matches!(self.status.as_u16(), 429 | 500 | 502 | 503 | 504);
        of_status || (!self.is_success() && PASSING.contains(&&*self.json_code()))
    }

    /// Whether it is the error of this code, of a service that speaks JSON. Such an error is the asker's: 400.
    pub(crate) fn is_error(&self, code: &str) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.json_code() == code
    }

    /// What a service that speaks JSON gave.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, NotDone> {
        if self.is_success() {
            self.read()
        } else {
            Err(self.refused(self.json_code()))
        }
    }

    /// What was said, whether it is a success or an error.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, NotDone> {
        let read = serde_json::from_slice(&self.said).map(|Object(read)| read);
        read.map_err(|problem| NotDone::Unreadable {
            service: self.service,
            line: problem.line(),
            column: problem.column(),
        })
    }

    pub(crate) fn refused(&self, code: String) -> NotDone {
        NotDone::Refused {
            service: self.service,
            status: self.status.as_u16(),
            code,
        }
    }

    /// The code in an error in JSON, and nothing else of it: `{"__type": "com.amazonaws.…#Code"}`, or `Code:http://…`.
    fn json_code(&self) -> String {
        #[derive(Deserialize)]
        struct Problem<'a> {
            #[serde(rename = "__type", borrow)]
            code: Cow<'a, str>,
        }
        let problem = serde_json::from_slice(&self.said).ok();
        let problem: Option<Problem<'_>> = problem.map(|Object(problem)| problem);
        let code = problem.as_ref().map_or("", |problem| &*problem.code);
        let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
        let code = code.split_once(':').map_or(code, |(code, _)| code);
        word(code).to_owned()
    }

    /// The code in an error in S3's XML, and nothing else of it.
    pub(crate) fn xml_code(&self) -> String {
        let text = String::from_utf8_lossy(&self.said);
        let code = text
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"));
        word(code.map_or("", |(code, _)| code)).to_owned()
    }
}

/// A code, if it looks like one.
fn word(code: &str) -> &str {
    let fits = (1..=64).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    if fits { code } else { "without a code" }
}

/// What is read from an object in JSON only: for a struct, serde would take the elements of an array, in order.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, said: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer::new("DynamoDB", status, said.to_owned())
    }

    #[test]
    fn of_an_error_only_its_code_is_told() {
        let json = |said| answer(400, said).json_code();
        assert_eq!(
            json(r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "a secret"}"#),
            "QueueDoesNotExist"
        );
        assert_eq!(
            json(r#"{"__type":"ThrottlingException:http://x"}"#),
            "ThrottlingException"
        );
        for other in [
            "",
            "{}",
            r#"{"__type":"a secret"}"#,
            r#"{"__type":7}"#,
            r#"["Code"]"#,
            "<html>",
        ] {
            assert_eq!(json(other), "without a code");
        }
        let xml = |said| answer(400, said).xml_code();
        assert_eq!(
            xml("<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><BucketName>secret</BucketName></Error>"),
            "NoSuchBucket"
        );
        for other in ["", "<Code>", "<Code>a secret</Code>", "\u{fffd}"] {
            assert_eq!(xml(other), "without a code");
        }
    }

    #[test]
    fn what_passes_is_told_from_what_is_refused() {
        let passes = |status, code| answer(status, &format!(r#"{{"__type": "{code}"}}"#)).passes();
        assert!(passes(500, "") && passes(503, "") && passes(429, ""));
        assert!(passes(400, "ThrottlingException") && passes(400, "ProvisionedThroughputExceededException"));
        assert!(!passes(400, "ConditionalCheckFailedException") && !passes(403, "AccessDeniedException"));
        assert!(!passes(200, "ThrottlingException"));
    }

    /// `errors.json` is made from botocore's lists and the models of the operations that are called here.
    #[test]
    fn errors_that_awss_clients_retry_are_retried_and_no_others() {
        let errors = include_str!("../../../tests/conformance/errors.json");
        let errors: serde_json::Value = serde_json::from_str(errors).unwrap();
        let told = |kind: &str| errors[kind].as_array().unwrap().clone();
        let passes = |status, code: &str| answer(status, &format!(r#"{{"__type": "com.amazonaws#{code}"}}"#)).passes();
        for code in told("again") {
            assert!(passes(400, code.as_str().unwrap()), "{code} is retried");
        }
        for code in told("final") {
            assert!(!passes(400, code.as_str().unwrap()), "{code} is not");
        }
        for status in told("statuses") {
            assert!(
                passes(u16::try_from(status.as_u64().unwrap()).unwrap(), ""),
                "{status} is retried"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        #[derive(Debug, Deserialize)]
        struct Got {
            #[serde(rename = "SecretString")]
            _text: String,
        }
        for said in [r#"{"SecretString": 4711}"#, "\"4711\"", r#"["4711"]"#] {
            let problem = answer(200, said).json::<Got>().unwrap_err();
            let told = format!("{problem} {problem:?}");
            assert!(told.contains("cannot be read") && !told.contains("4711"), "{told}");
        }
    }
}

//! Responses of AWS's services, and what they mean.
//!
//! Nothing here makes a call, so that tests can try any bytes (`tests/hostile`). A response that is not understood is
//! never a success, and an error repeats only a code of its body.

use std::{borrow::Cow, fmt, marker::PhantomData};

use bytes::Bytes;
use hookline_domain::kernel::port::PortError;
use hookline_transport::cause_of;
use http::StatusCode;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Codes of errors that AWS's SDKs retry: throttling, and failures of the service
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
const RETRYABLE_CODES: [&str; 19] = [
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

/// A response that has been read whole.
#[derive(Clone)]
pub struct AwsResponse {
    service: &'static str,
    status: StatusCode,
    body: Bytes,
}

/// Prints no part of the body.
impl fmt::Debug for AwsResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, status, body } = self;
        write!(f, "AwsResponse({service}, {}, {} bytes)", status.as_u16(), body.len())
    }
}

/// A service has refused a request, or its response cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// The response is no success.
    #[error("{service} answered {status} {code}")]
    Refused {
        service: &'static str,
        status: u16,
        /// The service's error code, as in `ConditionalCheckFailedException`.
        code: String,
    },
    /// The body is not what the service documents. Keeps no message of serde's, which may quote it.
    #[error("the response of {service} cannot be read at line {line}, column {column}")]
    Unreadable {
        service: &'static str,
        line: usize,
        column: usize,
    },
}

impl ServiceError {
    /// The failure as that of a port.
    pub(crate) fn into_unavailable(self, port: &'static str) -> PortError {
        match &self {
            Self::Refused { status, code, .. } => {
                let code = code.clone();
                PortError::because(port, cause_of(Some(&code), Some(*status)), Some(&code), self)
            }
            Self::Unreadable { .. } => PortError::new(port, self),
        }
    }
}

impl AwsResponse {
    /// A response of a service, as in `DynamoDB`.
    pub fn new(service: &'static str, status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self {
            service,
            status,
            body: body.into(),
        }
    }

    /// True if the response is a success: 200 for each operation that is called here.
    pub(crate) fn is_success(&self) -> bool {
        self.status == StatusCode::OK
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// True if the response is retryable.
    pub(crate) fn is_retryable(&self) -> bool {
        let is_retryable_status = matches!(self.status.as_u16(), 429 | 500 | 502 | 503 | 504);
        is_retryable_status || (!self.is_success() && RETRYABLE_CODES.contains(&&*self.json_code()))
    }

    /// True if the response is the error of this code, of a service that speaks JSON. Its status is 400, for an error
    /// of the caller.
    pub(crate) fn is_error(&self, code: &str) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.json_code() == code
    }

    /// Reads a success of a service that speaks JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        if self.is_success() {
            self.read()
        } else {
            Err(self.refused(self.json_code()))
        }
    }

    /// Reads the body, of a success or an error.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        let read = serde_json::from_slice(&self.body).map(|Object(read)| read);
        read.map_err(|problem| ServiceError::Unreadable {
            service: self.service,
            line: problem.line(),
            column: problem.column(),
        })
    }

    pub(crate) fn refused(&self, code: String) -> ServiceError {
        ServiceError::Refused {
            service: self.service,
            status: self.status.as_u16(),
            code,
        }
    }

    /// The code of an error in JSON, and nothing else of it: `{"__type": "com.amazonaws.…#Code"}`, or `Code:http://…`.
    fn json_code(&self) -> String {
        #[derive(Deserialize)]
        struct Problem<'a> {
            #[serde(rename = "__type", borrow)]
            code: Cow<'a, str>,
        }
        let problem = serde_json::from_slice(&self.body).ok();
        let problem: Option<Problem<'_>> = problem.map(|Object(problem)| problem);
        let code = problem.as_ref().map_or("", |problem| &*problem.code);
        let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
        let code = code.split_once(':').map_or(code, |(code, _)| code);
        word(code).to_owned()
    }

    /// The code of an error in S3's XML, and nothing else of it.
    pub(crate) fn xml_code(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let code = text
            .split_once("<Code>")
            .and_then(|(_, rest)| rest.split_once("</Code>"));
        word(code.map_or("", |(code, _)| code)).to_owned()
    }
}

/// The code, if it looks like one, or a text for its absence.
fn word(code: &str) -> &str {
    let fits = (1..=64).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    if fits { code } else { "without a code" }
}

/// A value that is read from a JSON object only: serde would read a struct from an array, too.
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

    fn response(status: u16, body: &str) -> AwsResponse {
        let status = StatusCode::from_u16(status).unwrap();
        AwsResponse::new("DynamoDB", status, body.to_owned())
    }

    #[test]
    fn error_repeats_nothing_but_its_code() {
        let json = |body| response(400, body).json_code();
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
        let xml = |body| response(400, body).xml_code();
        assert_eq!(
            xml("<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><BucketName>secret</BucketName></Error>"),
            "NoSuchBucket"
        );
        for other in ["", "<Code>", "<Code>a secret</Code>", "\u{fffd}"] {
            assert_eq!(xml(other), "without a code");
        }
    }

    #[test]
    fn throttling_is_retryable_and_refusals_are_not() {
        let retried = |status, code| response(status, &format!(r#"{{"__type": "{code}"}}"#)).is_retryable();
        assert!(retried(500, "") && retried(503, "") && retried(429, ""));
        assert!(retried(400, "ThrottlingException") && retried(400, "ProvisionedThroughputExceededException"));
        assert!(!retried(400, "ConditionalCheckFailedException") && !retried(403, "AccessDeniedException"));
        assert!(!retried(200, "ThrottlingException"));
    }

    /// `errors.json` is made from botocore's lists and the models of the operations that are called here.
    #[test]
    fn errors_are_retried_that_awss_clients_retry_and_no_others() {
        let errors = include_str!("../../../tests/conformance/errors.json");
        let errors: serde_json::Value = serde_json::from_str(errors).unwrap();
        let listed = |kind: &str| errors[kind].as_array().unwrap().clone();
        let retried =
            |status, code: &str| response(status, &format!(r#"{{"__type": "com.amazonaws#{code}"}}"#)).is_retryable();
        for code in listed("again") {
            assert!(retried(400, code.as_str().unwrap()), "{code} is retried");
        }
        for code in listed("final") {
            assert!(!retried(400, code.as_str().unwrap()), "{code} is not");
        }
        for status in listed("statuses") {
            assert!(
                retried(u16::try_from(status.as_u64().unwrap()).unwrap(), ""),
                "{status} is retried"
            );
        }
    }

    #[test]
    fn unreadable_body_is_not_quoted() {
        #[derive(Debug, Deserialize)]
        struct Output {
            #[serde(rename = "SecretString")]
            _text: String,
        }
        for body in [r#"{"SecretString": 4711}"#, "\"4711\"", r#"["4711"]"#] {
            let problem = response(200, body).json::<Output>().unwrap_err();
            let printed = format!("{problem} {problem:?}");
            assert!(
                printed.contains("cannot be read") && !printed.contains("4711"),
                "{printed}"
            );
        }
    }
}

//! Protocol checks of AWS's JSON services: refuses what they would refuse, so that a stub or an emulator behind it is
//! no more lenient than they are.
//!
//! Versions, operations and required members are AWS's own (`tests/conformance/operations.json`, made from botocore's
//! models). A wrong version of the protocol gets the response that services were seen to give: 404
//! `UnknownOperationException` (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>,
//! <https://github.com/rusoto/rusoto/issues/215>).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header, http::request::Parts};
use serde_json::{Map, Value};

const MODELS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/operations.json"));

/// Versions and operations of each service, by the first half of its targets.
static SERVICES: LazyLock<BTreeMap<String, Service>> = LazyLock::new(|| {
    let models: Map<String, Value> = serde_json::from_str(MODELS).expect("a test compares the file with AWS's models");
    models
        .into_iter()
        .map(|(name, model)| (name, Service::read(&model)))
        .collect()
});

/// Protocol of one service.
struct Service {
    content_type: String,
    required: BTreeMap<String, BTreeSet<String>>,
}

impl Service {
    fn read(model: &Value) -> Self {
        let version = model["version"]
            .as_str()
            .expect("a test compares the file with AWS's models");
        let texts = |members: &Value| {
            members
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let required = model["required"].as_object().into_iter().flatten();
        Self {
            content_type: format!("application/x-amz-json-{version}"),
            required: required.map(|(name, members)| (name.clone(), texts(members))).collect(),
        }
    }
}

/// Error response of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// Error code, as in `UnknownOperationException`.
    pub code: &'static str,
    /// Message for people.
    pub message: String,
}

impl Refusal {
    /// Returns the HTTP response.
    ///
    /// # Errors
    /// None in practice: the response is well-formed.
    pub fn response(&self) -> anyhow::Result<Response<Full<Bytes>>> {
        let body = serde_json::json!({"__type": self.code, "message": self.message}).to_string();
        Ok(Response::builder().status(self.status).body(Full::from(body))?)
    }

    fn unknown(message: String) -> Self {
        let (status, code) = (StatusCode::NOT_FOUND, "UnknownOperationException");
        Self { status, code, message }
    }

    fn bad(code: &'static str, message: String) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { status, code, message }
    }
}

/// Checks a request as AWS's JSON services do before they look at its values.
/// Requests to other services (S3, OpenSearch) pass.
///
/// # Errors
/// The error that the service would respond with.
pub fn check(head: &Parts, body: &[u8]) -> Result<(), Refusal> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let content_type = text(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let Some(target) = text("x-amz-target") else {
        if content_type.starts_with("application/x-amz-json-") {
            return Err(Refusal::unknown("the header x-amz-target is missing".to_owned()));
        }
        return Ok(());
    };
    let (service, operation) = target.split_once('.').unwrap_or((target, ""));
    let unknown = || Refusal::unknown(format!("{target} is not an operation"));
    let service = SERVICES.get(service).ok_or_else(unknown)?;
    let required = service.required.get(operation).ok_or_else(unknown)?;
    if content_type != service.content_type {
        let expected = &service.content_type;
        return Err(Refusal::unknown(format!(
            "{target} expects {expected}, not {content_type:?}"
        )));
    }
    if text(header::AUTHORIZATION.as_str()).is_none() {
        return Err(Refusal::bad(
            "MissingAuthenticationTokenException",
            "not signed".to_owned(),
        ));
    }
    let Ok(members) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return Err(Refusal::bad(
            "SerializationException",
            "the body is not a JSON object".to_owned(),
        ));
    };
    let missing = required
        .iter()
        .find(|&name| members.get(name).is_none_or(Value::is_null));
    missing.map_or(Ok(()), |name| {
        Err(Refusal::bad("ValidationException", format!("{target} requires {name}")))
    })
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    const SECRET: &str = "secretsmanager.GetSecretValue";

    fn checked(target: &str, content_type: &str, body: &str) -> Result<(), (u16, &'static str)> {
        let request = Request::post("/")
            .header("content-type", content_type)
            .header("x-amz-target", target)
            .header("authorization", "AWS4-HMAC-SHA256 Signature=0")
            .body(())
            .unwrap();
        let checked = check(&request.into_parts().0, body.as_bytes());
        checked.map_err(|refusal| (refusal.status.as_u16(), refusal.code))
    }

    #[test]
    fn request_of_the_wrong_version_is_an_unknown_operation() {
        let unknown = Err((404, "UnknownOperationException"));
        let (old, new) = ("application/x-amz-json-1.0", "application/x-amz-json-1.1");
        let secret = r#"{"SecretId": "a"}"#;
        assert_eq!(checked(SECRET, new, secret), Ok(()));
        assert_eq!(checked(SECRET, old, secret), unknown);
        assert_eq!(checked(SECRET, "application/json", secret), unknown);
        let send = r#"{"QueueUrl": "http://q", "MessageBody": "a"}"#;
        assert_eq!(checked("AmazonSQS.SendMessage", old, send), Ok(()));
        assert_eq!(checked("AmazonSQS.SendMessage", new, send), unknown);
        for target in [
            "",
            "GetSecretValue",
            "secretsmanager.Get",
            "SecretsManager.GetSecretValue",
        ] {
            assert_eq!(checked(target, new, secret), unknown, "{target}");
        }
    }

    #[test]
    fn request_without_a_required_member_is_refused() {
        let new = "application/x-amz-json-1.1";
        for body in ["{}", r#"{"SecretId": null}"#] {
            assert_eq!(checked(SECRET, new, body), Err((400, "ValidationException")));
        }
        for body in ["", "[]", "SecretId=a"] {
            assert_eq!(checked(SECRET, new, body), Err((400, "SerializationException")));
        }
    }

    #[test]
    fn request_to_another_service_passes() {
        let request = Request::put("/bucket/key").body(()).unwrap();
        assert_eq!(check(&request.into_parts().0, b"a body"), Ok(()));
        let request = Request::post("/").header("content-type", "application/x-amz-json-1.1");
        let refused = check(&request.body(()).unwrap().into_parts().0, b"{}");
        assert_eq!(refused.unwrap_err().status, StatusCode::NOT_FOUND);
    }
}

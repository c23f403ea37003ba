//! [`Bodies`] in an S3 bucket.

use std::sync::Arc;

use bytes::Bytes;
use hookline_domain::{
    bodies::{Bodies, BodyKey},
    delivery::BODY_LIMIT,
    port::Unavailable,
};
use http::StatusCode;

use crate::client::{Attempts, Call, Client, word};

const PORT: &str = "bodies";

/// The most bytes that are read of one answer: a body that no compression makes shorter, and what wraps it.
const ANSWER_LIMIT: usize = BODY_LIMIT + BODY_LIMIT / 16;

/// [`Bodies`] in S3: each operation is one request. Keys need no escaping.
///
/// `get` tells "there is none" from "not allowed" only if the bucket may be listed: S3 answers 403 otherwise
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>).
#[derive(Debug, Clone)]
pub struct DirectBodies {
    pub(crate) s3: Arc<Client>,
    /// What stands before a key in a request's path.
    pub(crate) path: String,
}

impl DirectBodies {
    async fn call(&self, method: &'static str, key: &BodyKey, body: Vec<u8>) -> Result<Option<Bytes>, Unavailable> {
        let call = Call {
            method,
            path: &format!("{}{key}", self.path),
            headers: &[],
            body: Bytes::from(body),
            limit: ANSWER_LIMIT,
            attempts: Attempts::Two,
        };
        let answered = self.s3.call(&call).await.and_then(|(status, said)| {
            if status.is_success() {
                return Ok(Some(said));
            }
            let code = xml_code(&said);
            if status == StatusCode::NOT_FOUND && code == "NoSuchKey" {
                return Ok(None);
            }
            Err(self.s3.refused(status, code, said))
        });
        answered.map_err(|error| Unavailable::new(PORT, error))
    }

    /// A request whose answer cannot be that there is no such key.
    async fn there(&self, method: &'static str, key: &BodyKey, body: Vec<u8>) -> Result<(), Unavailable> {
        let answer = self.call(method, key, body).await?;
        answer.map(drop).ok_or_else(|| Unavailable::new(PORT, NoKeyAsked))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("S3 answered as if to a GET of something that is not there")]
struct NoKeyAsked;

impl Bodies for DirectBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), Unavailable> {
        self.there("PUT", key, body).await
    }

    async fn get(&self, key: &BodyKey) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.call("GET", key, Vec::new()).await?.map(Vec::from))
    }

    async fn delete(&self, key: &BodyKey) -> Result<(), Unavailable> {
        self.there("DELETE", key, Vec::new()).await
    }
}

/// The code in S3's XML, and nothing else of it.
fn xml_code(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let code = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    word(code.map_or("", |(code, _)| code)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_only_its_code_is_told() {
        let answer = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Key>bodies/secret</Key></Error>";
        assert_eq!(xml_code(answer), "NoSuchKey");
        for other in [&b""[..], b"<Code>", b"<Code>a secret</Code>", b"\xff\xfe"] {
            assert_eq!(xml_code(other), "without a code");
        }
    }
}

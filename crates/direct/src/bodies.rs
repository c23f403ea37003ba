//! [`KeepBodies`] in an S3 bucket.

use std::sync::Arc;

use bytes::Bytes;
use hookline_domain::{
    bodies::{BodyKey, KeepBodies},
    port::Unavailable,
};

use crate::client::{Attempts, Call, Client, word};

/// [`KeepBodies`] in S3: each is put with one request. Keys need no escaping.
#[derive(Debug, Clone)]
pub struct DirectBodies {
    pub(crate) s3: Arc<Client>,
    /// What stands before a key in a request's path.
    pub(crate) path: String,
}

impl KeepBodies for DirectBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), Unavailable> {
        let call = Call {
            method: "PUT",
            path: &format!("{}{key}", self.path),
            headers: &[],
            body: Bytes::from(body),
            attempts: Attempts::Two,
        };
        let answered = self.s3.call(&call).await.and_then(|(status, said)| {
            if status.is_success() {
                Ok(())
            } else {
                Err(self.s3.refused(status, xml_code(&said), said))
            }
        });
        answered.map_err(|error| Unavailable::new("bodies", error))
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
        let answer = b"<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><BucketName>secret</BucketName></Error>";
        assert_eq!(xml_code(answer), "NoSuchBucket");
        for other in [&b""[..], b"<Code>", b"<Code>a secret</Code>", b"\xff\xfe"] {
            assert_eq!(xml_code(other), "without a code");
        }
    }
}

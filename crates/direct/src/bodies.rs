//! [`KeepBodies`] in an S3 bucket.

use std::sync::Arc;

use bytes::Bytes;
use hookline_domain::{
    delivery::bodies::{BodyKey, KeepBodies},
    kernel::port::PortError,
};

use crate::{
    answer::Answer,
    client::{Attempts, Call, Client},
    endpoints::EndpointError,
};

const PORT: &str = "bodies";

/// [`KeepBodies`] in S3: each is put with one request. Keys need no escaping.
#[derive(Debug, Clone)]
pub struct DirectBodies {
    /// The client, and what stands before a key in a request's path; or why there is none.
    pub(crate) place: Result<(Arc<Client>, String), EndpointError>,
}

impl DirectBodies {
    /// Whether S3's answer says that a body is kept: it says so in headers, and nothing besides
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>).
    ///
    /// # Errors
    /// When it does not.
    pub fn read_put(answer: &Answer) -> Result<(), PortError> {
        if answer.is_success() && answer.is_empty() {
            Ok(())
        } else {
            Err(answer.refused(answer.xml_code()).of(PORT))
        }
    }
}

impl KeepBodies for DirectBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), PortError> {
        let place = self.place.as_ref();
        let (s3, path) = place.map_err(|nowhere| PortError::new(PORT, nowhere.clone()))?;
        let call = Call {
            method: "PUT",
            path: &format!("{path}{key}"),
            headers: &[],
            body: Bytes::from(body),
            attempts: Attempts::Two,
        };
        let answer = s3.call(&call).await;
        Self::read_put(&answer.map_err(|error| error.of(PORT))?)
    }
}

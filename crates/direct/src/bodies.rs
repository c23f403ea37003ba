//! [`KeepBodies`] in an S3 bucket.

use std::sync::Arc;

use bytes::Bytes;
use hookline_domain::{
    delivery::bodies::{BodyKey, KeepBodies},
    kernel::port::PortError,
};
use hookline_transport::EndpointError;

use crate::{
    client::{Attempts, Call, Client},
    response::AwsResponse,
};

const PORT: &str = "bodies";

/// [`KeepBodies`] in S3: one request puts a body. Keys need no escaping.
#[derive(Debug, Clone)]
pub struct DirectBodies {
    /// The client, and the prefix of a key in a request's path; or the reason why there is no such host.
    pub(crate) bucket: Result<(Arc<Client>, String), EndpointError>,
}

impl DirectBodies {
    /// Checks that S3's response says that the body is stored: a success has no body
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>).
    ///
    /// # Errors
    /// Fails unless the response says so.
    pub fn read_put(response: &AwsResponse) -> Result<(), PortError> {
        if response.is_success() && response.is_empty() {
            Ok(())
        } else {
            Err(response.refused(response.xml_code()).into_unavailable(PORT))
        }
    }
}

impl KeepBodies for DirectBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), PortError> {
        let bucket = self.bucket.as_ref();
        let (s3, path) = bucket.map_err(|error| PortError::new(PORT, error.clone()))?;
        let call = Call {
            method: "PUT",
            path: &format!("{path}{key}"),
            headers: &[],
            body: Bytes::from(body),
            attempts: Attempts::Two,
        };
        let response = s3.call(&call).await;
        Self::read_put(&response.map_err(|error| error.into_unavailable(PORT))?)
    }
}

//! Signature version 4 of requests, by AWS's own crate.

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::{
    http_request::{
        self, PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use hookline_transport::Credentials;
use http::Request;
use jiff::Timestamp;

/// Signs requests to one service in one region.
#[derive(Debug)]
pub(crate) struct Signer {
    /// Prints no secret: AWS's crate takes care of that.
    identity: Identity,
    region: String,
    /// The service's name in signatures, as in `dynamodb`.
    service: &'static str,
    settings: SigningSettings,
}

/// A request cannot be signed, or its time is before 1970.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed")]
pub(crate) struct SigningError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Signer {
    pub(crate) fn new(credentials: Credentials, region: &str, service: &'static str) -> Self {
        let Credentials { id, secret, token } = credentials;
        let token = token.map(|token| token.reveal().to_owned());
        let credentials = aws_credential_types::Credentials::new(id, secret.reveal(), token, None, "Lambda");
        let mut settings = SigningSettings::default();
        // As in the SDK for S3 (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).
        if service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        Self {
            identity: credentials.into(),
            region: region.to_owned(),
            service,
            settings,
        }
    }

    /// Adds the headers of a signed request. `request` must have all others, `host` among them.
    pub(crate) fn sign<B>(
        &self,
        request: &mut Request<B>,
        authority: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), SigningError> {
        let failed = |problem: Box<dyn std::error::Error + Send + Sync>| SigningError(problem);
        let since_epoch = u64::try_from(now.as_microsecond()).map_err(|problem| failed(problem.into()))?;
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.service)
            .time(UNIX_EPOCH + Duration::from_micros(since_epoch))
            .settings(self.settings.clone())
            .build()
            .map_err(|problem| failed(problem.into()))?
            .into();
        let headers = request.headers().iter();
        // A value that is not text is not one of our headers.
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let url = format!("https://{authority}{}", request.uri().path());
        let body = SignableBody::Bytes(body);
        let signable = SignableRequest::new(request.method().as_str(), url, headers, body);
        let signable = signable.map_err(|problem| failed(problem.into()))?;
        let signed = http_request::sign(signable, &params).map_err(|problem| failed(problem.into()))?;
        let (instructions, _) = signed.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::secret::Secret;

    use super::*;

    /// AWS's own example of a signed `GET` of an object
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).
    #[test]
    fn signature_of_awss_example_is_awss() {
        let credentials = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            token: None,
        };
        let authority = "examplebucket.s3.amazonaws.com";
        let mut request = Request::get("/test.txt")
            .header("host", authority)
            .header("range", "bytes=0-9")
            .body(())
            .unwrap();
        let signer = Signer::new(credentials, "us-east-1", "s3");
        let then = "2013-05-24T00:00:00Z".parse().unwrap();
        signer.sign(&mut request, authority, b"", then).unwrap();
        assert_eq!(
            request.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn token_is_signed_and_no_secret_is_printed() {
        let credentials = Credentials {
            id: "id".to_owned(),
            secret: Secret::new("hush"),
            token: Some(Secret::new("hush")),
        };
        let signer = Signer::new(credentials, "eu-west-1", "sqs");
        assert!(!format!("{signer:?}").contains("hush"));
        let mut request = Request::post("/").header("host", "x").body(()).unwrap();
        signer.sign(&mut request, "x", b"{}", Timestamp::UNIX_EPOCH).unwrap();
        let headers = request.headers();
        assert_eq!(headers["x-amz-security-token"], "hush");
        assert!(
            headers["authorization"]
                .to_str()
                .unwrap()
                .contains("x-amz-security-token")
        );
        assert!(headers["x-amz-security-token"].is_sensitive());
    }

    #[test]
    fn time_before_1970_is_not_signed() {
        let credentials = Credentials {
            id: "id".to_owned(),
            secret: Secret::new("hush"),
            token: None,
        };
        let mut request = Request::post("/").header("host", "x").body(()).unwrap();
        let signer = Signer::new(credentials, "eu-west-1", "sqs");
        signer.sign(&mut request, "x", b"", Timestamp::MIN).unwrap_err();
    }
}

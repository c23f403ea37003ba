//! Class of a failure, from the error code in AWS's response, or else from its status.

use hookline_domain::kernel::port::Cause;

/// Class of an error code, however the service spells it (`AccessDenied`, `AccessDeniedException`,
/// `KMS.AccessDeniedException`, `KmsAccessDenied`, `com.amazonaws.…#AccessDeniedException`), or else of the status.
///
/// Codes: <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>, the services' own pages, and
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html> for throttling.
#[must_use]
pub fn cause_of(code: Option<&str>, status: Option<u16>) -> Cause {
    code.and_then(of_code)
        .or(status.and_then(of_status))
        .unwrap_or(Cause::Other)
}

fn of_code(code: &str) -> Option<Cause> {
    let code = code.rsplit(['#', '.']).next().unwrap_or(code);
    let code = ["Exception", "Error", "Fault"]
        .iter()
        .fold(code, |code, end| code.strip_suffix(end).unwrap_or(code));
    let code = code
        .strip_prefix("Kms")
        .or_else(|| code.strip_prefix("KMS"))
        .unwrap_or(code);
    match code {
        "AccessDenied"
        | "AuthFailure"
        | "ExpiredToken"
        | "Forbidden"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSecurity"
        | "InvalidSignature"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "NotAuthorized"
        | "OptInRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired"
        | "UnauthorizedOperation"
        | "UnrecognizedClient" => Some(Cause::Denied),
        "BandwidthLimitExceeded"
        | "EC2Throttled"
        | "LimitExceeded"
        | "OverLimit"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
        | "Throttled"
        | "Throttling"
        | "TooManyRequests" => Some(Cause::Throttled),
        "Disabled" | "InvalidAddress" | "InvalidState" | "KeyUnavailable" | "NoSuchBucket" | "NoSuchKey"
        | "NonExistentQueue" | "NotFound" | "QueueDoesNotExist" | "ResourceNotFound" | "TableNotFound" => {
            Some(Cause::Missing)
        }
        "RequestTimeout" => Some(Cause::Timeout),
        _ => None,
    }
}

/// Class of a response without a code that says something.
fn of_status(status: u16) -> Option<Cause> {
    match status {
        401 | 403 => Some(Cause::Denied),
        404 | 410 => Some(Cause::Missing),
        408 | 504 => Some(Cause::Timeout),
        429 => Some(Cause::Throttled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_its_class_in_every_spelling() {
        let cases = [
            (
                Cause::Denied,
                &["AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException"][..],
            ),
            (
                Cause::Denied,
                &["KmsAccessDenied", "com.amazon.coral.service#AccessDeniedException"],
            ),
            (
                Cause::Denied,
                &[
                    "UnrecognizedClientException",
                    "ExpiredTokenException",
                    "ExpiredToken",
                    "InvalidClientTokenId",
                ],
            ),
            (
                Cause::Denied,
                &[
                    "SignatureDoesNotMatch",
                    "InvalidSignatureException",
                    "ForbiddenException",
                ],
            ),
            (
                Cause::Throttled,
                &["ThrottlingException", "Throttling", "ThrottlingError", "KmsThrottled"],
            ),
            (
                Cause::Throttled,
                &[
                    "ProvisionedThroughputExceededException",
                    "ProvisionedThroughputExceeded",
                    "SlowDown",
                ],
            ),
            (
                Cause::Throttled,
                &[
                    "RequestLimitExceeded",
                    "TooManyRequestsException",
                    "LimitExceededException",
                ],
            ),
            (
                Cause::Missing,
                &[
                    "ResourceNotFoundException",
                    "ResourceNotFound",
                    "NoSuchBucket",
                    "NotFoundException",
                ],
            ),
            (
                Cause::Missing,
                &[
                    "QueueDoesNotExist",
                    "AWS.SimpleQueueService.NonExistentQueue",
                    "KMSInvalidStateException",
                ],
            ),
            (Cause::Missing, &["DisabledException", "KmsDisabled", "KmsNotFound"]),
            (Cause::Timeout, &["RequestTimeout", "RequestTimeoutException"]),
            (
                Cause::Other,
                &[
                    "ValidationException",
                    "InternalServerError",
                    "",
                    "Exception",
                    "a secret",
                ],
            ),
        ];
        for (cause, codes) in cases {
            for code in codes {
                assert_eq!(cause_of(Some(code), Some(400)), cause, "{code}");
            }
        }
    }

    #[test]
    fn status_decides_if_the_code_does_not() {
        assert_eq!(cause_of(None, Some(403)), Cause::Denied);
        assert_eq!(cause_of(Some("Strange"), Some(429)), Cause::Throttled);
        assert_eq!(cause_of(Some("AccessDenied"), Some(404)), Cause::Denied);
        assert_eq!(cause_of(None, Some(504)), Cause::Timeout);
        assert_eq!(cause_of(None, Some(500)), Cause::Other);
        assert_eq!(cause_of(None, None), Cause::Other);
    }
}

//! Reading of what an endpoint answers.

use std::time::{Duration, UNIX_EPOCH};

use hookline_domain::outbound::{Answer, DELIVERY_HEADER, Excerpt, Wish};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;

/// Shortest and longest wait that an endpoint may ask for.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));

/// Longest address of a redirection that is kept, in bytes.
const MAX_LOCATION_BYTES: usize = 2048;

/// Reads a `retry-after` header, in seconds or as a date, as a wait from `now` between a second and a day.
///
/// Anything else, a time that has passed included, is `None`. Source: RFC 9110 § 10.2.3.
#[must_use]
pub fn retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim_ascii();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are still a long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let now = Duration::try_from(now.as_duration()).ok()?;
        at.checked_sub(now)?
    };
    (!wait.is_zero()).then(|| wait.clamp(WAITS.0, WAITS.1))
}

/// Reads the head of an answer. `body` holds the first bytes of its body, if it is a refusal.
pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Answer {
    let value = |name: &str| headers.get(name).map(http::HeaderValue::as_bytes);
    let location = value(header::LOCATION.as_str()).filter(|_| status.is_redirection());
    Answer {
        status: status.as_u16(),
        retry_after: value(header::RETRY_AFTER.as_str()).and_then(|value| retry_after(value, now)),
        wish: value(DELIVERY_HEADER).and_then(Wish::read),
        location: location.map(|location| {
            let location = String::from_utf8_lossy(location);
            location[..location.floor_char_boundary(MAX_LOCATION_BYTES)].to_owned()
        }),
        excerpt: Excerpt::of(body),
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::outbound::MAX_EXCERPT_BYTES;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn wait_is_read_in_seconds_and_as_a_date_within_bounds() {
        let cases: [(&[u8], Option<u64>); 20] = [
            (b"1", Some(1)),
            (b" 120 ", Some(120)),
            (b"86400", Some(86_400)),
            (b"31536000", Some(86_400)),
            (b"99999999999999999999999999", Some(86_400)),
            (b"Mon, 30 Nov 2026 12:02:00 GMT", Some(120)),
            (b"Monday, 30-Nov-26 12:02:00 GMT", Some(120)),
            (b"Mon Nov 30 12:02:00 2026", Some(120)),
            (b"Tue, 30 Nov 2027 12:00:00 GMT", Some(86_400)),
            (b"0", None),
            (b"Mon, 30 Nov 2026 12:00:00 GMT", None),
            (b"Mon, 30 Nov 2026 11:00:00 GMT", None),
            (b"-5", None),
            (b"+5", None),
            (b"1.5", None),
            (b"", None),
            (b"soon", None),
            (b"1e3", None),
            (b"12\xff", None),
            (b"2026-11-30T12:02:00Z", None),
        ];
        for (value, expected) in cases {
            let wait = retry_after(value, noon()).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn head_is_read_whatever_its_bytes_and_cut() {
        let mut headers = HeaderMap::new();
        headers.insert("location", http::HeaderValue::from_bytes(&[0xff; 5_000]).unwrap());
        headers.insert("webhook-delivery", "Abort-Message".parse().unwrap());
        headers.insert("retry-after", "7".parse().unwrap());
        let answer = read(StatusCode::FOUND, &headers, &[b'x'; 4_096], noon());
        assert_eq!(answer.excerpt.unwrap().as_str().len(), MAX_EXCERPT_BYTES);
        assert_eq!(answer.wish, Some(Wish::AbortMessage));
        assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
        assert!(answer.location.unwrap().len() <= MAX_LOCATION_BYTES);
        assert_eq!(read(StatusCode::OK, &headers, &[], noon()).location, None);
    }
}

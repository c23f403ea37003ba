//! As much of DER and X.509 as says what a certificate is good for: the name of its subject, and its end.
//!
//! The checks of a certificate, and of the key that belongs to it, are rustls' own.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Most characters of a name that is shown.
const MAX_NAME: usize = 256;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Tag of the version, which certificates of version 1 have not.
const VERSION: u8 = 0xa0;

/// Kinds of texts: UTF-8, printable, Teletex, IA5.
const TEXTS: [u8; 4] = [0x0c, 0x13, 0x14, 0x16];

/// Attributes of a name that are shown, with their names. Source: RFC 4519.
const ATTRIBUTES: [(&[u8], &str); 7] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 5], "serialNumber"),
];

/// Facts of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Name of the subject, as in `CN=hookline, O=Example`; empty if it has none that is shown.
    pub(crate) subject: String,
    /// Beginning of its validity.
    pub(crate) begins_at: Timestamp,
    /// End of its validity.
    pub(crate) ends_at: Timestamp,
}

/// Reads a certificate (RFC 5280 § 4.1); `None` if it is none.
pub(crate) fn facts(certificate: &[u8]) -> Option<Facts> {
    let (mut whole, _) = expect(certificate, SEQUENCE)?;
    let mut fields = take(&mut whole, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        take(&mut fields, VERSION)?;
    }
    // Serial number, signature's algorithm, issuer.
    for _ in 0..3 {
        any(&mut fields)?;
    }
    let mut validity = take(&mut fields, SEQUENCE)?;
    let (begins_at, ends_at) = (time(&mut validity)?, time(&mut validity)?);
    let subject = name(take(&mut fields, SEQUENCE)?)?;
    Some(Facts {
        subject,
        begins_at,
        ends_at,
    })
}

fn name(mut attributes: &[u8]) -> Option<String> {
    let mut shown = Vec::new();
    while !attributes.is_empty() {
        let mut set = take(&mut attributes, SET)?;
        while !set.is_empty() {
            let mut attribute = take(&mut set, SEQUENCE)?;
            let id = take(&mut attribute, OBJECT_ID)?;
            let (tag, value) = any(&mut attribute)?;
            let known = ATTRIBUTES.iter().find(|(known, _)| *known == id);
            if let (Some((_, name)), true) = (known, TEXTS.contains(&tag)) {
                let value = String::from_utf8_lossy(value).replace(|c: char| c.is_control(), "?");
                shown.push(format!("{name}={value}"));
            }
        }
    }
    Some(shown.join(", ").chars().take(MAX_NAME).collect())
}

/// Reads a time: `YYMMDDHHMMSSZ` of 1950 to 2049, or `YYYYMMDDHHMMSSZ` (RFC 5280 § 4.1.2.5).
fn time(rest: &mut &[u8]) -> Option<Timestamp> {
    let (tag, text) = any(rest)?;
    let text = std::str::from_utf8(text).ok()?;
    let full = match (tag, text.len()) {
        (UTC_TIME, 13) => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        (GENERALIZED_TIME, 15) => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%SZ", &full).ok()?;
    // A certificate without an end says 99991231235959Z, hours after the last time that a timestamp can be.
    let at = at.to_zoned(TimeZone::UTC);
    Some(at.map_or(Timestamp::MAX, |at| at.timestamp()))
}

/// Takes a value of this tag.
fn take<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (value, after) = expect(rest, tag)?;
    *rest = after;
    Some(value)
}

/// Takes a value with its tag.
fn any<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let tag = *rest.first()?;
    take(rest, tag).map(|value| (tag, value))
}

/// Splits a value of this tag from the rest.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // A certificate is not longer than three bytes can say.
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "Grün & \"Söhne\"");
        name.push(DnType::OrganizationName, "Example\n");
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn subject_and_end_are_read() {
        // From 2050 on, times are written with four digits of the year.
        for year in [2049, 2050, 2126] {
            let facts = facts(&certificate(year)).unwrap();
            assert_eq!(facts.begins_at.to_string(), "2026-01-01T00:00:00Z");
            assert_eq!(facts.ends_at.to_string(), format!("{year}-12-31T00:00:00Z"));
            assert!(facts.subject.contains("CN=Grün & \"Söhne\""), "{}", facts.subject);
            assert!(facts.subject.contains("O=Example?"), "{}", facts.subject);
        }
    }

    #[test]
    fn certificate_without_an_end_has_the_latest_one() {
        assert_eq!(facts(&certificate(9999)).unwrap().ends_at, Timestamp::MAX);
    }

    #[test]
    fn cut_certificates_are_none() {
        let whole = certificate(2049);
        for length in 0..whole.len() {
            assert_eq!(facts(&whole[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop::num::u8::ANY, 0..200), at in 0..300_usize, value: u8) {
            let mut changed = certificate(2049);
            let at = at % changed.len();
            changed[at] = value;
            facts(&changed);
            facts(&bytes);
        }
    }
}

//! S3's response to `ListObjectsV2`: the only XML that is read whole.

use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

use jiff::Timestamp;

use super::{ListedObject, Listing};

/// A response that is not a list.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    /// Not XML, or cut off.
    #[error("S3's list is not XML")]
    Xml(#[from] XmlDecodeError),
    /// XML with an unreadable time.
    #[error("S3's list has an unreadable time")]
    Time(#[from] jiff::Error),
    /// Other XML.
    #[error("S3's response is not a list")]
    Other,
}

impl crate::failure::Ours for ListError {}

/// Reads the objects, and whether more follow.
pub(super) fn read(body: &[u8]) -> Result<Listing, ListError> {
    let mut document = Document::try_from(body)?;
    let mut list = document.root_element()?;
    if !list.start_el().matches("ListBucketResult") {
        return Err(ListError::Other);
    }
    let (mut objects, mut has_more) = (Vec::new(), None);
    while let Some(mut part) = list.next_tag() {
        match part.start_el().local() {
            "IsTruncated" => has_more = Some(try_data(&mut part)? == "true"),
            "Contents" => {
                let (mut key, mut modified_at) = (None, None);
                while let Some(mut fact) = part.next_tag() {
                    match fact.start_el().local() {
                        "Key" => key = Some(try_data(&mut fact)?.into_owned()),
                        "LastModified" => modified_at = Some(try_data(&mut fact)?.parse::<Timestamp>()?),
                        _ => {}
                    }
                }
                let (key, modified_at) = key.zip(modified_at).ok_or(ListError::Other)?;
                objects.push(ListedObject { key, modified_at });
            }
            _ => {}
        }
    }
    // S3 always sends it: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.
    let has_more = has_more.ok_or(ListError::Other)?;
    Ok(Listing { objects, has_more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_in_order_and_whether_more_follow() {
        let answer = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>a/</Prefix>
            <Contents><Key>a/1</Key><LastModified>2026-11-21T10:00:00.500Z</LastModified><Size>1</Size><Owner><ID>x</ID></Owner></Contents><IsTruncated>true</IsTruncated>
            <Contents><ETag>&quot;e&quot;</ETag><Key>a/&amp;2</Key><LastModified>2026-11-21T10:00:01.000Z</LastModified></Contents><KeyCount>2</KeyCount></ListBucketResult>";
        let listed = |key: &str, at: &str| ListedObject {
            key: key.to_owned(),
            modified_at: at.parse().unwrap(),
        };
        let objects = vec![
            listed("a/1", "2026-11-21T10:00:00.5Z"),
            listed("a/&2", "2026-11-21T10:00:01Z"),
        ];
        assert_eq!(
            read(answer).unwrap(),
            Listing {
                objects,
                has_more: true
            }
        );
    }

    #[test]
    fn other_response_is_not_taken_for_an_empty_list() {
        for answer in [
            &b""[..],
            b"{}",
            b"<html/>",
            b"<ListBucketResult/>",
            b"<ListBucketResult><Contents><Key>a",
            b"<ListBucketResult><Contents><Key>a</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
            b"<ListBucketResult><Contents><LastModified>yesterday</LastModified></Contents></ListBucketResult>",
            b"\xff",
        ] {
            assert!(read(answer).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }
}

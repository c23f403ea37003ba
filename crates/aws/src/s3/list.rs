//! Reads what S3 answers to `ListObjectsV2`: XML, and the only XML that is read whole.

use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

use jiff::Timestamp;

use super::{Listed, Listing};

/// An answer that is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAList {
    /// Not XML, or cut off.
    #[error("S3 answered a list that is no XML")]
    Xml(#[from] XmlDecodeError),
    /// XML with a time that is none.
    #[error("S3 answered a list with a time that is none")]
    Time(#[from] jiff::Error),
    /// XML of something else.
    #[error("S3 answered something else than a list")]
    Other,
}

impl crate::failure::Ours for NotAList {}

/// Reads the keys, and whether there are more.
pub(super) fn read(answer: &[u8]) -> Result<Listing, NotAList> {
    let mut document = Document::try_from(answer)?;
    let mut list = document.root_element()?;
    if !list.start_el().matches("ListBucketResult") {
        return Err(NotAList::Other);
    }
    let (mut objects, mut more) = (Vec::new(), None);
    while let Some(mut part) = list.next_tag() {
        match part.start_el().local() {
            "IsTruncated" => more = Some(try_data(&mut part)? == "true"),
            "Contents" => {
                let (mut key, mut modified_at) = (None, None);
                while let Some(mut fact) = part.next_tag() {
                    match fact.start_el().local() {
                        "Key" => key = Some(try_data(&mut fact)?.into_owned()),
                        "LastModified" => modified_at = Some(try_data(&mut fact)?.parse::<Timestamp>()?),
                        _ => {}
                    }
                }
                let (key, modified_at) = key.zip(modified_at).ok_or(NotAList::Other)?;
                objects.push(Listed { key, modified_at });
            }
            _ => {}
        }
    }
    // S3 always says so: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.
    let more = more.ok_or(NotAList::Other)?;
    Ok(Listing { objects, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_in_order_and_whether_there_are_more() {
        let answer = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>a/</Prefix>
            <Contents><Key>a/1</Key><LastModified>2026-11-21T10:00:00.500Z</LastModified><Size>1</Size><Owner><ID>x</ID></Owner></Contents><IsTruncated>true</IsTruncated>
            <Contents><ETag>&quot;e&quot;</ETag><Key>a/&amp;2</Key><LastModified>2026-11-21T10:00:01.000Z</LastModified></Contents><KeyCount>2</KeyCount></ListBucketResult>";
        let listed = |key: &str, at: &str| Listed {
            key: key.to_owned(),
            modified_at: at.parse().unwrap(),
        };
        let objects = vec![
            listed("a/1", "2026-11-21T10:00:00.5Z"),
            listed("a/&2", "2026-11-21T10:00:01Z"),
        ];
        assert_eq!(read(answer).unwrap(), Listing { objects, more: true });
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
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

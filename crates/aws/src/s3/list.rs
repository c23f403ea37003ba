//! Reads what S3 answers to `ListObjectsV2`: XML, and the only XML that is read whole.

use aws_smithy_xml::decode::{Document, XmlDecodeError, try_data};

use super::Listing;

/// An answer that is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAList {
    /// Not XML, or cut off.
    #[error("S3 answered a list that is no XML")]
    Xml(#[from] XmlDecodeError),
    /// XML of something else.
    #[error("S3 answered something else than a list")]
    Other,
}

/// Reads the keys, and whether there are more.
pub(super) fn read(answer: &[u8]) -> Result<Listing, NotAList> {
    let mut document = Document::try_from(answer)?;
    let mut list = document.root_element()?;
    if !list.start_el().matches("ListBucketResult") {
        return Err(NotAList::Other);
    }
    let (mut keys, mut more) = (Vec::new(), None);
    while let Some(mut part) = list.next_tag() {
        match part.start_el().local() {
            "IsTruncated" => more = Some(try_data(&mut part)? == "true"),
            "Contents" => {
                while let Some(mut fact) = part.next_tag() {
                    if fact.start_el().matches("Key") {
                        keys.push(try_data(&mut fact)?.into_owned());
                    }
                }
            }
            _ => {}
        }
    }
    // S3 always says so: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.
    let more = more.ok_or(NotAList::Other)?;
    Ok(Listing { keys, more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_order_and_whether_there_are_more() {
        let answer = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix>a/</Prefix>
            <Contents><Key>a/1</Key><Size>1</Size><Owner><ID>x</ID></Owner></Contents><IsTruncated>true</IsTruncated>
            <Contents><ETag>&quot;e&quot;</ETag><Key>a/&amp;2</Key></Contents><KeyCount>2</KeyCount></ListBucketResult>";
        let keys = ["a/1", "a/&2"].map(str::to_owned).into();
        assert_eq!(read(answer).unwrap(), Listing { keys, more: true });
    }

    #[test]
    fn what_is_no_list_is_not_taken_for_an_empty_one() {
        for answer in [
            &b""[..],
            b"{}",
            b"<html/>",
            b"<ListBucketResult/>",
            b"<ListBucketResult><Contents><Key>a",
            b"\xff",
        ] {
            assert!(read(answer).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }
}

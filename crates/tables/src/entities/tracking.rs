//! Variants whose stock is counted, in few bytes, because each change writes the whole item: the ids in order, each as
//! its distance from the one before, times two, plus one if its stock is counted, in LEB128. A product's variants have
//! ids close to each other, so that each takes two or three bytes: 2,048 of them some 6 KB.

use hookline_domain::{event::product::Tracking, kernel::ids::EntityId};

use crate::value::{Item, MalformedError, Value};

const ATTRIBUTE: &str = "tracking";

/// Encodes the variants; `None` if an id is not a number as Shopify's are, and then nothing is stored.
pub(super) fn write(tracking: &Tracking) -> Option<Value> {
    let ids = tracking
        .iter()
        .map(|(id, tracked)| Some((id.as_str().parse().ok()?, *tracked)));
    let mut ids: Vec<(u64, bool)> = ids.collect::<Option<_>>()?;
    ids.sort_unstable();
    let (mut bytes, mut before) = (Vec::with_capacity(ids.len() * 3), 0);
    for (id, tracked) in ids {
        let mut rest = u128::from(id - before) << 1 | u128::from(tracked);
        before = id;
        while rest >= 0x80 {
            bytes.push(low_bits(rest) | 0x80);
            rest >>= 7;
        }
        bytes.push(low_bits(rest));
    }
    Some(Value::B(bytes))
}

/// Decodes the variants of an item.
pub(super) fn read(item: &Item) -> Result<Tracking, MalformedError> {
    let malformed = || MalformedError::new(ATTRIBUTE);
    let bytes = item.bytes(ATTRIBUTE)?;
    let (mut tracking, mut before) = (Tracking::new(), 0_u64);
    let (mut value, mut shift) = (0_u128, 0);
    for byte in bytes {
        if shift > 63 {
            return Err(malformed());
        }
        value |= u128::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 != 0 {
            continue;
        }
        let distance = u64::try_from(value >> 1).map_err(|_| malformed())?;
        before = before.checked_add(distance).ok_or_else(malformed)?;
        let id = EntityId::new(before.to_string()).map_err(|_| malformed())?;
        tracking.insert(id, value & 1 == 1);
        (value, shift) = (0, 0);
    }
    if shift == 0 { Ok(tracking) } else { Err(malformed()) }
}

fn low_bits(value: u128) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracking(ids: impl IntoIterator<Item = u64>) -> Tracking {
        let ids = ids.into_iter().enumerate();
        ids.map(|(at, id)| (EntityId::new(id.to_string()).unwrap(), at % 3 == 0))
            .collect()
    }

    fn item(value: Value) -> Item {
        Item::from([(ATTRIBUTE, value)])
    }

    #[test]
    fn tracking_reads_back() {
        for ids in [
            vec![],
            vec![0],
            vec![u64::MAX],
            vec![9, 10, 49_512_345_678_901, u64::MAX - 1, u64::MAX],
        ] {
            let tracking = tracking(ids);
            assert_eq!(read(&item(write(&tracking).unwrap())).unwrap(), tracking);
        }
    }

    #[test]
    fn product_with_the_most_variants_takes_a_few_kilobytes() {
        let tracking = tracking((0..2_048).map(|n| 49_512_345_678_901 + n * 32_768));
        let written = item(write(&tracking).unwrap());
        assert!(written.bytes(ATTRIBUTE).unwrap().len() < 7_000);
        assert_eq!(read(&written).unwrap(), tracking);
    }

    #[test]
    fn non_numeric_ids_are_not_stored_and_nonsense_is_malformed() {
        assert_eq!(write(&[(EntityId::new("a").unwrap(), true)].into()), None);
        for nonsense in [
            vec![0x80],
            vec![0xff; 12],
            vec![0xff; 9],
            [vec![0x05], vec![0xff; 9], vec![0x03]].concat(),
        ] {
            assert!(read(&item(Value::B(nonsense))).is_err());
        }
        assert!(read(&item(Value::Bool(true))).is_err());
    }
}

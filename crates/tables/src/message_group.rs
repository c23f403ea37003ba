//! Message groups of the SQS queues, beside the tables because both adapters need them.

use std::{borrow::Cow, fmt::Write};

use hookline_domain::kernel::ids::StoreKey;
use sha2::{Digest, Sha256};

/// The longest message group that SQS takes; it may hold letters, digits and ASCII punctuation
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const MAX_GROUP_BYTES: usize = 128;

/// The message group of a store: its key, or the SHA-256 of a key that is longer than SQS takes. No key equals the digest of
/// another, because every key holds a `#`.
#[must_use]
pub fn message_group(store: &StoreKey) -> Cow<'static, str> {
    let key = store.to_string();
    if key.len() <= MAX_GROUP_BYTES {
        return key.into();
    }
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(key) {
        write!(digest, "{byte:02x}").expect("writing to a string cannot fail");
    }
    digest.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> StoreKey {
        format!("shopify#{name}").parse().unwrap()
    }

    #[test]
    fn group_is_the_store_and_fits() {
        assert_eq!(
            message_group(&store("demo.myshopify.com")),
            "shopify#demo.myshopify.com"
        );
        let (longest, too_long) = ("s".repeat(120), "s".repeat(121));
        assert_eq!(message_group(&store(&longest)), format!("shopify#{longest}"));
        let digest = message_group(&store(&too_long));
        assert_eq!(digest.len(), 64);
        assert_eq!(
            digest,
            message_group(&store(&too_long)),
            "the same store is the same group"
        );
        assert_ne!(digest, message_group(&store(&format!("{too_long}s"))));
    }
}

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_domain::{
    delivery::sealed::{DataKeys, SealedBody, SealedParts},
    kernel::{ids::DeliveryKey, port::PortError},
    memory::noon,
};
use jiff::{SignedDuration, Timestamp};

use super::*;

const BODY: &[u8] = br#"{"email":"canary@example.com","note":"at number 14"}"#;

/// The operator's key, as KMS holds it.
struct Private {
    key: PrivateDecryptingKey,
    calls: AtomicUsize,
}

impl Private {
    fn new() -> Self {
        Self {
            key: PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap(),
            calls: AtomicUsize::new(0),
        }
    }

    fn public(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.key.public_key().as_der().unwrap();
        BASE64_STANDARD.encode(der.as_ref())
    }

    fn sealer(&self) -> Sealer {
        Sealer::new(&self.public(), 3).unwrap()
    }
}

impl DataKeys for &Private {
    async fn unwrap(&self, wrapped: &[u8]) -> Result<Option<Vec<u8>>, PortError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let key = OaepPrivateDecryptingKey::new(self.key.clone()).unwrap();
        let mut open = vec![0; key.min_output_size()];
        let open = key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut open, None);
        Ok(open.ok().map(|open| open.to_vec()))
    }
}

fn delivery(store: &str, topic: &str, id: &str) -> DeliveryKey {
    DeliveryKey {
        store: store.parse().unwrap(),
        topic: topic.parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

fn one() -> DeliveryKey {
    delivery("shopify#demo.myshopify.com", "orders/create", "b54557e4")
}

fn after(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn body_opens_for_its_delivery_and_no_other() {
    let private = Private::new();
    let sealed = private.sealer().seal(&one(), BODY, noon()).unwrap();
    let opener = Opener::new(&private);
    let outcome = opener.open(&sealed, &one(), noon()).await.unwrap();
    assert_eq!(outcome, Opened::Body(BODY.to_vec()));
    for other in [
        delivery("shopify#other.myshopify.com", "orders/create", "b54557e4"),
        delivery("square#demo.myshopify.com", "orders/create", "b54557e4"),
        delivery("shopify#demo.myshopify.com", "orders/updated", "b54557e4"),
        delivery("shopify#demo.myshopify.com", "orders/create", "b54557e5"),
    ] {
        assert_eq!(
            opener.open(&sealed, &other, noon()).await.unwrap(),
            Opened::Foreign,
            "{other}"
        );
    }
}

#[tokio::test]
async fn changed_body_does_not_open_at_whatever_byte() {
    let private = Private::new();
    let sealed = private.sealer().seal(&one(), BODY, noon()).unwrap();
    let opener = Opener::new(&private);
    for at in 0..sealed.bytes().len() {
        // The wrapped key is one block: a few of its bytes are enough.
        if (20..260).contains(&at) && at % 40 != 0 {
            continue;
        }
        let mut bytes = sealed.bytes().to_vec();
        bytes[at] ^= 1;
        if let Some(changed) = SealedBody::read(bytes) {
            let outcome = opener.open(&changed, &one(), noon()).await.unwrap();
            assert!(!matches!(outcome, Opened::Body(_)), "{at}");
        }
    }
}

#[tokio::test]
async fn body_opens_until_it_expires_and_its_end_cannot_be_moved() {
    let private = Private::new();
    let sealed = private.sealer().seal(&one(), BODY, noon()).unwrap();
    let opener = Opener::new(&private);
    let days = 3 * 24 * 3600;
    assert!(matches!(
        opener.open(&sealed, &one(), after(days - 1)).await.unwrap(),
        Opened::Body(_)
    ));
    assert_eq!(
        opener.open(&sealed, &one(), after(days)).await.unwrap(),
        Opened::Expired
    );
    let parts = sealed.parts().unwrap();
    let moved = SealedBody::new(after(30 * days), &SealedParts { ..parts });
    assert_eq!(opener.open(&moved, &one(), after(days)).await.unwrap(), Opened::Foreign);
}

#[tokio::test]
async fn data_key_serves_an_hour_and_is_opened_once() {
    let private = Private::new();
    let (sealer, opener) = (private.sealer(), Opener::new(&private));
    let seal = |seconds| sealer.seal(&one(), BODY, after(seconds)).unwrap();
    let key = |sealed: &SealedBody| sealed.parts().unwrap().wrapped_key.to_vec();
    let (first, second, later, back) = (seal(0), seal(3599), seal(3600), seal(-10));
    assert_eq!(key(&first), key(&second));
    assert_ne!(first.parts().unwrap().nonce, second.parts().unwrap().nonce);
    assert_ne!(key(&second), key(&later));
    assert_ne!(key(&later), key(&back), "a clock that was set back");
    for sealed in [&first, &second, &first] {
        assert!(matches!(
            opener.open(sealed, &one(), after(3600)).await.unwrap(),
            Opened::Body(_)
        ));
    }
    assert_eq!(private.calls.load(Ordering::Relaxed), 1);
    opener.open(&later, &one(), after(3600)).await.unwrap();
    opener.open(&first, &one(), after(3600 + 3600)).await.unwrap();
    assert_eq!(private.calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn body_of_another_key_is_foreign_and_one_that_is_too_large_says_so() {
    let (private, other) = (Private::new(), Private::new());
    let sealed = other.sealer().seal(&one(), BODY, noon()).unwrap();
    assert_eq!(
        Opener::new(&private).open(&sealed, &one(), noon()).await.unwrap(),
        Opened::Foreign
    );
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(64 * 1024)
    .collect();
    let sealed = private.sealer().seal(&one(), &noise, noon()).unwrap();
    assert_eq!(
        Opener::new(&private).open(&sealed, &one(), noon()).await.unwrap(),
        Opened::TooLarge
    );
}

#[test]
fn sealed_body_holds_nothing_of_the_body() {
    let private = Private::new();
    let sealed = private.sealer().seal(&one(), BODY, noon()).unwrap();
    let contains = |part: &[u8]| sealed.bytes().windows(part.len()).any(|window| window == part);
    assert!(!contains(b"canary") && !contains(b"number"));
    assert!(!format!("{sealed:?} {:?}", Opened::Body(BODY.to_vec())).contains("canary"));
}

#[test]
fn anything_but_an_rsa_key_and_one_to_five_days_is_refused() {
    let public = Private::new().public();
    assert!(matches!(Sealer::new(&public, 0), Err(PublicKeyError::Days)));
    assert!(matches!(Sealer::new(&public, 6), Err(PublicKeyError::Days)));
    for text in ["", "abc", "%", &public[..100]] {
        assert!(matches!(Sealer::new(text, 3), Err(PublicKeyError::Key)), "{text}");
    }
    Sealer::new(&format!("{public}\n"), 5).unwrap();
}

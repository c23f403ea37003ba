//! Bodies that a receiver seals, opened with a key of KMS.

use hookline_domain::{kernel::ids::DeliveryKey, memory::noon};
use hookline_sealing::{Opened, Opener, Sealer};
use hookline_testkit::{builders::store, kms::Kms};

const BODY: &[u8] = br#"{"email":"canary@example.com"}"#;

#[tokio::test]
async fn body_opens_with_the_key_whose_public_half_sealed_it_and_with_no_other() {
    let kms = Kms::start().await;
    let (arn, public) = kms.key_for_personal_data().await;
    let (other, _) = kms.key_for_personal_data().await;
    let delivery = DeliveryKey {
        store: store("demo"),
        topic: "orders/create".parse().unwrap(),
        id: "b54557e4".parse().unwrap(),
    };
    let sealed = Sealer::new(&public, 3).unwrap().seal(&delivery, BODY, noon()).unwrap();
    for (key, expected) in [(arn, Opened::Body(BODY.to_vec())), (other, Opened::Foreign)] {
        let opener = Opener::new(kms.aws().data_keys(key));
        assert_eq!(opener.open(&sealed, &delivery, noon()).await.unwrap(), expected);
    }
    let none = Opener::new(kms.aws().data_keys("arn:aws:kms:us-east-1:000000000000:key/none"));
    none.open(&sealed, &delivery, noon()).await.unwrap_err();
}

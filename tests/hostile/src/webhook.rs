//! The whole receiver: an unsigned request reaches nothing; a signed one is queued unchanged or refused with a reason.
//!
//! Input: a request (see [`crate::gateway`]). The value `right` or `right-older` of a header is replaced by a right
//! signature under the newest or the older secret, which random bytes never are.

use hookline_domain::{
    delivery::envelope,
    kernel::secret::Secret,
    memory::{MemoryBodies, MemoryLedger, MemoryQueue, MemoryStores},
};
use hookline_lambda::serve::Http;
use hookline_receiver::receiver::{Ports, Receiver};
use hookline_sources::{
    Inbound,
    shopify::{SENDER, Topic},
};
use jiff::SignedDuration;
use lambda_http::Body;

use crate::{
    gateway::{ParsedRequest, noon, wait},
    signature::{HELD, sign, signer},
};

pub(crate) fn webhook(data: &[u8]) {
    let mut sent = ParsedRequest::read(data);
    for (_, value) in &mut sent.headers {
        match value.as_str() {
            "right" => *value = sign(HELD[0], &sent.body),
            "right-older" => *value = sign(HELD[1], &sent.body),
            _ => {}
        }
    }
    let Some(request) = sent.request("") else { return };
    let (queue, stores) = (MemoryQueue::default(), MemoryStores::default());
    let ports = Ports {
        ledger: MemoryLedger::default(),
        queue: queue.clone(),
        bodies: None::<MemoryBodies>,
        tally: Some(stores),
        secrets: Secret::new(HELD.join(",")),
        clock: noon(),
    };
    let (response, messages) = wait(async {
        let receiver = Receiver::new(
            &SENDER,
            Inbound::of(Topic::ProductsUpdate.function()),
            ports,
            SignedDuration::ZERO,
        )
        .await
        .unwrap();
        let response = receiver.answer(request).await;
        receiver.afterwards().await;
        (response, queue.take())
    });

    let is_webhook = sent.body.starts_with(b"{");
    let signed = sent
        .header("x-shopify-hmac-sha256")
        .and_then(|signature| signer(signature.as_bytes(), &sent.body));
    let status = response.status().as_u16();
    match status {
        200 => {
            assert!(signed.is_some() && is_webhook, "queued without a signature");
            assert_eq!(messages.len(), 1);
            let delivery = envelope::decode(&messages[0]).unwrap();
            assert_eq!(delivery.body, sent.body);
            let shop = sent.header("x-shopify-shop-domain").unwrap().to_ascii_lowercase();
            assert_eq!(delivery.key.store.store.as_str(), shop);
        }
        400 => assert!(signed.is_some() && is_webhook, "more than 401 was told to a stranger"),
        401 => {
            assert!(signed.is_none() || !is_webhook, "what is signed was refused");
            assert!(matches!(response.body(), Body::Empty));
        }
        413 => {}
        other => panic!("{other}"),
    }
    assert_eq!(messages.is_empty(), status != 200);
}

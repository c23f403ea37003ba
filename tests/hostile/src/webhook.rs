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
use hookline_receiver::{ReceivePorts, Receiver, ReceiverAdapters, ReceiverPorts};
use hookline_sources::shopify::{SENDER, Topic};
use jiff::{SignedDuration, Timestamp};
use lambda_http::Body;

use crate::{
    gateway::{ParsedRequest, noon, wait},
    signature::{CLIENT_SECRETS, sign, signer},
};

/// Ports of the receiver, in memory.
enum Ports {}

impl ReceivePorts for Ports {
    type Ledger = MemoryLedger;
    type Queue = MemoryQueue;
    type Bodies = MemoryBodies;
    type Clock = Timestamp;
}

impl ReceiverPorts for Ports {
    type Tally = MemoryStores;
    type Endpoints = MemoryStores;
    type Secrets = Secret;
}

pub(crate) fn webhook(data: &[u8]) {
    let mut parsed = ParsedRequest::parse(data);
    for (_, value) in &mut parsed.headers {
        match value.as_str() {
            "right" => *value = sign(CLIENT_SECRETS[0], &parsed.body),
            "right-older" => *value = sign(CLIENT_SECRETS[1], &parsed.body),
            _ => {}
        }
    }
    let Some(request) = parsed.request("") else { return };
    let (queue, stores) = (MemoryQueue::default(), MemoryStores::default());
    let adapters = ReceiverAdapters::<Ports> {
        ledger: MemoryLedger::default(),
        queue: queue.clone(),
        bodies: None,
        tally: Some(stores),
        endpoints: None,
        secrets: Secret::new(CLIENT_SECRETS.join(",")),
        clock: noon(),
    };
    let (response, messages) = wait(async {
        let receiver = Receiver::new(
            &SENDER,
            Topic::ProductsUpdate.function(),
            adapters,
            SignedDuration::ZERO,
        )
        .await
        .unwrap();
        let response = receiver.answer(request).await;
        receiver.afterwards().await;
        (response, queue.take())
    });

    let is_webhook = parsed.body.starts_with(b"{");
    let signed = parsed
        .header("x-shopify-hmac-sha256")
        .and_then(|signature| signer(signature.as_bytes(), &parsed.body));
    let status = response.status().as_u16();
    match status {
        200 => {
            assert!(signed.is_some() && is_webhook, "an unsigned request was queued");
            assert_eq!(messages.len(), 1);
            let delivery = envelope::decode(&messages[0]).unwrap();
            assert_eq!(delivery.body, parsed.body);
            let shop = parsed.header("x-shopify-shop-domain").unwrap().to_ascii_lowercase();
            assert_eq!(delivery.key.store.store.as_str(), shop);
        }
        400 => assert!(
            signed.is_some() && is_webhook,
            "an unsigned request got a response other than 401"
        ),
        401 => {
            assert!(signed.is_none() || !is_webhook, "a signed request was refused");
            assert!(matches!(response.body(), Body::Empty));
        }
        413 => {}
        other => panic!("{other}"),
    }
    assert_eq!(messages.is_empty(), status != 200);
}

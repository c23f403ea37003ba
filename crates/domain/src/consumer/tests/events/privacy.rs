//! Events of privacy requests.

use super::{super::compliance::complying, *};

#[tokio::test]
async fn redaction_of_a_customer_is_told_once_and_its_request_retried_until_it_is() {
    let mut consumer = complying().await;
    consumer.apply.fan_out = Some(FlakyFanOut::default());
    let request = delivery(STORE, "customers/redact", "r", T2, "");
    assert_eq!(
        consumer.take(std::slice::from_ref(&request)).await,
        [settled(Fate::Noted)]
    );
    assert!(consumer.told().is_empty(), "nobody listens");

    consumer.listen(&[Resource::Privacy], at(BEGINNING)).await;
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let request = delivery(STORE, "customers/redact", "s", T2, "");
    let verdicts = consumer.take(std::slice::from_ref(&request)).await;
    let is_retried = matches!(
        verdicts[..],
        [Verdict::Retry {
            code: ErrorCode::EventsUnavailable,
            ..
        }]
    );
    assert!(is_retried, "{verdicts:?}");
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    assert_eq!(consumer.again(vec![message(&request)]).await, [settled(Fate::Noted)]);
    let told = consumer.told();
    assert_eq!(told[0].kind, EventType::PRIVACY_CUSTOMER_REDACTED);
    let Data::Privacy(data) = &told[0].data else { panic!() };
    assert_eq!(data.customer_id, "115310627314723969");
    let again = delivery(STORE, "customers/redact", "t", T3, "");
    consumer.take(&[again]).await;
    assert!(consumer.told().iter().all(|event| event.id == told[0].id));
}

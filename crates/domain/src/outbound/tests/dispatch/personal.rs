//! Personal data and proof at the dispatcher.

use super::*;
use crate::delivery::sealed::SealedBody;

/// Server that repeats challenges, or does not, and notes what it was given to disclose.
#[derive(Clone, Default)]
struct Prover {
    echoes: bool,
    challenges: Arc<Mutex<Vec<String>>>,
    disclosed: Arc<Mutex<Vec<Option<SealedBody>>>>,
    /// True if it refuses messages, and repeats them.
    refuses: bool,
}

impl Post for Prover {
    async fn post(&self, _: &Endpoint, _: &KeptEvent, _: u32, _: bool) -> Result<Posted, PortError> {
        Ok(Posted {
            attempted: if self.refuses {
                refusal(b"no customer jane@example.com")
            } else {
                answer(200)
            },
            took: TOOK,
        })
    }

    async fn post_disclosing(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        sealed: Option<&SealedBody>,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        self.disclosed.lock().unwrap().push(sealed.cloned());
        self.post(endpoint, event, attempt, is_replay).await
    }

    async fn prove(&self, _: &Endpoint, challenge: &str) -> Result<Proved, PortError> {
        self.challenges.lock().unwrap().push(challenge.to_owned());
        Ok(Proved {
            attempted: answer(200),
            is_echoed: self.echoes,
        })
    }
}

enum ProvingPorts {}

impl DispatchPorts for ProvingPorts {
    type Endpoints = MemoryEndpoints;
    type Outboxes = MemoryOutboxes;
    type Messages = MemoryMessages;
    type Stats = MemoryStats;
    type WakeUps = MemoryWakeUps;
    type FanOut = MemoryFanOut;
    type Post = Prover;
    type Clock = SetClock;
}

async fn run(shop: &Shop, prover: &Prover) {
    let dispatch = Dispatch::<ProvingPorts> {
        endpoints: shop.endpoints.clone(),
        outboxes: shop.outboxes.clone(),
        messages: shop.messages.clone(),
        stats: shop.stats.clone(),
        wake_ups: shop.wake_ups.clone(),
        fan_out: shop.fan_out.clone(),
        post: prover.clone(),
        clock: shop.clock.clone(),
    };
    let stop_at = later(shop.clock.now(), INVOCATION);
    dispatch.run(&key(), &shop.lease(), Pool::Slow, stop_at).await.unwrap();
}

fn challenged(shop: &Shop, state: EndpointState, personal: PersonalLevel) {
    let mut endpoint = endpoint();
    endpoint.state = state;
    endpoint.settings.personal = personal;
    endpoint.proof.challenge = Some(Challenge {
        text: "4f0c".to_owned(),
        at: shop.clock.now(),
    });
    shop.endpoints.insert(endpoint);
}

async fn proof(shop: &Shop) -> Proof {
    Endpoints::find(&shop.endpoints, &key()).await.unwrap().unwrap().proof
}

#[tokio::test]
async fn challenge_is_sent_once_and_its_outcome_is_kept() {
    for (echoes, state) in [
        (true, EndpointState::Active),
        (true, EndpointState::Paused),
        (false, EndpointState::Active),
    ] {
        let shop = Shop::answering(|_, _| answer(200));
        challenged(&shop, state, PersonalLevel::Full);
        let prover = Prover {
            echoes,
            ..Prover::default()
        };
        run(&shop, &prover).await;
        run(&shop, &prover).await;
        assert_eq!(*prover.challenges.lock().unwrap(), ["4f0c"]);
        let proof = proof(&shop).await;
        assert_eq!((proof.proven_at.is_some(), proof.challenge), (echoes, None));
        assert_eq!(proof.failed.is_none(), echoes);
    }
}

#[tokio::test]
async fn old_challenge_and_that_of_a_deleted_endpoint_are_not_sent() {
    let shop = Shop::answering(|_, _| answer(200));
    let prover = Prover::default();
    challenged(&shop, EndpointState::Deleting, PersonalLevel::Full);
    run(&shop, &prover).await;
    challenged(&shop, EndpointState::Active, PersonalLevel::Full);
    shop.clock.pass(SignedDuration::from_mins(10));
    run(&shop, &prover).await;
    assert!(prover.challenges.lock().unwrap().is_empty());
}

#[tokio::test]
async fn sealed_body_is_read_for_a_proven_endpoint_that_asked_and_for_no_other() {
    for (personal, is_proven, expected) in [
        (PersonalLevel::None, true, None),
        (PersonalLevel::Contact, false, Some(false)),
        (PersonalLevel::Contact, true, Some(true)),
    ] {
        let shop = Shop::answering(|_, _| answer(200));
        let mut endpoint = endpoint();
        endpoint.settings.personal = personal;
        endpoint.proof.proven_at = is_proven.then(noon);
        shop.endpoints.insert(endpoint);
        let id = shop.publish(1).await.remove(0);
        let kept = KeptSealed {
            store: store(),
            id,
            sealed: memory::sealed_body(b"text", noon_plus(24)),
        };
        shop.log.keep_sealed(&[kept]).await.remove(0).unwrap();
        let prover = Prover::default();
        run(&shop, &prover).await;
        let disclosed = prover.disclosed.lock().unwrap().clone();
        let disclosed: Vec<bool> = disclosed.iter().map(Option::is_some).collect();
        assert_eq!(disclosed, Vec::from_iter(expected), "{personal:?} {is_proven}");
    }
}

#[tokio::test]
async fn refusal_of_an_endpoint_with_personal_data_is_not_kept() {
    for (personal, is_proven, is_kept) in [
        (PersonalLevel::None, true, true),
        (PersonalLevel::Contact, false, false),
        (PersonalLevel::Full, true, false),
    ] {
        let shop = Shop::answering(|_, _| answer(200));
        let mut endpoint = endpoint();
        endpoint.settings.personal = personal;
        endpoint.proof.proven_at = is_proven.then(noon);
        shop.endpoints.insert(endpoint);
        let id = shop.publish(1).await.remove(0);
        let prover = Prover {
            refuses: true,
            ..Prover::default()
        };
        run(&shop, &prover).await;
        let attempt = shop.messages.record(&key(), &id).unwrap().attempts.remove(0);
        assert_eq!(attempt.status, Some(500));
        assert_eq!(attempt.excerpt.is_some(), is_kept, "{personal:?} {is_proven}");
    }
}

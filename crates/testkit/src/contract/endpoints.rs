//! Contract suite of [`Endpoints`] and [`EndpointRecords`].

use hookline_domain::outbound::{
    AttemptCode, AuthKind, Backlog, BacklogMode, Challenge, Credentials, CredentialsIn, Endpoint, EndpointAuth,
    EndpointKey, EndpointRecords, EndpointSettings, EndpointState, Endpoints, Pool, Proof, Scope, SealedAuth,
    SealedCertificate, SealedHeaders, SealedSecret,
};
use jiff::SignedDuration;

use super::at_once;
use crate::builders::noon;

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! endpoints_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            endpoints,
            $start,
            [
                endpoint_is_unknown_at_first,
                endpoint_reads_back_as_written,
                endpoints_are_listed_by_owner_in_the_order_of_their_ids,
                endpoint_is_created_once,
                change_counts_where_it_is_of_what_was_read,
                one_of_many_changes_counts,
                active_endpoint_is_disabled_where_nobody_has_changed_it,
                pool_is_noted_beside_changes_of_people,
                backlog_is_settled_if_it_is_still_that_one,
                proof_is_noted_if_the_challenge_is_still_that_one,
                endpoint_is_forgotten_where_nobody_has_changed_it,
            ]
        );
    };
}

fn key(n: usize) -> EndpointKey {
    format!("shopify#demo.myshopify.com ep_{n}").parse().unwrap()
}

fn endpoint(n: usize) -> Endpoint {
    Endpoint::new(
        key(n),
        EndpointSettings::new("https://example.com/hook", &["product.*"]),
        noon(),
    )
}

async fn stored(endpoints: &(impl Endpoints + EndpointRecords), n: usize) -> Endpoint {
    let endpoint = endpoint(n);
    assert!(endpoints.put(&endpoint).await.unwrap());
    endpoint
}

pub async fn endpoint_is_unknown_at_first(endpoints: &(impl Endpoints + EndpointRecords)) {
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), None);
    assert_eq!(endpoints.read(&key(1)).await.unwrap(), None);
    assert_eq!(endpoints.list(&key(1).scope).await.unwrap(), []);
    endpoints.note_pool(&key(1), Pool::Fast).await.unwrap();
    endpoints.disable(&key(1), 1, AttemptCode::Gone, noon()).await.unwrap();
    endpoints.forget(&key(1), 1).await.unwrap();
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), None, "none of this creates it");
}

pub async fn endpoint_reads_back_as_written(endpoints: &(impl Endpoints + EndpointRecords)) {
    let plain = stored(endpoints, 1).await;
    assert_eq!(endpoints.find(&key(1)).await.unwrap().unwrap(), plain);
    let full = Endpoint {
        revision: 2,
        state: EndpointState::Paused,
        state_since: noon() + SignedDuration::from_micros(1),
        state_reason: Some("maintenance".to_owned()),
        reset_at: noon() + SignedDuration::from_secs(1),
        backlog: Some(Backlog {
            mode: BacklogMode::Newest,
            before: noon(),
        }),
        proof: Proof {
            proven_at: Some(noon()),
            challenge: Some(Challenge {
                text: "4f0c".to_owned(),
                at: noon(),
            }),
            failed: None,
        },
        secrets: vec![
            SealedSecret {
                sealed: vec![0, 255, 1],
                public_key: "whpk_2".to_owned(),
                created_at: noon(),
                until: None,
            },
            SealedSecret {
                sealed: vec![7],
                public_key: "whpk_1".to_owned(),
                created_at: noon(),
                until: Some(noon() + SignedDuration::from_hours(24)),
            },
        ],
        credentials: Credentials {
            headers: Some(SealedHeaders {
                names: vec!["x-key".to_owned()],
                sealed: vec![1, 2],
            }),
            auth: Some(SealedAuth {
                auth: EndpointAuth {
                    kind: AuthKind::OAuth2,
                    token_url: "https://login.example.com/token?a=\"b\"".to_owned(),
                    client_id: "hookline".to_owned(),
                    scope: Some("a b".to_owned()),
                    credentials_in: CredentialsIn::Body,
                },
                sealed: vec![3, 0],
            }),
            certificate: Some(SealedCertificate {
                chain: vec![vec![0x30, 0], vec![255]],
                subject: "CN=hookline".to_owned(),
                ends_at: noon() + SignedDuration::from_hours(24),
                sealed: vec![4],
            }),
        },
        ..plain.clone()
    };
    assert!(endpoints.put(&full).await.unwrap());
    assert_eq!(endpoints.read(&key(1)).await.unwrap().unwrap(), full);
    let again = Endpoint { revision: 3, ..plain };
    assert!(endpoints.put(&again).await.unwrap());
    assert_eq!(
        endpoints.read(&key(1)).await.unwrap().unwrap(),
        again,
        "what it no longer has is gone"
    );
}

pub async fn endpoints_are_listed_by_owner_in_the_order_of_their_ids(endpoints: &(impl Endpoints + EndpointRecords)) {
    for n in [3, 1, 2] {
        stored(endpoints, n).await;
    }
    let all = Endpoint {
        key: EndpointKey {
            scope: Scope::All,
            ..key(4)
        },
        ..endpoint(4)
    };
    assert!(endpoints.put(&all).await.unwrap());
    assert_eq!(endpoints.list(&key(1).scope).await.unwrap(), [1, 2, 3].map(endpoint));
    assert_eq!(endpoints.list(&Scope::All).await.unwrap(), [all]);
}

pub async fn endpoint_is_created_once(endpoints: &(impl Endpoints + EndpointRecords)) {
    let first = stored(endpoints, 1).await;
    let second = Endpoint {
        settings: EndpointSettings::new("https://example.com/other", &["*"]),
        ..first.clone()
    };
    assert!(!endpoints.put(&second).await.unwrap());
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(first));
}

pub async fn change_counts_where_it_is_of_what_was_read(endpoints: &(impl Endpoints + EndpointRecords)) {
    let first = stored(endpoints, 1).await;
    for (revision, is_written) in [(3, false), (2, true), (2, false), (1, false), (3, true)] {
        let change = Endpoint {
            revision,
            ..first.clone()
        };
        assert_eq!(endpoints.put(&change).await.unwrap(), is_written, "{revision}");
    }
    assert!(
        !endpoints
            .put(&Endpoint {
                revision: 2,
                ..endpoint(2)
            })
            .await
            .unwrap()
    );
}

pub async fn one_of_many_changes_counts(endpoints: &(impl Endpoints + EndpointRecords + Clone + 'static)) {
    let first = stored(endpoints, 1).await;
    let changes = (0..8).map(|_| {
        let (endpoints, first) = (endpoints.clone(), first.clone());
        let change = Endpoint { revision: 2, ..first };
        async move { endpoints.put(&change).await.unwrap() }
    });
    let written = at_once(changes.collect()).await;
    assert_eq!(written.into_iter().filter(|is_written| *is_written).count(), 1);
}

pub async fn active_endpoint_is_disabled_where_nobody_has_changed_it(endpoints: &(impl Endpoints + EndpointRecords)) {
    let first = stored(endpoints, 1).await;
    let at = noon() + SignedDuration::from_secs(9);
    endpoints.disable(&key(1), 2, AttemptCode::Gone, at).await.unwrap();
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(first.clone()));
    endpoints.disable(&key(1), 1, AttemptCode::Gone, at).await.unwrap();
    let disabled = Endpoint {
        revision: 2,
        state: EndpointState::Disabled(AttemptCode::Gone),
        state_since: at,
        ..first
    };
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(disabled.clone()));
    endpoints.disable(&key(1), 2, AttemptCode::Redirect, at).await.unwrap();
    assert_eq!(
        endpoints.find(&key(1)).await.unwrap(),
        Some(disabled),
        "it is not active"
    );
}

pub async fn pool_is_noted_beside_changes_of_people(endpoints: &(impl Endpoints + EndpointRecords)) {
    let first = stored(endpoints, 1).await;
    endpoints.note_pool(&key(1), Pool::Fast).await.unwrap();
    let fast = Endpoint {
        pool: Pool::Fast,
        ..first.clone()
    };
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(fast.clone()));
    assert!(endpoints.put(&Endpoint { revision: 2, ..first }).await.unwrap());
    let changed = Endpoint { revision: 2, ..fast };
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(changed), "it stays");
}

pub async fn backlog_is_settled_if_it_is_still_that_one(endpoints: &(impl Endpoints + EndpointRecords)) {
    let first = stored(endpoints, 1).await;
    let backlog = |seconds| Backlog {
        mode: BacklogMode::Newest,
        before: noon() + SignedDuration::from_secs(seconds),
    };
    let waiting = Endpoint {
        revision: 2,
        backlog: Some(backlog(1)),
        ..first.clone()
    };
    assert!(endpoints.put(&waiting).await.unwrap());
    endpoints.settle_backlog(&key(1), backlog(0)).await.unwrap();
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(waiting));
    endpoints.settle_backlog(&key(1), backlog(1)).await.unwrap();
    let settled = Endpoint { revision: 2, ..first };
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(settled));
}

pub async fn proof_is_noted_if_the_challenge_is_still_that_one(endpoints: &(impl Endpoints + EndpointRecords)) {
    let first = stored(endpoints, 1).await;
    let challenged = |text: &str| Proof {
        challenge: Some(Challenge {
            text: text.to_owned(),
            at: noon(),
        }),
        ..Proof::default()
    };
    let proven = Proof {
        proven_at: Some(noon()),
        ..Proof::default()
    };
    let waiting = Endpoint {
        revision: 2,
        proof: challenged("a"),
        ..first
    };
    assert!(endpoints.put(&waiting).await.unwrap());
    for other in [challenged("b"), Proof::default()] {
        endpoints.note_proof(&key(1), &other, &proven).await.unwrap();
        assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(waiting.clone()));
    }
    endpoints.note_proof(&key(1), &waiting.proof, &proven).await.unwrap();
    let after = Endpoint {
        proof: proven.clone(),
        ..waiting
    };
    assert_eq!(endpoints.find(&key(1)).await.unwrap(), Some(after));
    // Of one that is gone, nothing comes back.
    endpoints.note_proof(&key(2), &Proof::default(), &proven).await.unwrap();
    assert_eq!(endpoints.find(&key(2)).await.unwrap(), None);
}

pub async fn endpoint_is_forgotten_where_nobody_has_changed_it(endpoints: &(impl Endpoints + EndpointRecords)) {
    stored(endpoints, 1).await;
    stored(endpoints, 2).await;
    endpoints.forget(&key(1), 2).await.unwrap();
    assert!(endpoints.find(&key(1)).await.unwrap().is_some());
    for _ in 0..2 {
        endpoints.forget(&key(1), 1).await.unwrap();
        assert_eq!(endpoints.find(&key(1)).await.unwrap(), None);
    }
    assert!(endpoints.find(&key(2)).await.unwrap().is_some());
}

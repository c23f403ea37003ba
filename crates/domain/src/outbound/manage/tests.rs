use super::*;
use crate::{
    memory::{InMemory, MemoryEndpoints, MemoryStores, MemoryWakeUps, SetClock, noon},
    outbound::{AuthKind, CredentialsIn, EndpointAuth, SealedAuth, SealedHeaders},
    testing::store,
};

struct Desk {
    manage: Manage<InMemory<SetClock>>,
}

fn key(n: usize) -> EndpointKey {
    EndpointKey {
        scope: Scope::All,
        id: format!("ep_{n}").parse().unwrap(),
    }
}

fn settings(types: &[&str]) -> EndpointSettings {
    EndpointSettings::new("https://example.com/hook", types)
}

fn secret(text: &str) -> SealedSecret {
    SealedSecret {
        sealed: text.into(),
        public_key: "whpk_1".into(),
        created_at: noon(),
        until: None,
    }
}

impl Desk {
    fn new() -> Self {
        Self {
            manage: Manage {
                endpoints: MemoryEndpoints::default(),
                listeners: MemoryStores::default(),
                wake_ups: MemoryWakeUps::default(),
                clock: SetClock::new(noon()),
            },
        }
    }

    async fn create(&self, n: usize, types: &[&str]) -> Endpoint {
        let created = self
            .manage
            .create(&key(n), settings(types), secret("a"), Credentials::default())
            .await;
        created.unwrap()
    }

    async fn change(&self, change: EndpointChange) -> Result<Endpoint, ManageError> {
        self.manage.change(&key(1), None, &change).await
    }

    async fn wanted(&self) -> Vec<Resource> {
        let listening = self.manage.listeners.listening(Audience::All).await.unwrap();
        let now = self.manage.clock.now() + SignedDuration::from_secs(1);
        let wanted = Resource::ALL.into_iter();
        wanted.filter(|one| listening.period(*one, now).is_some()).collect()
    }
}

fn activate(backlog: BacklogMode) -> EndpointChange {
    EndpointChange::Activate { backlog }
}

fn pause() -> EndpointChange {
    EndpointChange::Pause { reason: None }
}

#[tokio::test]
async fn what_endpoints_want_is_listened_to_as_long_as_they_are_there() {
    let desk = Desk::new();
    desk.create(1, &["product.updated"]).await;
    desk.create(2, &["order.*"]).await;
    assert_eq!(desk.wanted().await, [Resource::Product, Resource::Order]);
    let other = EndpointChange::Settings {
        settings: Box::new(settings(&["customer.*"])),
        credentials: Box::default(),
    };
    desk.change(other).await.unwrap();
    assert_eq!(desk.wanted().await, [Resource::Order, Resource::Customer]);
    desk.change(EndpointChange::Delete).await.unwrap();
    assert_eq!(desk.wanted().await, [Resource::Order]);
}

#[tokio::test]
async fn store_that_is_unknown_has_no_endpoints() {
    let desk = Desk::new();
    let scope = Scope::Store(store());
    let key = EndpointKey { scope, ..key(1) };
    let created = desk
        .manage
        .create(&key, settings(&["*"]), secret("a"), Credentials::default())
        .await;
    assert!(matches!(created, Err(ManageError::Listening(_))), "{created:?}");
}

#[tokio::test]
async fn creation_is_repeated_without_effect_and_no_owner_has_too_many() {
    let desk = Desk::new();
    for n in 0..MAX_OF_ALL {
        let first = desk.create(n, &["*"]).await;
        assert_eq!(desk.create(n, &["*"]).await.secrets, first.secrets);
        if n + 1 == MAX_OF_ALL {
            let foreign = desk
                .manage
                .create(&key(n), settings(&["*"]), secret("b"), Credentials::default())
                .await;
            foreign.unwrap_err();
        }
    }
}

#[tokio::test]
async fn change_of_what_another_person_has_changed_is_refused() {
    let desk = Desk::new();
    let first = desk.create(1, &["*"]).await;
    let paused = desk
        .manage
        .change(&key(1), Some(first.revision), &pause())
        .await
        .unwrap();
    let late = desk
        .manage
        .change(&key(1), Some(first.revision), &EndpointChange::Delete)
        .await;
    assert!(matches!(late, Err(ManageError::Changed(revision)) if revision == paused.revision));
    let missing = desk.manage.change(&key(2), None, &pause()).await;
    assert!(matches!(missing, Err(ManageError::NotFound)));
}

#[tokio::test]
async fn pause_is_refused_where_it_makes_no_sense_and_activation_begins_from_the_start() {
    let desk = Desk::new();
    desk.create(1, &["*"]).await;
    let reason = Some("x".repeat(201));
    let error = desk.change(EndpointChange::Pause { reason }).await.unwrap_err();
    assert!(matches!(error, ManageError::Reason));
    let reason = Some("maintenance".to_owned());
    let paused = desk.change(EndpointChange::Pause { reason }).await.unwrap();
    assert_eq!(paused.state_reason.as_deref(), Some("maintenance"));
    let error = desk.change(pause()).await.unwrap_err().to_string();
    assert!(error.contains("the endpoint is paused"), "{error}");
    desk.manage.clock.pass(SignedDuration::from_secs(60));
    let active = desk.change(activate(BacklogMode::Newest)).await.unwrap();
    let later = noon() + SignedDuration::from_secs(60);
    assert_eq!(
        (active.state, active.reset_at, active.state_reason),
        (EndpointState::Active, later, None)
    );
    let mode = BacklogMode::Newest;
    assert_eq!(active.backlog, Some(Backlog { mode, before: later }));
    assert_eq!(desk.manage.wake_ups.take().len(), 1, "its outbox is woken");
    desk.change(pause()).await.unwrap();
    assert_eq!(desk.change(activate(BacklogMode::Send)).await.unwrap().backlog, None);
}

#[tokio::test]
async fn activation_that_is_repeated_is_refused_and_wakes_the_outbox() {
    let desk = Desk::new();
    desk.create(1, &["*"]).await;
    let error = desk.change(activate(BacklogMode::Send)).await.unwrap_err().to_string();
    assert!(error.contains("nothing to activate"), "{error}");
    // Its first writer may have died before the wake-up.
    assert_eq!(desk.manage.wake_ups.take().len(), 1);
    desk.change(pause()).await.unwrap();
    desk.change(pause()).await.unwrap_err();
    assert_eq!(desk.manage.wake_ups.take().len(), 0);
}

#[tokio::test]
async fn old_secret_signs_beside_the_new_one_for_as_long_as_was_asked() {
    let desk = Desk::new();
    desk.create(1, &["*"]).await;
    let rotate = |text, hours| EndpointChange::Rotate {
        secret: secret(text),
        overlap: SignedDuration::from_hours(hours),
    };
    let rotated = desk.change(rotate("b", 24)).await.unwrap();
    let in_hours = |hours| noon() + SignedDuration::from_hours(hours);
    let valid = |endpoint: &Endpoint, hours| endpoint.valid_secrets(in_hours(hours)).count();
    assert_eq!((valid(&rotated, 23), valid(&rotated, 24)), (2, 1));
    let again = desk.change(rotate("c", 48)).await.unwrap();
    assert_eq!(again.secrets[2].until, Some(in_hours(24)), "it keeps its end");
    assert_eq!(again.secrets[0].sealed, b"c");
    let error = desk.change(rotate("d", 1)).await.unwrap_err().to_string();
    assert!(error.contains("three secrets"), "{error}");
    let at_once = desk.change(rotate("d", 0)).await.unwrap();
    assert_eq!(at_once.secrets.len(), 1, "a secret that leaked stops at once");
    for hours in [-1, 7 * 24 + 1] {
        desk.change(rotate("e", hours)).await.unwrap_err();
    }
}

#[tokio::test]
async fn deletion_is_repeated_without_effect_and_final() {
    let desk = Desk::new();
    desk.create(1, &["*"]).await;
    for _ in 0..2 {
        let deleted = desk.change(EndpointChange::Delete).await.unwrap();
        assert_eq!(deleted.state, EndpointState::Deleting);
    }
    assert_eq!(desk.manage.wake_ups.take().len(), 2);
    let error = desk.change(activate(BacklogMode::Send)).await.unwrap_err().to_string();
    assert!(error.contains("create another one"), "{error}");
}

#[tokio::test]
async fn another_url_begins_with_a_health_of_its_own() {
    let desk = Desk::new();
    desk.create(1, &["*"]).await;
    desk.manage.clock.pass(SignedDuration::from_secs(60));
    let change = |url: &str| EndpointChange::Settings {
        settings: Box::new(EndpointSettings::new(url, &["*"])),
        credentials: Box::default(),
    };
    let same = desk.change(change("https://example.com/hook")).await.unwrap();
    assert_eq!(same.reset_at, noon());
    let other = desk.change(change("https://example.com/other")).await.unwrap();
    assert_eq!(other.reset_at, noon() + SignedDuration::from_secs(60));
}

#[tokio::test]
async fn credentials_stay_change_and_go_and_two_of_one_header_are_refused() {
    let desk = Desk::new();
    desk.create(1, &["*"]).await;
    let headers = |name: &str| {
        Some(Some(SealedHeaders {
            names: vec![name.to_owned()],
            sealed: vec![1],
        }))
    };
    let auth = Some(Some(SealedAuth {
        auth: EndpointAuth {
            kind: AuthKind::OAuth2,
            token_url: "https://login.example.com/token".to_owned(),
            client_id: "hookline".to_owned(),
            scope: None,
            credentials_in: CredentialsIn::Header,
        },
        sealed: vec![2],
    }));
    let change = |headers, auth| EndpointChange::Settings {
        settings: Box::new(settings(&["*"])),
        credentials: Box::new(CredentialsChange {
            headers,
            auth,
            certificate: None,
        }),
    };
    let both = desk.change(change(headers("x-key"), auth.clone())).await.unwrap();
    let kept = desk.change(change(None, None)).await.unwrap();
    assert_eq!(kept.credentials, both.credentials);
    assert!(both.credentials.headers.is_some() && both.credentials.auth.is_some());
    let refused = desk.change(change(headers("Authorization"), None)).await.unwrap_err();
    assert!(matches!(refused, ManageError::Authorizations(_)), "{refused}");
    let swapped = desk.change(change(headers("Authorization"), Some(None))).await.unwrap();
    assert_eq!(swapped.credentials.auth, None);
    desk.change(change(None, auth)).await.unwrap_err();
}

//! Routes that change endpoints.

use hookline_domain::{
    access::{Principal, Reach, Role},
    kernel::port::Clock,
    outbound::{
        BacklogMode, Challenge, Credentials, Endpoint, EndpointChange, EndpointKey, EndpointRecords, EndpointSettings,
        EndpointVault, EndpointView, EventFilter, EventRecords, Manage, ManageError, ManagePorts, Resend, ResendPorts,
        Scope, new_key,
    },
};
use hookline_lambda::serve::json;
use hookline_outbound::{OpenKeys, UrlRules, check_settings};
use http::{Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    super::{
        actions::{ActionPorts, ActionsApi, EmptyBody},
        no_such_route, parameter, parse_body,
    },
    ChangeEndpointBody, CreateEndpointBody, EndpointRoute, EndpointWithSecret, check_names, check_parameters,
    credentials::GivenCredentials,
    in_path, no_endpoint, with_etag,
};
use crate::guard::ApiError;

/// Longest body of a request, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 32 * 1024;

/// Latest events of a store that a dry run looks at.
const DRY_RUN_EVENTS: usize = 100;

/// Hours for which an old secret signs beside its successor, unless the request says otherwise.
const DEFAULT_OVERLAP_HOURS: u16 = 24;

const CREATE: &str = "{\"settings\": {\"url\": \"https://…\", \"types\": [\"product.*\"]}, \"headers\": {…}, \"auth\": {…}, \"client_certificate\": {…}}";
const CHANGE: &str =
    "{\"settings\": {…}, \"headers\": {…} or null, \"auth\": {…} or null, \"client_certificate\": {…} or null}";

/// Adapters that change endpoints and send their messages again.
pub struct EndpointActions<W: ManagePorts + ResendPorts, V> {
    /// Manages endpoints.
    pub manage: Manage<W>,
    /// Sends messages again, and tests.
    pub resend: Resend<W>,
    /// Seals secrets and credentials.
    pub vault: V,
    /// Rules of URLs.
    pub rules: UrlRules,
}

/// Request body that pauses an endpoint.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PauseBody {
    /// Reason, for others: at most 200 characters.
    #[serde(default)]
    reason: Option<String>,
}

/// Request body that activates an endpoint.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ActivateBody {
    /// Fate of the messages that waited; by default all are sent.
    #[serde(default)]
    backlog: Backlogs,
}

/// Fate of the messages that waited when an endpoint was activated.
#[derive(Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::api) enum Backlogs {
    /// All are sent.
    #[default]
    Send,
    /// Of each thing the newest state is sent, and all that is no state.
    Newest,
    /// None is sent.
    Drop,
}

/// Request body that gives an endpoint a new secret.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RotateBody {
    /// Hours for which the old secret signs beside the new one: 0 to 168, by default 24.
    #[serde(default = "default_overlap")]
    overlap_hours: u16,
}

fn default_overlap() -> u16 {
    DEFAULT_OVERLAP_HOURS
}

/// Response to a dry run.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::api) struct DryRunResponse {
    /// Events that the endpoint would get.
    would_pass: usize,
    /// Events looked at: the latest of the store that are kept, at most 100.
    of: usize,
}

impl<P: ActionPorts> ActionsApi<P> {
    /// Carries out an action on endpoints, and logs it.
    pub(in crate::api) async fn act_on_endpoints(
        &self,
        principal: &Principal,
        route: &EndpointRoute<'_>,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        let scope = self.guard.owner_to_change(principal, request, route.is_of_all).await?;
        let actions = self.adapters.endpoints.as_ref();
        let actions = actions.ok_or(ApiError::NotConfigured("ENDPOINTS_TABLE"))?;
        let name = match (route.method, route.rest) {
            ("POST", "") => "create-endpoint",
            ("PATCH", "/{endpoint}") => "change-endpoint",
            ("DELETE", "/{endpoint}") => "delete-endpoint",
            ("POST", "/{endpoint}/pause") => "pause-endpoint",
            ("POST", "/{endpoint}/activate") => "activate-endpoint",
            ("POST", "/{endpoint}/rotate") => "rotate-secret",
            ("POST", "/{endpoint}/verify") => "verify-endpoint",
            ("POST", "/{endpoint}/test") => "test-endpoint",
            ("POST", "/{endpoint}/replay") => "replay-messages",
            ("POST", "/{endpoint}/messages/{event}/retry") => "retry-message",
            _ => return Err(no_such_route()),
        };
        let owner = match &scope {
            Scope::Store(store) => store.label().into_owned(),
            Scope::All => scope.to_string(),
        };
        let is_of_all = principal.role == Role::Admin && principal.reach == Reach::All;
        let done = actions.act(name, scope, is_of_all, request).await;
        let outcome = if done.is_ok() { "done" } else { "refused" };
        tracing::info!(
            service = super::super::actions::SERVICE,
            principal = principal.id,
            action = name,
            store = owner,
            endpoint = in_path::<String>(request, "endpoint").unwrap_or_default(),
            outcome,
            "action handled"
        );
        done
    }
}

impl<W, V> EndpointActions<W, V>
where
    W: ManagePorts + ResendPorts,
    V: EndpointVault,
{
    /// Carries out an action. `is_of_all` is true for an admin of all stores, who alone decides about personal data.
    async fn act(
        &self,
        name: &str,
        scope: Scope,
        is_of_all: bool,
        request: &Request,
    ) -> Result<Response<Body>, ApiError> {
        if name == "create-endpoint" {
            return self.create(scope, is_of_all, request).await;
        }
        check_parameters(request, &[])?;
        let id = in_path(request, "endpoint")?;
        let key = EndpointKey { scope, id };
        match name {
            "change-endpoint" => self.patch(&key, is_of_all, request).await,
            "delete-endpoint" => self.change(&key, request, EndpointChange::Delete).await,
            "pause-endpoint" => {
                let PauseBody { reason } = parse_body(request, "{\"reason\": \"…\"}", MAX_BODY_BYTES)?;
                let reason = reason.filter(|reason| !reason.trim().is_empty());
                self.change(&key, request, EndpointChange::Pause { reason }).await
            }
            "activate-endpoint" => {
                let shape = "{\"backlog\": \"send\", \"newest\" or \"drop\"}";
                let ActivateBody { backlog } = parse_body(request, shape, MAX_BODY_BYTES)?;
                let backlog = match backlog {
                    Backlogs::Send => BacklogMode::Send,
                    Backlogs::Newest => BacklogMode::Newest,
                    Backlogs::Drop => BacklogMode::Drop,
                };
                self.change(&key, request, EndpointChange::Activate { backlog }).await
            }
            "rotate-secret" => self.rotate(&key, request).await,
            "verify-endpoint" => self.verify(&key, request).await,
            "test-endpoint" => self.test(&key, request).await,
            "replay-messages" => self.replay(&key, request).await,
            _ => self.retry(&key, request).await,
        }
    }

    async fn create(&self, scope: Scope, is_of_all: bool, request: &Request) -> Result<Response<Body>, ApiError> {
        check_parameters(request, &["dry_run"])?;
        let is_dry_run = match parameter(request, "dry_run") {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(ApiError::BadRequest("dry_run must be true or false".to_owned())),
        };
        let CreateEndpointBody {
            settings,
            headers,
            auth,
            client_certificate,
        } = parse_body(request, CREATE, MAX_BODY_BYTES)?;
        let settings = self.settings(&scope, settings)?;
        if !settings.personal.is_none() && !is_of_all {
            return Err(ApiError::PersonalData);
        }
        let given = GivenCredentials {
            headers: Some(Some(headers)),
            auth: auth.map(Some),
            certificate: client_certificate.map(Some),
        };
        let now = self.now();
        let open = given.open(&self.rules, now)?;
        if is_dry_run {
            return Ok(json(StatusCode::OK, &self.dry_run(&scope, &settings).await?));
        }
        let key = new_key(scope, now)?;
        let keys = OpenKeys::generate()?;
        let secret = keys.seal(&self.vault, &key, now).await?;
        let mut credentials = Credentials::default();
        credentials.apply(&open.seal(&self.vault, &key).await?);
        let created = self.manage.create(&key, settings, secret, credentials).await;
        let created = created.map_err(|error| refused(error, false))?;
        Ok(with_secret(StatusCode::CREATED, &created, &keys, now))
    }

    async fn patch(&self, key: &EndpointKey, is_of_all: bool, request: &Request) -> Result<Response<Body>, ApiError> {
        let expected = if_match(request)?.ok_or(ApiError::NoRevision)?;
        let ChangeEndpointBody {
            settings,
            headers,
            auth,
            client_certificate,
        } = parse_body(request, CHANGE, MAX_BODY_BYTES)?;
        let before = self.manage.endpoints.read(key).await?.ok_or_else(no_endpoint)?;
        let revision = match expected {
            Expected::Any => before.revision,
            Expected::Revision(revision) => revision,
        };
        if revision != before.revision {
            return Err(refused(ManageError::Changed(before.revision), true));
        }
        let settings = self.settings(&key.scope, merged(&before.settings, settings)?)?;
        // Another URL would lead the data to somebody else.
        let is_wider = settings.personal != before.settings.personal || settings.url != before.settings.url;
        if !settings.personal.is_none() && is_wider && !is_of_all {
            return Err(ApiError::PersonalData);
        }
        let given = GivenCredentials {
            headers,
            auth,
            certificate: client_certificate,
        };
        let open = given.open(&self.rules, self.now())?;
        let change = EndpointChange::Settings {
            settings: Box::new(settings),
            credentials: Box::new(open.seal(&self.vault, key).await?),
        };
        let changed = self.manage.change(key, Some(revision), &change).await;
        let changed = changed.map_err(|error| refused(error, true))?;
        let view = EndpointView::of(&changed, self.now());
        Ok(with_etag(StatusCode::OK, &view, &view))
    }

    /// Makes a change for which the caller need not know the revision.
    async fn change(
        &self,
        key: &EndpointKey,
        request: &Request,
        change: EndpointChange,
    ) -> Result<Response<Body>, ApiError> {
        let changed = self.changed(key, request, &change).await?;
        let view = EndpointView::of(&changed, self.now());
        Ok(with_etag(StatusCode::OK, &view, &view))
    }

    async fn changed(
        &self,
        key: &EndpointKey,
        request: &Request,
        change: &EndpointChange,
    ) -> Result<Endpoint, ApiError> {
        let revision = match if_match(request)? {
            Some(Expected::Revision(revision)) => Some(revision),
            Some(Expected::Any) | None => None,
        };
        let changed = self.manage.change(key, revision, change).await;
        changed.map_err(|error| refused(error, revision.is_some()))
    }

    async fn rotate(&self, key: &EndpointKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let RotateBody { overlap_hours } = parse_body(request, "{\"overlap_hours\": 24}", MAX_BODY_BYTES)?;
        let now = self.now();
        let keys = OpenKeys::generate()?;
        let change = EndpointChange::Rotate {
            secret: keys.seal(&self.vault, key, now).await?,
            overlap: SignedDuration::from_hours(overlap_hours.into()),
        };
        let changed = self.changed(key, request, &change).await?;
        Ok(with_secret(StatusCode::OK, &changed, &keys, now))
    }

    /// Has a challenge sent, and waits for its outcome.
    async fn verify(&self, key: &EndpointKey, request: &Request) -> Result<Response<Body>, ApiError> {
        let EmptyBody {} = parse_body(request, "{}", MAX_BODY_BYTES)?;
        let challenge = Challenge::generate(self.now())?;
        self.changed(key, request, &EndpointChange::Verify(challenge.clone()))
            .await?;
        let outcome = self.resend.await_proof(key, &challenge).await;
        let endpoint = outcome.map_err(super::resend::refused)?;
        let view = EndpointView::of(&endpoint, self.now());
        Ok(with_etag(StatusCode::OK, &view, &view))
    }

    async fn dry_run(&self, scope: &Scope, settings: &EndpointSettings) -> Result<DryRunResponse, ApiError> {
        let Scope::Store(store) = scope else {
            return Err(ApiError::BadRequest(
                "dry_run reads the events of one store: ask for a store's endpoint, /api/stores/{store}/endpoints"
                    .to_owned(),
            ));
        };
        let page = self
            .resend
            .events
            .list(store, &EventFilter::default(), DRY_RUN_EVENTS)
            .await?;
        let passes = |json: &str| serde_json::from_str(json).is_ok_and(|event: Value| settings.unmet(&event).is_none());
        let passing = page
            .events
            .iter()
            .filter(|event| settings.wants(scope, event.kind.as_str()) && passes(&event.json));
        Ok(DryRunResponse {
            would_pass: passing.count(),
            of: page.events.len(),
        })
    }

    /// Reads and checks the settings of an endpoint of this owner.
    fn settings(&self, scope: &Scope, settings: Map<String, Value>) -> Result<EndpointSettings, ApiError> {
        check_names(&settings)?;
        let settings = serde_json::from_value(Value::Object(settings));
        let settings = settings.map_err(|error| ApiError::BadRequest(format!("settings: {error}")))?;
        check_settings(scope, &settings, &self.rules)
            .map_err(|error| ApiError::BadRequest(format!("settings: {error}")))?;
        Ok(settings)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.manage.clock.now()
    }
}

/// Revision that a request expects.
enum Expected {
    /// Any.
    Any,
    /// This one.
    Revision(u32),
}

/// Reads the header `If-Match`.
fn if_match(request: &Request) -> Result<Option<Expected>, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(Expected::Any));
    }
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let revision = revision.and_then(|text| text.parse().ok());
    let revision = revision.ok_or_else(|| {
        ApiError::BadRequest("If-Match must be the ETag of the endpoint as you read it, as in \"3\", or *".to_owned())
    })?;
    Ok(Some(Expected::Revision(revision)))
}

/// Settings after a merge patch (RFC 7396).
fn merged(before: &EndpointSettings, patch: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    check_names(&patch)?;
    let before = serde_json::to_value(before).unwrap_or_default();
    let mut all = match before {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    Ok(all)
}

fn with_secret(status: StatusCode, endpoint: &Endpoint, keys: &OpenKeys, now: Timestamp) -> Response<Body> {
    let response = EndpointWithSecret {
        endpoint: EndpointView::of(endpoint, now),
        secret: keys.secret.text().reveal().to_owned(),
        public_key: keys.public_key().to_string(),
    };
    with_etag(status, &response.endpoint, &response)
}

/// Error of a change. `is_expecting` is true if the caller expected a revision.
fn refused(error: ManageError, is_expecting: bool) -> ApiError {
    let sentence = error.to_string();
    match error {
        ManageError::Storage(failure) => failure.into(),
        ManageError::NotFound => no_endpoint(),
        ManageError::Changed(revision) if is_expecting => ApiError::Stale {
            error: sentence,
            revision,
        },
        ManageError::Changed(_) | ManageError::Listening(_) | ManageError::TooMany(_) | ManageError::State { .. } => {
            ApiError::Conflict(sentence)
        }
        ManageError::Reason | ManageError::Overlap | ManageError::Authorizations(_) => ApiError::BadRequest(sentence),
    }
}

//! Guard of every function that people call: who calls, and which stores they may see or change.
//!
//! The authorizer has checked the token, and API Gateway passes on the principal in the request's context, which no client
//! can write (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>). A request
//! without that context has passed no authorizer, whatever its route, and is refused.

use std::fmt;

use hookline_domain::{
    access::{Principal, Reach, Role},
    kernel::{
        ids::StoreKey,
        port::{PortError, chain},
    },
    outbound::Scope,
    store::stores::{StoreRecord, Stores},
};
use hookline_sources::{StoreTextError, store_from_text};
use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde::Serialize;

use hookline_lambda::serve::json;

/// Seconds after which a client may try again: a collection of OpenSearch Serverless that has scaled to zero takes 10 to 30
/// to start.
const RETRY_AFTER_SECONDS: &str = "10";

/// Checks what the caller of a request may do.
#[derive(Clone)]
pub struct Guard<S> {
    stores: S,
}

impl<S> fmt::Debug for Guard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

/// A request that the API does not fulfil.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 401: the request has passed no authorizer.
    #[error("a bearer token is needed: send the header `Authorization: Bearer <token>`")]
    Unauthorized,
    /// 403: the token may see this store, but change nothing.
    #[error("this token may see the store, but not change anything: use one with the role admin")]
    AdminsOnly,
    /// 403: only an admin of all stores may decide about personal data.
    #[error(
        "only an admin of all stores may let an endpoint get personal data, or change the URL of one that does: ask the operator, or set personal to none first"
    )]
    PersonalData,
    /// 400: the request is malformed.
    #[error("{0}")]
    BadRequest(String),
    /// 404: the store is not known, or the token is not for it. The response does not reveal which.
    #[error("this store is not known: no verified event of it has arrived yet, or this token is not for it")]
    UnknownStore,
    /// 404: something of the store does not exist.
    #[error("{0}")]
    NotFound(String),
    /// 412: somebody has changed it since the caller read it.
    #[error("{error}")]
    Stale {
        /// Sentence.
        error: String,
        /// Present revision, for the header `ETag`.
        revision: u32,
    },
    /// 428: the caller has to say which revision the change is for.
    #[error("send the header If-Match with the ETag of the endpoint as you read it, so that no other change is lost")]
    NoRevision,
    /// 409: the present state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// 501: the function lacks the configuration for it.
    #[error("this deployment does not do that: {0} is not set for this function")]
    NotConfigured(&'static str),
    /// 503, with the time after which to try again.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Error of a function.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ErrorResponse {
    /// A sentence: what is wrong, and what to do.
    error: String,
}

impl ApiError {
    /// Returns the HTTP response. A failure of ours is logged here, once, under the function's name; the response does not
    /// describe it.
    pub fn response(&self, service: &'static str) -> Response<Body> {
        let (status, error) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, self.to_string()),
            Self::AdminsOnly | Self::PersonalData => (StatusCode::FORBIDDEN, self.to_string()),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, self.to_string()),
            Self::UnknownStore | Self::NotFound(_) => (StatusCode::NOT_FOUND, self.to_string()),
            Self::Stale { .. } => (StatusCode::PRECONDITION_FAILED, self.to_string()),
            Self::NoRevision => (StatusCode::PRECONDITION_REQUIRED, self.to_string()),
            Self::Conflict(_) => (StatusCode::CONFLICT, self.to_string()),
            Self::NotConfigured(_) => (StatusCode::NOT_IMPLEMENTED, self.to_string()),
            Self::Unavailable(failure) => {
                tracing::error!(service, cause = %failure.cause, error = %chain(failure), "failed to answer a request");
                (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment".to_owned())
            }
        };
        let mut response = json(status, &ErrorResponse { error });
        if let Self::Stale { revision, .. } = self {
            set_etag(&mut response, *revision);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Sets the header `ETag` to a revision.
pub(crate) fn set_etag(response: &mut Response<Body>, revision: u32) {
    let value = HeaderValue::from_str(&format!("\"{revision}\"")).expect("a number in quotes is a value of a header");
    response.headers_mut().insert(header::ETAG, value);
}

impl<S: Stores> Guard<S> {
    /// Creates the guard of these stores.
    pub fn new(stores: S) -> Self {
        Self { stores }
    }

    /// Returns the principal that the authorizer has put into the request.
    ///
    /// # Errors
    /// [`ApiError::Unauthorized`] when there is none.
    pub fn principal(&self, request: &Request) -> Result<Principal, ApiError> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Err(ApiError::Unauthorized);
        };
        let authorizer = context.authorizer.as_ref().ok_or(ApiError::Unauthorized)?;
        Principal::from_context(|name| authorizer.fields.get(name)?.as_str()).map_err(|_| ApiError::Unauthorized)
    }

    /// Returns the store that the path names (`{store}`), with its record, if the principal may see it.
    ///
    /// # Errors
    /// [`ApiError::BadRequest`] if the path names no store, [`ApiError::UnknownStore`] if the store is out of reach or not known.
    pub async fn store(&self, principal: &Principal, request: &Request) -> Result<(StoreKey, StoreRecord), ApiError> {
        let store = within_reach(principal, request)?;
        self.known(store).await
    }

    /// Returns the same, if the principal may change the store.
    ///
    /// # Errors
    /// As [`store`](Self::store), and [`ApiError::AdminsOnly`] if the principal may only see the store.
    pub async fn admin(&self, principal: &Principal, request: &Request) -> Result<(StoreKey, StoreRecord), ApiError> {
        let store = within_reach(principal, request)?;
        if principal.role != Role::Admin {
            return Err(ApiError::AdminsOnly);
        }
        self.known(store).await
    }

    /// Returns the owner of the endpoints that the path is about, if the principal may see them: the store that it names, or all
    /// stores if it names none.
    ///
    /// # Errors
    /// As [`store`](Self::store), and [`ApiError::NotFound`] if the principal is not for all stores.
    pub async fn owner(&self, principal: &Principal, request: &Request, is_of_all: bool) -> Result<Scope, ApiError> {
        if !is_of_all {
            let (store, _) = self.store(principal, request).await?;
            return Ok(Scope::Store(store));
        }
        match principal.reach {
            Reach::All => Ok(Scope::All),
            Reach::Stores(_) => Err(ApiError::NotFound(
                "there is no such endpoint: those of all stores are for tokens that are for all stores".to_owned(),
            )),
        }
    }

    /// Returns the same, if the principal may change them.
    ///
    /// # Errors
    /// As [`owner`](Self::owner), and [`ApiError::AdminsOnly`] if the principal may only see them.
    pub async fn owner_to_change(
        &self,
        principal: &Principal,
        request: &Request,
        is_of_all: bool,
    ) -> Result<Scope, ApiError> {
        let owner = self.owner(principal, request, is_of_all).await?;
        match principal.role {
            Role::Admin => Ok(owner),
            Role::Viewer => Err(ApiError::AdminsOnly),
        }
    }

    async fn known(&self, store: StoreKey) -> Result<(StoreKey, StoreRecord), ApiError> {
        let record = self.stores.find(&store).await?.ok_or(ApiError::UnknownStore)?;
        Ok((store, record))
    }
}

/// Returns the store that the path names, if the principal may see it. Called before any look-up, so that not even the time
/// of a response reveals which stores exist.
///
/// Clients may encode the colon of a label, and nothing says that API Gateway decodes it.
fn within_reach(principal: &Principal, request: &Request) -> Result<StoreKey, ApiError> {
    let store = request
        .path_parameters_ref()
        .and_then(|parameters| parameters.first("store"))
        .ok_or(StoreTextError)
        .and_then(|store| store_from_text(&store.replace("%3A", ":")))
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    if principal.may_see(&store) {
        Ok(store)
    } else {
        Err(ApiError::UnknownStore)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hookline_domain::{access::Reach, memory::MemoryStores, store::stores::StoreUpdate};
    use hookline_host::gateway::request_context;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{STORE, principal, routed, with_context};

    const ROUTE: &str = "GET /api/stores/{store}/status";
    const OTHER: &str = "other.myshopify.com";

    fn request(store: &str) -> Request {
        Request::default().with_path_parameters(HashMap::from([("store".to_owned(), vec![store.to_owned()])]))
    }

    async fn guard() -> Guard<MemoryStores> {
        let stores = MemoryStores::default();
        for store in [STORE, OTHER] {
            let store = store_from_text(store).unwrap();
            stores.record(&store, &StoreUpdate::default()).await.unwrap();
        }
        Guard::new(stores)
    }

    fn of(store: &str, role: Role) -> Principal {
        principal(role, Reach::Stores([store_from_text(store).unwrap()].into()))
    }

    #[tokio::test]
    async fn request_that_has_passed_no_authorizer_is_unauthorized() {
        let guard = guard().await;
        assert!(matches!(guard.principal(&request(STORE)), Err(ApiError::Unauthorized)));
        let whole = of(STORE, Role::Viewer);
        assert_eq!(
            guard.principal(&routed(request(STORE), ROUTE, Some(&whole))).unwrap(),
            whole
        );
        let context = json!({"principal": "tok_1", "role": "admin", "reach": "*", "expires_at": 7});
        for context in [json!({}), json!({"lambda": null}), json!({"lambda": context})] {
            let mut routed = request_context(ROUTE, "/");
            routed["authorizer"] = context;
            let request = with_context(request(STORE), routed);
            let refusal = guard.principal(&request).unwrap_err().response("test");
            assert_eq!(
                (refusal.status(), &refusal.headers()[header::WWW_AUTHENTICATE]),
                (StatusCode::UNAUTHORIZED, &HeaderValue::from_static("Bearer"))
            );
        }
        // A client's header is not the gateway's context.
        let mut forged = request(STORE);
        for (name, value) in [("principal", "tok_1"), ("role", "admin"), ("reach", "*")] {
            forged.headers_mut().insert(name, value.parse().unwrap());
        }
        assert!(matches!(guard.principal(&forged), Err(ApiError::Unauthorized)));
    }

    #[tokio::test]
    async fn store_out_of_reach_is_as_unknown_as_one_that_does_not_exist() {
        let guard = guard().await;
        for role in [Role::Viewer, Role::Admin] {
            let own = of(STORE, role);
            assert!(guard.store(&own, &request(STORE)).await.is_ok());
            let mut responses = Vec::new();
            for store in [OTHER, "nowhere.myshopify.com"] {
                responses.push(guard.store(&own, &request(store)).await.unwrap_err().response("test"));
                responses.push(guard.admin(&own, &request(store)).await.unwrap_err().response("test"));
            }
            let of_all = principal(role, Reach::All);
            assert!(guard.store(&of_all, &request(OTHER)).await.is_ok());
            responses.push(
                guard
                    .store(&of_all, &request("nowhere.myshopify.com"))
                    .await
                    .unwrap_err()
                    .response("test"),
            );
            for response in &responses {
                assert_eq!(
                    (response.status(), response.body()),
                    (StatusCode::NOT_FOUND, responses[0].body())
                );
            }
        }
    }

    #[tokio::test]
    async fn only_an_admin_changes_anything() {
        let guard = guard().await;
        let refused = guard
            .admin(&of(STORE, Role::Viewer), &request(STORE))
            .await
            .unwrap_err();
        assert_eq!(refused.response("test").status(), StatusCode::FORBIDDEN);
        assert!(guard.admin(&of(STORE, Role::Admin), &request(STORE)).await.is_ok());
    }

    #[tokio::test]
    async fn store_of_another_source_is_named_with_its_source() {
        let stores = MemoryStores::default();
        let [upper, lower] = ["square:MJUNIPER1OAK2", "square:mjuniper1oak2"];
        let key = store_from_text(upper).unwrap();
        stores.record(&key, &StoreUpdate::default()).await.unwrap();
        let guard = Guard::new(stores);
        for path in [upper, "square%3AMJUNIPER1OAK2"] {
            let (found, _) = guard.store(&of(upper, Role::Viewer), &request(path)).await.unwrap();
            assert_eq!(found, key);
        }
        // Its name in another case is another store's.
        let other = of(lower, Role::Viewer);
        for path in [upper, lower] {
            let refused = guard.store(&other, &request(path)).await.unwrap_err();
            assert!(matches!(refused, ApiError::UnknownStore));
        }
        let bare = guard.store(&of(upper, Role::Viewer), &request("MJUNIPER1OAK2")).await;
        assert!(matches!(bare.unwrap_err(), ApiError::BadRequest(_)));
    }

    #[tokio::test]
    async fn path_that_names_no_store_is_a_bad_request() {
        let refused = guard()
            .await
            .store(&principal(Role::Admin, Reach::All), &request("a b"))
            .await;
        let response = refused.unwrap_err().response("test");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let Body::Text(text) = response.body() else {
            panic!("{response:?}")
        };
        let body: Value = serde_json::from_str(text).unwrap();
        assert!(body["error"].as_str().unwrap().contains("myshopify.com"));
    }
}

//! The door of every function that answers people: who asks, and whether they may.
//!
//! The authorizer has looked at what they bear, and API Gateway hands on what it said of them in the request's context,
//! which no client writes (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>).
//! A request without that context was let in by nobody, whatever its route, and is refused.

use std::fmt;

use hookline_domain::{
    access::{Principal, Role},
    kernel::{
        ids::StoreKey,
        port::{Unavailable, chain},
    },
    store::stores::{StoreRecord, Stores},
};
use hookline_sources::{StoreTextError, store_from_text};
use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde::Serialize;

use crate::serve::json;

/// When to try again what did not answer, in seconds: a collection of OpenSearch Serverless that has scaled to zero takes 10
/// to 30 to be there again.
const RETRY_AFTER: &str = "10";

/// Lets people in, as far as the authorizer says they may.
#[derive(Clone)]
pub struct Door<S> {
    stores: S,
}

impl<S> fmt::Debug for Door<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

/// Why a request gets no answer to its question.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// 401: the authorizer has not let anybody in.
    #[error("a bearer token is needed: send the header `Authorization: Bearer <token>`")]
    Unauthorized,
    /// 403: they may see this store, and no more.
    #[error("this token may look, and not change anything: it takes one with the role admin")]
    AdminsOnly,
    /// 400: what is asked cannot be asked.
    #[error("{0}")]
    BadRequest(String),
    /// 404: nothing is known of the store, or nothing to them: the answer does not tell which.
    #[error("nothing is known of this store: no verified event of it has come yet, or this token is not for it")]
    UnknownStore,
    /// 404: of the store, something else is not there.
    #[error("{0}")]
    NotFound(String),
    /// 409: what is asked cannot be done as things are.
    #[error("{0}")]
    Conflict(String),
    /// 501: this deployment has not been told where to look.
    #[error("this deployment does not do that: {0} is not set for this function")]
    NotConfigured(&'static str),
    /// 503, and when to try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

#[derive(Serialize)]
struct Told {
    error: String,
}

impl Refusal {
    /// The answer to give. What is nobody's business is logged, once, under the function's name.
    pub fn answer(&self, service: &'static str) -> Response<Body> {
        let (status, told) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, self.to_string()),
            Self::AdminsOnly => (StatusCode::FORBIDDEN, self.to_string()),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, self.to_string()),
            Self::UnknownStore | Self::NotFound(_) => (StatusCode::NOT_FOUND, self.to_string()),
            Self::Conflict(_) => (StatusCode::CONFLICT, self.to_string()),
            Self::NotConfigured(_) => (StatusCode::NOT_IMPLEMENTED, self.to_string()),
            Self::Unavailable(failure) => {
                tracing::error!(service, cause = %failure.cause, error = %chain(failure), "failed to answer a request");
                (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment".to_owned())
            }
        };
        let mut response = json(status, &Told { error: told });
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl<S: Stores> Door<S> {
    /// The door to these stores.
    pub fn new(stores: S) -> Self {
        Self { stores }
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`] when the authorizer has let in nobody.
    pub fn enter(&self, request: &Request) -> Result<Principal, Refusal> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Err(Refusal::Unauthorized);
        };
        let authorizer = context.authorizer.as_ref().ok_or(Refusal::Unauthorized)?;
        Principal::from_context(|name| authorizer.fields.get(name)?.as_str()).map_err(|_| Refusal::Unauthorized)
    }

    /// The store that the path names (`{store}`), and how it is, if they may see it.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] if that is no store's name, [`Refusal::UnknownStore`] if it is out of reach or not known.
    pub async fn store(&self, principal: &Principal, request: &Request) -> Result<(StoreKey, StoreRecord), Refusal> {
        let store = within_reach(principal, request)?;
        self.known(store).await
    }

    /// The same, if they may change it.
    ///
    /// # Errors
    /// As [`store`](Self::store), and [`Refusal::AdminsOnly`] if they may only see it.
    pub async fn admin(&self, principal: &Principal, request: &Request) -> Result<(StoreKey, StoreRecord), Refusal> {
        let store = within_reach(principal, request)?;
        if principal.role != Role::Admin {
            return Err(Refusal::AdminsOnly);
        }
        self.known(store).await
    }

    async fn known(&self, store: StoreKey) -> Result<(StoreKey, StoreRecord), Refusal> {
        let record = self.stores.find(&store).await?.ok_or(Refusal::UnknownStore)?;
        Ok((store, record))
    }
}

/// The store that the path names. Clients may encode its colon, and API Gateway may leave it so.
///
/// Asked before anything is looked up, so that not even the time an answer takes tells which stores there are.
fn within_reach(principal: &Principal, request: &Request) -> Result<StoreKey, Refusal> {
    let store = request
        .path_parameters_ref()
        .and_then(|parameters| parameters.first("store"))
        .ok_or(StoreTextError)
        .and_then(|store| store_from_text(&store.replace("%3A", ":")))
        .map_err(|error| Refusal::BadRequest(error.to_string()))?;
    if principal.may_see(&store) {
        Ok(store)
    } else {
        Err(Refusal::UnknownStore)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hookline_domain::{access::Reach, memory::MemoryStores, store::stores::StoreUpdate};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{STORE, let_in, principal};

    const OTHER: &str = "other.myshopify.com";

    fn request(store: &str) -> Request {
        Request::default().with_path_parameters(HashMap::from([("store".to_owned(), vec![store.to_owned()])]))
    }

    async fn door() -> Door<MemoryStores> {
        let stores = MemoryStores::default();
        for store in [STORE, OTHER] {
            let store = store_from_text(store).unwrap();
            stores.record(&store, &StoreUpdate::default()).await.unwrap();
        }
        Door::new(stores)
    }

    fn of(store: &str, role: Role) -> Principal {
        principal(role, Reach::Stores([store_from_text(store).unwrap()].into()))
    }

    #[tokio::test]
    async fn nobody_comes_in_whom_the_authorizer_has_not_let_in() {
        let door = door().await;
        assert!(matches!(door.enter(&request(STORE)), Err(Refusal::Unauthorized)));
        let whole = of(STORE, Role::Viewer);
        assert_eq!(door.enter(&let_in(request(STORE), &whole)).unwrap(), whole);
        let context = json!({"principal": "tok_1", "role": "admin", "reach": "*", "expires_at": 7});
        for context in [json!({}), json!({"lambda": null}), json!({"lambda": context})] {
            let context =
                serde_json::from_value(json!({"stage": "$default", "authorizer": context, "http": {"method": "GET"}}));
            let request = request(STORE).with_request_context(RequestContext::ApiGatewayV2(context.unwrap()));
            let refusal = door.enter(&request).unwrap_err().answer("test");
            assert_eq!(
                (refusal.status(), &refusal.headers()[header::WWW_AUTHENTICATE]),
                (StatusCode::UNAUTHORIZED, &HeaderValue::from_static("Bearer"))
            );
        }
        // A header of theirs is no context of ours.
        let mut forged = request(STORE);
        for (name, value) in [("principal", "tok_1"), ("role", "admin"), ("reach", "*")] {
            forged.headers_mut().insert(name, value.parse().unwrap());
        }
        assert!(matches!(door.enter(&forged), Err(Refusal::Unauthorized)));
    }

    #[tokio::test]
    async fn a_store_out_of_reach_is_as_unknown_as_one_that_is_not_there() {
        let door = door().await;
        for role in [Role::Viewer, Role::Admin] {
            let own = of(STORE, role);
            assert!(door.store(&own, &request(STORE)).await.is_ok());
            let mut told = Vec::new();
            for store in [OTHER, "nowhere.myshopify.com"] {
                told.push(door.store(&own, &request(store)).await.unwrap_err().answer("test"));
                told.push(door.admin(&own, &request(store)).await.unwrap_err().answer("test"));
            }
            let of_all = principal(role, Reach::All);
            assert!(door.store(&of_all, &request(OTHER)).await.is_ok());
            told.push(
                door.store(&of_all, &request("nowhere.myshopify.com"))
                    .await
                    .unwrap_err()
                    .answer("test"),
            );
            for answer in &told {
                assert_eq!(
                    (answer.status(), answer.body()),
                    (StatusCode::NOT_FOUND, told[0].body())
                );
            }
        }
    }

    #[tokio::test]
    async fn only_an_admin_changes_anything() {
        let door = door().await;
        let refused = door.admin(&of(STORE, Role::Viewer), &request(STORE)).await.unwrap_err();
        assert_eq!(refused.answer("test").status(), StatusCode::FORBIDDEN);
        assert!(door.admin(&of(STORE, Role::Admin), &request(STORE)).await.is_ok());
    }

    #[tokio::test]
    async fn store_of_another_source_is_named_with_its_source() {
        let stores = MemoryStores::default();
        let [upper, lower] = ["square:MJUNIPER1OAK2", "square:mjuniper1oak2"];
        let key = store_from_text(upper).unwrap();
        stores.record(&key, &StoreUpdate::default()).await.unwrap();
        let door = Door::new(stores);
        for path in [upper, "square%3AMJUNIPER1OAK2"] {
            let (found, _) = door.store(&of(upper, Role::Viewer), &request(path)).await.unwrap();
            assert_eq!(found, key);
        }
        // Its name in another case is another store's.
        let other = of(lower, Role::Viewer);
        for path in [upper, lower] {
            let refused = door.store(&other, &request(path)).await.unwrap_err();
            assert!(matches!(refused, Refusal::UnknownStore));
        }
        let bare = door.store(&of(upper, Role::Viewer), &request("MJUNIPER1OAK2")).await;
        assert!(matches!(bare.unwrap_err(), Refusal::BadRequest(_)));
    }

    #[tokio::test]
    async fn what_is_no_store_is_no_question() {
        let refused = door()
            .await
            .store(&principal(Role::Admin, Reach::All), &request("a b"))
            .await;
        let answer = refused.unwrap_err().answer("test");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let Body::Text(told) = answer.body() else {
            panic!("{answer:?}")
        };
        let told: Value = serde_json::from_str(told).unwrap();
        assert!(told["error"].as_str().unwrap().contains("myshopify.com"));
    }
}

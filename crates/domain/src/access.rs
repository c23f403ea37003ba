//! Access control: the stores that a caller may see and change.
//!
//! One authorizer guards the HTTP API and the WebSocket API. It turns the credential of a request into a [`Principal`]
//! and passes that to the function behind in the request's context ([`Principal::context`]); without one, a function
//! refuses the request. Permissions are checked here and nowhere else.
//!
//! An operator sends a [`token`]. A WebSocket is opened with a [`ticket`], because its URL may be logged and a ticket
//! is spent by then.

pub mod ticket;
pub mod token;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{InvalidIdError, StoreKey};

/// Role of a principal in the stores within its reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May see.
    Viewer,
    /// May see, replay, redrive and resync.
    Admin,
}

/// Scope of a principal: the stores that it may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reach {
    /// All stores, including future ones.
    All,
    /// These stores.
    Stores(BTreeSet<StoreKey>),
}

/// Authorized caller of the API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Id for logs and for revoking access: a token's id (`tok_…`, which is not secret), or `shopify:<shop>:<user id>`.
    pub id: String,
    /// Role in the stores within reach.
    pub role: Role,
    /// Stores within reach.
    pub reach: Reach,
    /// End of the authorization.
    pub expires_at: Timestamp,
}

/// A context that [`Principal::context`] did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's context has no principal of our authorizer")]
pub struct PrincipalError;

impl Principal {
    /// Returns true if the principal may see this store.
    #[must_use]
    pub fn may_see(&self, store: &StoreKey) -> bool {
        match &self.reach {
            Reach::All => true,
            Reach::Stores(stores) => stores.contains(store),
        }
    }

    /// Returns true if the principal may replay, redrive or resync in this store.
    #[must_use]
    pub fn may_change(&self, store: &StoreKey) -> bool {
        self.role == Role::Admin && self.may_see(store)
    }

    /// Returns the context that the authorizer adds to a request: only strings, because a WebSocket API accepts nothing
    /// else.
    #[must_use]
    pub fn context(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("principal", self.id.clone()),
            ("role", self.role.to_string()),
            ("reach", self.reach.to_string()),
            ("expires_at", self.expires_at.to_string()),
        ])
    }

    /// Reads what [`context`](Self::context) wrote.
    ///
    /// # Errors
    /// [`PrincipalError`] if a value is missing or invalid.
    pub fn from_context<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, PrincipalError> {
        let value = |name| value(name).ok_or(PrincipalError);
        Ok(Self {
            id: value("principal")?.to_owned(),
            role: value("role")?.parse().map_err(|_| PrincipalError)?,
            reach: value("reach")?.parse().map_err(|_| PrincipalError)?,
            expires_at: value("expires_at")?.parse().map_err(|_| PrincipalError)?,
        })
    }
}

/// Text that is not the name of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is `viewer` or `admin`")]
pub struct ParseRoleError;

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;
    fn from_str(text: &str) -> Result<Self, ParseRoleError> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "admin" => Ok(Self::Admin),
            _ => Err(ParseRoleError),
        }
    }
}

impl fmt::Display for Reach {
    /// Writes `*`, or the stores as `source#store`, separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Stores(stores) => {
                let stores: Vec<String> = stores.iter().map(ToString::to_string).collect();
                f.write_str(&stores.join(","))
            }
        }
    }
}

impl FromStr for Reach {
    type Err = InvalidIdError;
    fn from_str(text: &str) -> Result<Self, InvalidIdError> {
        if text == "*" {
            return Ok(Self::All);
        }
        let stores = text.split(',').filter(|store| !store.is_empty()).map(str::parse);
        Ok(Self::Stores(stores.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> StoreKey {
        format!("shopify#{name}").parse().unwrap()
    }

    fn principal(role: Role, reach: Reach) -> Principal {
        Principal {
            id: "tok_1".into(),
            role,
            reach,
            expires_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn principal_is_read_from_its_own_context_only() {
        let two = Reach::Stores([store("a.myshopify.com"), store("b.myshopify.com")].into());
        for reach in [Reach::All, two, Reach::Stores(BTreeSet::new())] {
            let written = principal(Role::Admin, reach);
            let context = written.context();
            let read = |name: &str| context.get(name).map(String::as_str);
            assert_eq!(Principal::from_context(read), Ok(written.clone()));
            for missing in ["principal", "role", "reach", "expires_at"] {
                let less = |name: &str| read(name).filter(|_| name != missing);
                assert_eq!(Principal::from_context(less), Err(PrincipalError));
                let garbled = |name: &str| if name == missing { Some("**") } else { read(name) };
                assert_eq!(Principal::from_context(garbled).is_err(), missing != "principal");
            }
        }
    }

    #[test]
    fn store_out_of_reach_is_neither_seen_nor_changed() {
        let [own, other] = [store("a.myshopify.com"), store("b.myshopify.com")];
        let reach = Reach::Stores([own.clone()].into());
        let [viewer, admin] = [Role::Viewer, Role::Admin].map(|role| principal(role, reach.clone()));
        assert!(viewer.may_see(&own) && !viewer.may_change(&own));
        assert!(admin.may_see(&own) && admin.may_change(&own));
        assert!(!admin.may_see(&other) && !admin.may_change(&other));
        assert!(principal(Role::Admin, Reach::All).may_change(&other));
    }
}

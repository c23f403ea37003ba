//! Inbound endpoints: subscriptions at a source, each with an address, keys and the stores that it may speak for.
//!
//! The keys are in a secret that receivers alone read. The rest is here, where the consumer reads it, too: it holds nothing
//! secret. So a function that needs to know how a body is mapped cannot sign one.

pub mod mapping;

use std::{collections::BTreeSet, future::Future};

use serde::{Deserialize, Serialize};

use self::mapping::Mapping;
use crate::{
    kernel::{
        ids::{InboundName, Source, StoreKey, StoreName},
        port::PortError,
    },
    store::stores::{Counter, Counts, Hour},
};

/// The most addresses that an endpoint is registered under: the old and the new one, while it moves.
pub const MAX_ADDRESSES: usize = 2;

/// The most ranges of senders' addresses of an endpoint.
pub const MAX_RANGES: usize = 64;

/// An inbound endpoint, without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundEndpoint {
    /// Source that sends to it.
    pub source: Source,
    /// Its name, which ends its address.
    pub name: InboundName,
    /// Its settings.
    pub settings: InboundSettings,
    /// Number of times that its settings have been written, from 1.
    pub revision: u64,
    /// Counts of its receivers, by the hour.
    pub counts: Counts,
}

/// Settings of an inbound endpoint, which say what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboundSettings {
    /// Stores that it may speak for.
    pub stores: BoundStores,
    /// Its registered addresses, byte for byte, for sources that sign the address; at most [`MAX_ADDRESSES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Mode whose deliveries it takes, at sources that have one; `None` takes both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Store of deliveries that name none, at sources where that is the platform's own account.
    #[serde(default, rename = "self", skip_serializing_if = "Option::is_none")]
    pub own: Option<StoreName>,
    /// Map from bodies to events, at sources whose bodies have no form of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Box<Mapping>>,
    /// Addresses that senders may have; `None` does not look at them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub senders: Option<Senders>,
}

/// Stores that an inbound endpoint may speak for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundStores {
    /// All stores of its source: only where one key of ours signs for all of them.
    Any,
    /// These.
    Listed(BTreeSet<StoreName>),
}

/// Mode of a delivery at sources that have a sandbox behind the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real.
    Live,
    /// Sandbox.
    Test,
}

/// Addresses that senders may have. It is a sieve, not authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Senders {
    /// Ranges in CIDR notation, as in `3.18.12.63/32`; at most [`MAX_RANGES`].
    pub ranges: Vec<String>,
    /// Handling of a request from elsewhere.
    pub check: SenderCheck,
}

/// Handling of a request from an address that is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderCheck {
    /// It is received, and counted.
    Watch,
    /// It is refused.
    Enforce,
}

impl BoundStores {
    /// The only store, if there is one.
    #[must_use]
    pub fn only(&self) -> Option<&StoreName> {
        match self {
            Self::Any => None,
            Self::Listed(stores) => {
                let mut stores = stores.iter();
                stores.next().filter(|_| stores.next().is_none())
            }
        }
    }
}

impl InboundEndpoint {
    /// Returns true if it may speak for a store: names are compared byte for byte.
    #[must_use]
    pub fn speaks_for(&self, store: &StoreKey) -> bool {
        let is_bound = match &self.settings.stores {
            BoundStores::Any => true,
            BoundStores::Listed(stores) => stores.contains(&store.store),
        };
        store.source == self.source && is_bound
    }

    /// Store under which a body is kept that is signed and cannot be read: its only one, or one of its own that nobody
    /// else has: `_unreadable.acme`.
    #[must_use]
    pub fn unreadable_store(&self) -> StoreKey {
        let own = || {
            let name = format!("{UNREADABLE}.{}", self.name);
            StoreName::new(name).expect("a name of an endpoint has only characters of a store's, and is shorter")
        };
        StoreKey {
            source: self.source.clone(),
            store: self.settings.stores.only().cloned().unwrap_or_else(own),
        }
    }
}

/// Topic of deliveries that are signed and cannot be read, and beginning of the stores of endpoints that have several.
pub const UNREADABLE: &str = "_unreadable";

/// Reads inbound endpoints.
pub trait InboundEndpoints: Send + Sync {
    /// Returns all endpoints of a source, ordered by name. Sees every earlier write.
    fn inbound(&self, source: &Source) -> impl Future<Output = Result<Vec<InboundEndpoint>, PortError>> + Send;

    /// Returns one endpoint. Sees every earlier write.
    fn find_inbound(
        &self,
        source: &Source,
        name: &InboundName,
    ) -> impl Future<Output = Result<Option<InboundEndpoint>, PortError>> + Send {
        async {
            let all = self.inbound(source).await?;
            Ok(all.into_iter().find(|endpoint| endpoint.name == *name))
        }
    }
}

/// Outcome of a write that depends on what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboundWritten {
    /// Written.
    Yes,
    /// Not written: somebody else has written it since. Read it again.
    Overtaken,
}

/// Changes inbound endpoints. A port of its own, because only people do so.
pub trait InboundEndpointsAdmin: InboundEndpoints {
    /// Writes the settings of an endpoint as the revision after `revision`, which is that of the endpoint that was read; 0
    /// makes a new one. The counts of the endpoint stay.
    fn put_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        settings: &InboundSettings,
        revision: u64,
    ) -> impl Future<Output = Result<InboundWritten, PortError>> + Send;

    /// Removes an endpoint with its counts. Succeeds if it does not exist.
    fn remove_inbound(&self, source: &Source, name: &InboundName)
    -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Access of receivers to inbound endpoints: beside reading them, they can only add to the counts of one that exists.
pub trait InboundTally: Send + Sync {
    /// Adds to an endpoint's counts and removes outdated ones, with **one** write; does nothing if the endpoint is unknown.
    fn add_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        counts: &Counts,
        outdated: &[(Hour, Counter)],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(stores: &[&str]) -> InboundEndpoint {
        let listed = stores.iter().map(|name| name.parse().unwrap()).collect();
        InboundEndpoint {
            source: "acme".parse().unwrap(),
            name: "north".parse().unwrap(),
            settings: InboundSettings {
                stores: BoundStores::Listed(listed),
                addresses: Vec::new(),
                mode: None,
                own: None,
                mapping: None,
                senders: None,
            },
            revision: 1,
            counts: Counts::new(),
        }
    }

    #[test]
    fn endpoint_speaks_for_its_stores_only_and_case_matters() {
        let endpoint = endpoint(&["acct_1AbC"]);
        let store = |text: &str| text.parse::<StoreKey>().unwrap();
        assert!(endpoint.speaks_for(&store("acme#acct_1AbC")));
        for other in ["acme#acct_1abc", "acme#acct_2", "other#acct_1AbC"] {
            assert!(!endpoint.speaks_for(&store(other)), "{other}");
        }
        let any = InboundEndpoint {
            settings: InboundSettings {
                stores: BoundStores::Any,
                ..endpoint.settings.clone()
            },
            ..endpoint
        };
        assert!(any.speaks_for(&store("acme#acct_2")) && !any.speaks_for(&store("other#acct_2")));
    }

    #[test]
    fn unreadable_body_is_kept_under_the_only_store_or_under_one_of_the_endpoint() {
        assert_eq!(endpoint(&["a"]).unreadable_store().to_string(), "acme#a");
        assert_eq!(
            endpoint(&["a", "b"]).unreadable_store().to_string(),
            "acme#_unreadable.north"
        );
        assert_eq!(endpoint(&[]).unreadable_store().to_string(), "acme#_unreadable.north");
    }

    #[test]
    fn settings_read_back_and_unknown_ones_are_refused() {
        let settings = endpoint(&["a"]).settings;
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(text, r#"{"stores":{"listed":["a"]}}"#);
        assert_eq!(serde_json::from_str::<InboundSettings>(&text).unwrap(), settings);
        assert!(serde_json::from_str::<InboundSettings>(r#"{"stores":"any","keys":["hush"]}"#).is_err());
    }
}

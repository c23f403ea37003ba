//! Settings of an endpoint: what a person decides about it.

use std::{collections::BTreeSet, time::Duration};

use hookline_events::{EventType, Resource};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EndpointLimits, Scope};
use crate::outbound::{Condition, ConditionError, ParsePatternError, TypePattern};

/// Most patterns of types.
const MAX_TYPES: usize = 20;
/// Most conditions.
const MAX_CONDITIONS: usize = 10;
/// Type of which endpoints with a raw payload get everything, and others nothing.
const DELIVERY_RECEIVED: &str = EventType::DELIVERY_RECEIVED.as_str();

/// Most characters of a description.
const MAX_DESCRIPTION: usize = 200;

/// Settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct EndpointSettings {
    /// URL to which messages are posted: `https` on port 443 or 8443, a public host.
    pub url: String,
    /// Description for people, up to 200 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Types of events that it gets, 1 to 20: `product.updated`, `product.*`, or `*`. Those about endpoints are for endpoints of all
    /// stores only, and `delivery.received` is for those with `format: raw` only, whatever else is selected.
    pub types: Vec<String>,
    /// Conditions on the content of an event, up to 10; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Order in which it gets the events of one thing.
    #[serde(default)]
    pub ordering: Ordering,
    /// Fate of the events that come while it is paused.
    #[serde(default)]
    pub when_paused: WhenPaused,
    /// Form of the payload.
    #[serde(default)]
    pub format: PayloadFormat,
    /// Personal data that it gets, once it has proved itself; only an admin of all stores may ask for it.
    #[serde(default, skip_serializing_if = "PersonalLevel::is_none")]
    pub personal: PersonalLevel,
    /// Signatures of a request.
    #[serde(default)]
    pub signatures: Signatures,
    /// Longest time of an attempt, 1 to 30 seconds.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u16,
    /// Most attempts at once, 1 to 50.
    #[serde(default = "default_at_once")]
    pub max_in_flight: u16,
    /// Most attempts per second, 1 to 1,000; none if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_second: Option<u16>,
    /// Days for which a message waits for an endpoint that takes nothing, 1 to 14.
    #[serde(default = "default_keep")]
    pub keep_days: u16,
    /// Days without a success after which the endpoint is disabled, 1 to 14.
    #[serde(default = "default_disable_after")]
    pub disable_after_days: u16,
}

/// Order in which an endpoint gets the events of one thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// As accepted, several at once; the version of the subject tells which is newer.
    #[default]
    None,
    /// One thing's events one at a time, and never an older state after a newer one.
    Entity,
}

/// Fate of the events that come while an endpoint is paused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenPaused {
    /// They wait.
    #[default]
    Queue,
    /// The endpoint never gets them.
    Discard,
}

/// Form of the payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PayloadFormat {
    /// The whole event.
    #[default]
    Full,
    /// Without `data` and `previous`: the receiver asks for what it needs.
    Thin,
    /// Of each delivery, the bytes that the source sent, under our signature. For endpoints of all stores, with the type `delivery.received`
    /// alone and `personal: full`.
    Raw,
}

/// Personal data that an endpoint gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PersonalLevel {
    /// None.
    #[default]
    None,
    /// Name, e-mail address and telephone number.
    Contact,
    /// Those, addresses, notes and attributes.
    Full,
}

impl PersonalLevel {
    /// Returns true if it gets none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Signatures of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Signatures {
    /// `v1`, HMAC-SHA256 with a secret that both sides hold.
    #[default]
    V1,
    /// `v1a`, Ed25519: the receiver holds the public key only.
    V1a,
    /// Both.
    Both,
}

/// Error of the settings. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettingsError {
    /// A limit is out of its range.
    #[error("{name} must be {least} to {most}")]
    Range {
        /// Name.
        name: &'static str,
        /// Least value.
        least: u16,
        /// Greatest value.
        most: u16,
    },
    /// The number of types.
    #[error("give 1 to {MAX_TYPES} types of events, as in product.updated, product.* or *")]
    Types,
    /// A type.
    #[error(transparent)]
    Type(#[from] ParsePatternError),
    /// The payload is what the source sent, and another setting does not fit.
    #[error(
        "format raw sends what the source sent: it is for endpoints of all stores, with types [\"{DELIVERY_RECEIVED}\"] and personal full"
    )]
    Raw,
    /// A type that only endpoints whose payload is what the source sent get.
    #[error("{0} is for endpoints with format raw only, and those get nothing else")]
    NotRaw(String),
    /// A type of which a store's endpoint gets nothing.
    #[error("{0} is for endpoints of all stores only, which are the operator's: leave it out")]
    ForOperators(String),
    /// The number of conditions.
    #[error("an endpoint has at most {MAX_CONDITIONS} conditions")]
    Conditions,
    /// A condition.
    #[error("condition {number}: {error}")]
    Condition {
        /// Number, from 1.
        number: usize,
        /// Error.
        error: ConditionError,
    },
    /// The description.
    #[error("a description has at most {MAX_DESCRIPTION} characters, and no control characters")]
    Description,
}

fn default_timeout() -> u16 {
    10
}

fn default_at_once() -> u16 {
    10
}

fn default_keep() -> u16 {
    7
}

fn default_disable_after() -> u16 {
    5
}

impl EndpointSettings {
    /// Settings of an endpoint that gets these types of events, with the defaults.
    #[must_use]
    pub fn new(url: &str, types: &[&str]) -> Self {
        Self {
            url: url.to_owned(),
            description: String::new(),
            types: types.iter().map(|&pattern| pattern.to_owned()).collect(),
            conditions: vec![],
            ordering: Ordering::default(),
            when_paused: WhenPaused::default(),
            format: PayloadFormat::default(),
            personal: PersonalLevel::default(),
            signatures: Signatures::default(),
            timeout_seconds: default_timeout(),
            max_in_flight: default_at_once(),
            max_per_second: None,
            keep_days: default_keep(),
            disable_after_days: default_disable_after(),
        }
    }

    /// Checks everything but the URL, for an endpoint of this owner. `schemas` returns the JSON Schemas of the types that a pattern selects.
    ///
    /// # Errors
    /// [`InvalidSettingsError`] of the first setting that is wrong.
    pub fn check(
        &self,
        scope: &Scope,
        schemas: impl Fn(&TypePattern) -> Vec<Value>,
    ) -> Result<(), InvalidSettingsError> {
        let ranges = [
            ("timeout_seconds", Some(self.timeout_seconds), 1, 30),
            ("max_in_flight", Some(self.max_in_flight), 1, 50),
            ("max_per_second", self.max_per_second, 1, 1000),
            ("keep_days", Some(self.keep_days), 1, 14),
            ("disable_after_days", Some(self.disable_after_days), 1, 14),
        ];
        for (name, value, least, most) in ranges {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(InvalidSettingsError::Range { name, least, most });
            }
        }
        let is_text =
            self.description.chars().count() <= MAX_DESCRIPTION && !self.description.chars().any(char::is_control);
        if !is_text {
            return Err(InvalidSettingsError::Description);
        }
        if !(1..=MAX_TYPES).contains(&self.types.len()) {
            return Err(InvalidSettingsError::Types);
        }
        let patterns = self.types.iter().map(|text| text.parse::<TypePattern>());
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        let refused = patterns.iter().find(|pattern| pattern.is_for_operators());
        if let (Scope::Store(_), Some(pattern)) = (scope, refused) {
            return Err(InvalidSettingsError::ForOperators(pattern.to_string()));
        }
        let is_of_deliveries = |pattern: &&TypePattern| pattern.resources() == BTreeSet::from([Resource::Delivery]);
        if self.is_raw() {
            let is_one = matches!(&patterns[..], [TypePattern::One(kind)] if kind.as_str() == DELIVERY_RECEIVED);
            if *scope != Scope::All || !is_one || self.personal != PersonalLevel::Full {
                return Err(InvalidSettingsError::Raw);
            }
        } else if let Some(pattern) = patterns.iter().find(is_of_deliveries) {
            return Err(InvalidSettingsError::NotRaw(pattern.to_string()));
        }
        if self.conditions.len() > MAX_CONDITIONS {
            return Err(InvalidSettingsError::Conditions);
        }
        if self.conditions.is_empty() {
            return Ok(());
        }
        let schemas: Vec<Value> = patterns.iter().flat_map(schemas).collect();
        for (number, condition) in (1..).zip(&self.conditions) {
            let checked = condition.check().and_then(|()| condition.check_path(&schemas));
            checked.map_err(|error| InvalidSettingsError::Condition { number, error })?;
        }
        Ok(())
    }

    /// Patterns of types that this code knows.
    fn patterns(&self) -> impl Iterator<Item = TypePattern> {
        self.types.iter().filter_map(|text| text.parse().ok())
    }

    /// Returns true if its payload is what the source sent.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.format == PayloadFormat::Raw
    }

    /// Returns true if an endpoint of this owner gets events of this type, given as text. Those that are for operators only
    /// are no events of a store's endpoint, and deliveries none of one whose payload is not raw, also if it wants all.
    #[must_use]
    pub fn wants(&self, scope: &Scope, kind: &str) -> bool {
        if self.is_raw() != (kind == DELIVERY_RECEIVED) {
            return false;
        }
        let is_for_operators = || kind.parse().is_ok_and(|kind: EventType| kind.is_for_operators());
        self.patterns().any(|pattern| pattern.selects(kind)) && (*scope == Scope::All || !is_for_operators())
    }

    /// Kinds of things whose events it gets: those that it wants, and the requests to forget the people whose data it got.
    #[must_use]
    pub fn resources(&self) -> BTreeSet<Resource> {
        let owed = self.is_owed_redactions().then_some(Resource::Privacy);
        self.patterns()
            .flat_map(|pattern| pattern.resources())
            .filter(|resource| self.is_raw() == (*resource == Resource::Delivery))
            .chain(owed)
            .collect()
    }

    /// Returns true if it gets events of this type, given as text, whether it wants them or not: the requests to forget the people
    /// whose data it may have.
    #[must_use]
    pub fn is_owed(&self, kind: &str) -> bool {
        self.is_owed_redactions() && kind == EventType::PRIVACY_CUSTOMER_REDACTED.as_str()
    }

    /// One with a raw payload gets the source's own requests.
    fn is_owed_redactions(&self) -> bool {
        !self.personal.is_none() && !self.is_raw()
    }

    /// Returns the first condition that does not hold for an event, given as its JSON.
    #[must_use]
    pub fn unmet(&self, event: &Value) -> Option<&Condition> {
        self.conditions.iter().find(|condition| !condition.holds(event))
    }

    /// Limits.
    #[must_use]
    pub fn limits(&self) -> EndpointLimits {
        let days = |days: u16| SignedDuration::from_hours(i64::from(days) * 24);
        EndpointLimits {
            attempt: Duration::from_secs(self.timeout_seconds.into()),
            at_once: self.max_in_flight,
            keep: days(self.keep_days),
            disable_after: days(self.disable_after_days),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "calls are easier to read")]
    fn settings(change: Value) -> EndpointSettings {
        let mut all = json!({"url": "https://example.com/hook", "types": ["product.*"]});
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    fn any(_: &TypePattern) -> Vec<Value> {
        vec![json!({"additionalProperties": true})]
    }

    #[test]
    fn settings_have_defaults_and_read_back() {
        let usual = settings(json!({}));
        assert_eq!(usual, EndpointSettings::new("https://example.com/hook", &["product.*"]));
        assert_eq!(usual.limits(), EndpointLimits::default());
        usual.check(&Scope::All, any).unwrap();
        let text = serde_json::to_string(&usual).unwrap();
        assert_eq!(serde_json::from_str::<EndpointSettings>(&text).unwrap(), usual);
    }

    #[test]
    fn every_setting_out_of_its_range_is_refused_by_name() {
        for (change, name) in [
            (json!({"timeout_seconds": 0}), "timeout_seconds"),
            (json!({"timeout_seconds": 31}), "timeout_seconds"),
            (json!({"max_in_flight": 51}), "max_in_flight"),
            (json!({"max_per_second": 0}), "max_per_second"),
            (json!({"keep_days": 15}), "keep_days"),
            (json!({"disable_after_days": 0}), "disable_after_days"),
            (json!({"types": []}), "1 to 20 types"),
            (json!({"types": vec!["*"; 21]}), "1 to 20 types"),
            (json!({"types": ["prodct.*"]}), "prodct"),
            (json!({"description": "a\nb"}), "description"),
            (json!({"description": "ä".repeat(201)}), "description"),
            (
                json!({"conditions": vec![json!({"path": "a", "op": "exists", "value": true}); 11]}),
                "10 conditions",
            ),
            (
                json!({"conditions": [{"path": "a", "op": "exists", "value": 1}]}),
                "condition 1: the value of exists",
            ),
        ] {
            let error = settings(change.clone())
                .check(&Scope::All, any)
                .unwrap_err()
                .to_string();
            assert!(error.contains(name), "{change}: {error}");
        }
        settings(json!({"description": "ä".repeat(200)}))
            .check(&Scope::All, any)
            .unwrap();
    }

    #[test]
    fn endpoint_with_personal_data_gets_the_requests_to_forget_people() {
        let kind = EventType::PRIVACY_CUSTOMER_REDACTED;
        let plain = settings(json!({}));
        assert!(!plain.is_owed(kind.as_str()) && plain.resources() == BTreeSet::from([Resource::Product]));
        let contact = settings(json!({"personal": "contact"}));
        assert!(contact.is_owed(kind.as_str()) && !contact.is_owed("order.created"));
        assert_eq!(
            contact.resources(),
            BTreeSet::from([Resource::Product, Resource::Privacy])
        );
        let text = serde_json::to_string(&plain).unwrap();
        assert!(!text.contains("personal"), "{text}");
    }

    #[test]
    fn raw_payload_is_for_deliveries_and_for_an_endpoint_of_all_stores_with_all_personal_data() {
        let raw = json!({"format": "raw", "types": ["delivery.received"], "personal": "full"});
        let good = settings(raw.clone());
        assert_eq!(good.check(&Scope::All, |_| vec![]), Ok(()));
        assert_eq!(good.resources(), BTreeSet::from([Resource::Delivery]));
        assert!(good.wants(&Scope::All, "delivery.received") && !good.wants(&Scope::All, "product.updated"));
        assert!(
            !good.is_owed("privacy.customer_redacted"),
            "it gets the source's own request"
        );
        let store = Scope::Store("shopify#demo.myshopify.com".parse().unwrap());
        assert!(good.check(&store, |_| vec![]).is_err());
        for (name, value) in [
            ("types", json!(["*"])),
            ("types", json!(["delivery.received", "product.*"])),
            ("personal", json!("contact")),
        ] {
            let mut other = raw.clone();
            other[name] = value;
            let checked = settings(other).check(&Scope::All, |_| vec![]);
            assert_eq!(checked, Err(InvalidSettingsError::Raw));
        }
        for types in [json!(["delivery.received"]), json!(["product.*", "delivery.*"])] {
            let checked = settings(json!({"types": types})).check(&Scope::All, |_| vec![]);
            assert!(matches!(checked, Err(InvalidSettingsError::NotRaw(_))), "{checked:?}");
        }
        let everything = settings(json!({"types": ["*"]}));
        assert_eq!(everything.check(&Scope::All, |_| vec![]), Ok(()));
        assert!(!everything.wants(&Scope::All, "delivery.received"));
        assert!(!everything.resources().contains(&Resource::Delivery));
    }

    #[test]
    fn event_is_wanted_by_its_type_and_filtered_by_the_first_condition_that_does_not_hold() {
        let some = settings(json!({
            "types": ["product.updated", "custom.stock.*"],
            "conditions": [
                {"path": "data.available", "op": "=", "value": false},
                {"path": "data.title", "op": "exists", "value": true},
            ],
        }));
        assert!(some.wants(&Scope::All, "product.updated") && some.wants(&Scope::All, "custom.stock.low"));
        assert!(!some.wants(&Scope::All, "product.created"));
        assert_eq!(some.resources(), BTreeSet::from([Resource::Product, Resource::Custom]));
        let unmet = |data: Value| some.unmet(&json!({"data": data})).map(ToString::to_string);
        assert_eq!(unmet(json!({"available": false, "title": "a"})), None);
        assert_eq!(unmet(json!({"available": true})).unwrap(), "data.available = false");
        assert_eq!(unmet(json!({"available": false})).unwrap(), "data.title exists true");
    }
    #[test]
    fn events_about_endpoints_are_for_operators_only() {
        let store = Scope::Store("shopify#demo.myshopify.com".parse().unwrap());
        for named in ["endpoint.failing", "endpoint.*", "message.*", "message.exhausted"] {
            let some = settings(json!({"types": ["product.*", named]}));
            some.check(&Scope::All, any).unwrap();
            let refused = some.check(&store, any).unwrap_err();
            assert_eq!(refused, InvalidSettingsError::ForOperators(named.to_owned()));
            assert!(refused.to_string().starts_with(named), "{refused}");
        }
        let everything = settings(json!({"types": ["*"]}));
        everything.check(&store, any).unwrap();
        for kind in EventType::ALL {
            let kind_text = kind.as_str();
            assert_eq!(everything.wants(&Scope::All, kind_text), kind_text != DELIVERY_RECEIVED);
            assert_eq!(everything.wants(&store, kind_text), !kind.is_for_operators(), "{kind}");
        }
        assert!(everything.wants(&store, "something.new") && everything.wants(&store, "custom.noted"));
    }
}

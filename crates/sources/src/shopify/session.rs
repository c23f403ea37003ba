//! Session tokens. Shopify's admin gives them to the page of an embedded app, and they identify the user to our API
//! (<https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens>). A JSON Web Token in compact form
//! (RFC 7519, RFC 7515), signed with HS256 by the app's client secret, for one minute.
//!
//! No library is used (docs/adr/0029-session-tokens-without-a-library.md): there is one algorithm, and one key or two. The
//! header of a token decides nothing; a token is refused if its header asks for anything else.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hookline_domain::{
    access::{Principal, Reach, Role},
    kernel::ids::StoreKey,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};

use super::store;
use crate::signature::Secrets;

/// Maximum length of a session token, in bytes. Real ones have about 500.
pub const SESSION_LIMIT: usize = 4_096;

/// Maximum validity of a token, from `nbf` and from `iat`. Real ones are valid for one minute; a longer one was not made for
/// a browser, and would serve as a password to whoever finds it.
const MAX_VALIDITY: SignedDuration = SignedDuration::from_mins(5);

/// Time by which Shopify's clock may be ahead of ours. A clock that is behind does no harm.
const LEEWAY: SignedDuration = SignedDuration::from_secs(10);

/// Maximum length of a user id, in bytes. Real ones have 11 digits.
const USER_LIMIT: usize = 64;

/// User who is signed in to the admin of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The store.
    pub store: StoreKey,
    /// Shopify's id of the user.
    pub user: String,
    /// End of the token's validity.
    pub expires_at: Timestamp,
}

/// A session token that is not accepted. The reason is for our logs only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// It does not have the form of a session token.
    #[error("not a session token")]
    Malformed,
    /// It requires another algorithm, or an extension.
    #[error("not signed with HS256")]
    Algorithm,
    /// None of our secrets has signed it.
    #[error("the signature does not match")]
    Mismatch,
    /// It is for another app.
    #[error("for another app")]
    Audience,
    /// It names no shop, or two.
    #[error("not of one shop")]
    Shop,
    /// It is not valid yet.
    #[error("not valid yet")]
    TooEarly,
    /// It is no longer valid.
    #[error("expired")]
    Expired,
    /// Its validity ends before it begins, or lasts more than five minutes.
    #[error("not valid for a time that session tokens have")]
    Lifetime,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that a reader must understand or refuse (RFC 7515, 4.1.11).
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    dest: String,
    aud: String,
    sub: String,
    exp: i64,
    nbf: i64,
    /// Time of issue. Not every issuer states it.
    iat: Option<i64>,
}

impl Session {
    /// Reads a session token: form, algorithm, signature, then claims.
    ///
    /// # Errors
    /// [`SessionError`] says what is wrong with it.
    pub fn read(text: &str, secrets: &Secrets, client_id: &str, now: Timestamp) -> Result<Self, SessionError> {
        if text.len() > SESSION_LIMIT {
            return Err(SessionError::Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(SessionError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(SessionError::Malformed)?;
        let header: Header = json(header)?;
        if header.alg != "HS256" || header.crit.is_some() {
            return Err(SessionError::Algorithm);
        }
        let signature = <[u8; 32]>::try_from(decoded(signature)?).map_err(|_| SessionError::Malformed)?;
        secrets
            .matching(&[signed.as_bytes()], &[signature])
            .ok_or(SessionError::Mismatch)?;
        json::<Claims>(claims)?.session(client_id, now)
    }

    /// Returns the principal: a viewer of their own store.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            id: format!("shopify:{}:{}", self.store.store, self.user),
            role: Role::Viewer,
            reach: Reach::Stores([self.store.clone()].into()),
            expires_at: self.expires_at,
        }
    }
}

impl Claims {
    fn session(self, client_id: &str, now: Timestamp) -> Result<Session, SessionError> {
        if self.aud != client_id {
            return Err(SessionError::Audience);
        }
        let shop = self.dest.strip_prefix("https://").ok_or(SessionError::Shop)?;
        // The issuer is the shop's admin. Other issuers sign other tokens with the same secret.
        if self
            .iss
            .strip_prefix("https://")
            .and_then(|issuer| issuer.strip_suffix("/admin"))
            != Some(shop)
        {
            return Err(SessionError::Shop);
        }
        let store = store(shop).map_err(|_| SessionError::Shop)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if self.sub.is_empty() || self.sub.len() > USER_LIMIT || !self.sub.bytes().all(plain) {
            return Err(SessionError::Malformed);
        }
        let at = |second| Timestamp::from_second(second).map_err(|_| SessionError::Malformed);
        let (not_before, expires_at) = (at(self.nbf)?, at(self.exp)?);
        let issued_at = self.iat.map(at).transpose()?;
        for begins_at in [Some(not_before), issued_at].into_iter().flatten() {
            if now.duration_until(begins_at) > LEEWAY {
                return Err(SessionError::TooEarly);
            }
            let lasts = begins_at.duration_until(expires_at);
            if !lasts.is_positive() || lasts > MAX_VALIDITY {
                return Err(SessionError::Lifetime);
            }
        }
        if expires_at <= now {
            return Err(SessionError::Expired);
        }
        Ok(Session {
            store,
            user: self.sub,
            expires_at,
        })
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, SessionError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| SessionError::Malformed)
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, SessionError> {
    serde_json::from_slice(&decoded(text)?).map_err(|_| SessionError::Malformed)
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use hookline_domain::kernel::secret::Secret;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use sha2::{Sha256, Sha512};

    use super::*;
    use crate::scheme::KeyForm;

    const CLIENT: &str = "00000000000000000000000000000001";

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn secrets(text: &str) -> Secrets {
        Secrets::parse(&Secret::new(text), KeyForm::AsIs).unwrap()
    }

    /// As in Shopify's documentation, from noon for a minute.
    fn claims() -> Value {
        json!({
            "iss": "https://demo.myshopify.com/admin",
            "dest": "https://demo.myshopify.com",
            "aud": CLIENT,
            "sub": "42",
            "exp": now().as_second() + 60,
            "nbf": now().as_second(),
            "iat": now().as_second(),
            "jti": "00000000-0000-0000-0000-000000000002",
            "sid": "0000000000000000000000000000000000000000000000000000000000000003",
        })
    }

    fn encoded(value: &Value) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn hs256(secret: &str, signed: &str) -> Vec<u8> {
        let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
        hmac.update(signed.as_bytes());
        hmac.finalize().into_bytes().to_vec()
    }

    fn token(header: &Value, claims: &Value, secret: &str) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(hs256(secret, &signed));
        format!("{signed}.{signature}")
    }

    fn usual(claims: &Value) -> String {
        token(&json!({"alg": "HS256", "typ": "JWT"}), claims, "hush")
    }

    fn read(text: &str) -> Result<Session, SessionError> {
        Session::read(text, &secrets("hush"), CLIENT, now())
    }

    #[test]
    fn user_sees_their_own_store_for_a_minute() {
        let principal = read(&usual(&claims())).unwrap().principal();
        assert_eq!(principal.id, "shopify:demo.myshopify.com:42");
        assert_eq!(principal.role, Role::Viewer);
        assert_eq!(principal.expires_at, now() + SignedDuration::from_secs(60));
        assert!(principal.may_see(&store("demo.myshopify.com").unwrap()));
        assert!(!principal.may_see(&store("other.myshopify.com").unwrap()));
    }

    #[test]
    fn either_secret_signs_during_a_rotation() {
        let read = |text| Session::read(&usual(&claims()), &secrets(text), CLIENT, now()).map(|_| ());
        assert_eq!(read("hush,old"), Ok(()));
        assert_eq!(read("new,hush"), Ok(()));
        assert_eq!(read("new,old"), Err(SessionError::Mismatch));
    }

    #[test]
    fn other_algorithm_is_refused_whatever_the_signature() {
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "None"}),
            json!({"alg": "HS512"}),
            json!({"alg": "RS256"}),
            json!({"alg": "hs256"}),
            json!({"alg": ""}),
            json!({"alg": "HS256", "crit": ["exp"]}),
        ] {
            assert_eq!(
                read(&token(&header, &claims(), "hush")),
                Err(SessionError::Algorithm),
                "{header}"
            );
        }
        for header in [json!({"typ": "JWT"}), json!({"alg": ["HS256"]}), json!("HS256")] {
            assert_eq!(
                read(&token(&header, &claims(), "hush")),
                Err(SessionError::Malformed),
                "{header}"
            );
        }
    }

    #[test]
    fn unsigned_token_is_refused_in_every_form() {
        let signed = format!("{}.{}", encoded(&json!({"alg": "HS256"})), encoded(&claims()));
        let none = format!("{}.{}", encoded(&json!({"alg": "none"})), encoded(&claims()));
        let mut hs512: Hmac<Sha512> = Hmac::new_from_slice(b"hush").unwrap();
        hs512.update(signed.as_bytes());
        let long = BASE64_URL_SAFE_NO_PAD.encode(hs512.finalize().into_bytes());
        let padded = format!("{signed}.{}=", BASE64_URL_SAFE_NO_PAD.encode(hs256("hush", &signed)));
        let empty = token(&json!({"alg": "HS256"}), &claims(), "");
        for text in [
            signed.clone(),
            format!("{signed}."),
            format!("{none}."),
            format!("{signed}.{long}"),
            padded,
            empty,
            format!("{}.x", usual(&claims())),
            ".".into(),
            "..".into(),
            String::new(),
            "x".repeat(SESSION_LIMIT + 1),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
        assert_eq!(
            read(&token(&json!({"alg": "HS256"}), &claims(), "other")),
            Err(SessionError::Mismatch)
        );
    }

    #[test]
    fn claims_must_name_our_app_one_shop_and_the_present() {
        let second = now().as_second();
        let cases = [
            ("aud", json!("another app"), SessionError::Audience),
            ("aud", json!(""), SessionError::Audience),
            ("aud", json!([CLIENT]), SessionError::Malformed),
            ("dest", json!("https://other.myshopify.com"), SessionError::Shop),
            ("dest", json!("http://demo.myshopify.com"), SessionError::Shop),
            ("dest", json!("demo.myshopify.com"), SessionError::Shop),
            ("iss", json!("https://other.myshopify.com/admin"), SessionError::Shop),
            (
                "iss",
                json!("https://demo.myshopify.com.evil.example/admin"),
                SessionError::Shop,
            ),
            // Signed with the same secret for checkout extensions:
            // https://shopify.dev/docs/api/checkout-extensions/post-purchase/jwt-specification
            ("iss", json!("shopify"), SessionError::Shop),
            ("sub", json!(""), SessionError::Malformed),
            ("sub", json!("4#2"), SessionError::Malformed),
            ("sub", json!(42), SessionError::Malformed),
            ("exp", json!(second), SessionError::Lifetime),
            ("exp", json!(second - 3600), SessionError::Lifetime),
            ("exp", json!(second + 301), SessionError::Lifetime),
            ("exp", json!(second + 86_400 * 365), SessionError::Lifetime),
            ("nbf", json!(second - 241), SessionError::Lifetime),
            ("nbf", json!(0), SessionError::Lifetime),
            ("nbf", json!(second + 61), SessionError::TooEarly),
            ("nbf", json!(-1_000_000_000_000_000_i64), SessionError::Malformed),
            ("iat", json!(second - 241), SessionError::Lifetime),
            ("iat", json!(second + 11), SessionError::TooEarly),
            ("iat", json!(i64::MIN), SessionError::Malformed),
            ("iat", json!("now"), SessionError::Malformed),
            ("exp", json!(i64::MAX), SessionError::Malformed),
            ("exp", json!("tomorrow"), SessionError::Malformed),
            ("nbf", json!(second + 11), SessionError::TooEarly),
            ("nbf", Value::Null, SessionError::Malformed),
            ("exp", Value::Null, SessionError::Malformed),
        ];
        for (name, value, expected) in cases {
            let mut claims = claims();
            claims[name] = value;
            assert_eq!(read(&usual(&claims)), Err(expected), "{claims}");
        }
        let mut skewed = claims();
        skewed["nbf"] = json!(second + 10);
        assert!(read(&usual(&skewed)).is_ok());
    }

    #[test]
    fn token_is_valid_until_it_expires_and_for_at_most_five_minutes() {
        let second = now().as_second();
        let over = |begins: i64, ends: i64| {
            let mut claims = claims();
            claims["nbf"] = json!(begins);
            claims["iat"] = json!(begins);
            claims["exp"] = json!(ends);
            claims
        };
        assert_eq!(read(&usual(&over(second - 60, second))), Err(SessionError::Expired));
        assert!(read(&usual(&over(second - 60, second + 1))).is_ok());
        assert!(read(&usual(&over(second, second + 300))).is_ok());
        let mut unissued = claims();
        unissued.as_object_mut().unwrap().remove("iat");
        assert!(read(&usual(&unissued)).is_ok());
    }

    #[test]
    fn claims_that_agree_on_an_invalid_shop_are_refused() {
        for shop in [
            "evil.example",
            "a.b.myshopify.com",
            ".myshopify.com",
            "demo.myshopify.com:443",
            "",
        ] {
            let mut claims = claims();
            claims["dest"] = json!(format!("https://{shop}"));
            claims["iss"] = json!(format!("https://{shop}/admin"));
            assert_eq!(read(&usual(&claims)), Err(SessionError::Shop), "{shop}");
        }
    }

    proptest! {
        /// Whatever times are signed, access is granted now, and for at most five minutes and the leeway.
        #[test]
        fn signed_times_never_grant_longer_access(
            nbf in -1_000_i64..1_000, iat in proptest::option::of(-1_000_i64..1_000), exp in -1_000_i64..1_000,
        ) {
            let mut claims = claims();
            let second = |offset: i64| json!(now().as_second() + offset);
            claims["nbf"] = second(nbf);
            claims["iat"] = iat.map_or(Value::Null, second);
            claims["exp"] = second(exp);
            let starts = [Some(nbf), iat].into_iter().flatten();
            let fits = exp > 0 && starts.into_iter().all(|start| start <= 10 && (1..=300).contains(&(exp - start)));
            let read = read(&usual(&claims));
            prop_assert_eq!(read.is_ok(), fits);
            if let Ok(session) = read {
                prop_assert!(session.expires_at <= now() + MAX_VALIDITY + LEEWAY);
            }
        }

        #[test]
        fn any_changed_byte_is_refused(index: prop::sample::Index, other in "[ -~]") {
            let good = usual(&claims());
            let index = index.index(good.len());
            let changed = format!("{}{other}{}", &good[..index], &good[index + 1..]);
            prop_assume!(changed != good);
            prop_assert!(read(&changed).is_err());
        }

        #[test]
        fn no_text_panics(text in "\\PC*", claims in "\\PC*") {
            prop_assert!(read(&text).is_err());
            let parts = [&json!({"alg": "HS256"}).to_string(), &claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
            let signed = parts.join(".");
            let signature = BASE64_URL_SAFE_NO_PAD.encode(hs256("hush", &signed));
            let refused = read(&format!("{signed}.{signature}")).is_err();
            prop_assert!(refused);
        }
    }
}

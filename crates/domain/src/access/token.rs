//! Operators' tokens: `hl_<id>_<secret>`, shown once, on creation. Only a token's SHA-256 is stored, so the table
//! contains nothing that could be used as a token; the secret has 256 random bits, so no slower hash is needed.

use std::{fmt, future::Future, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Principal, Reach, Role};
use crate::kernel::{port::PortError, secret::Secret};

/// Time for which an expired token is still listed.
pub const LISTED_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Maximum length of a [`Reach`] as text, in bytes: the response of an authorizer has at most 8 KB
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>),
/// and the policy needs some of it.
pub const REACH_LIMIT: usize = 4_096;

const PREFIX: &str = "hl_";
const SECRET_BYTES: usize = 32;
/// 32 bytes in base64 without padding.
const SECRET_CHARACTERS: usize = 43;
const ID_CHARACTERS: usize = 16;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Id of a token and its bearer: 80 random bits. Not secret: it is listed and logged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct TokenId(String);

/// Text that is not a token's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token's id is `tok_` and 16 characters of a-z and 2-7")]
pub struct ParseTokenIdError;

impl TokenId {
    /// Returns the id without `tok_`, as in the token itself and in the key of its item.
    #[must_use]
    pub fn bare(&self) -> &str {
        &self.0
    }

    /// Reads what [`bare`](Self::bare) wrote.
    ///
    /// # Errors
    /// [`ParseTokenIdError`] if the text is not such an id.
    pub fn from_bare(text: &str) -> Result<Self, ParseTokenIdError> {
        if text.len() == ID_CHARACTERS && text.bytes().all(|byte| BASE32.contains(&byte)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseTokenIdError)
        }
    }
}

impl fmt::Display for TokenId {
    /// Writes the id as in [`Principal::id`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tok_{}", self.0)
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.to_string()
    }
}

impl FromStr for TokenId {
    type Err = ParseTokenIdError;
    fn from_str(text: &str) -> Result<Self, ParseTokenIdError> {
        Self::from_bare(text.strip_prefix("tok_").ok_or(ParseTokenIdError)?)
    }
}

/// Token that a request bears. It looks like a token of ours; [`Token::principal`] verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedToken {
    id: TokenId,
    text: Secret,
}

impl PresentedToken {
    /// Returns the id that it claims to have.
    #[must_use]
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// Returns the whole token, to be shown once.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Parses a token; `None` if the text does not look like a token of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let in_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if secret.len() != SECRET_CHARACTERS || !secret.bytes().all(in_base64) {
            return None;
        }
        Some(Self {
            id: TokenId::from_bare(id).ok()?,
            text: Secret::new(text),
        })
    }

    fn digest(&self) -> Hash {
        Hash(Sha256::digest(self.text.reveal().as_bytes()).into())
    }
}

/// SHA-256 of a whole token. Compared in constant time.
#[derive(Clone, Eq)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Returns the bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(redacted)")
    }
}

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Id.
    pub id: TokenId,
    /// Hash of the whole token.
    pub hash: Hash,
    /// Role of its bearer.
    pub role: Role,
    /// Stores within its bearer's reach.
    pub reach: Reach,
    /// Owner or purpose, for people.
    pub name: String,
    /// Time of creation, to the microsecond.
    pub created_at: Timestamp,
    /// Time of expiry, to the microsecond.
    pub expires_at: Timestamp,
    /// Time of revocation, to the microsecond.
    pub revoked_at: Option<Timestamp>,
}

/// Reason why a token does not authorize its bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The secret does not match the id.
    #[error("wrong")]
    Wrong,
    /// A person has revoked it.
    #[error("revoked")]
    Revoked,
    /// It has expired.
    #[error("expired")]
    Expired,
}

impl Token {
    /// Creates a token. Returns what to store, and the token for its bearer.
    ///
    /// # Errors
    /// [`PortError`] if the system provides no randomness.
    pub fn mint(
        role: Role,
        reach: Reach,
        name: String,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(Self, PresentedToken), PortError> {
        let id: String = random::<ID_CHARACTERS>()?
            .iter()
            .map(|byte| char::from(BASE32[usize::from(byte % 32)]))
            .collect();
        let secret = BASE64_URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?);
        let text = Secret::new(format!("{PREFIX}{id}_{secret}"));
        let borne = PresentedToken { id: TokenId(id), text };
        let token = Self {
            id: borne.id.clone(),
            hash: borne.digest(),
            role,
            reach,
            name,
            created_at,
            expires_at,
            revoked_at: None,
        };
        Ok((token, borne))
    }

    /// Returns the principal that bears this token.
    ///
    /// # Errors [`TokenError`] if the token is wrong, revoked or expired. A wrong secret is reported before anything else, so
    /// it reveals nothing about the token's state.
    pub fn principal(&self, borne: &PresentedToken, now: Timestamp) -> Result<Principal, TokenError> {
        if self.id != borne.id || self.hash != borne.digest() {
            return Err(TokenError::Wrong);
        }
        self.bearer(now)
    }

    /// Returns the principal of a bearer whose token has been verified before.
    ///
    /// # Errors
    /// [`TokenError`] if the token is now revoked or expired.
    pub fn bearer(&self, now: Timestamp) -> Result<Principal, TokenError> {
        if self.revoked_at.is_some() {
            return Err(TokenError::Revoked);
        }
        if self.expires_at <= now {
            return Err(TokenError::Expired);
        }
        Ok(Principal {
            id: self.id.to_string(),
            role: self.role,
            reach: self.reach.clone(),
            expires_at: self.expires_at,
        })
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], PortError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| PortError::new("randomness", error))?;
    Ok(bytes)
}

/// Change of a stored token. `None` leaves a value as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenChange {
    /// New role.
    pub role: Option<Role>,
    /// New reach.
    pub reach: Option<Reach>,
}

/// Storage of tokens.
pub trait Tokens: Send + Sync {
    /// Returns a token. Reads with strong consistency.
    fn find(&self, id: &TokenId) -> impl Future<Output = Result<Option<Token>, PortError>> + Send;

    /// Returns all tokens by time of creation. For use by people only, because it reads the whole table.
    fn list(&self) -> impl Future<Output = Result<Vec<Token>, PortError>> + Send;

    /// Stores a new token. Returns `false` if its id exists; the existing token stays as it is.
    fn put(&self, token: &Token) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Revokes a token for good and returns it; `None` if it does not exist. Revoking it again keeps the time of the
    /// first revocation.
    fn revoke(&self, id: &TokenId, at: Timestamp) -> impl Future<Output = Result<Option<Token>, PortError>> + Send;

    /// Changes a token and returns it; `None` if it does not exist or is revoked.
    fn change(
        &self,
        id: &TokenId,
        change: &TokenChange,
    ) -> impl Future<Output = Result<Option<Token>, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn minted() -> (Token, PresentedToken) {
        Token::mint(Role::Viewer, Reach::All, "a test".into(), at(0), at(100)).unwrap()
    }

    #[test]
    fn minted_token_authorizes_and_is_never_printed() {
        let (token, borne) = minted();
        let text = borne.text().reveal();
        let read = PresentedToken::parse(text).unwrap();
        let principal = token.principal(&read, at(99)).unwrap();
        assert_eq!(principal.id, format!("tok_{}", token.id.bare()));
        assert_eq!((principal.role, principal.reach), (Role::Viewer, Reach::All));
        assert_eq!(principal.expires_at, at(100));
        let shown = format!("{token:?}{borne:?}");
        let (_, secret) = text.strip_prefix(PREFIX).unwrap().split_once('_').unwrap();
        assert!(!shown.contains(secret), "{shown}");
        assert_eq!(token.id.to_string().parse(), Ok(token.id));
    }

    #[test]
    fn minted_tokens_are_unique() {
        let texts: BTreeSet<String> = (0..100).map(|_| minted().1.text().reveal().to_owned()).collect();
        let ids: BTreeSet<String> = (0..100).map(|_| minted().0.id.to_string()).collect();
        assert_eq!((texts.len(), ids.len()), (100, 100));
    }

    #[test]
    fn other_secret_with_same_id_is_wrong_in_every_state() {
        let (mut token, borne) = minted();
        let (_, other) = minted();
        let (_, secret) = other
            .text()
            .reveal()
            .strip_prefix(PREFIX)
            .unwrap()
            .split_once('_')
            .unwrap();
        let forged = PresentedToken::parse(&format!("{PREFIX}{}_{secret}", token.id.bare())).unwrap();
        assert_eq!(token.principal(&forged, at(0)), Err(TokenError::Wrong));
        assert_eq!(token.principal(&other, at(0)), Err(TokenError::Wrong));
        assert_eq!(token.principal(&borne, at(100)), Err(TokenError::Expired));
        token.revoked_at = Some(at(1));
        assert_eq!(token.principal(&borne, at(0)), Err(TokenError::Revoked));
        assert_eq!(token.principal(&forged, at(0)), Err(TokenError::Wrong));
    }

    #[test]
    fn text_that_is_not_a_token_is_not_parsed() {
        let (_, borne) = minted();
        let text = borne.text().reveal();
        let id = borne.id().bare();
        let cases = [
            String::new(),
            text[1..].to_owned(),
            text[..text.len() - 1].to_owned(),
            format!("{text}A"),
            format!(" {text}"),
            format!("{text},{text}"),
            text.replacen("hl_", "HL_", 1),
            text.replacen(id, &id.to_uppercase(), 1),
            text.replacen(id, &id[1..], 1),
            text.replacen(id, "0000000000000000", 1),
            format!("{PREFIX}{id}_{}", "é".repeat(21) + "a"),
        ];
        for case in cases {
            assert_eq!(PresentedToken::parse(&case), None, "{case:?}");
        }
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_rejected(at_byte: prop::sample::Index, other in "[ -~]") {
            let (token, borne) = minted();
            let text = borne.text().reveal();
            let index = at_byte.index(text.len());
            let changed = format!("{}{other}{}", &text[..index], &text[index + 1..]);
            prop_assume!(changed != text);
            let refused = PresentedToken::parse(&changed).is_none_or(|changed| token.principal(&changed, at(0)) == Err(TokenError::Wrong));
            prop_assert!(refused);
        }

        #[test]
        fn no_text_panics(text: String) {
            prop_assert!(PresentedToken::parse(&text).is_none());
        }
    }
}

//! Proof that whoever answers at an endpoint's URL expects messages: a person has a challenge sent, and its answer repeats it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    kernel::port::PortError,
    outbound::{Meaning, Proved},
};

/// Time for which a challenge is sent. A dispatcher that died meanwhile sends it again.
const VALID_FOR: SignedDuration = SignedDuration::from_mins(10);

/// State of an endpoint's proof. A new URL begins from the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Time at which it proved itself last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
    /// Challenge that is to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// Reason why the last challenge proved nothing, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Random text, 32 hexadecimal digits.
    pub text: String,
    /// Time at which a person asked for it.
    pub at: Timestamp,
}

impl Challenge {
    /// Makes a challenge.
    ///
    /// # Errors
    /// [`PortError`] if the system has no randomness.
    pub fn generate(now: Timestamp) -> Result<Self, PortError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| PortError::new("randomness", error))?;
        Ok(Self {
            text: format!("{:032x}", u128::from_be_bytes(bytes)),
            at: now,
        })
    }
}

impl Proof {
    /// Returns the challenge that is to be sent at `now`.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<&Challenge> {
        let challenge = self.challenge.as_ref()?;
        (now.duration_since(challenge.at) < VALID_FOR).then_some(challenge)
    }

    /// Returns the state after a challenge that was answered at `now`. One that proves nothing does not take back an earlier proof.
    #[must_use]
    pub fn after(&self, proved: &Proved, now: Timestamp) -> Self {
        let meaning = Meaning::of(&proved.attempted);
        let failed = match meaning.code() {
            Some(code) => Some(code.sentence()),
            None if proved.is_echoed => None,
            None => Some(
                "It answered, but repeated the challenge neither in the header webhook-challenge nor in the first 4 KiB of its body.",
            ),
        };
        Self {
            proven_at: failed.map_or(Some(now), |_| self.proven_at),
            challenge: None,
            failed: failed.map(str::to_owned),
        }
    }
}

//! A secret that may be rotated while a function runs: read at the start, again after a mismatch (at most once a
//! minute), and every few minutes after a response was sent.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use hookline_domain::kernel::{
    port::{Clock, PortError, chain},
    secret::{Secret, SecretSource},
};
use jiff::{SignedDuration, Timestamp};

/// Shortest time between reads after a mismatch, so that forged requests cannot cause a read each, which costs money.
const MISMATCH_INTERVAL: SignedDuration = SignedDuration::from_mins(1);

/// Time between regular reads.
const REFRESH_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// Failure to read a usable secret.
#[derive(Debug, thiserror::Error)]
pub enum RotatingSecretError {
    /// The secret could not be read.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The secret was read and cannot be parsed.
    #[error("the secret cannot be parsed")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Parser of a secret into the value that is used.
pub type Parse<V> = Box<dyn Fn(&Secret) -> Result<V, Box<dyn std::error::Error + Send + Sync>> + Send + Sync>;

/// A value parsed from a secret, kept up to date.
pub struct Rotating<K, C, V> {
    source: K,
    clock: C,
    parse: Parse<V>,
    current: RwLock<Current<V>>,
}

impl<K, C, V> fmt::Debug for Rotating<K, C, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotating").finish_non_exhaustive()
    }
}

struct Current<V> {
    value: Arc<V>,
    read_at: Timestamp,
}

impl<K: SecretSource, C: Clock, V> Rotating<K, C, V> {
    /// Reads the secret for the first time.
    ///
    /// # Errors
    /// [`RotatingSecretError`]: a function without its secret must not start.
    pub async fn read(
        source: K,
        clock: C,
        parse: impl Fn(&Secret) -> Result<V, Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Result<Self, RotatingSecretError> {
        let parse: Parse<V> = Box::new(parse);
        let value = parse(&source.read().await?).map_err(RotatingSecretError::Unusable)?;
        let current = Current {
            value: Arc::new(value),
            read_at: clock.now(),
        };
        Ok(Self {
            source,
            clock,
            parse,
            current: RwLock::new(current),
        })
    }

    /// Returns the current value.
    #[must_use]
    pub fn current(&self) -> Arc<V> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).value)
    }

    /// Reads the secret again after a mismatch; `None` if it was read within the last minute, or if reading fails.
    pub async fn after_mismatch(&self) -> Option<Arc<V>> {
        self.refresh(MISMATCH_INTERVAL).await
    }

    /// Reads the secret again if that is due. Call it after the response was sent.
    pub async fn keep_fresh(&self) {
        drop(self.refresh(REFRESH_INTERVAL).await);
    }

    /// Reads the secret again if the last read is older than `older_than`. If that fails, the current value stays.
    async fn refresh(&self, older_than: SignedDuration) -> Option<Arc<V>> {
        let now = self.clock.now();
        {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(current.read_at) < older_than {
                return None;
            }
            current.read_at = now;
        }
        let read = self.source.read().await.map_err(RotatingSecretError::Unavailable);
        match read.and_then(|secret| (self.parse)(&secret).map_err(RotatingSecretError::Unusable)) {
            Ok(value) => {
                let value = Arc::new(value);
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                current.value = Arc::clone(&value);
                Some(value)
            }
            Err(problem) => {
                tracing::warn!(error = %chain(&problem), "failed to refresh a secret; the current one stays in use");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use hookline_domain::memory::SetClock;

    use super::*;

    struct FakeSource(Arc<Mutex<(&'static str, u32)>>);

    impl SecretSource for FakeSource {
        async fn read(&self) -> Result<Secret, PortError> {
            let mut secret = self.0.lock().unwrap();
            secret.1 += 1;
            match secret.0 {
                "" => Err(PortError::new("secret", "down")),
                text => Ok(Secret::new(text)),
            }
        }
    }

    #[tokio::test]
    async fn secret_is_read_again_after_a_mismatch_at_most_once_a_minute() {
        let secret = Arc::new(Mutex::new(("old", 0)));
        let clock = SetClock::default();
        let rotating = Rotating::read(FakeSource(secret.clone()), clock.clone(), |s| Ok(s.reveal().to_owned()))
            .await
            .unwrap();
        secret.lock().unwrap().0 = "new";

        assert_eq!(rotating.after_mismatch().await, None);
        clock.pass(SignedDuration::from_mins(1));
        assert_eq!(
            rotating.after_mismatch().await.as_deref().map(String::as_str),
            Some("new")
        );
        assert_eq!(rotating.after_mismatch().await, None);
        assert_eq!(*rotating.current(), "new");
        assert_eq!(secret.lock().unwrap().1, 2);
    }

    #[tokio::test]
    async fn current_secret_survives_a_failed_refresh() {
        let secret = Arc::new(Mutex::new(("held", 0)));
        let clock = SetClock::default();
        let rotating = Rotating::read(FakeSource(secret.clone()), clock.clone(), |s| Ok(s.reveal().to_owned()))
            .await
            .unwrap();
        secret.lock().unwrap().0 = "";
        clock.pass(SignedDuration::from_mins(10));
        rotating.keep_fresh().await;
        assert_eq!(*rotating.current(), "held");
        assert!(
            Rotating::read(FakeSource(secret), clock, |s| Ok(s.reveal().to_owned()))
                .await
                .is_err()
        );
    }
}

//! A secret that may be rotated while a function lives: read at the start, again when something did not match (at
//! most once a minute), and every few minutes after an answer has gone out.

use std::sync::{Arc, PoisonError, RwLock};

use hookline_domain::kernel::{
    port::{Clock, PortError, chain},
    secret::{Secret, SecretSource},
};
use jiff::{SignedDuration, Timestamp};

/// At most this often something that did not match makes us read again: a stranger must not be able to make us pay.
const AFTER_MISMATCH: SignedDuration = SignedDuration::from_mins(1);

/// This often it is read again in any case.
const REFRESH: SignedDuration = SignedDuration::from_mins(5);

/// Why there is no usable secret at the start.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// It could not be read.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// What was read is not what it should be.
    #[error("the secret cannot be used")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How what is kept becomes what is used.
pub type Parse<V> = fn(&Secret) -> Result<V, Box<dyn std::error::Error + Send + Sync>>;

/// A value made from a secret, kept up to date.
#[derive(Debug)]
pub struct Rotating<K, C, V> {
    source: K,
    clock: C,
    parse: Parse<V>,
    held: RwLock<Held<V>>,
}

#[derive(Debug)]
struct Held<V> {
    value: Arc<V>,
    read_at: Timestamp,
}

impl<K: SecretSource, C: Clock, V> Rotating<K, C, V> {
    /// Reads it for the first time.
    ///
    /// # Errors
    /// [`NoSecret`]: a function without its secret must not start.
    pub async fn read(source: K, clock: C, parse: Parse<V>) -> Result<Self, NoSecret> {
        let value = parse(&source.read().await?).map_err(NoSecret::Unusable)?;
        let held = Held {
            value: Arc::new(value),
            read_at: clock.now(),
        };
        Ok(Self {
            source,
            clock,
            parse,
            held: RwLock::new(held),
        })
    }

    /// What it is now.
    #[must_use]
    pub fn current(&self) -> Arc<V> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner).value)
    }

    /// What it is, read again after something did not match; `None` if it was read within the last minute.
    pub async fn after_mismatch(&self) -> Option<Arc<V>> {
        self.refresh(AFTER_MISMATCH).await
    }

    /// Reads it again if that is due. Call it after the answer.
    pub async fn keep_fresh(&self) {
        drop(self.refresh(REFRESH).await);
    }

    /// A secret that cannot be read or used leaves the one that is held in place.
    async fn refresh(&self, older_than: SignedDuration) -> Option<Arc<V>> {
        let now = self.clock.now();
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            if now.duration_since(held.read_at) < older_than {
                return None;
            }
            held.read_at = now;
        }
        let read = self.source.read().await.map_err(NoSecret::Unavailable);
        match read.and_then(|secret| (self.parse)(&secret).map_err(NoSecret::Unusable)) {
            Ok(value) => {
                let value = Arc::new(value);
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                held.value = Arc::clone(&value);
                Some(value)
            }
            Err(problem) => {
                tracing::warn!(error = %chain(&problem), "failed to refresh a secret; the one that is held stays in use");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Kept(Arc<Mutex<(&'static str, u32)>>);

    impl SecretSource for Kept {
        async fn read(&self) -> Result<Secret, PortError> {
            let mut kept = self.0.lock().unwrap();
            kept.1 += 1;
            match kept.0 {
                "" => Err(PortError::new("secret", "down")),
                text => Ok(Secret::new(text)),
            }
        }
    }

    #[derive(Clone)]
    struct Hands(Arc<Mutex<i64>>);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(*self.0.lock().unwrap()).unwrap()
        }
    }

    #[tokio::test]
    async fn it_is_read_again_after_a_mismatch_but_at_most_once_a_minute() {
        let kept = Arc::new(Mutex::new(("old", 0)));
        let hands = Hands(Arc::new(Mutex::new(0)));
        let rotating = Rotating::read(Kept(kept.clone()), hands.clone(), |s| Ok(s.reveal().to_owned()))
            .await
            .unwrap();
        kept.lock().unwrap().0 = "new";

        assert_eq!(rotating.after_mismatch().await, None);
        *hands.0.lock().unwrap() = 60;
        assert_eq!(
            rotating.after_mismatch().await.as_deref().map(String::as_str),
            Some("new")
        );
        assert_eq!(rotating.after_mismatch().await, None);
        assert_eq!(*rotating.current(), "new");
        assert_eq!(kept.lock().unwrap().1, 2);
    }

    #[tokio::test]
    async fn what_is_held_survives_a_failure_to_read() {
        let kept = Arc::new(Mutex::new(("held", 0)));
        let hands = Hands(Arc::new(Mutex::new(0)));
        let rotating = Rotating::read(Kept(kept.clone()), hands.clone(), |s| Ok(s.reveal().to_owned()))
            .await
            .unwrap();
        kept.lock().unwrap().0 = "";
        *hands.0.lock().unwrap() = 600;
        rotating.keep_fresh().await;
        assert_eq!(*rotating.current(), "held");
        assert!(
            Rotating::read(Kept(kept), hands, |s| Ok(s.reveal().to_owned()))
                .await
                .is_err()
        );
    }
}

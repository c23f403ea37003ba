//! [`DeadLetters`] in memory. No letter becomes visible again by itself, because there is no clock.

use std::time::Duration;

use super::{MemoryQueue, Shared};
use crate::{
    delivery::{
        dead_letters::{DeadLetter, DeadLetterCounts, DeadLetters},
        queue::{Backlog as _, Depths, Queues},
    },
    kernel::port::PortError,
};

/// [`DeadLetters`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryDeadLetters {
    letters: Shared<Vec<Letter>>,
}

#[derive(Debug)]
struct Letter {
    letter: DeadLetter,
    hidden: bool,
}

impl MemoryDeadLetters {
    /// Adds a message, as the queue does when it gives up on it.
    pub fn put(&self, text: String) {
        let id = uuid::Uuid::new_v4().to_string();
        let letter = DeadLetter {
            message_id: id.clone(),
            handle: id,
            text,
            sent_at: None,
            receives: 0,
        };
        self.letters.lock().push(Letter { letter, hidden: false });
    }

    /// The messages in the queue, oldest first.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.letters
            .lock()
            .iter()
            .map(|kept| kept.letter.text.clone())
            .collect()
    }
}

/// Depths of these letters and of an event queue without a consumer.
impl Queues for (MemoryQueue, MemoryDeadLetters) {
    async fn depths(&self) -> Result<Depths, PortError> {
        Ok(Depths {
            waiting: self.0.waiting().await?,
            in_flight: 0,
            dead_letters: u64::try_from(self.1.texts().len()).unwrap_or(u64::MAX),
        })
    }
}

impl DeadLetters for MemoryDeadLetters {
    async fn backlog(&self) -> Result<DeadLetterCounts, PortError> {
        let letters = self.letters.lock();
        let count = |hidden| letters.iter().filter(|kept| kept.hidden == hidden).count();
        let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(DeadLetterCounts {
            visible: number(count(false)),
            hidden: number(count(true)),
        })
    }

    async fn receive(&self, at_most: usize, _hidden_for: Duration) -> Result<Vec<DeadLetter>, PortError> {
        let mut letters = self.letters.lock();
        let visible = letters.iter_mut().filter(|kept| !kept.hidden).take(at_most.min(10));
        let received = visible.map(|kept| {
            kept.hidden = true;
            kept.letter.receives += 1;
            kept.letter.clone()
        });
        Ok(received.collect())
    }

    async fn give_back(&self, letter: &DeadLetter) -> Result<(), PortError> {
        for kept in self.letters.lock().iter_mut() {
            if kept.letter.handle == letter.handle {
                kept.hidden = false;
            }
        }
        Ok(())
    }

    async fn remove(&self, letter: &DeadLetter) -> Result<(), PortError> {
        self.letters.lock().retain(|kept| kept.letter.handle != letter.handle);
        Ok(())
    }
}

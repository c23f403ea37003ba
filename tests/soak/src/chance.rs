//! Random choices that a seed repeats. Each is derived from its subject and its ordinal number, so that the order of
//! threads does not change it.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
};

use fastrand::Rng;

/// Source of choices.
#[derive(Debug, Clone, Copy)]
pub struct Chance(pub u64);

impl Chance {
    /// Dice for the `nth` choice about a subject.
    pub fn dice(self, subject: impl Hash, nth: u64) -> Rng {
        let mut hasher = DefaultHasher::new();
        (self.0, subject, nth).hash(&mut hasher);
        Rng::with_seed(hasher.finish())
    }
}

/// Returns true with this probability.
pub fn happens(dice: &mut Rng, probability: f64) -> bool {
    dice.f64() < probability
}

/// Picks an item with a probability by weight.
pub fn pick<T: Copy>(dice: &mut Rng, weighted: &[(u32, T)]) -> Option<T> {
    let all: u32 = weighted.iter().map(|(weight, _)| weight).sum();
    let mut at = dice.u32(0..all.max(1));
    for (weight, choice) in weighted {
        if at < *weight {
            return Some(*choice);
        }
        at -= weight;
    }
    None
}

//! Words of a search, bounded so that no input makes a search expensive.

use std::collections::BTreeSet;

use super::{
    class::{has_no_spaces, is_emoji, is_ideograph, is_katakana, is_mark},
    normalize_line,
};

/// Words to search for: normalized, without repetitions, and at most [`Words::MOST`] as the index counts them. No
/// character has a special meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    words: Vec<String>,
    is_cut: bool,
}

impl Words {
    /// Maximum number of words of one search, as the index counts them: `a,b` is two, and so is `鉄瓶`. People type
    /// fewer.
    pub const MOST: usize = 32;

    /// Maximum number of characters of one word. The index allows 255.
    pub const LONGEST: usize = 128;

    /// Splits what a person has typed into words. Drops everything beyond the bounds.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let mut words = Self::default();
        let (mut known, mut left) = (BTreeSet::new(), Self::MOST);
        for word in normalize_line(typed).split(' ').filter(|word| !word.is_empty()) {
            let (bytes, count) = fitting(word, left);
            words.is_cut |= bytes < word.len();
            let fitting = &word[..bytes];
            if !fitting.is_empty() && known.insert(fitting.to_lowercase()) {
                left -= count;
                words.words.push(fitting.to_owned());
            }
        }
        words
    }

    /// Returns the words, separated by spaces.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// Iterates over the words in the order typed, split at white space.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Returns true if there is no word to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns true if some of the input was dropped.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// The index's treatment of neighbouring characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// A separator.
    None,
    /// A run of any length is one word.
    Letters,
    Katakana,
    Unspaced,
    /// Each character is a word.
    Single,
}

/// Returns the run that a character belongs to; `None` if it belongs to the run of the character before it.
fn run(c: char) -> Option<Run> {
    Some(if is_ideograph(c) || is_emoji(c) {
        Run::Single
    } else if is_katakana(c) {
        Run::Katakana
    } else if has_no_spaces(c) {
        Run::Unspaced
    } else if c.is_alphanumeric() {
        Run::Letters
    } else if is_mark(c) {
        return None;
    } else {
        Run::None
    })
}

/// Returns the length in bytes of the longest beginning of a word that is not too long and holds at most `most` words
/// as the index counts them, and the number of those words. A word of separators only counts as one.
fn fitting(word: &str, most: usize) -> (usize, usize) {
    if most == 0 {
        return (0, 0);
    }
    let (mut last, mut count) = (Run::None, 0);
    for (chars, (at, c)) in word.char_indices().enumerate() {
        let this = run(c).unwrap_or(last);
        let begins = this == Run::Single && run(c).is_some() || (this != last && this != Run::None);
        if chars == Words::LONGEST || (begins && count == most) {
            return (at, count.max(1));
        }
        count += usize::from(begins);
        last = this;
    }
    (word.len(), count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(typed: &str) -> Vec<String> {
        Words::new(typed).iter().map(str::to_owned).collect()
    }

    #[test]
    fn words_are_unique_and_bounded() {
        assert_eq!(words(" Red  red RED lamp "), ["Red", "lamp"]);
        let numbered = |count: usize| (0..count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        let many = numbered(10_000);
        let many = Words::new(&many);
        assert_eq!((many.iter().count(), many.is_cut()), (Words::MOST, true));
        let exactly = numbered(Words::MOST);
        assert!(!Words::new(&exactly).is_cut());
        assert!(Words::new(" \u{200b} \u{0}").is_empty());
    }

    #[test]
    fn words_are_counted_as_the_index_counts_them() {
        for (typed, count) in [
            ("CRR-16", 2),
            ("a,b,c", 3),
            ("南部鉄瓶", 4),
            ("カタカナ", 1),
            ("aカaカ", 4),
            ("กาแฟคั่ว", 1),
            ("aกaก", 4),
            ("हिन्दी", 1),
            ("می\u{200c}خواهم", 1),
            ("שָׁלוֹם", 1),
            ("😀😀", 2),
            ("***", 1),
            ("a—b", 2),
        ] {
            assert_eq!(fitting(typed, 100), (typed.len(), count), "{typed}");
        }
        assert_eq!(words(&"鉄".repeat(100)), ["鉄".repeat(Words::MOST)]);
        assert_eq!(words(&"a,".repeat(100))[0].matches('a').count(), Words::MOST);
        assert_eq!(words(&"x".repeat(100_000)), ["x".repeat(Words::LONGEST)]);
    }
}

//! What somebody looks for, so cut that a search's work is bounded whatever is typed.

use std::collections::BTreeSet;

use super::{
    class::{has_no_spaces, is_emoji, is_ideograph, is_katakana, is_mark},
    normalize_line,
};

/// Words that somebody looks for: in their one form, each once, at most [`Words::MOST`] of those that an index tells apart.
/// No character has a meaning of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    words: Vec<String>,
    is_cut: bool,
}

impl Words {
    /// The most words of one search, as an index counts them: `a,b` is two, and so is `鉄瓶`. A question has fewer.
    pub const MOST: usize = 32;

    /// The most characters of one word. The index's own have at most 255.
    pub const LONGEST: usize = 128;

    /// Takes the words from what a person has typed. What is beyond the bounds is not looked for.
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

    /// The words, separated by spaces.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// Each of them, in the order typed, as it was separated by white space.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether more was typed than is looked for.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// What the index makes of neighbouring characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// Nothing: it separates.
    None,
    /// One word, however many there are.
    Letters,
    Katakana,
    Unspaced,
    /// A word each.
    Single,
}

/// The run that a character belongs to; `None` for one that belongs to whatever is before it.
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

/// How many bytes of a word hold at most `most` words as the index counts them, and are not too long; and how many words
/// those are. What separates counts for one if there is nothing else.
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
    fn a_word_is_looked_for_once_and_no_more_than_the_bound() {
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
    fn what_the_index_tells_apart_is_counted_apart() {
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

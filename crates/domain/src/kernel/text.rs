//! Normalization of all text that is indexed or searched for, so that texts that look alike match.
//!
//! The normal form is Unicode's NFKC (full-width letters, ligatures and composed accents have one spelling), without
//! invisible characters (soft hyphens, zero-width spaces, byte order marks, direction marks, variation selectors,
//! tags), and with collapsed white space. Letters keep their case and accents: the index folds those when it searches.
//!
//! Four exceptions apply where plain NFKC would change a meaning:
//!
//! - `1½` becomes `1 1/2`, not `11/2`; `10²` becomes `10^2`; `№5` and `Tex™` are split into two words each.
//! - Joiners stay where they affect spelling: between letters of Arabic or an Indic script, and between emoji. A
//!   zero-width space stays between words of Thai, Lao, Khmer or Burmese, which are written without spaces.
//! - `ำ` of Thai and Lao and the single letters of Hangul stay whole: NFKC decomposes them into parts that fonts render
//!   differently.
//! - Hyphens of every kind become `-`, because stock-keeping units are copied from typeset text.

mod class;
mod words;

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizer;

use self::class::{hidden, is_kept_whole, is_superscript, stands_apart};
pub use self::words::Words;

/// Normalizes text of several lines. Keeps at most one empty line between two others.
#[must_use]
pub fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return visible(text);
    }
    // Composed first, so that letters are whole when their neighbours are examined.
    let once = visible(&composed(&separated(&ComposingNormalizer::new_nfc().normalize(text))));
    // Characters on both sides of a dropped one may combine now.
    if once.is_ascii() {
        once
    } else {
        composed(&once).into_owned()
    }
}

/// Normalizes text of one line: a title, a tag, a stock-keeping unit.
#[must_use]
pub fn normalize_line(text: &str) -> String {
    let mut line = normalize(text);
    if line.contains('\n') {
        line = line.replace("\n\n", " ").replace('\n', " ");
    }
    line
}

/// Truncates a text to at most `bytes` bytes, at the boundary of a character.
#[must_use]
pub fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// Separates characters that NFKC would merge with their neighbours.
fn separated(text: &str) -> String {
    let mut separated = String::with_capacity(text.len());
    let (mut rest, mut last) = (text, ' ');
    loop {
        // Most of most texts is ASCII, which needs no change.
        let (plain, others) = rest.split_at(rest.bytes().take_while(u8::is_ascii).count());
        separated.push_str(plain);
        last = plain.chars().next_back().unwrap_or(last);
        let mut chars = others.chars();
        let Some(c) = chars.next() else { return separated };
        rest = chars.as_str();
        if is_superscript(c) {
            if last.is_numeric() && !is_superscript(last) {
                separated.push('^');
            }
            separated.push(c);
        } else if c == '´' {
            // People type it as an apostrophe. NFKC would make it an accent on a space.
            separated.push('\'');
        } else if stands_apart(c) && !ComposingNormalizer::new_nfkc().is_normalized(c.encode_utf8(&mut [0; 4])) {
            if last.is_alphanumeric() {
                separated.push(' ');
            }
            separated.push(c);
            if chars.next().is_some_and(char::is_alphanumeric) {
                separated.push(' ');
            }
        } else {
            separated.push(c);
        }
        if hidden(c).is_none() {
            last = c;
        }
    }
}

/// Applies NFKC, except to letters that are kept whole.
fn composed(text: &str) -> Cow<'_, str> {
    let normalizer = ComposingNormalizer::new_nfkc();
    // Those letters have three bytes.
    if text.bytes().all(|byte| byte < 0xe0) {
        return normalizer.normalize(text);
    }
    if !text.contains(is_kept_whole) {
        return match normalizer.normalize(text) {
            whole if whole.contains(DECOMPOSED) => Cow::Owned(recomposed(&whole)),
            whole => whole,
        };
    }
    let mut composed = String::with_capacity(text.len());
    for part in text.split_inclusive(is_kept_whole) {
        let whole = part.chars().next_back().filter(|c| is_kept_whole(*c));
        let before = &part[..part.len() - whole.map_or(0, char::len_utf8)];
        composed.push_str(&normalizer.normalize(before));
        composed.extend(whole);
    }
    Cow::Owned(recomposed(&composed))
}

/// First characters of Thai and Lao `am` in decomposed form, which some keyboards and NFKC produce.
const DECOMPOSED: [char; 2] = ['\u{e4d}', '\u{ecd}'];

fn recomposed(text: &str) -> String {
    text.replace("\u{e4d}\u{e32}", "\u{e33}")
        .replace("\u{ecd}\u{eb2}", "\u{eb3}")
}

/// Drops invisible characters and collapses white space.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    let (mut is_spaced, mut lines) = (false, 0_usize);
    // An invisible character that stays if its neighbours are of the right kind.
    let mut joiner = None;
    let mut rest = text;
    loop {
        // Most of most texts is copied as it is, once nothing before it is pending.
        if !is_spaced && lines == 0 && joiner.is_none() {
            let (plain, others) = rest.split_at(rest.bytes().take_while(u8::is_ascii_graphic).count());
            visible.push_str(plain);
            rest = others;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { return visible };
        rest = chars.as_str();
        match c {
            '\n' | '\u{2028}' | '\u{2029}' => lines += 1,
            c if c.is_whitespace() || c.is_control() || c == '\u{fffc}' => is_spaced = true,
            c => {
                if let Some(kind) = hidden(c) {
                    let before = visible.chars().next_back();
                    if joiner.is_none() && before.is_some_and(|before| kind.joins(before)) {
                        joiner = Some((c, kind));
                    }
                    continue;
                }
                match (lines, joiner) {
                    _ if visible.is_empty() => {}
                    (0, _) if is_spaced => visible.push(' '),
                    (0, Some((joiner, kind))) if kind.joins(c) => visible.push(joiner),
                    (0, _) => {}
                    (1, _) => visible.push('\n'),
                    _ => visible.push_str("\n\n"),
                }
                (is_spaced, lines, joiner) = (false, 0, None);
                visible.push(match c {
                    '\u{2010}' | '\u{2011}' => '-',
                    '\u{2044}' => '/',
                    c => c,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;

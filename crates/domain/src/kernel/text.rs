//! One form for all text that is indexed or asked for, so that what looks alike is found alike.
//!
//! That form is Unicode's NFKC (full-width letters, ligatures and composed accents have one spelling), without characters
//! that nobody sees (soft hyphens, zero-width spaces, byte order marks, direction marks, variation selectors, tags), and
//! with its white space collapsed. Letters keep their case and accents: the index folds those where it looks for words.
//!
//! Four places where plain NFKC would change a meaning are treated apart:
//!
//! - `1½` is `1 1/2`, and not `11/2`; `10²` is `10^2`; `№5` and `Tex™` keep their words apart.
//! - A joiner stays where it spells something: between letters of Arabic or an Indic script, and between emoji. A
//!   zero-width space stays between words of Thai, Lao, Khmer or Burmese, which are written without spaces.
//! - `ำ` of Thai and Lao and the single letters of Hangul stay whole: NFKC takes them to pieces that fonts draw otherwise.
//! - Hyphens of every kind are `-`: stock-keeping units are copied from where they were typeset.

mod class;
mod words;

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizer;

use self::class::{hidden, is_kept_whole, is_superscript, stands_apart};
pub use self::words::Words;

/// Text of several lines in its one form. At most one empty line is kept between two others.
#[must_use]
pub fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return seen(text);
    }
    // Letters are whole before their neighbours are looked at.
    let once = seen(&composed(&apart(&ComposingNormalizer::new_nfc().normalize(text))));
    // What stood on both sides of a dropped character may combine now.
    if once.is_ascii() {
        once
    } else {
        composed(&once).into_owned()
    }
}

/// Text of one line in its one form: a title, a tag, a stock-keeping unit.
#[must_use]
pub fn normalize_line(text: &str) -> String {
    let mut line = normalize(text);
    if line.contains('\n') {
        line = line.replace("\n\n", " ").replace('\n', " ");
    }
    line
}

/// As much of a text as has at most so many bytes.
#[must_use]
pub fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// Sets apart what NFKC would run into its neighbours.
fn apart(text: &str) -> String {
    let mut apart = String::with_capacity(text.len());
    let (mut rest, mut last) = (text, ' ');
    loop {
        // Most of most texts, and nothing in it is to be looked at.
        let (plain, others) = rest.split_at(rest.bytes().take_while(u8::is_ascii).count());
        apart.push_str(plain);
        last = plain.chars().next_back().unwrap_or(last);
        let mut chars = others.chars();
        let Some(c) = chars.next() else { return apart };
        rest = chars.as_str();
        if is_superscript(c) {
            if last.is_numeric() && !is_superscript(last) {
                apart.push('^');
            }
            apart.push(c);
        } else if c == '´' {
            // An apostrophe to who types it. NFKC makes it an accent that stands on a space.
            apart.push('\'');
        } else if stands_apart(c) && !ComposingNormalizer::new_nfkc().is_normalized(c.encode_utf8(&mut [0; 4])) {
            if last.is_alphanumeric() {
                apart.push(' ');
            }
            apart.push(c);
            if chars.next().is_some_and(char::is_alphanumeric) {
                apart.push(' ');
            }
        } else {
            apart.push(c);
        }
        if hidden(c).is_none() {
            last = c;
        }
    }
}

/// NFKC, but for letters that are kept whole.
fn composed(text: &str) -> Cow<'_, str> {
    let normalizer = ComposingNormalizer::new_nfkc();
    // Those letters have three bytes.
    if text.bytes().all(|byte| byte < 0xe0) {
        return normalizer.normalize(text);
    }
    if !text.contains(is_kept_whole) {
        return match normalizer.normalize(text) {
            whole if whole.contains(TORN) => Cow::Owned(mended(&whole)),
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
    Cow::Owned(mended(&composed))
}

/// The letters that are kept whole, as some keyboards and all of NFKC have them.
const TORN: [char; 2] = ['\u{e4d}', '\u{ecd}'];

fn mended(text: &str) -> String {
    text.replace("\u{e4d}\u{e32}", "\u{e33}")
        .replace("\u{ecd}\u{eb2}", "\u{eb3}")
}

/// What a person sees of a text, with its white space collapsed.
fn seen(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let (mut is_spaced, mut lines) = (false, 0_usize);
    // A hidden character that spells something if its neighbours are of the right kind.
    let mut joiner = None;
    let mut rest = text;
    loop {
        // Most of most texts: as it is, once what stands before it is settled.
        if !is_spaced && lines == 0 && joiner.is_none() {
            let (plain, others) = rest.split_at(rest.bytes().take_while(u8::is_ascii_graphic).count());
            seen.push_str(plain);
            rest = others;
        }
        let mut chars = rest.chars();
        let Some(c) = chars.next() else { return seen };
        rest = chars.as_str();
        match c {
            '\n' | '\u{2028}' | '\u{2029}' => lines += 1,
            c if c.is_whitespace() || c.is_control() || c == '\u{fffc}' => is_spaced = true,
            c => {
                if let Some(kind) = hidden(c) {
                    let before = seen.chars().next_back();
                    if joiner.is_none() && before.is_some_and(|before| kind.joins(before)) {
                        joiner = Some((c, kind));
                    }
                    continue;
                }
                match (lines, joiner) {
                    _ if seen.is_empty() => {}
                    (0, _) if is_spaced => seen.push(' '),
                    (0, Some((joiner, kind))) if kind.joins(c) => seen.push(joiner),
                    (0, _) => {}
                    (1, _) => seen.push('\n'),
                    _ => seen.push_str("\n\n"),
                }
                (is_spaced, lines, joiner) = (false, 0, None);
                seen.push(match c {
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

//! Classes of characters, as far as normalization needs them.

/// Condition under which an invisible character is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// In every case.
    Always,
    /// Unless it is between letters of a script whose letters join, or between emoji.
    UnlessJoining,
    /// Unless it is between words of a script that has no spaces.
    UnlessBreaking,
}

impl Hidden {
    /// Returns true if the invisible character has a meaning beside this one.
    pub(super) fn joins(self, c: char) -> bool {
        match self {
            Self::Always => false,
            Self::UnlessJoining => has_joiners(c) || is_emoji(c),
            Self::UnlessBreaking => has_no_spaces(c),
        }
    }
}

/// Returns when an invisible character is dropped; `None` for visible ones. Invisible are those of Unicode's
/// `Default_Ignorable_Code_Point` and the three that mark annotations
/// (<https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>).
pub(super) fn hidden(c: char) -> Option<Hidden> {
    Some(match c {
        '\u{200b}' => Hidden::UnlessBreaking,
        '\u{200c}' | '\u{200d}' => Hidden::UnlessJoining,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200e}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Hidden::Always,
        _ => return None,
    })
}

/// Returns true for a letter that must not be decomposed: Thai and Lao `am`, and the single letters of Hangul.
pub(super) fn is_kept_whole(c: char) -> bool {
    matches!(c, '\u{e33}' | '\u{eb3}' | '\u{3131}'..='\u{3163}' | '\u{3165}'..='\u{318e}')
}

/// Returns true for a superscript digit or sign, which NFKC would turn into an ordinary one.
pub(super) fn is_superscript(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '\u{2070}' | '\u{2074}'..='\u{207c}')
}

/// Returns true for a symbol or number of one character that NFKC spells out: `½`, `①`, `™`, `㎏`. False for full-width
/// and Roman digits, because several of those form one number.
pub(super) fn stands_apart(c: char) -> bool {
    match c {
        '¼'
        | '½'
        | '¾'
        | '\u{2150}'..='\u{215f}'
        | '\u{2189}'
        | '\u{2460}'..='\u{24ea}'
        | '\u{3200}'..='\u{33ff}'
        | '\u{1f100}'..='\u{1f2ff}' => true,
        '\u{2100}'..='\u{214f}' => !c.is_alphanumeric(),
        _ => false,
    }
}

/// Returns true for a mark that belongs to the letter before it, in the scripts that have many, and for a joiner.
pub(super) fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}'
            | '\u{5c4}'..='\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{6d6}'..='\u{6ed}'
            | '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{200c}'..='\u{200d}' | '\u{20d0}'..='\u{20e2}' | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Returns true for a character that the index treats as a word: an ideograph or a syllable of Hiragana.
pub(super) fn is_ideograph(c: char) -> bool {
    matches!(
        c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}' | '\u{3041}'..='\u{309f}'
            | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{1b000}'..='\u{1b2ff}'
            | '\u{16ff0}'..='\u{18dff}' | '\u{20000}'..='\u{3ffff}'
    )
}

pub(super) fn is_katakana(c: char) -> bool {
    matches!(c, '\u{30a1}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}')
}

pub(super) fn is_emoji(c: char) -> bool {
    matches!(c, '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{20e3}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}'
        | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// Returns true for scripts in which a joiner or non-joiner affects spelling: Arabic, Syriac, N'Ko, those of India,
/// Burmese, Khmer, Mongolian.
fn has_joiners(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18aa}' | '\u{1b00}'..='\u{1bff}'
        | '\u{a840}'..='\u{a9df}' | '\u{fb50}'..='\u{fdff}' | '\u{10a00}'..='\u{11fff}')
}

/// Returns true for scripts without spaces between words, which the index treats as one word: Thai, Lao, Burmese, Khmer
/// and their neighbours.
pub(super) fn has_no_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{1950}'..='\u{19ff}' | '\u{1a20}'..='\u{1aaf}'
        | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aadf}')
}

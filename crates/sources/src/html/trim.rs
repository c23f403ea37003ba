//! HTML without the parts that cost time or space and hold no text: comments, scripts, long attribute values.
//!
//! A picture pasted into a description is an attribute of a hundred kilobytes, which should not count against the text.
//! The tokenizer takes quadratic time in the number of attributes of a tag, so the length of a tag is bounded. Each
//! byte is read once or twice.

/// Maximum length of a tag, in bytes.
const TAG_LIMIT: usize = 4 * 1024;

/// Maximum length of an attribute value, in bytes.
const VALUE_LIMIT: usize = 1024;

/// Elements whose content is not markup, up to their own end tag; the flag is true if that content is text.
const RAW: [(&str, bool); 9] = [
    ("script", false),
    ("style", false),
    ("iframe", false),
    ("noscript", false),
    ("noembed", false),
    ("noframes", false),
    ("title", false),
    ("textarea", true),
    ("xmp", true),
];

/// Returns the trimmed markup, cut at `limit` bytes.
pub(super) fn trim(html: &str, limit: usize) -> String {
    let mut trimmed = Trimmed {
        text: String::with_capacity(html.len().min(limit)),
        limit,
    };
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        trimmed.push(&rest[..at]);
        rest = &rest[at..];
        if trimmed.is_full() {
            break;
        }
        rest = if rest.starts_with("<!--") {
            after_comment(rest)
        } else if let Some(inner) = rest.strip_prefix("<![CDATA[") {
            // Left over from an export; the content is ordinary markup.
            inner
        } else if starts_tag(rest) {
            trimmed.tag(rest)
        } else {
            trimmed.push("<");
            &rest[1..]
        };
    }
    if !trimmed.is_full() {
        trimmed.push(rest);
    }
    trimmed.text
}

struct Trimmed {
    text: String,
    limit: usize,
}

impl Trimmed {
    fn is_full(&self) -> bool {
        self.text.len() >= self.limit
    }

    fn push(&mut self, text: &str) {
        let left = self.limit.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(left)]);
    }

    /// Reads one tag, and the whole element if its content is not markup. Returns the rest; `None` if the tag has no
    /// end.
    fn tag<'a>(&mut self, html: &'a str) -> &'a str {
        let start = self.text.len();
        let bytes = html.as_bytes();
        let mut at = 1;
        let mut copied_to = 0;
        while at < bytes.len() && bytes[at] != b'>' {
            if bytes[at] == b'=' {
                let (value, quote) = value(html, at + 1);
                let fitting = html[at..value].floor_char_boundary(VALUE_LIMIT);
                if fitting < value - at {
                    self.push(&html[copied_to..at + fitting]);
                    self.push(quote);
                    copied_to = value;
                }
                at = value;
            } else {
                at += 1;
            }
            if self.text.len() - start + (at - copied_to) > TAG_LIMIT {
                break;
            }
        }
        // The rest of an overlong tag is skipped.
        let end = end_of_tag(html, at);
        let Some(end) = end else {
            self.text.truncate(start);
            return "";
        };
        let last = at.max(copied_to).min(end);
        self.push(&html[copied_to..html.floor_char_boundary(last)]);
        self.push(">");
        let behind = &html[end + 1..];
        let is_closed = html[..end].ends_with('/');
        let letters = bytes[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric());
        let name = &html[1..=letters.count()];
        let raw = RAW.iter().find(|(raw, _)| name.eq_ignore_ascii_case(raw));
        match raw {
            // Such a tag closes itself in SVG and MathML, and elsewhere it is never left open on purpose.
            Some((name, is_text)) if !is_closed => {
                let content = content(behind, name);
                if *is_text {
                    self.push(&behind[..content]);
                }
                &behind[content..]
            }
            Some(_) => {
                self.text.truncate(start);
                behind
            }
            None => behind,
        }
    }
}

fn starts_tag(html: &str) -> bool {
    let name = html.as_bytes().get(1..).unwrap_or_default();
    let name = name.strip_prefix(b"/").unwrap_or(name);
    name.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Returns the end of the value that begins at `at`, after an equals sign (after the second quote, or before a
/// separator), and its quote.
fn value(html: &str, at: usize) -> (usize, &'static str) {
    let bytes = html.as_bytes();
    let spaces = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let from = at + spaces;
    let quoted = |quote: u8| {
        let inner = bytes[from + 1..].iter().position(|byte| *byte == quote);
        inner.map_or(bytes.len(), |inner| from + inner + 2)
    };
    match bytes.get(from) {
        Some(b'"') => (quoted(b'"'), "\""),
        Some(b'\'') => (quoted(b'\''), "'"),
        _ => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
            (from + bytes[from..].iter().take_while(|byte| !ends(byte)).count(), "")
        }
    }
}

/// Returns the end of the tag that is open at `at`, outside of any value.
fn end_of_tag(html: &str, mut at: usize) -> Option<usize> {
    let bytes = html.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'>' => return Some(at),
            b'=' => at = value(html, at + 1).0,
            _ => at += 1,
        }
    }
    None
}

fn after_comment(html: &str) -> &str {
    for empty in ["<!-->", "<!--->"] {
        if let Some(behind) = html.strip_prefix(empty) {
            return behind;
        }
    }
    let mut inner = &html[4..];
    while let Some(at) = inner.find("--") {
        let end = &inner[at + 2..];
        if let Some(behind) = end.strip_prefix('>').or_else(|| end.strip_prefix("!>")) {
            return behind;
        }
        inner = &inner[at + 1..];
    }
    ""
}

/// Returns the length of the content before the end tag of the element.
fn content(html: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = html[from..].find("</") {
        let at = from + at;
        let tag = &html.as_bytes()[at + 2..];
        let is_end = tag.len() >= name.len()
            && tag[..name.len()].eq_ignore_ascii_case(name.as_bytes())
            && tag.get(name.len()).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if is_end {
            return at;
        }
        from = at + 2;
    }
    html.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(html: &str) -> String {
        trim(html, 1 << 20)
    }

    #[test]
    fn long_value_is_cut_and_its_tag_stays_valid() {
        for quote in ["\"", "'", ""] {
            let html = format!("a<img src={quote}data:{}{quote} alt='a kettle'>b", "A".repeat(130_000));
            let short = trimmed(&html);
            assert!(
                short.len() < 2 * VALUE_LIMIT && short.starts_with("a<img src="),
                "{}",
                &short[..40]
            );
            assert!(short.ends_with("alt='a kettle'>b"), "{}", &short[short.len() - 60..]);
        }
    }

    #[test]
    fn tag_with_many_attributes_is_cut() {
        let attributes = " a='>'".repeat(100_000);
        let short = trimmed(&format!("<p{attributes}>b</p>"));
        assert!(
            short.len() < 2 * TAG_LIMIT && short.ends_with(">b</p>"),
            "{}",
            short.len()
        );
    }

    #[test]
    fn comments_and_scripts_are_removed_and_words_stay() {
        assert_eq!(trimmed("a<!-- <p>x --><!--><!--->b<!-- x"), "ab");
        assert_eq!(
            trimmed("<SCRIPT>if (a<b) { x = \"</p>\" }</Script >c"),
            "<SCRIPT></Script >c"
        );
        assert_eq!(trimmed("<script src=x />c"), "c");
        assert_eq!(
            trimmed("<textarea><p></textarea>1 < 2"),
            "<textarea><p></textarea>1 < 2"
        );
        assert_eq!(trimmed("<![CDATA[<p>a</p>]]>"), "<p>a</p>]]>");
        assert_eq!(trimmed("a <b"), "a ");
        assert_eq!(trimmed("<p title='a>b'>c"), "<p title='a>b'>c");
    }
}

//! Descriptions are HTML; what is searched and quoted is text.
//!
//! Only the tokens are looked at, never the tree they would make: making it takes time with the square of the nesting, and
//! laying it out has more corners than a description is worth (a table with a `rowspan` in its last row ended the consumer).
//! Tokens take time with their number, whatever they are.

use std::cell::RefCell;

use html5ever::{
    local_name,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata, ScriptData},
    },
};

/// How much HTML is read; descriptions rarely have a third of it, and a document of the index is not the place for more.
const LIMIT: usize = 64 * 1024;

/// The text of an HTML fragment: a line for a paragraph, list item or table cell, without markup, scripts and styles.
#[must_use]
pub fn text(html: &str) -> String {
    let input = BufferQueue::default();
    input.push_back(html[..html.floor_char_boundary(LIMIT)].into());
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    // Stops early for scripts that are to be run only, and none is.
    let _all = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().text
}

#[derive(Default)]
struct Reader(RefCell<Lines>);

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut lines = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => lines.push(&text),
            Token::TagToken(tag) => return lines.tag(&tag),
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::ParseError(_)
            | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

/// What separates the next word from the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    Nothing,
    Space,
    Line,
}

/// The text so far.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    gap: Gap,
    /// Inside of `<pre>`, where a line feed is one.
    preformatted: bool,
    /// Inside of an element whose text nobody reads.
    unread: bool,
}

impl Lines {
    fn push(&mut self, text: &str) {
        if self.unread {
            return;
        }
        for c in text.chars() {
            if c == '\n' && self.preformatted {
                self.gap = Gap::Line;
            } else if c.is_ascii_whitespace() || c.is_control() {
                self.gap = self.gap.max(Gap::Space);
            } else {
                match self.gap {
                    Gap::Line if !self.text.is_empty() => self.text.push('\n'),
                    Gap::Space if !self.text.is_empty() => self.text.push(' '),
                    Gap::Line | Gap::Space | Gap::Nothing => {}
                }
                self.gap = Gap::Nothing;
                self.text.push(c);
            }
        }
    }

    /// Says how the tokenizer goes on: in some elements there are no tags.
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let starts = tag.kind == TagKind::StartTag;
        match tag.name {
            local_name!("script") | local_name!("style") | local_name!("iframe") | local_name!("noembed") => {
                self.unread = starts;
                if starts {
                    let script = tag.name == local_name!("script");
                    return TokenSinkResult::RawData(if script { ScriptData } else { Rawtext });
                }
            }
            local_name!("title") | local_name!("textarea") => {
                self.gap = Gap::Line;
                if starts {
                    return TokenSinkResult::RawData(Rcdata);
                }
            }
            local_name!("pre") => {
                self.gap = Gap::Line;
                self.preformatted = starts;
            }
            local_name!("img") => {
                if let Some(alt) = tag
                    .attrs
                    .iter()
                    .find(|attribute| attribute.name.local == local_name!("alt"))
                {
                    self.push(" ");
                    self.push(&alt.value);
                    self.push(" ");
                }
            }
            _ if !is_inline(tag) => self.gap = Gap::Line,
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Whether an element stands within a line, as the HTML standard would have it rendered
/// (<https://html.spec.whatwg.org/multipage/rendering.html>). What it does not know does, too.
fn is_inline(tag: &Tag) -> bool {
    !matches!(
        &*tag.name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "p"
            | "plaintext"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
            | "xmp"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lists_and_entities_become_lines() {
        let html = "<p>Folds flat, weighs 210&nbsp;g &amp; burns twigs.</p><ul><li>Titanium</li><li>Boils <b>fast</b></li></ul>";
        assert_eq!(
            text(html),
            "Folds flat, weighs 210\u{a0}g & burns twigs.\nTitanium\nBoils fast"
        );
    }

    #[test]
    fn scripts_styles_comments_and_link_targets_are_not_text() {
        let html = "<style>p{color:red}</style><script>alert('x')</script><!-- note --><p>See <a href=\"https://example.com/x\">the guide</a>.</p>";
        assert_eq!(text(html), "See the guide.");
    }

    #[test]
    fn tables_and_rules_leave_their_words_only() {
        let html = "<p>a</p><hr><table><tr><th>Size</th><td>10 cm</td></tr></table>";
        let text = text(html);
        assert!(text.contains("Size") && text.contains("10 cm"), "{text}");
        assert!(!text.contains('\u{2500}'), "{text}");
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(text("Café 😀 鉄瓶"), "Café 😀 鉄瓶");
        assert_eq!(text(""), "");
        assert_eq!(text("1 < 2 and 3 > 2"), "1 < 2 and 3 > 2");
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_read() {
        let long = "é".repeat(LIMIT);
        assert_eq!(text(&long).len(), LIMIT);
    }

    #[test]
    fn deep_nesting_does_not_overflow() {
        let deep = "<div>".repeat(2_000) + "x" + &"</div>".repeat(2_000);
        assert_eq!(text(&deep), "x");
    }

    #[test]
    fn a_table_that_spans_rows_it_does_not_have_is_text() {
        let table = "<table><tr><td colspan=9999>a</td></tr><tr><td rowspan=9999>b<td>c</table>";
        assert_eq!(text(table), "a\nb\nc");
    }

    #[test]
    fn white_space_is_one_space_but_for_lines_that_are_meant() {
        assert_eq!(
            text(" a \n\t b<br>c<pre>\nd  e\nf</pre> g<b> h</b>i"),
            "a b\nc\nd e\nf\ng hi"
        );
    }

    #[test]
    fn what_is_no_element_is_text_and_an_image_is_its_words() {
        assert_eq!(text("<p>a<x-y>b</x-y><img alt='a kettle' src=x>c"), "ab a kettle c");
        assert_eq!(
            text("<textarea><p>a</textarea><iframe><p>b</p></iframe>c<style>d"),
            "<p>a\nc"
        );
    }
}

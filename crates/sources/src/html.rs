//! Text of HTML descriptions, as a shopper sees it. Search and quotations use that text.
//!
//! Only tokens are read; no tree is built. Building a tree takes quadratic time in the nesting depth, and laying it out
//! has more corner cases than a description is worth (a table with a `rowspan` in its last row crashed the consumer).
//! Any tokens take linear time. Open elements are tracked to a bounded depth.

mod element;
mod trim;

use std::cell::RefCell;

use html5ever::{
    LocalName, local_name,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind::{Rawtext, Rcdata},
    },
};

use self::element::{Effect, ended_by, is_barrier, is_block, is_cell, is_of_table, is_void, overlaps};

/// Maximum length of the resulting text, in bytes. Descriptions rarely have a tenth of it, and a document of the index
/// should not hold more.
const TEXT_LIMIT: usize = 64 * 1024;

/// Maximum length of the markup that is read, in bytes, without comments, scripts and long attributes.
const MARKUP_LIMIT: usize = 1024 * 1024;

/// Maximum number of open elements that are tracked: more than any description nests.
const DEPTH: usize = 128;

/// Mark before struck-out text, mostly an old price, so that it is not taken for the current price.
const STRUCK: &str = "(struck out: ";

/// Returns the text of an HTML fragment: one line for each paragraph, list item and table row, without markup and
/// without anything that shoppers do not see, such as scripts, templates, replacements of a video and hidden elements.
/// Struck-out text is marked.
#[must_use]
pub fn text(html: &str) -> String {
    let input = BufferQueue::default();
    let markup = trim::trim(html, MARKUP_LIMIT);
    input.push_back(
        if markup.contains("]]>") {
            markup.replace("]]>", "")
        } else {
            markup
        }
        .into(),
    );
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    // The parser stops early only to run scripts, which are not executed here.
    let _all = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().end()
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

/// Separator between the last word and the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    Nothing,
    Space,
    Cell,
    Line,
}

/// Text collected up to the present token.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    gap: Gap,
    /// Open elements, the innermost last.
    open: Vec<(LocalName, Effect)>,
    /// Number of open elements that hide, strike, …
    hiding: usize,
    striking: usize,
    cells: usize,
    preformatted: usize,
    /// True while struck-out text has not ended.
    is_struck: bool,
    /// True if the text has its maximum length.
    is_full: bool,
}

impl Lines {
    fn push(&mut self, text: &str) {
        if self.hiding > 0 || self.is_full {
            return;
        }
        for c in text.chars() {
            if c == '\n' && self.preformatted > 0 {
                self.separate(Gap::Line);
            } else if c.is_ascii_whitespace() || c.is_control() {
                self.separate(Gap::Space);
            } else if self.text.len() + c.len_utf8() + STRUCK.len() + 4 <= TEXT_LIMIT {
                self.character(c);
            } else {
                self.is_full = true;
                return;
            }
        }
    }

    fn character(&mut self, c: char) {
        if self.is_struck && self.striking == 0 {
            self.text.push(')');
            self.is_struck = false;
            self.separate(Gap::Space);
        }
        let begins = self.striking > 0 && !self.is_struck;
        if begins {
            self.separate(Gap::Space);
        }
        if !self.text.is_empty() {
            self.text.push_str(match self.gap {
                Gap::Nothing => "",
                Gap::Space => " ",
                Gap::Cell => " | ",
                Gap::Line => "\n",
            });
        }
        self.gap = Gap::Nothing;
        if begins {
            self.text.push_str(STRUCK);
            self.is_struck = true;
        }
        self.text.push(c);
    }

    /// Separates the next word from the last by at least this separator. A table row stays on its line.
    fn separate(&mut self, gap: Gap) {
        let gap = if gap == Gap::Line && self.cells > 0 {
            Gap::Space
        } else {
            gap
        };
        self.gap = self.gap.max(gap);
    }

    /// Returns how the tokenizer continues: some elements contain no tags.
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &tag.name;
        match tag.kind {
            TagKind::StartTag => self.start(tag),
            TagKind::EndTag => self.end_tag(name),
        }
        if is_block(name) {
            self.separate(Gap::Line);
        }
        match (tag.kind, name) {
            // The content of these elements was left out, or is text.
            (TagKind::StartTag, &local_name!("textarea")) => TokenSinkResult::RawData(Rcdata),
            (TagKind::StartTag, &local_name!("xmp")) => TokenSinkResult::RawData(Rawtext),
            (TagKind::StartTag, &local_name!("plaintext")) => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }

    fn start(&mut self, tag: &Tag) {
        let name = &tag.name;
        if let Some((ended, until)) = ended_by(name) {
            self.end_implied(ended, until);
        }
        let effect = Effect::of(tag);
        if *name == local_name!("img") && !effect.hides {
            let alt = tag
                .attrs
                .iter()
                .find(|attribute| attribute.name.local == local_name!("alt"));
            if let Some(alt) = alt {
                self.push(" ");
                self.push(&alt.value);
                self.push(" ");
            }
        }
        if is_cell(name) {
            self.separate(Gap::Cell);
        }
        // Only tags in SVG and MathML close themselves.
        let ends_itself = tag.self_closing && self.open.iter().any(|(name, _)| matches!(&**name, "svg" | "math"));
        if !is_void(name) && !ends_itself && self.open.len() < DEPTH {
            self.count(effect, true);
            self.open.push((name.clone(), effect));
        }
    }

    fn end_tag(&mut self, name: &LocalName) {
        let of_table = is_of_table(name);
        let open = self.open.iter().rposition(|(open, _)| open == name);
        let Some(at) = open else { return };
        let is_kept_open = !of_table && self.open[at + 1..].iter().any(|(open, _)| is_barrier(open));
        if is_kept_open {
            return;
        }
        if overlaps(name) {
            let (_, effect) = self.open.remove(at);
            self.count(effect, false);
        } else {
            self.close(at);
        }
    }

    /// Ends what the start of another element ends.
    fn end_implied(&mut self, ended: &[&str], until: &[&str]) {
        let mut outermost = None;
        for (at, (name, _)) in self.open.iter().enumerate().rev() {
            if until.contains(&&**name) {
                break;
            }
            if ended.contains(&&**name) {
                outermost = Some(at);
            }
        }
        if let Some(at) = outermost {
            self.close(at);
        }
    }

    fn close(&mut self, at: usize) {
        for (_, effect) in self.open.split_off(at) {
            self.count(effect, false);
        }
    }

    fn count(&mut self, effect: Effect, opens: bool) {
        let counts = [
            (effect.hides, &mut self.hiding),
            (effect.strikes, &mut self.striking),
            (effect.is_cell, &mut self.cells),
            (effect.is_preformatted, &mut self.preformatted),
        ];
        for (has, count) in counts {
            match (has, opens) {
                (false, _) => {}
                (true, true) => *count += 1,
                (true, false) => *count -= 1,
            }
        }
    }

    fn end(mut self) -> String {
        if self.is_struck {
            self.text.push(')');
        }
        self.text
    }
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
    fn tables_and_rules_become_their_words() {
        let html = "<p>a</p><hr><table><tr><th>Size</th><td>10 cm</td></tr></table>";
        let text = text(html);
        assert!(text.contains("Size") && text.contains("10 cm"), "{text}");
        assert!(!text.contains('\u{2500}'), "{text}");
    }

    #[test]
    fn plain_text_is_unchanged() {
        assert_eq!(text("Café 😀 鉄瓶"), "Café 😀 鉄瓶");
        assert_eq!(text(""), "");
        assert_eq!(text("1 < 2 and 3 > 2"), "1 < 2 and 3 > 2");
    }

    #[test]
    fn limit_counts_the_resulting_text() {
        let long = text(&"é".repeat(TEXT_LIMIT));
        assert!((TEXT_LIMIT - 32..=TEXT_LIMIT).contains(&long.len()), "{}", long.len());
        for wasted in [
            format!("<img src=\"data:image/png;base64,{}\">", "A".repeat(130 * 1024)),
            format!("<img src=data:{}>", "A".repeat(2_000_000)),
            format!("<!-- {} -->", "x".repeat(2_000_000)),
            format!("<style>{}</style>", "p{color:red}".repeat(200_000)),
            format!("<template>{}</template>", "<p>x</p>".repeat(50_000)),
            "<p class='a'></p>".repeat(20_000),
            " ".repeat(400_000),
        ] {
            assert_eq!(
                text(&format!("{wasted}Forged in Sheffield.")),
                "Forged in Sheffield.",
                "{}",
                &wasted[..20]
            );
        }
    }

    #[test]
    fn hostile_markup_needs_bounded_work() {
        let attributes = (0..400_000).map(|n| format!(" a{n}")).collect::<Vec<_>>().concat();
        for (html, shown) in [
            (format!("<p{attributes}>x"), "x"),
            ("<s>".repeat(300_000) + "x", "(struck out: x)"),
            ("</p>".repeat(200_000) + "x", "x"),
            ("<table><td>".repeat(200_000) + "x", ""),
            ("<".repeat(3_000_000), "<"),
            ("<a".repeat(1_000_000), ""),
            ("<!--".repeat(1_000_000), ""),
            ("<script>".repeat(500_000), ""),
        ] {
            let text = text(&html);
            assert!(text.starts_with(shown) && text.len() <= TEXT_LIMIT, "{}", &html[..20]);
        }
    }

    #[test]
    fn hidden_content_is_left_out() {
        for hidden in [
            "<p hidden>x</p>",
            "<div style='display:none'><p>x</p><div>x</div>x</div>",
            "<div style='color:red; DISPLAY : none !important'>x</div>",
            "<span style=\"visibility:hidden\">x</span>",
            "<template><p>x<template>x</template>x</p></template>",
            "<noscript>x</noscript>",
            "<video><source src=x>x <a href=x>x</a></video>",
            "<audio controls>x</audio>",
            "<object data=x><p>x</p></object>",
            "<canvas>x</canvas><iframe src=x>x</iframe><progress>x</progress>",
            "<svg><title>x</title><desc>x</desc><style>x</style><path/></svg>",
            "<svg><title/><style/></svg>",
            "<head><title>x</title><meta a=b>x</head>",
            "<img hidden alt=x><img style='display:none' alt=x>",
            "<dialog>x</dialog><datalist><option>x</datalist>",
            "<div><span hidden>x</div>",
            "<p hidden>x<div>",
            "<ul><li hidden>x<li>",
            "<table><tr hidden><td>x<td>x<tr>",
            "<div hidden><table><td></div>x</table></div>",
            "<b><p hidden>x</b>x</p>",
            "<div hidden><p>x</div>",
        ] {
            assert_eq!(
                text(&format!("a {hidden} b")).split_whitespace().collect::<Vec<_>>(),
                ["a", "b"],
                "{hidden}"
            );
        }
        for shown in [
            "<p aria-hidden=true>x</p>",
            "<div style='display:none;display:block'>x</div>",
            "<svg><text>x</text></svg>",
            "<details><summary>x</summary></details>",
            "<dialog open>x</dialog>",
            "<video></video>x",
            "<![CDATA[<p>x</p>]]>",
        ] {
            assert_eq!(
                text(&format!("a {shown} b")).split_whitespace().collect::<Vec<_>>(),
                ["a", "x", "b"],
                "{shown}"
            );
        }
    }

    #[test]
    fn struck_out_text_is_marked() {
        for (html, shown) in [
            ("<p><s>€99</s> €79</p>", "(struck out: €99) €79"),
            ("<p>Now <del><b>99</b>.00</del>79</p>", "Now (struck out: 99.00) 79"),
            ("<strike>1</strike><strike>2</strike> 3", "(struck out: 12) 3"),
            (
                "<span style='text-decoration: line-through'>99</span>",
                "(struck out: 99)",
            ),
            (
                "<span style='text-decoration-line:underline line-through'>99</span> 79",
                "(struck out: 99) 79",
            ),
            ("<s></s><s> </s>79", "79"),
            ("<p><s>99</p><p>79</p>", "(struck out: 99)\n79"),
            ("<s><p>a</p><p>b</p></s>c", "(struck out: a\nb)\nc"),
            ("<s hidden>99</s>79", "79"),
            ("price<s>99</s>", "price (struck out: 99)"),
        ] {
            assert_eq!(text(html), shown, "{html}");
        }
    }

    #[test]
    fn table_row_is_a_line() {
        let table = "<table><caption>Sizes</caption><thead><tr><th>Size<th>Width</tr></thead>\
                     <tr><td><p>S</p><p>small</p></td>\n<td>10<br>cm</td></tr><tr><td>M</td><td></td><td>12 cm</table>after";
        assert_eq!(text(table), "Sizes\nSize | Width\nS small | 10 cm\nM | 12 cm\nafter");
        let nested = "<table><tr><td>a<table><tr><td>b<td>c</table><td>d</table>";
        assert_eq!(text(nested), "a | b | c | d");
    }

    #[test]
    fn deep_nesting_does_not_overflow() {
        let deep = "<div>".repeat(2_000) + "x" + &"</div>".repeat(2_000);
        assert_eq!(text(&deep), "x");
    }

    #[test]
    fn table_with_a_rowspan_beyond_its_end_is_text() {
        let table = "<table><tr><td colspan=9999>a</td></tr><tr><td rowspan=9999>b<td>c</table>";
        assert_eq!(text(table), "a\nb | c");
    }

    #[test]
    fn white_space_becomes_one_space_except_in_preformatted_text() {
        assert_eq!(
            text(" a \n\t b<br>c<pre>\nd  e\nf</pre> g<b> h</b>i"),
            "a b\nc\nd e\nf\ng hi"
        );
    }

    #[test]
    fn unknown_markup_is_text_and_an_image_is_its_alternative_text() {
        assert_eq!(text("<p>a<x-y>b</x-y><img alt='a kettle' src=x>c"), "ab a kettle c");
        assert_eq!(
            text("<textarea><p>a</textarea><iframe><p>b</p></iframe>c<style>d"),
            "<p>a\nc"
        );
    }
}

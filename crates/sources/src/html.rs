//! Descriptions are HTML; what is searched and quoted is text.

use html2text::{
    config::{self, ImageRenderMode},
    render::TrivialDecorator,
};

/// Wide enough that paragraphs stay in one line: a line feed in the result then means something.
const WIDTH: usize = 100_000;

/// How much HTML is read; descriptions rarely have a third of it. Parsers by the HTML standard take time with the square
/// of the nesting: 64 KiB of nothing but nested lists took 1.3 s, 512 KiB would take longer than the consumer has, and its
/// whole batch with it.
const LIMIT: usize = 64 * 1024;

/// The text of an HTML fragment: a line for a paragraph, list item or table cell, without markup, scripts and styles.
pub(crate) fn text(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(LIMIT)];
    let rendered = config::with_decorator(TrivialDecorator::new())
        .raw_mode(true)
        .no_link_wrapping()
        .allow_width_overflow()
        .empty_img_mode(ImageRenderMode::IgnoreEmpty)
        .string_from_read(html.as_bytes(), WIDTH);
    // The renderer only refuses widths that are too narrow, which this is not; text is better than none all the same.
    let rendered = rendered.unwrap_or_else(|_| html.to_owned());
    let mut lines: Vec<&str> = rendered
        .lines()
        .map(str::trim_end)
        .filter(|line| line.is_empty() || !line.chars().all(is_rule))
        .collect();
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    lines.join("\n").trim().to_owned()
}

/// What the renderer draws `<hr>` and the borders of tables with.
fn is_rule(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{257F}' | ' ')
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
        assert!(text(&deep).contains('x'));
    }
}
